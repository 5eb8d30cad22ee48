"""One server for each test process; every test brings clusters of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.mantis.client import Mantis
from tests.yard import Yard


@pytest.fixture(scope="session")
def server() -> Iterator[Mantis]:
    """Two web processes, so whatever one of them alone would know shows itself."""
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(folder, JOBYARD_WEB_PROCESSES="2")
    try:
        yield Mantis(yard.start())
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mantis(server: Mantis) -> Iterator[Mantis]:
    """The server's client; the clusters of the test are quiet after it."""
    yield server
    server.settle()
