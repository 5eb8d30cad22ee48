"""An engine on each database, with a job type whose answers the test writes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest

from app.data.db import Store
from app.data.schema import migrate
from app.engine import Engine
from app.testing import FakeClock, ScriptedJob, make_engine, new_worker


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """Yield the name of a database that has the tables already."""
    name = f"template_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        store = Store(postgres_server.rpartition("/")[0] + f"/{name}")
        migrate(store, store)
        store.release_all()
        yield name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def scripted() -> ScriptedJob:
    return ScriptedJob()


@pytest.fixture
def engine(database_url: str, clock: FakeClock, scripted: ScriptedJob) -> Iterator[Engine]:
    with make_engine(scripted, database_url=database_url, clock=clock) as built:
        yield built


@pytest.fixture
def worker(engine: Engine) -> int:
    return new_worker(engine)
