"""The dialect's services over an engine with a clock that the test moves, on both databases."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from app.api.mantis import rows, words
from app.api.mantis.definitions import Wanted, definition
from app.api.mantis.service import clusters, crons, duties, jobs, submits
from app.api.mantis.tables import QUEUE
from app.testing import FakeClock, make_engine, new_worker
from config.settings import load
from plugins.stage import Stage


@pytest.fixture(scope="session")
def postgres_template(postgres_tables: str) -> str:
    return postgres_tables


class Mantis:
    """What a server does, one step at a time. services: as the dialect is given them."""

    def __init__(self, engine, clock, settings) -> None:
        self.engine = engine
        self.clock = clock
        self.services = SimpleNamespace(engine=engine, settings=settings, plugins=engine.plugins)
        engine.schedules.fire_by({"mantis": lambda one, at: crons.fire(self.services, one, at)})
        self.worker = new_worker(engine, QUEUE)

    def cluster(self, name="c", workers=1, zero=0, **words) -> str:
        machine = {"cpuCores": 1, "memoryMB": 10}
        stages = {
            "1": {"numberOfInstances": workers, "machineDefinition": machine, "scalable": True}
        }
        if zero:
            stages["0"] = {"numberOfInstances": zero, "machineDefinition": machine}
        body = {
            "name": name,
            "user": "u",
            "jobJarFileLocation": "shell:sleep 1",
            "version": "1",
            "schedulingInfo": {"stages": stages},
            **words,
        }
        clusters.create(self.services, definition({"jobDefinition": body}), "http://here")
        return name

    def submit(self, name="c", **words) -> str:
        return submits.submit(self.services, Wanted(name=name, user="u", **words)).name

    def job(self, name):
        return jobs.find(self.services, name)

    def view(self, name):
        return words.job_view(self.job(name))

    def state(self, name):
        return self.view(name)["jobMetadata"]["state"]

    def states(self, name="c"):
        """Give the states of all jobs of a cluster, by number."""
        one = clusters.get(self.services, name)
        found = {}
        for number in range(1, one.last_number + 1):
            found[number] = self.state(f"{name}-{number}")
        return found

    def take(self, limit=100):
        return list(self.engine.claims.claim(self.worker, QUEUE, start=True, limit=limit))

    def start(self, limit=100):
        """Let a machine take all workers that wait, and have them run."""
        taken = self.take(limit)
        for one in taken:
            self.engine.services.ready(one.lease, {})
        return taken

    def tick(self, by_s=0.0) -> int:
        """Let time go by, and the ticker do all its duties for it."""
        now = self.clock.advance(by_s)
        self.engine.due.run_once(now)
        self.engine.schedules.run_once(now)
        return duties.run_once(self.services, now)

    def count(self, table) -> int:
        with self.engine.store.session():
            return self.engine.store.run(f"SELECT COUNT(*) FROM {table}").fetchone()[0]

    def well(self) -> bool:
        return self.engine.doctor.examine(pause_s=0) == []

    def row(self, name):
        with self.engine.store.session():
            return rows.job(self.engine.store, self.job(name).job_id)


@pytest.fixture
def mantis(database_url, data_dir) -> Iterator[Mantis]:
    settings = load({"JOBYARD_DATA_DIR": str(data_dir)})
    clock = FakeClock()
    with make_engine(Stage(), database_url=database_url, clock=clock) as engine:
        yield Mantis(engine, clock, settings)
