"""One server for each test process, and clients of our own API; every test brings jobs of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.jobyard.client import Api
from tests.yard import Yard


@pytest.fixture(scope="session")
def yard() -> Iterator[Yard]:
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(folder)
    try:
        yield yard.start()
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def api(yard: Yard) -> Api:
    return Api(yard)
