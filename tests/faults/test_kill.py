"""What was answered 2xx survives `kill -9` of anything at any instant."""

import collections
import concurrent.futures
import threading
from pathlib import Path

import pytest
import requests

from app.domain.records import JobFilter
from app.wiring import build
from config.settings import load
from tests.yard import Yard, eventually

JOBS = 500
CLIENTS = 8


def findings(yard: Yard) -> list[object]:
    """What `jobyard doctor` finds that no person is needed for."""
    services = build(load(yard.environment))
    try:
        return [f for f in services.engine.doctor.examine() if not f.needs_person]
    finally:
        services.close()


def attempts(yard: Yard) -> tuple[set[str], set[str]]:
    """Name every attempt there was, and those that completed their task."""
    services = build(load(yard.environment))
    try:
        jobs = services.engine.jobs.find(JobFilter(dialect="tork"), size=10 * JOBS).items
        tasks = [task for job in jobs for task in services.engine.jobs.tasks(job.id)]
    finally:
        services.close()
    every = {f"{t.public_id}-{number}" for t in tasks for number in range(1, t.number + 1)}
    return every, {f"{t.public_id}-{t.number}" for t in tasks if t.state == "COMPLETED"}


class Load:
    """Submits jobs from several clients at once; remembers those that were answered 2xx."""

    def __init__(self, yard: Yard, effects: Path) -> None:
        self.yard = yard
        self.effects = effects
        self.accepted: list[str] = []
        self._lock = threading.Lock()

    def submit(self, number: int) -> None:
        """Submit until it is answered; a request that failed may or may not have been stored."""
        # One line for each time the effect happens, whole however many write at once: which job it
        # is of, and the folder that this attempt alone has.
        run = f"echo {number} $PWD >> {self.effects}"

        def try_once() -> bool:
            try:
                job_id = self.yard.submit(run)
            except (requests.RequestException, AssertionError):
                return False
            with self._lock:
                self.accepted.append(job_id)
            return True

        eventually(try_once, f"job {number} accepted")

    def run(self) -> None:
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(self.submit, range(JOBS)))


def check(yard: Yard, done: Load) -> None:
    """Every accepted job COMPLETED, each effect at most once an attempt, nothing stuck."""
    services = build(load(yard.environment))
    try:
        eventually(lambda: not services.engine.jobs.counts("tork"), "all jobs over", 180)
    finally:
        services.close()
    states = collections.Counter(yard.job(job)["state"] for job in done.accepted)
    assert states == {"COMPLETED": JOBS}
    lines = [line.split() for line in done.effects.read_text().splitlines()]
    assert {int(number) for number, _ in lines} == set(range(JOBS))
    # Each attempt once at most, those that completed their task once, and nothing besides. Jobs
    # whose request was cut off, and was sent once more, are among them.
    happened = collections.Counter(Path(folder).parent.name for _, folder in lines)
    every, completed = attempts(yard)
    assert completed <= happened.keys() <= every
    assert set(happened.values()) == {1}
    assert findings(yard) == []


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["web", "ticker", "worker", "all"])
def test_no_accepted_job_is_lost_when_a_part_is_killed(yards, data_dir, database_url, victim):
    yard = yards(JOBYARD_DATABASE_URL=database_url).start()
    done = Load(yard, data_dir / "effects")
    submitting = threading.Thread(target=done.run)
    submitting.start()
    for share in (0.2, 0.5, 0.8):
        eventually(lambda share=share: len(done.accepted) > share * JOBS, "load")
        if victim == "all":
            yard.kill_all()
            yard.start()
        else:
            yard.kill(victim)
    submitting.join()
    check(yard, done)
