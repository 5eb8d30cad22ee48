"""What was answered 2xx survives `kill -9` of anything at any instant."""

import collections
import concurrent.futures
import threading
from pathlib import Path

import pytest
import requests

from app.domain.records import Job, JobFilter
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


def attempts(yard: Yard, jobs: list[str]) -> dict[str, int]:
    """How often each job's task was handed out."""
    services = build(load(yard.environment))
    try:
        return {job: sum(t.number for t in services.engine.jobs.tasks(job)) for job in jobs}
    finally:
        services.close()


class Load:
    """Submits jobs from several clients at once; remembers those that were answered 2xx."""

    def __init__(self, yard: Yard, effects: Path) -> None:
        self.yard = yard
        self.effects = effects
        self.accepted: list[str] = []
        self._lock = threading.Lock()

    def submit(self, number: int) -> None:
        """Submit until it is answered; a request that failed may or may not have been stored."""
        # One line for each time the effect happens, whole however many write at once.
        run = f"echo {number} >> {self.effects}"

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


def check(yard: Yard, load: Load) -> None:
    """Every accepted job COMPLETED, each effect at most once an attempt, nothing stuck."""
    services = build(load_settings(yard))
    try:
        eventually(lambda: not services.engine.jobs.counts("tork"), "all jobs over", 180)
    finally:
        services.close()
    states = collections.Counter(yard.job(job)["state"] for job in load.accepted)
    assert states == {"COMPLETED": JOBS}
    effects = collections.Counter(load.effects.read_text().split())
    assert len(effects) == JOBS
    # A request that was cut off may have been stored too and is then sent once more, so effects
    # and attempts are compared in sum, over every job that is there.
    tries = attempts(yard, [job.id for job in yard_jobs(yard)])
    assert sum(effects.values()) <= sum(tries.values())
    assert findings(yard) == []


def load_settings(yard: Yard):
    return load(yard.environment)


def yard_jobs(yard: Yard) -> list[Job]:
    services = build(load_settings(yard))
    try:
        return list(services.engine.jobs.find(JobFilter(dialect="tork"), size=10 * JOBS).items)
    finally:
        services.close()


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["web", "ticker", "worker", "all"])
def test_no_accepted_job_is_lost_when_a_part_is_killed(yards, data_dir, database_url, victim):
    yard = yards(JOBYARD_DATABASE_URL=database_url).start()
    load = Load(yard, data_dir / "effects")
    submitting = threading.Thread(target=load.run)
    submitting.start()
    for share in (0.2, 0.5, 0.8):
        eventually(lambda share=share: len(load.accepted) > share * JOBS, "load")
        if victim == "all":
            yard.kill_all()
            yard.start()
        else:
            yard.kill(victim)
    submitting.join()
    check(yard, load)
