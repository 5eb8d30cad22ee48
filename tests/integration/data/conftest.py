"""Databases as they were before one of the schema's steps."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.data import schema
from app.data.db import Store


@pytest.fixture
def old(
    request: pytest.FixtureRequest,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Store]:
    """A database without the step that the test's module names as STEP, for it to be filled."""
    steps = tmp_path / "steps"
    shutil.copytree(schema.ENGINE_STEPS, steps, ignore=shutil.ignore_patterns("__pycache__"))
    (steps / f"{request.module.STEP}.py").unlink()
    store = Store(database_url)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "ENGINE_STEPS", steps)
        schema.migrate(store, store)
    yield store
    store.release_all()
