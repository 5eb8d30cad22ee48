"""Environments of a whole server: used, ended, and what becomes of them when a worker dies."""

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import docker
import psutil
import pytest
import requests

from tests.containers import containers
from tests.faults.test_worker import marker
from tests.yard import Yard, eventually, with_suppressed

JOBS = "/api/jobyard/v1/jobs"
SPEC = {
    "core": {"version": "4.5.1", "build": "default"},
    "hmi": {"type": "generic", "version": "minimal"},
}
PORTS = {"broker", "tcp", "file", "log", "user"}


def submit(yard: Yard) -> str:
    body = {"type": "core_hmi", "name": "environment", "spec": SPEC}
    answer = requests.post(f"{yard.url}{JOBS}", json=body, timeout=30)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def job(yard: Yard, job_id: str) -> dict:
    """A job with its tasks."""
    found = requests.get(f"{yard.url}{JOBS}/{job_id}", timeout=30).json()
    tasks = requests.get(f"{yard.url}{JOBS}/{job_id}/tasks", timeout=30).json()
    return {**found, "tasks": tasks["items"]}


def until(yard: Yard, job_id: str, state: str) -> dict:
    return eventually(
        lambda: (found := job(yard, job_id))["state"] == state and found, f"the job {state}"
    )


def addresses(found: dict) -> dict[str, str]:
    return {
        port: where for task in found["tasks"] for port, where in (task["addresses"] or {}).items()
    }


def cancel(yard: Yard, job_id: str) -> None:
    answer = requests.put(f"{yard.url}{JOBS}/{job_id}/cancel", timeout=30)
    assert answer.status_code == 200, answer.text


def is_open(address: str) -> bool:
    host, _, number = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(number))) == 0


@pytest.fixture(autouse=True)
def swept(data_dir: Path) -> Iterator[None]:
    """End what a server leaves that is killed at the end of a test: no other comes after it."""
    yield
    for pid in below(data_dir):
        with_suppressed(lambda pid=pid: psutil.Process(pid).kill())


def of_yard(yard: Yard) -> list[int]:
    """Stand-ins that run below a server's folder, not those of another test."""
    return below(yard.data_dir)


def below(folder: Path) -> list[int]:
    found = []
    for process in marker("stand_in.py"):
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process.pid)
        except (OSError, psutil.Error):
            continue
    return found


def test_an_environment_from_submit_to_cancel(yard: Yard):
    job_id = submit(yard)
    found = until(yard, job_id, "RUNNING")
    at = addresses(found)
    assert set(at) == PORTS
    page = f"http://{at['user']}/"
    eventually(
        lambda: "core 4.5.1 (default) is here" in requests.get(page, timeout=30).text,
        "a message of the broker on the page",
    )
    with socket.create_connection(tuple(at["tcp"].split(":")), timeout=30) as app:
        app.sendall(b"hello from an app\n")
        assert app.makefile().readline() == "ok\n"
    eventually(
        lambda: "hello from an app" in requests.get(page, timeout=30).text, "the app's message"
    )
    cancel(yard, job_id)
    assert job(yard, job_id)["state"] == "CANCELLED"
    eventually(lambda: not any(map(is_open, at.values())), "closed ports")
    eventually(lambda: not of_yard(yard), "no process left")


def test_two_environments_share_nothing(yard: Yard):
    ids = [submit(yard), submit(yard)]
    first, second = (addresses(until(yard, job_id, "RUNNING")) for job_id in ids)
    assert not set(first.values()) & set(second.values())
    cancel(yard, ids[0])
    eventually(lambda: not any(map(is_open, first.values())), "closed ports of the first")
    assert all(map(is_open, second.values()))


def test_without_ports_an_environment_waits_until_one_ends(yards):
    # Room for one core and two hmis.
    yard = yards(JOBYARD_SERVICES_PORT_START="30100", JOBYARD_SERVICES_PORT_END="30105").start()
    first = submit(yard)
    until(yard, first, "RUNNING")
    second = submit(yard)
    eventually(lambda: job(yard, second)["tasks"][0]["attempts"] >= 1, "a try to start it")
    assert job(yard, second)["state"] == "SCHEDULED"
    cancel(yard, first)
    found = until(yard, second, "RUNNING")
    assert found["tasks"][0]["failures"] == 0


@pytest.mark.parametrize("part", ["core", "hmi"])
def test_an_environment_whose_part_dies_has_failed(yard: Yard, part):
    job_id = submit(yard)
    at = addresses(until(yard, job_id, "RUNNING"))
    (victim,) = [
        process
        for process in marker(part)
        if process.pid in of_yard(yard) and process.cmdline()[-1] == part
    ]
    victim.kill()
    found = until(yard, job_id, "FAILED")
    assert found["error"].startswith("exited: exit code 137")
    eventually(lambda: not any(map(is_open, at.values())), "closed ports")


def test_a_killed_worker_leaves_nothing_and_its_environments_have_failed(yard: Yard):
    job_id = submit(yard)
    at = addresses(until(yard, job_id, "RUNNING"))
    yard.kill("worker")
    assert until(yard, job_id, "FAILED")["error"] == "exited: its worker is gone"
    eventually(lambda: not of_yard(yard), "no process left")
    assert not any(map(is_open, at.values()))
    until(yard, submit(yard), "RUNNING")


def test_a_stopped_worker_ends_its_environments_at_once(yards):
    yard = yards(JOBYARD_WORKER_GRACE_S="3600").start()
    job_id = submit(yard)
    at = addresses(until(yard, job_id, "RUNNING"))
    yard.kill("worker", signal.SIGTERM)
    found = until(yard, job_id, "FAILED")
    assert found["error"] == "shutdown: its worker was stopped"
    eventually(lambda: not any(map(is_open, at.values())), "closed ports")


def test_a_server_that_was_killed_as_a_whole_ends_them_when_it_is_back(yard: Yard):
    job_id = submit(yard)
    until(yard, job_id, "RUNNING")
    old = set(of_yard(yard))
    assert len(old) == 2
    yard.kill_all()
    yard.start()
    until(yard, job_id, "FAILED")
    eventually(lambda: not old & set(of_yard(yard)), "no process left")


# -- containers ---------------------------------------------------------------------------------


@pytest.fixture
def images(docker_host: str) -> Iterator[docker.APIClient]:
    """A core and an hmi as images: both serve a page at port 80."""
    client = docker.APIClient(docker_host, version="auto")
    script = "echo $BROKER_ADDR > /index.html; exec httpd -f -p 80 -h /"
    made = client.create_container("busybox", command=["sh", "-c", script])
    for name in ("core", "hmi"):
        client.commit(
            made["Id"],
            repository=f"localhost/jobyard-test-{name}",
            tag="default-4.5.1",
            conf={"Cmd": ["sh", "-c", script]},
        )
    client.remove_container(made["Id"])
    yield client
    for name in ("core", "hmi"):
        client.remove_image(f"localhost/jobyard-test-{name}:default-4.5.1", force=True)
    client.close()


def labelled(client: docker.APIClient) -> list[str]:
    return [
        one["Id"] for one in containers(client, "jobyard.task") if "jobyard-test-" in one["Image"]
    ]


@pytest.mark.podman
def test_environments_of_containers_are_reached_and_leave_nothing(yards, images, docker_host):
    table = {
        "core": {
            "image": "localhost/jobyard-test-core:{build}-{version}",
            "ports": {"broker": 80},
        },
        "hmis": [{"image": "localhost/jobyard-test-hmi:default-4.5.1", "ports": {"user": 80}}],
    }
    yard = yards(
        JOBYARD_MANTICORE_JOBS=json.dumps(table), JOBYARD_WORKER_DOCKER_HOST=docker_host
    ).start()
    first = submit(yard)
    at = addresses(until(yard, first, "RUNNING"))
    page = requests.get(f"http://{at['user']}/", timeout=30)
    assert page.text.strip() == at["broker"]
    cancel(yard, first)
    eventually(lambda: not labelled(images), "no container left")
    eventually(lambda: not any(map(is_open, at.values())), "closed ports")
    second = submit(yard)
    until(yard, second, "RUNNING")
    yard.kill("worker")
    assert until(yard, second, "FAILED")["error"] == "exited: its worker is gone"
    eventually(lambda: not labelled(images), "no container left")
