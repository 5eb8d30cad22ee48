"""Every step of the schema runs on tables that hold something, and loses none of it."""

import re
import shutil
from collections import Counter

import pytest

from app.data import catalogue, schema
from app.data.db import Store

STEPS = {"engine": schema.ENGINE_STEPS, "logs": schema.LOG_STEPS}
# What a step takes away on purpose, as `table.column`; another test says what it becomes.
GONE = {"0005_job_lists": {"job_tag.job_id", "job_tag.tag"}}
# Words that the steps look for; all else is one value, so that the rows belong to each other.
VALUES = {"state": "RUNNING", "kind": "work"}
NUMBER = re.compile("int|real|double", re.IGNORECASE)


def fill(store: Store) -> None:
    """Put one row into every table that is empty, with a value in every column."""
    for table in catalogue.tables(store):
        if store.run(f'SELECT 1 FROM "{table.name}" LIMIT 1').fetchone():
            continue
        row = {
            column: VALUES.get(column) or (1 if NUMBER.search(kind) else "{}")
            for column, kind in zip(table.columns, table.types, strict=True)
        }
        names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
        store.run(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', tuple(row.values()))


def contents(store: Store) -> dict[str, Counter]:
    """Give all values of every column, as `table.column`."""
    found = {}
    for table in catalogue.tables(store):
        names = ", ".join(f'"{name}"' for name in table.columns)
        rows = store.run(f'SELECT {names} FROM "{table.name}"').fetchall()
        for place, column in enumerate(table.columns):
            found[f"{table.name}.{column}"] = Counter(row[place] for row in rows)
    return found


@pytest.fixture
def store(database_url):
    store = Store(database_url)
    yield store
    store.release_all()


@pytest.mark.parametrize("which", STEPS)
def test_every_step_runs_on_what_is_there(store, tmp_path, monkeypatch, which):
    folder, none = tmp_path / "steps", tmp_path / "none"
    folder.mkdir()
    none.mkdir()
    monkeypatch.setattr(schema, "ENGINE_STEPS", folder)
    monkeypatch.setattr(schema, "LOG_STEPS", none)
    taken = []
    for step in sorted(STEPS[which].glob("0*.py")):
        with store.transaction():
            before = contents(store)
        shutil.copy(step, folder)
        taken += schema.migrate(store, store)
        with store.transaction():
            after = contents(store)
            lost = {name for name, values in before.items() if values - after.get(name, Counter())}
            assert lost == GONE.get(step.stem, set()), step.stem
            fill(store)
    assert len(taken) == len(list(STEPS[which].glob("0*.py"))) > 2
