"""The server shape: web, tickers and workers apart, on PostgreSQL and Redis."""

import json
import re
from datetime import datetime

import psycopg
import pytest
import requests

from app.domain.clock import SECOND, from_datetime
from tests.deployment.program import Program, gunicorn, jobyard
from tests.yard import alive, eventually

pytestmark = [pytest.mark.slow, pytest.mark.redis]
MILLISECOND = 1000  # what a log line's time is exact to
LEASE_S, TAKEOVER_S = 5, 10


class Leader:
    """Reads who leads the tickers, and until when, from the table they write."""

    def __init__(self, url: str) -> None:
        self._url = url

    def now(self) -> tuple[str, int] | None:
        """Holder, and the end of its lease in microseconds."""
        with psycopg.connect(self._url) as connection:
            return connection.execute(
                "SELECT holder, until FROM leader WHERE name = 'ticker'"
            ).fetchone()


@pytest.fixture
def servers(running, host, server_settings):
    """Start parts by name, each on a host of its own; the schema is there."""
    jobyard("migrate", **server_settings, **host("setup")).run()

    def start(part: str, place: str):
        settings = {**server_settings, **host(place)}
        if part == "web":
            return running(gunicorn(**settings)).serve()
        return running(jobyard(part, **settings)).start()

    return start


def test_a_job_by_http_completes_with_every_part_apart(servers):
    web = servers("web", "one")
    servers("ticker", "two")
    servers("worker", "three")
    job = web.completes(web.submit("echo -n done > $TORK_OUTPUT"))
    assert job["execution"][0]["result"] == "done"
    nodes = web.get("/nodes").json()
    assert {node["name"] for node in nodes}, nodes
    figures = web.get("/metrics/prometheus").text
    assert re.search(r"^jobyard_", figures, re.MULTILINE), figures


def test_one_command_runs_everything_on_the_same_services(running, host, server_settings):
    settings = {**server_settings, **host("one")}
    web = running(gunicorn(JOBYARD_EMBEDDED="1", **settings)).serve()
    job = web.completes(web.submit("echo -n done > $TORK_OUTPUT"))
    assert job["execution"][0]["result"] == "done"
    family = web.family()
    assert web.stop() == 0
    eventually(lambda: not any(map(alive, family)), "all processes gone")


def test_a_job_taken_by_one_web_host_is_seen_and_ended_at_another(servers):
    first, second = servers("web", "one"), servers("web", "two")
    job = first.submit("sleep 1000")
    # Stored, and not remembered: seen before anything runs.
    assert second.get(f"/jobs/{job}").json()["id"] == job
    servers("ticker", "one")
    servers("worker", "three")
    eventually(lambda: second.get(f"/jobs/{job}").json()["state"] == "RUNNING", "it runs")
    answer = requests.put(f"{second.url}/jobs/{job}/cancel", timeout=30)
    assert answer.status_code == 200, answer.text
    assert first.get(f"/jobs/{job}").json()["state"] == "CANCELLED"


def test_another_ticker_takes_over_within_ten_seconds(servers, postgres_url):
    leader = Leader(postgres_url)
    web = servers("web", "one")
    tickers = {
        ticker.process.pid: ticker for ticker in (servers("ticker", "t1"), servers("ticker", "t2"))
    }
    servers("worker", "three")
    # Both are up: one leads, the other has asked and follows.
    eventually(lambda: leader.now() is not None, "a leader")
    eventually(lambda: len(coordinators(web)) == 2, "both tickers")
    pid = int(leader.now()[0].split(":")[-2])
    tickers.pop(pid).kill()
    dead, last_until = leader.now()
    assert int(dead.split(":")[-2]) == pid

    def other() -> tuple[str, int] | None:
        found = leader.now()
        return found if found is not None and found[0] != dead else None

    holder, _ = eventually(other, "another leader")
    survivor = tickers[int(holder.split(":")[-2])]
    # By what they recorded: when the dead one last renewed, and when the other began to lead.
    line = eventually(lambda: first_line(survivor, "ticker-leads"), "its own word")
    taken = from_datetime(datetime.fromisoformat(line["time"]))
    renewed = last_until - LEASE_S * SECOND
    assert renewed + LEASE_S * SECOND - MILLISECOND <= taken <= renewed + TAKEOVER_S * SECOND
    # It acts: a retry with a delay becomes due by the ticker alone.
    job = web.submit("exit 1", retry={"limit": 1})
    state = eventually(
        lambda: (found := web.get(f"/jobs/{job}").json())["state"] == "FAILED" and found, "the end"
    )
    assert len(state["execution"]) == 2


def first_line(program: Program, event: str) -> dict | None:
    """The first log line of a program about an event."""
    lines = (json.loads(line) for line in list(program.lines) if f'"{event}"' in line)
    return next(lines, None)


def coordinators(web) -> list[dict]:
    return [node for node in web.get("/nodes").json() if node["name"] == "Coordinator"]


def test_a_terminated_web_part_ends_its_processes_and_answers_its_requests(servers):
    web = servers("web", "one")
    family = web.family()
    assert len(family) >= 2
    assert web.stop() == 0
    eventually(lambda: not any(map(alive, family)), "all processes gone")
