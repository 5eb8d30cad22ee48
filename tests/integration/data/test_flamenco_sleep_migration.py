"""A farm from before workers could sleep loses nothing."""

import shutil

import pytest

from app.api.flamenco.tables import workers
from app.data import schema
from app.data.db import Store

STEP = "0025_flamenco_sleep"


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


def test_workers_are_awake_afterwards(old):
    with old.transaction():
        values = {"hostname": "node", "address": "10.0.0.1", "port": 5000, "seen_at": 1}
        workers.insert(old, 7, values)
    assert f"engine/{STEP}" in schema.migrate(old, old)
    with old.session():
        (found,) = workers.every(old)
        assert (found.id, found.hostname, found.asleep) == (7, "node", False)
