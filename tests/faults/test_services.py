"""PostgreSQL or Redis go away and come back; everything else recovers by itself."""

import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import requests

from app.wiring import build
from config.settings import load
from tests.faults.services import Postgres, Redis, Stoppable
from tests.yard import Yard, eventually

PARTS = ("web", "ticker", "worker")
pytestmark = pytest.mark.slow


@pytest.fixture
def postgres(data_dir: Path) -> Iterator[Stoppable]:
    data_dir.chmod(0o711)  # the user postgres has to reach its own folder
    service = Stoppable(Postgres(data_dir / "postgres"))
    yield service
    service.stop()


@pytest.fixture
def redis_server(data_dir: Path) -> Iterator[Stoppable]:
    service = Stoppable(Redis(data_dir / "redis"))
    yield service
    service.stop()


class Gate:
    """A job that ends when it is let: a file is what it waits for."""

    def __init__(self, yard: Yard, file: Path) -> None:
        self._file = file
        self.job = yard.submit(
            f"until [ -e {file} ]; do sleep 0.05; done; echo -n done > $TORK_OUTPUT"
        )
        yard.until(self.job, "RUNNING")

    def open(self) -> None:
        self._file.touch()


def asked(yard: Yard, job: str) -> list[requests.Response]:
    """One request of each kind; none may hang."""
    new = {"name": "job", "tasks": [{"name": "task", "run": "true"}]}
    return [
        requests.get(f"{yard.url}/jobs/{job}", timeout=60),
        requests.get(f"{yard.url}/jobs", timeout=60),
        requests.get(f"{yard.url}/jobs/{job}/log", timeout=60),
        requests.get(f"{yard.url}/nodes", timeout=60),
        requests.put(f"{yard.url}/jobs/{job}/restart", timeout=60),
        requests.post(f"{yard.url}/jobs", json=new, timeout=60),
    ]


def pids(yard: Yard) -> dict[str, int]:
    return {name: eventually(functools.partial(yard.part, name), name).pid for name in PARTS}


@pytest.mark.postgres
def test_requests_get_503_while_postgresql_is_away_and_all_recovers(yards, postgres, data_dir):
    yard = yards(JOBYARD_DATABASE_URL=postgres.url, JOBYARD_WORKER_RENEW_S="0.5").start()
    gate = Gate(yard, data_dir / "open")
    before = pids(yard)
    asked(yard, gate.job)  # every process has connections by now, which will be cut
    postgres.stop()
    for _ in range(5):
        for answer in asked(yard, gate.job):
            assert answer.status_code == 503, answer.text
            assert list(answer.json()) == ["message"], answer.text
        health = requests.get(f"{yard.url}/health", timeout=60)
        assert (health.status_code, health.json()["status"]) == (503, "DOWN")
    for line in ("renewal-failed", "claim-failed", "duty-failed"):
        eventually(lambda line=line: any(line in each for each in yard.lines), line)
    # It ends while nobody can be told.
    gate.open()
    eventually(lambda: any("does-not-take-it" in each for each in yard.lines), "a try to tell")
    postgres.again()
    eventually(yard.answers, "an answer of /health")
    job = yard.until(gate.job, "COMPLETED", "FAILED")
    assert (job["state"], job["execution"][0]["result"]) == ("COMPLETED", "done")
    new = yard.submit("echo back")
    assert yard.until(new, "COMPLETED", "FAILED")["state"] == "COMPLETED"
    assert pids(yard) == before
    # An outage is one line a time, and no error of the program.
    assert [line for line in yard.lines if "Traceback" in line] == []


@pytest.mark.postgres
def test_one_restart_of_postgresql_costs_no_more_than_one_answer_each_process(yards, postgres):
    yard = yards(JOBYARD_DATABASE_URL=postgres.url, JOBYARD_WEB_PROCESSES="1").start()
    job = yard.submit("echo before")
    yard.until(job, "COMPLETED")
    fill_pool(yard)
    postgres.stop()
    postgres.again()
    seen = [requests.get(f"{yard.url}/jobs/{job}", timeout=60).status_code for _ in range(20)]
    assert set(seen) <= {200, 503}
    # What one request found broken is broken for all: idle connections are not tried one by one.
    assert seen.count(503) <= 1
    new = yard.submit("echo after")
    assert yard.until(new, "COMPLETED", "FAILED")["state"] == "COMPLETED"


def fill_pool(yard: Yard) -> None:
    """Ask many things at once, so that the process has many connections."""
    with ThreadPoolExecutor(16) as pool:
        answers = pool.map(lambda _: requests.get(f"{yard.url}/jobs", timeout=60), range(200))
        assert {answer.status_code for answer in answers} == {200}
    with psycopg.connect(yard.environment["JOBYARD_DATABASE_URL"]) as connection:
        # Of this test's own database: others are on the same server.
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'jobyard'"
            " AND datname = current_database()"
        )
        assert connection.execute(query).fetchone()[0] > 4


@pytest.mark.redis
def test_everything_works_while_redis_is_away_and_it_is_used_again(
    yards, redis_server, postgres_url, data_dir
):
    yard = yards(JOBYARD_DATABASE_URL=postgres_url, JOBYARD_REDIS_URL=redis_server.url).start()
    gate = Gate(yard, data_dir / "open")
    before = pids(yard)
    redis_server.stop()
    # All of it by looking once a second instead of being rung for.
    for _ in range(5):
        job = yard.submit("echo without")
        assert yard.until(job, "COMPLETED", "FAILED")["state"] == "COMPLETED"
        assert requests.get(f"{yard.url}/health", timeout=60).status_code == 200
    cancelled = yard.submit("sleep 1000")
    yard.until(cancelled, "RUNNING")
    answer = requests.put(f"{yard.url}/jobs/{cancelled}/cancel", timeout=60)
    assert answer.status_code == 200, answer.text
    gate.open()
    assert yard.until(gate.job, "COMPLETED", "FAILED")["state"] == "COMPLETED"
    redis_server.again()
    assert heard(yard)
    assert pids(yard) == before


def heard(yard: Yard) -> bool:
    """Whether a listener on Redis hears of a job submitted to the server."""
    services = build(load(yard.environment))
    try:
        with services.bus.subscribe("events") as bell:
            eventually(services.bus.probe, "Redis")
            bell.wait(5)  # joining the line rings once by itself
            eventually(lambda: not bell.wait(1), "silence")

            def rung() -> bool:
                yard.submit("true")
                return bell.wait(1)

            # The server joins again within two seconds or so; until then its rings are lost.
            return eventually(rung, "a ring")
    finally:
        services.close()
