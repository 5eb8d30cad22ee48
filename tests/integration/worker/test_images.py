"""Images that were just pulled, tried before a task gets them. Nothing is pulled from outside."""

import pytest
import requests
from docker.errors import APIError, ImageNotFound

from app.domain.clock import SystemClock
from app.worker.runtimes.base import Deadline, Signal, StepFailed
from app.worker.runtimes.images import Images
from app.worker.runtimes.stage import SEAT_LABEL
from tests.integration.worker.container_commands import SEAT, left_of

NAME = "localhost/jobyard-pulled:1"


class Registry:
    """The engine's client, for which pulling gives a local image another name."""

    def __init__(self, client, *, damaged=False):
        self._client = client
        self.damaged = damaged
        self.tried = []

    def __getattr__(self, name):
        return getattr(self._client, name)

    def client(self):
        return self

    def pull(self, name, *, tag, **_):
        self._client.tag("busybox", name, tag)
        return iter([{"status": "done"}])

    def diff(self, container):
        self.tried.append(container)
        if self.damaged:
            response = requests.Response()
            response.status_code = 500
            raise APIError("damaged", response=response, explanation="layer is missing")
        return self._client.diff(container)


@pytest.fixture
def pull(client, tmp_path):
    def pull(registry, *, verify=True):
        labels = {SEAT_LABEL: SEAT}
        record = tmp_path / "images.json"
        images = Images(registry, record, SystemClock(), verify=verify, labels=labels)
        cancelled = Signal()
        images.ensure(NAME, None, cancelled=cancelled, deadline=Deadline())
        cancelled.close()

    yield pull
    assert left_of(client, SEAT) == []
    if there(client):
        client.remove_image(NAME, force=True)


def there(client):
    try:
        client.inspect_image(NAME)
    except ImageNotFound:
        return False
    return True


def test_a_pulled_image_is_tried_once(client, pull):
    registry = Registry(client)
    for _ in range(2):
        pull(registry)
    assert len(registry.tried) == 1
    assert there(client)


def test_a_damaged_image_fails_the_task_and_is_pulled_anew(client, pull):
    registry = Registry(client, damaged=True)
    with pytest.raises(StepFailed, match=f"error pulling image: {NAME}: .*layer is missing"):
        pull(registry)
    assert not there(client)
    registry.damaged = False
    pull(registry)
    assert there(client)


def test_images_are_taken_as_they_are_unless_told_otherwise(client, pull):
    registry = Registry(client, damaged=True)
    pull(registry, verify=False)
    assert registry.tried == []
