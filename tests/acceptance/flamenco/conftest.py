"""One server for each test process, and servers of their own for those who need them."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.flamenco.client import Flamenco
from tests.integration.http.conftest import Servers
from tests.yard import Yard


@contextmanager
def served(**environment: str) -> Iterator[Flamenco]:
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    # Two web processes, so whatever one of them alone would know shows itself.
    yard = Yard(folder, JOBYARD_WEB_PROCESSES="2", **environment)
    try:
        yield Flamenco(yard.start())
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def flamenco() -> Iterator[Flamenco]:
    """A server for all; a test tells its own by numbers and names, and takes the most urgent."""
    with served() as found:
        yield found


@pytest.fixture(scope="session")
def _farm() -> Iterator[Flamenco]:
    with served() as found:
        yield found


@pytest.fixture
def farm(_farm: Flamenco) -> Flamenco:
    """A server without a task or a worker, for what looks at all of them."""
    found = _farm
    while tasks := found.good("GET", "/tasks")["tasks"]:
        found.good("DELETE", "/tasks", 202, json={"tasks": [each["id"] for each in tasks]})
    for each in found.workers().values():
        found.good("DELETE", f"/workers/{each['id']}", 204)
    return found


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Starts web processes without anything beside them; all of them end with the module."""
    with tempfile.TemporaryDirectory(prefix="jy", ignore_cleanup_errors=True) as folder:
        started = Servers(Path(folder))
        yield started
        started.end()


@pytest.fixture(scope="session")
def calling(flamenco: Flamenco) -> Callable[[str], Flamenco]:
    """Speaks to the server for all from an address of this machine."""

    def from_address(source: str) -> Flamenco:
        return Flamenco(flamenco.yard, source)

    return from_address
