"""Two servers for each test process; every test brings projects and workers of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.task_tracker.client import Tracker
from tests.yard import Yard


def _served(**environment: str) -> Iterator[Tracker]:
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(folder, **environment)
    try:
        tracker = Tracker(yard.start())
        assert tracker.admin.id  # before anybody else registers
        yield tracker
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def tracker() -> Iterator[Tracker]:
    """Two web processes, so whatever one of them alone would know shows itself."""
    yield from _served(JOBYARD_WEB_PROCESSES="2")


@pytest.fixture(scope="session")
def restless() -> Iterator[Tracker]:
    """One that may be restarted, and that looks at its projects every second."""
    yield from _served(
        JOBYARD_WEB_PROCESSES="2",
        TT_MONITORING_SNAPSHOT_INTERVAL="1s",
        TT_DATABASE_LOG_LEVELS="error, trace",
    )
