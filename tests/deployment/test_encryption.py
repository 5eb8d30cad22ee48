"""Encryption at rest, on a whole server: its files tell nothing, and the key can be lost."""

import json
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.yard import Yard, eventually

SECRET = f"at-rest-{uuid.uuid4().hex}"
PASSWORD = f"registry-{uuid.uuid4().hex}"
JOB = {
    "name": "job {{ not evaluated }}",
    "secrets": {"token": SECRET},
    "output": "made of {{ secrets.token }}",
    "webhooks": [{"url": f"http://127.0.0.1:9/{SECRET}", "headers": {"Auth": SECRET}}],
    "tasks": [
        {
            "name": "t {{ secrets.token }}",
            "var": "out",
            "env": {"T": "{{ secrets.token }}"},
            "run": "echo $T; printf '%s' \"${T:0:12}\"; sleep 1.2; printf '%s' \"${T:12}\";"
            " echo -n $T > $TORK_OUTPUT",
        },
        {"name": "i", "if": "false", "image": "x",
         "registry": {"username": "u", "password": PASSWORD}},
        {
            "name": "s",
            "subjob": {
                "name": "sub {{ secrets.token }}",
                "inputs": {"plain": "{{ tasks.out }}"},
                "secrets": {"mine": "{{ secrets.token }}"},
                "tasks": [{"name": "{{ inputs.plain }}", "env": {"P": "{{ inputs.plain }}"},
                           "run": "echo $P"}],
            },
        },
        {"name": "f", "env": {"T": "{{ secrets.token }}"}, "run": "echo $T >&2; exit 1",
         "retry": {"limit": 1}},
    ],
}  # fmt: skip


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="jy"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[..., Yard]]:
    """Start a server with these variables; an earlier one is stopped."""
    yards: list[Yard] = []

    def serve(**environment: str) -> Yard:
        while yards:
            yards.pop().stop()
        yards.append(Yard(folder, TORK_MIDDLEWARE_JOB_REDACT_ENABLED="false", **environment))
        return yards[0].start()

    yield serve
    for yard in yards:
        yard.end()


def ask(yard: Yard, path: str) -> Any:
    answer = requests.get(f"{yard.url}{path}", timeout=60)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


def run(yard: Yard) -> dict[str, Any]:
    """Run the job, store a schedule of it, and give the job as it ended."""
    job_id = requests.post(f"{yard.url}/jobs", json=JOB, timeout=60).json()["id"]
    scheduled = {**JOB, "schedule": {"cron": "0 0 1 1 *"}}
    answer = requests.post(f"{yard.url}/scheduled-jobs", json=scheduled, timeout=60)
    assert answer.status_code == 200, answer.text

    def over() -> Any:
        job = ask(yard, f"/jobs/{job_id}")
        return job if job["state"] in ("COMPLETED", "FAILED") else None

    job: dict[str, Any] = eventually(over, "the end of the job")
    assert job["state"] == "FAILED"
    return job


def holding(folder: Path, text: str) -> list[str]:
    """Name the files of a server that hold a text."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and not path.is_socket() and text.encode() in path.read_bytes()
    ]


def test_files_hold_no_secret_and_a_lost_key_is_no_end(folder: Path, serve: Callable[..., Yard]):
    yard = serve(TORK_DATASTORE_ENCRYPTION_KEY="first key")
    job = run(yard)
    assert job["context"]["tasks"]["out"] == SECRET  # nothing is redacted here
    assert {path.name for path in folder.glob("*.db*")} >= {"jobyard.db", "jobyard-logs.db"}
    for text in (SECRET, SECRET[:20], PASSWORD):
        assert holding(folder, text) == [], text
    # Output has no secret in it even though answers are not redacted: what is stored tells nothing.
    assert SECRET not in json.dumps(ask(yard, f"/jobs/{job['id']}/log?size=100"))

    for other in ({}, {"JOBYARD_ENCRYPTION_KEY": "another"}):
        yard = serve(**other)
        found = ask(yard, f"/jobs/{job['id']}")
        assert found["secrets"] == {"token": "[encrypted]"}
        assert (found["name"], found["state"]) == (job["name"], "FAILED")
        assert len(found["execution"]) == len(job["execution"])
        for task in found["execution"]:
            assert ask(yard, f"/tasks/{task['id']}")["state"] == task["state"]
        (listed,) = ask(yard, "/scheduled-jobs")["items"]
        assert ask(yard, f"/scheduled-jobs/{listed['id']}")["secrets"] == {"token": "[encrypted]"}
        assert ask(yard, "/jobs")["totalItems"] == 2
        assert len(ask(yard, "/api/jobyard/v1/jobs")["items"]) == 2
        assert ask(yard, f"/api/jobyard/v1/jobs/{job['id']}")["id"] == job["id"]
        restarted = requests.put(f"{yard.url}/jobs/{job['id']}/restart", timeout=60)
        assert restarted.status_code == 200, restarted.text
        error = "the job is encrypted by a key that this server has not"
        eventually(lambda: ask(yard, f"/jobs/{job['id']}").get("error") == error, error)  # noqa: B023

    yard = serve(JOBYARD_ENCRYPTION_KEY="another", JOBYARD_OLD_ENCRYPTION_KEYS="zero,first key")
    found = ask(yard, f"/jobs/{job['id']}")
    assert found["secrets"] == {"token": SECRET}
    assert found["tasks"] == job["tasks"]
    run(yard)
    assert holding(folder, SECRET) == []
