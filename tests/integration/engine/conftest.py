"""An engine on each database, with a job type whose answers the test writes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.engine import Engine
from app.testing import FakeClock, ScriptedJob, make_engine, new_worker


@pytest.fixture(scope="session")
def postgres_template(postgres_tables: str) -> str:
    return postgres_tables


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
