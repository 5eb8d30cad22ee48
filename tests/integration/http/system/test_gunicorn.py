"""The web part as a process: how it starts, and how it ends."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.integration.http.conftest import until
from tests.yard import alive

ROOT = Path(__file__).parents[4]
PATIENCE_S = 120
WAITING = {"name": "w", "wait": {"timeout": "50s"}, "tasks": [{"name": "t", "queue": "nobody"}]}


def gunicorn(*words, **variables):
    """Run gunicorn with our configuration to its end and return the result."""
    return subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", *words, "wsgi:app"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_bad_settings_end_it_with_a_sentence(data_dir):
    done = gunicorn(JOBYARD_DATA_DIR=str(data_dir), JOBYARD_WEB_PROCESSES="many")
    assert done.returncode == 2
    assert "web.processes" in done.stderr or "JOBYARD_WEB_PROCESSES" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [[], ["--bind", "0.0.0.0:0"]])
def test_address_that_others_reach_is_refused_without_permission(data_dir, words):
    given = {"JOBYARD_DATA_DIR": str(data_dir)}
    if not words:
        given["JOBYARD_BIND"] = "0.0.0.0:0"
    done = gunicorn(*words, **given)
    assert done.returncode == 2
    assert "allow_anonymous" in done.stderr


def test_stop_ends_a_request_that_waits_and_says_so(servers):
    server = servers.start("[web]\ndrain_s = 3600\n")
    long = {**WAITING, "wait": {"timeout": "1h"}}
    answers = []
    thread = threading.Thread(target=lambda: answers.append(server.post("/jobs", long)))
    thread.start()
    until(lambda: server.get("/jobs").json["items"])
    assert server.stop() == 0
    thread.join(timeout=PATIENCE_S)
    [answer] = answers
    assert (answer.status, answer.json) == (500, {"message": "server shutting down"})


def test_what_was_answered_before_the_death_of_everything_is_there_after_it(servers):
    server = servers.start()
    ids = [server.submit() for _ in range(5)]
    for child in psutil.Process(server.process.pid).children():
        with suppress(psutil.NoSuchProcess):
            child.kill()
    server.stop(signal.SIGKILL)
    stored = [server.services.engine.jobs.get(job_id).state for job_id in ids]
    assert stored == ["SCHEDULED"] * 5


def test_workers_end_with_a_master_that_was_killed(servers):
    server = servers.start()
    master = psutil.Process(server.process.pid)
    # The first may answer before the second is there.
    workers = until(lambda: len(found := master.children()) == 2 and found)
    server.stop(signal.SIGKILL)
    until(lambda: not any(map(alive, workers)))


def test_two_requests_overlap_while_one_waits(servers):
    server = servers.start(JOBYARD_WEB_PROCESSES="1")
    thread = threading.Thread(target=lambda: server.post("/jobs", WAITING))
    thread.start()
    found = until(lambda: server.get("/jobs").json["items"])
    assert server.put(f"/jobs/{found[0]['id']}/cancel").status == 200
    thread.join(timeout=PATIENCE_S)
    assert not thread.is_alive()


def test_waiting_requests_hold_no_connection_of_the_pool(servers):
    server = servers.start("[database]\npool_size = 2\n", JOBYARD_WEB_PROCESSES="1")
    threads = [
        threading.Thread(target=lambda: server.post("/jobs", WAITING), daemon=True)
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    jobs = until(lambda: (j := server.get("/jobs").json["items"]) and len(j) == 6 and j)
    for job in jobs:
        assert server.put(f"/jobs/{job['id']}/cancel").status == 200
    for thread in threads:
        thread.join(timeout=PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads)


def beside(server):
    """Return the processes that run ticker and worker beside it."""
    found = []
    for process in psutil.Process(server.process.pid).children(recursive=True):
        with suppress(psutil.Error):  # some of them end at once
            if " app.cli serve " in f"{' '.join(process.cmdline())} ":
                found.append(process)
    return found


def test_embedded_starts_the_rest_beside_keeps_it_and_ends_it(servers):
    server = servers.start(JOBYARD_EMBEDDED="1", JOBYARD_WEB_PROCESSES="1")
    [first] = until(lambda: beside(server))
    first.kill()
    [second] = until(lambda: [each for each in beside(server) if each.pid != first.pid])
    family = psutil.Process(server.process.pid).children(recursive=True)
    assert second.pid != first.pid
    server.stop()
    until(lambda: not any(map(alive, family)))


@pytest.mark.postgres
def test_it_serves_from_postgres_as_well(servers, postgres_url):
    server = servers.start(f"[database]\nurl = '{postgres_url}'\n")
    worker = server.worker(default=1)
    job_id = server.submit(name="On Postgres", secrets={"s": "sesame"})
    worker.finish(worker.take(), "sesame")
    assert server.get(f"/jobs/{job_id}").json["execution"][0]["result"] == "[REDACTED]"
    assert server.get("/jobs?q=postgres").json["totalItems"] == 1
    for path in ("/jobs?q=%00", f"/jobs/{job_id}/log?q=%00", "/queues/%00", "/tasks/%00",
                 "/api/jobyard/v1/jobs?dialect=%00", "/api/jobyard/v1/jobs/%00"):  # fmt: skip
        assert server.get(path).status in (200, 404)
    server.services.close()
