"""A stranger's package, installed by pip and served; a broken one hurts nobody."""

import re
from pathlib import Path

import pytest
import requests

from tests.deployment.environment import Environment
from tests.deployment.program import ROOT, Program
from tests.yard import eventually

pytestmark = pytest.mark.slow
PACKAGES = ROOT / "tests" / "packages"
JOBS = "/api/jobyard/v1/jobs"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("installed"), wheel)
    environment.install(PACKAGES / "jobyard-sample")
    environment.install(PACKAGES / "jobyard-broken")
    return environment


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """The program that the package's commands call, in a folder of its own."""
    program = tmp_path / "bin" / "encoder"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "50 %"\necho "$1 of ${CODEC:-all}" \n')
    program.chmod(0o755)
    return program.parent


@pytest.fixture
def server(installed: Environment, encoder: Path, running, data_dir: Path) -> Program:
    # Tasks get a clean environment; what else they need the operator puts into their shell.
    program = installed.jobyard(
        "serve",
        JOBYARD_TORK_RUNTIME_SHELL_CMD=f"env PATH={encoder}:/usr/bin:/bin bash -c",
        JOBYARD_DATA_DIR=str(data_dir),
        JOBYARD_BIND="127.0.0.1:0",
        JOBYARD_WORKER_QUEUES="tork/default=2,jobyard/default=2,jobyard/gpu=2",
    )
    return running(program).serve()


def post(server: Program, **document: object) -> requests.Response:
    return requests.post(f"{server.url}{JOBS}", json=document, timeout=30)


def test_a_job_of_a_strangers_type_runs_to_its_end(server: Program):
    types = {each["name"]: each for each in server.get("/api/jobyard/v1/job-types").json()["items"]}
    assert types["transcode"]["title"] == "Transcode a video"
    assert types["transcode"]["options"] == {"codec": ["av1", "h264"]}
    spec = {"source": "https://example.com/film.mkv", "segments": 3, "codec": "av1"}
    answer = post(server, type="transcode", name="film", spec=spec)
    assert answer.status_code == 201, answer.text
    job = server.completes(answer.json()["id"], JOBS)
    tasks = server.get(f"{JOBS}/{job['id']}/tasks").json()["items"]
    assert sorted((task["name"], task["state"]) for task in tasks) == [
        ("cut", "COMPLETED"),
        ("encode-0", "COMPLETED"),
        ("encode-1", "COMPLETED"),
        ("encode-2", "COMPLETED"),
        ("join", "COMPLETED"),
    ]
    told = server.get(f"{JOBS}/{job['id']}/log").text
    assert told.count("encode of av1") == 3
    refused = post(server, type="transcode", spec={"source": "no address"})
    assert refused.status_code == 400
    assert "source" in refused.json()["faults"]


def test_a_job_whose_program_is_missing_fails_alone_and_says_why(server: Program, encoder: Path):
    (encoder / "encoder").unlink()
    answer = post(server, type="transcode", spec={"source": "https://example.com/film.mkv"})
    path = f"{JOBS}/{answer.json()['id']}"
    eventually(lambda: server.get(path).json()["state"] == "FAILED", "the failure")
    assert "encoder" in server.get(path).json()["error"]
    server.completes(server.submit("echo others go on"))


def test_broken_plugins_are_shown_and_hurt_nobody(installed: Environment, server: Program):
    told = installed.jobyard("plugins", JOBYARD_DATA_DIR=server.environment["JOBYARD_DATA_DIR"])
    rows = {line.split()[0]: line for line in told.run().splitlines() if "  " in line}
    health = server.get("/health").json()
    assert health["status"] == "UP"
    shown = {each["name"]: each for each in health["plugins"]}
    for name in ("raises-at-import", "exits-at-import", "taken-name", "missing-module"):
        assert re.search(r"refused +jobyard-broken 0\.3", rows[name]), rows[name]
        assert shown[name]["status"] == "refused"
        assert shown[name]["reason"] in rows[name]
    assert re.search(r"loaded +jobyard-sample 1\.2 +job types: transcode", rows["transcode"])
    assert server.said("raises-at-import")  # and loudly in the log
    types = {one["name"] for one in server.get("/api/jobyard/v1/job-types").json()["items"]}
    assert {"shell", "container", "workflow", "transcode"} <= types
    assert not types & {"planless", "double", "plain", "sound"}
    server.completes(server.submit("echo well"))
    answer = post(server, type="planless")
    assert answer.status_code == 400, answer.text
