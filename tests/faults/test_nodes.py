"""How nodes are shown when their processes stop, die or lack what they need."""

import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import requests

from tests.yard import Yard, eventually

SILENT_S = 60


def nodes(yard: Yard) -> dict[str, list[dict[str, Any]]]:
    answer = requests.get(f"{yard.url}/nodes", timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, list[dict[str, Any]]] = {"Coordinator": [], "Worker": []}
    for node in answer.json():
        found[node["name"]].append(node)
    return found


def is_shown(yard: Yard, **status: str) -> bool:
    """Say whether there is exactly one node of each name, in these states."""
    found = nodes(yard)
    return all(
        [node["status"] for node in found[name]] == [wanted] for name, wanted in status.items()
    )


def both(yard: Yard) -> dict[str, Any]:
    eventually(lambda: is_shown(yard, Coordinator="UP", Worker="UP"), "one of each")
    return {name: found[0] for name, found in nodes(yard).items()}


def test_a_worker_that_is_silent_is_offline_until_it_speaks_again(yard: Yard):
    worker = both(yard)["Worker"]
    pid = yard.kill("worker", signal.SIGSTOP)
    try:
        # As if it had been silent for so long already; it cannot say anything else meanwhile.
        path = yard.data_dir / "jobyard.db"
        with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as database:
            database.execute(
                "UPDATE worker SET heartbeat_at = heartbeat_at - ? WHERE kind = 'daemon'",
                ((SILENT_S - 5) * 1_000_000,),
            )
        eventually(
            lambda: is_shown(yard, Coordinator="UP", Worker="OFFLINE"), "silence", 3 * SILENT_S
        )
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: is_shown(yard, Coordinator="UP", Worker="UP"), "a sign of life")
    assert nodes(yard)["Worker"][0]["id"] == worker["id"]


def test_a_worker_that_was_killed_leaves_no_ghost(yard: Yard):
    before = both(yard)
    yard.kill("worker")
    eventually(
        lambda: (
            is_shown(yard, Worker="UP") and nodes(yard)["Worker"][0]["id"] != before["Worker"]["id"]
        ),
        "the next worker alone",
    )


def test_a_worker_without_the_engine_it_must_have_is_down(yards: Callable[..., Yard]):
    nowhere = "unix:///nowhere/docker.sock"
    yard = yards(TORK_RUNTIME_TYPE="docker", DOCKER_HOST=nowhere).start()
    eventually(lambda: is_shown(yard, Coordinator="UP", Worker="DOWN"), "a worker that is down")
    yard.stop()
    again = yards(DOCKER_HOST=nowhere).start()
    found = both(again)
    eventually(lambda: nodes(again)["Worker"][0]["lastHeartbeatAt"] > found["Worker"]["startedAt"],
               "its first look at itself")  # fmt: skip
    assert is_shown(again, Worker="UP")
