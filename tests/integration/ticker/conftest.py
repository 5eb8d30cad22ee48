"""A sender at work on an engine of its own, and somebody whom it sends to."""

import threading
from types import SimpleNamespace

import pytest
import structlog

from app.domain.clock import SystemClock, seconds
from app.testing import make_engine
from app.ticker import posting
from app.ticker import sender as module
from app.ticker.sender import Sender
from tests.receiver import Receiver


@pytest.fixture(scope="session")
def postgres_template(postgres_tables: str) -> str:
    return postgres_tables


class Clock:
    """The machine's, and as much later as the test says."""

    later_s = 0.0

    def now(self):
        return SystemClock().now() + seconds(self.later_s)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def engine(request, clock):
    """An engine on SQLite; a test that asks for `database_url` runs on each database."""
    both = "database_url" in request.fixturenames
    database_url = request.getfixturevalue("database_url") if both else None
    with make_engine(database_url=database_url, clock=clock) as engine:
        yield engine


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def lines():
    """What is logged meanwhile."""
    with structlog.testing.capture_logs() as found:
        yield found


@pytest.fixture
def start(engine, monkeypatch):
    """Start a sender; it is stopped at the end of the test."""
    monkeypatch.setattr(module, "PAUSE_S", 0.01)
    # A try that ends because the machine is busy is made again, and what counts tries sees it.
    monkeypatch.setattr(posting, "ATTEMPT_S", 60.0)
    running = []

    def start(word=None, *, leads=lambda: True, **security):
        settings = SimpleNamespace(
            security=SimpleNamespace(
                **{"webhook_allow": (), "webhook_private": True, "webhook_ca": None, **security}
            )
        )
        sender = Sender(SimpleNamespace(engine=engine, settings=settings), word)
        stopping = threading.Event()
        thread = threading.Thread(target=sender.run, args=(leads, stopping))
        thread.start()
        running.append((stopping, thread))
        return stopping, thread

    yield start
    for stopping, thread in running:
        stopping.set()
        thread.join(60)
        assert not thread.is_alive()
