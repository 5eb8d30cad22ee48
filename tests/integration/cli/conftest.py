"""The real program as a process, and installations for it to work on."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import app
from app.data.schema import migrate
from app.testing import copy_schema
from app.wiring import stores
from config.settings import load

ROOT = Path(app.__file__).parents[1]
DEADLINE_S = 120


def environment(**more):
    """Return the environment without settings of ours, and with the tree under test first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def program(*words, cwd=None, **more):
    """Run `jobyard` and return what it said and its exit status."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *map(str, words)],
        env=environment(**more),
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


@dataclass
class Installation:
    """A data directory and a database, as the program's own settings name them."""

    folder: Path
    url: str

    def environment(self):
        return environment()

    def run(self, *words, **more):
        return program(
            *words, "--data-dir", self.folder, **{"JOBYARD_DATABASE_URL": self.url, **more}
        )


@pytest.fixture
def jobyard(tmp_path):
    """Run `jobyard WORDS…` in an empty folder; keywords are environment variables."""

    def run(*words, **more):
        return program(*words, cwd=tmp_path, **more)

    return run


@pytest.fixture
def place(data_dir):
    """Return a SQLite installation without a database yet."""
    return Installation(data_dir, f"sqlite:///{data_dir / 'jobyard.db'}")


@pytest.fixture
def make(request, data_dir):
    """Make a migrated installation on the backend named; PostgreSQL at most once a test."""

    def installation(backend, name):
        folder = data_dir / name
        folder.mkdir()
        url = f"sqlite:///{folder / 'jobyard.db'}"
        if backend == "postgres":
            url = request.getfixturevalue("postgres_url")
        copy_schema(url)
        store, logs = stores(load({}, options={"data_dir": str(folder), "database.url": url}))
        migrate(store, logs)
        for one in {store, logs}:
            one.release_all()
        return Installation(folder, url)

    return installation
