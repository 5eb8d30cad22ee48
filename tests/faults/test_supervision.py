"""`jobyard serve` keeps its parts alive, and ends all of them when told."""

import os
import signal

import pytest
import requests

from tests.yard import Yard, alive, eventually


@pytest.mark.parametrize("name", ["web", "ticker", "worker"])
def test_a_killed_part_is_replaced(yard: Yard, name: str):
    dead = yard.kill(name)
    new = eventually(
        lambda: (part := yard.part(name)) and part.pid != dead and part, f"a new {name}"
    )
    assert new.is_running()
    job = yard.submit("echo still here")
    assert yard.until(job, "COMPLETED", "FAILED")["state"] == "COMPLETED"


def test_connections_wait_while_the_web_part_is_replaced(yard: Yard):
    yard.kill("web")
    # No refusal in between: the supervisor holds the socket.
    assert requests.get(f"{yard.url}/health", timeout=60).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_every_process(yard: Yard, number: int):
    processes = yard.processes()
    assert len(processes) >= 4
    yard.process.send_signal(number)
    assert yard.process.wait(60) == 0
    eventually(lambda: not any(map(alive, processes)), "all processes gone")


def test_the_death_of_the_supervisor_ends_every_part(yard: Yard):
    processes = yard.processes()
    os.kill(yard.process.pid, signal.SIGKILL)
    eventually(lambda: not any(map(alive, processes)), "all processes gone")


def test_a_second_server_in_its_own_folder_runs_beside_the_first(yard: Yard, tmp_path):
    other = Yard(tmp_path).start()
    try:
        assert other.url != yard.url
        job = other.submit("echo here")
        assert other.until(job, "COMPLETED", "FAILED")["state"] == "COMPLETED"
        assert requests.get(f"{yard.url}/jobs/{job}", timeout=30).status_code == 404
    finally:
        other.end()


def test_a_taken_address_is_one_clear_line(yard: Yard, tmp_path):
    other = Yard(tmp_path, JOBYARD_BIND=yard.environment["JOBYARD_BIND"])
    with pytest.raises(AssertionError, match=r"cannot listen on 127.0.0.1:"):
        other.start()


def test_another_address_without_leave_is_refused(data_dir):
    yard = Yard(data_dir, JOBYARD_BIND="0.0.0.0:0")
    with pytest.raises(AssertionError, match="allow_anonymous"):
        yard.start()
