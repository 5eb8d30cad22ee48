"""A filled database from before there were render farms gets one, and loses nothing."""

import shutil

import pytest

from app.data import schema
from app.data.db import Store
from app.data.steering import GivenTask
from app.testing import make_engine, new_worker

STEP = "0020_flamenco"
TASK = (
    "INSERT INTO task (queue, name, state, priority, created_at, queued_at)"
    " VALUES (?, 'old', 'QUEUED', ?, 1, 1)"
)


@pytest.fixture
def old(database_url, tmp_path, monkeypatch):
    """A database without that step or a later one."""
    steps = tmp_path / "steps"
    shutil.copytree(schema.ENGINE_STEPS, steps, ignore=shutil.ignore_patterns("__pycache__"))
    for step in steps.glob("00*.py"):
        if step.stem >= STEP:
            step.unlink()
    store = Store(database_url)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "ENGINE_STEPS", steps)
        schema.migrate(store, store)
    yield store
    store.release_all()


def test_old_tasks_go_on_and_new_ones_come_after_them(old, database_url):
    with old.transaction():
        for priority in (3, 5, 4):
            old.run(TASK, ("task_tracker/1", priority))
        old.run(TASK, ("flamenco/other", 1))
        old.run("INSERT INTO task_need (task_id, needs_id) VALUES (1, 2)")
    assert f"engine/{STEP}" in schema.migrate(old, old)
    with make_engine(database_url=database_url) as engine:
        worker = new_worker(engine, "task_tracker/1")
        got = [engine.claims.claim(worker, "task_tracker/1")[0].priority for _ in range(3)]
        assert got == [5, 4, 3]
        with engine.transaction():
            (fresh,) = engine.steering.reserve(1)
            given = GivenTask(
                id=fresh, queue="flamenco/render", name="n", payload="{}", priority=2**53
            )
            engine.steering.add([given])
        assert fresh == 5
        (task,) = engine.claims.claim(worker, "flamenco/render")
        assert task.priority == 2**53
        assert engine.steering.needs([1]) == {1: [2]}
