"""Services of a database from before it was known when they were ready go on as they were."""

import shutil

import pytest

from app.data import schema
from app.data.db import Store
from app.domain.records import Lease
from app.hooks import TaskSpec
from app.testing import ScriptedJob, make_engine, new_worker

STEP = "0018_mantis"
JOB = (
    "INSERT INTO job (id, dialect, type, name, state, spec, tasks_open, created_at, unready)"
    " VALUES (?, 'demo', 'scripted', 'n', 'SCHEDULED', '{}', 2, 1, 1)"
)
TASK = (
    "INSERT INTO task (queue, name, state, job_id, created_at, number, leased_until, addresses)"
    " VALUES ('demo/default', ?, 'RUNNING', ?, 1, 1, ?, ?)"
)


@pytest.fixture
def old(database_url, tmp_path, monkeypatch):
    """A database without that step."""
    steps = tmp_path / "steps"
    shutil.copytree(schema.ENGINE_STEPS, steps, ignore=shutil.ignore_patterns("__pycache__"))
    (steps / f"{STEP}.py").unlink()
    store = Store(database_url)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "ENGINE_STEPS", steps)
        schema.migrate(store, store)
    yield store
    store.release_all()


def test_services_go_on_after_the_step(old, database_url):
    job_id = "a" * 32
    with old.transaction():
        old.run(JOB, (job_id,))
        old.run(TASK, ("ready", job_id, 2**61, '{"sql":"127.0.0.1:1"}'))
        old.run(TASK, ("starting", job_id, 2**61, ""))
    assert schema.migrate(old, old) == [f"engine/{STEP}"]
    with make_engine(ScriptedJob([TaskSpec(name="a")]), database_url=database_url) as engine:
        new_worker(engine)
        ready, starting = engine.jobs.tasks(job_id)
        assert (ready.addresses, ready.ready_at) == ({"sql": "127.0.0.1:1"}, None)
        engine.services.ready(Lease(starting.id, 1), {})
        assert engine.tasks.get(starting.id).ready_at == engine.clock.now()
        assert engine.jobs.get(job_id).state == "RUNNING"
