"""Environments while parts of the server die."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.manticore.test_environments import Users
from tests.yard import Yard, eventually

TIMES = {"USAGE_DURATION": "2", "WARNING_DURATION": "10", "RESET_TIMER_ALLOWED": "true"}


@pytest.fixture
def users(request) -> Iterator[Users]:
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(folder, MANTICORE_SLOTS="1", **getattr(request, "param", {}))
    try:
        yield Users(yard.start())
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


def test_web_dies_with_sockets_open_and_everybody_keeps_what_they_have(users):
    a, b = users.open("a"), users.open("b")
    addresses = a.until("services")
    b.until("position", position=0, wait=True)
    codes = {user: users.ask(user)["passcode"] for user in "ab"}
    users.yard.kill("web", signal.SIGKILL)
    # Its processes say goodbye when they can.
    assert {a.until_closed(), b.until_closed()} <= {1001, 1006}
    eventually(users.yard.answers, "another web part")
    assert {user: users.ask(user)["passcode"] for user in "ab"} == codes
    assert reopened(users, "a").until("services") == addresses
    reopened(users, "b").until("position", position=0, wait=True)


def test_worker_dies_under_an_environment_and_the_next_user_gets_the_place(users):
    a, b = users.open("a"), users.open("b")
    a.until("services")
    b.until("position", position=0, wait=True)
    users.yard.kill("worker", signal.SIGKILL)
    assert a.until_closed() == 1000
    assert a.told[-1] == {
        "type": "dead",
        "data": {"reason": "exited", "detail": "its worker is gone"},
    }
    b.until("services")


def reopened(users, user):
    """Connect again and again, as clients do: the first may still reach a process that goes."""

    def told():
        socket = users.open(user)
        eventually(lambda: socket.told or socket.code, "an answer")
        return socket if socket.told else None

    return eventually(told, f"{user} is told something")


@pytest.mark.parametrize("users", [TIMES], indirect=True)
def test_ticker_dies_while_a_warning_runs_and_another_ends_it(users):
    a = users.open("a")
    a.until("activity")
    users.yard.kill("ticker", signal.SIGKILL)
    assert a.until_closed() == 1000
    assert a.told[-1] == {"type": "dead", "data": {"reason": "inactive"}}
    assert len(a.of("activity")) == 1
