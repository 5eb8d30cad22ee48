"""Servers of this dialect, whose environments exist on paper."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.manticore.client import Manticore
from tests.acceptance.manticore.standin import install
from tests.integration.http.conftest import Inside, Servers

FILE = "[manticore]\njob_plugins = ['standin']\nmax_running = {slots}\n{more}"


class Manticores:
    """Starts servers with the stand-in installed."""

    def __init__(self, servers: Servers, folder: str) -> None:
        self._servers = servers
        self._folder = folder

    def inside(self, *, slots: int = 1, **variables: str) -> Inside:
        """Make an application in the test's own process, for what a setting changes."""
        return self._servers.inside(FILE.format(slots=slots, more=""), **variables)

    def start(self, more: str = "", *, slots: int = 1, **variables: str) -> Manticore:
        toml = FILE.format(slots=slots, more=more)
        return Manticore(self._servers.start(toml, PYTHONPATH=self._folder, **variables))


@pytest.fixture(scope="session")
def standin() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="jy") as folder:
        sys.path.insert(0, install(Path(folder)))
        yield folder
        sys.path.remove(folder)


@contextmanager
def started(standin: str) -> Iterator[Manticores]:
    """Let servers be started; all of them end with the block."""
    with tempfile.TemporaryDirectory(prefix="jy", ignore_cleanup_errors=True) as folder:
        servers = Servers(Path(folder))
        yield Manticores(servers, standin)
        servers.end()


@pytest.fixture(scope="module")
def manticores(standin: str) -> Iterator[Manticores]:
    """What starts servers of a test's own; they end with the module."""
    with started(standin) as found:
        yield found


@pytest.fixture(scope="session")
def shared(standin: str) -> Iterator[Manticore]:
    """One server of two web processes and one slot, for all tests."""
    with started(standin) as found:
        yield found.start()


@pytest.fixture
def manticore(shared: Manticore) -> Iterator[Manticore]:
    """The shared server with an empty list."""
    shared.server.clean()
    shared._worker = None
    yield shared
    shared.close()
    shared.sockets.clear()
