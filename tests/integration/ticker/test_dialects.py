"""What the ticker does for dialects: snapshots of the tracker's projects, and no more."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from app.api.task_tracker import tables
from app.api.task_tracker.records import LogEntry, Project
from app.api.task_tracker.service import monitoring
from app.cli import ticker
from app.domain.clock import SECOND
from app.engine.tasks import NewWork
from app.testing import FakeClock, make_engine
from config.settings import load

EVERY_S = 120
KEPT_S = 1_440_000
AT = 1_700_000_000


@pytest.fixture
def services(database_url: str, data_dir) -> Iterator[SimpleNamespace]:
    settings = load({"JOBYARD_DATA_DIR": str(data_dir)})
    with make_engine(database_url=database_url, clock=FakeClock()) as engine:
        yield SimpleNamespace(engine=engine, settings=settings)


def new_project(services: SimpleNamespace, name: str) -> Project:
    engine = services.engine
    group = engine.groups.create(tables.DIALECT, name)
    project = Project(id=group.id, name=name)
    with engine.store.transaction():
        tables.insert_project(engine.store, project, secret="", webhook_secret="")
    return project


def look(services: SimpleNamespace, at: int) -> int:
    return monitoring.run_once(services, at * SECOND)


def times(services: SimpleNamespace, project: Project) -> list[int]:
    return [one.at for one in monitoring.snapshots(services, project, 999)]


def test_each_project_is_looked_at_when_its_time_has_come(services):
    assert look(services, AT) == 0
    one = new_project(services, "one")
    assert look(services, AT) == 1
    two = new_project(services, "two")
    assert look(services, AT) == 1
    assert look(services, AT) == 0
    assert look(services, AT + EVERY_S - 1) == 0
    three = new_project(services, "three")
    assert look(services, AT + EVERY_S - 1) == 1
    assert look(services, AT + EVERY_S) == 2
    assert look(services, AT + 2 * EVERY_S - 1) == 1
    assert times(services, one) == times(services, two) == [AT + EVERY_S, AT]
    assert times(services, three) == [AT + 2 * EVERY_S - 1, AT + EVERY_S - 1]


def test_a_clock_that_was_set_back_stops_nothing(services):
    project = new_project(services, "one")
    assert look(services, AT + 1_000_000) == 1
    assert look(services, AT) == 1
    assert look(services, AT + 1) == 0
    assert look(services, AT + EVERY_S) == 1
    assert times(services, project) == [AT + 1_000_000, AT + EVERY_S, AT]


def test_more_projects_than_one_round_looks_at(services, monkeypatch):
    monkeypatch.setattr(monitoring, "BATCH", 2)
    projects = [new_project(services, str(number)) for number in range(5)]
    assert [look(services, AT) for _ in range(4)] == [2, 2, 1, 0]
    assert all(times(services, project) == [AT] for project in projects)


def test_what_is_old_is_forgotten(services):
    project = new_project(services, "one")
    store = services.engine.store
    with store.transaction():
        for at in (1, AT, AT + 1000):
            tables.insert_log(store, LogEntry("message", at, "{}", 3))
    look(services, AT)
    look(services, AT + KEPT_S)
    assert times(services, project) == [AT + KEPT_S, AT]
    look(services, AT + KEPT_S + EVERY_S)
    assert times(services, project) == [AT + KEPT_S + EVERY_S, AT + KEPT_S]
    with store.session():
        kept = [entry.at for entry in tables.logs(store, since=0, level=0, limit=10)]
    assert kept == [AT, AT + 1000]
    look(services, AT + 1000 + monitoring.KEPT_LOGS_S)
    with store.session():
        kept = [entry.at for entry in tables.logs(store, since=0, level=0, limit=10)]
    assert kept == [AT + 1000]


def test_what_a_snapshot_counts(services):
    engine, project = services.engine, new_project(services, "one")
    work = NewWork(queue=project.queue, name="task", group_id=project.id)
    engine.tasks.add([work] * 3)
    with engine.store.transaction():
        assert tables.ask(engine.store, 7, project.id, assign=True, submit=False)
    look(services, AT)
    (found,) = monitoring.snapshots(services, project, 1)
    assert (found.fresh, found.failed, found.closed, found.agreed) == (3, 0, 0, 0)
    assert found.accesses == 1


def test_dialects_are_asked_once_there_is_a_group(services, monkeypatch):
    asked = []

    def dialect(name: str, *, enabled: bool) -> SimpleNamespace:
        def run_once(given, now):
            assert given is services
            asked.append((name, now))
            return 2

        return SimpleNamespace(
            run_once=run_once, terms=lambda _settings: SimpleNamespace(enabled=enabled)
        )

    quiet = SimpleNamespace(run_once=None)
    dialects = (quiet, dialect("on", enabled=True), dialect("off", enabled=False))
    monkeypatch.setattr("app.api.DIALECTS", dialects)
    chores = ticker._Chores(services)
    assert chores.run_once(5) == 0
    assert asked == []
    group = services.engine.groups.create("somebody's", "group")
    assert chores.run_once(6) == 2
    services.engine.groups.delete(group.id)
    assert chores.run_once(7) == 2
    assert asked == [("on", 6), ("on", 7)]
