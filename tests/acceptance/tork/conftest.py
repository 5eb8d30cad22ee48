"""One server for each test process; every test brings jobs of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.tork.access import BASIC, started
from tests.acceptance.tork.client import Tork
from tests.yard import Yard


@pytest.fixture(scope="session")
def yard() -> Iterator[Yard]:
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(
        folder,
        TORK_WORKER_QUEUES_DEFAULT="10",
        TORK_WORKER_QUEUES_SINGLE="1",
        LEAKS_INTO_TASKS="never",
    )
    try:
        yield yard.start()
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def tork(yard: Yard) -> Tork:
    return Tork(yard)


@pytest.fixture(scope="session")
def guarded() -> Iterator[Yard]:
    """A server that wants users; every test brings users of its own."""
    with started(**BASIC) as yard:
        yield yard
