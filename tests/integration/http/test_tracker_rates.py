"""What a project closes in a minute, told from its snapshots."""

import pytest

from app.api.task_tracker import tables
from app.api.task_tracker.records import Project, Snapshot
from app.api.task_tracker.service import stats
from app.data.schema import migrate
from app.domain.clock import SECOND
from app.engine.tasks import NewWork
from app.testing import FakeClock, new_worker
from app.wiring import build
from config.settings import load


@pytest.fixture
def services(tmp_path):
    built = build(load({"JOBYARD_DATA_DIR": str(tmp_path)}), clock=FakeClock())
    migrate(built.store, built.log_store)
    yield built
    built.close()


@pytest.fixture
def project(services):
    group = services.engine.groups.create("task_tracker", "p")
    return Project(id=group.id, name="p")


def work(services, project, *, done, left):
    engine = services.engine
    worker = new_worker(engine, project.queue)
    engine.tasks.add_many(
        [NewWork(queue=project.queue, name="t", group_id=project.id)] * (done + left)
    )
    for task in engine.claims.claim(worker, project.queue, limit=done):
        engine.attempts.complete(task.lease)


def snapshot(services, project, *, ago_s, closed):
    at = services.engine.clock.now() // SECOND - ago_s
    taken = Snapshot(at=at, fresh=0, failed=0, closed=closed, accesses=0, agreed=0)
    with services.store.transaction():
        tables.insert_snapshot(services.store, project.id, taken)


@pytest.mark.parametrize(
    ("ago_s", "closed", "expected"),
    [(120, 4, (3.0, 80)), (120, 10, (0.0, None)), (30, 0, (None, None)), (9999, 0, (None, None))],
)
def test_the_rate_is_what_was_closed_since_a_snapshot(services, project, ago_s, closed, expected):
    work(services, project, done=10, left=4)
    snapshot(services, project, ago_s=ago_s, closed=closed)
    found = stats.of(services, project)
    assert (found["rate_per_minute"], found["eta"]) == expected


def test_nothing_left_needs_no_time(services, project):
    work(services, project, done=10, left=0)
    snapshot(services, project, ago_s=120, closed=10)
    assert stats.of(services, project)["eta"] == 0


def test_the_newest_snapshot_that_says_something_counts(services, project):
    work(services, project, done=10, left=2)
    snapshot(services, project, ago_s=600, closed=0)
    snapshot(services, project, ago_s=60, closed=8)
    assert stats.of(services, project)["rate_per_minute"] == 2.0
