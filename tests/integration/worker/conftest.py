"""A watch for every test of the worker."""

import os
from collections.abc import Iterator

import docker
import pytest

from app.worker.runtimes.container import ContainerOptions, ContainerRuntime
from app.worker.runtimes.ports import Ports
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


@pytest.fixture
def few_ports():
    """Make a small range of ports that nobody else uses now."""

    def make(count: int) -> Ports:
        # Below those that the system gives out by itself; other runs of this suite ask here, too.
        for first in range(21_000 + os.getpid() % 100 * 100, 32_000, count):
            ports = Ports(first, first + count - 1)
            taken = ports.take(count)
            if taken is not None:
                taken.give_back()
                return ports
        raise AssertionError("no free ports on this machine")

    return make
