"""A worker daemon that dies, or an engine that goes away, while containers run."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.containers import beside, containers
from tests.relay import Refusal, Relay
from tests.yard import Yard, eventually

pytestmark = pytest.mark.podman
IMAGE = "busybox"

PATIENCE_S = 200.0
"""Podman deals with one container after another, and other tests have theirs."""
ASKED = 8
"""More often than a worker asks that does not miss its engine."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="jy"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def relay(folder: Path, docker_host: str) -> Iterator[Relay]:
    relay = Relay(folder / "engine.sock", docker_host)
    yield relay
    relay.cut()


@pytest.fixture
def yard(folder: Path, relay: Relay) -> Iterator[Yard]:
    yard = Yard(folder, JOBYARD_WORKER_DOCKER_HOST=f"unix://{relay.path}")
    yield yard.start()
    yard.end()


@pytest.fixture
def engine(docker_host: str) -> Iterator[docker.APIClient]:
    client = docker.APIClient(docker_host, version="auto")
    yield client
    client.close()


def left(engine: docker.APIClient, job: dict) -> list[dict]:
    """Containers, volumes and networks of a job's tasks."""
    labels = [f"jobyard.task={task['id']}" for task in job["execution"]]
    return [
        *(one for label in labels for one in beside(engine, label)),
        *containers(engine, *labels),
    ]


def ids_of(engine: docker.APIClient, job: dict) -> set[str]:
    """Ids of the containers of a job's tasks."""
    labels = (f"jobyard.task={task['id']}" for task in job["execution"])
    return {one["Id"] for one in containers(engine, *labels)}


def tries_of(folder: Path, name: str) -> int:
    path = folder / name
    return len(path.read_text().split()) if path.exists() else 0


def boxed(yard: Yard, script: str) -> str:
    """Start a job of two containers, a volume and a network; its id once its script runs.

    Before that the worker asks the engine one thing after another, and nothing is there to be cut.
    """
    job = yard.submit(
        script,
        image=IMAGE,
        mounts=[{"type": "volume", "target": "/v"}],
        sidecars=[{"name": "s", "image": IMAGE, "run": "sleep 1000"}],
    )
    eventually(lambda: yard.output(job), "the script running", PATIENCE_S)
    return job


def test_a_killed_workers_containers_are_removed_by_the_next(yard: Yard, engine):
    job = boxed(yard, "echo began; sleep 1000")
    assert len(left(engine, yard.job(job))) == 4
    first = ids_of(engine, yard.job(job))
    yard.kill("worker")

    def again() -> bool:
        found = ids_of(engine, yard.job(job))
        return len(found - first) == 2 and not found & first

    eventually(again, "the task run again, and nothing left of the first try")
    assert yard.job(job)["execution"][0]["redelivered"] == 1


def test_a_task_whose_container_may_still_run_is_not_run_twice(
    yard: Yard, relay: Relay, folder: Path, docker_host: str, engine
):
    box = boxed(yard, "echo began; sleep 1000")
    shell = yard.submit(f"echo x >> {folder}/shell; sleep 1000")
    assert len(left(engine, yard.job(box))) == 4
    first = ids_of(engine, yard.job(box))
    eventually(lambda: tries_of(folder, "shell") == 1, "the shell task")
    relay.cut()
    yard.kill("worker")
    eventually(lambda: tries_of(folder, "shell") == 2, "the shell task run again")
    task = yard.job(box)["execution"][0]
    assert (task["state"], task.get("redelivered", 0)) == ("RUNNING", 0), "not yet"
    assert yard.job(shell)["execution"][0]["redelivered"] == 1
    back = Relay(relay.path, docker_host)
    try:
        eventually(
            lambda: not first & ids_of(engine, yard.job(box)),
            "the old containers gone",
            PATIENCE_S,
        )
        eventually(
            lambda: yard.job(box)["execution"][0].get("redelivered") == 1, "handed out again"
        )
        eventually(lambda: len(left(engine, yard.job(box))) == 4, "run again")
    finally:
        yard.kill_all()
        back.cut()


def test_an_engine_that_restarts_fails_the_task_in_words_and_leaves_nothing(
    yard: Yard, relay: Relay, docker_host: str, engine
):
    job = boxed(yard, "echo began; sleep 1000")
    assert len(left(engine, yard.job(job))) == 4
    relay.cut()
    away = Refusal(relay.path)
    # The worker asks how its container is once, and from then on for its removal.
    eventually(lambda: away.asked >= ASKED, "the worker at the engine's door")
    away.end()
    back = Relay(relay.path, docker_host)
    try:
        found = eventually(
            lambda: (job_now := yard.job(job))["state"] in ("FAILED", "COMPLETED") and job_now,
            "the job over",
            PATIENCE_S,
        )
        assert found["error"].startswith("the container engine went away")
        assert left(engine, found) == []
    finally:
        yard.kill_all()
        back.cut()
