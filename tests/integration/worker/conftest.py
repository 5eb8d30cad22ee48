"""A watch for every test of the worker."""

from collections.abc import Iterator

import docker
import pytest

from app.worker.runtimes.container import ContainerOptions, ContainerRuntime
from tests.integration.worker.container_commands import SEAT, left_of
from tests.integration.worker.watching import Recorder


@pytest.fixture
def watch() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.cancelled.close()


@pytest.fixture
def client(docker_host):
    client = docker.APIClient(docker_host, version="auto")
    client.headers["Connection"] = "close"
    yield client
    client.close()


@pytest.fixture
def make(tmp_path, docker_host):
    def make(**options):
        options.setdefault("base_url", docker_host)
        options.setdefault("seat", SEAT)
        state = tmp_path / "state"
        return ContainerRuntime(
            ContainerOptions(
                image_record=state / "images.json", attempts=state / "containers", **options
            )
        )

    return make


@pytest.fixture
def containers(make, client):
    yield make()
    assert left_of(client, SEAT) == []
