"""Whole environments: a server as users start it, with the bundled stand-ins."""

import json
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.acceptance.manticore.client import WANTED, Socket
from tests.yard import Yard, eventually

NAMES = {"core-broker", "core-tcp", "core-file", "core-log", "hmi-user"}


class Users:
    """Users of one server."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard

    def ask(self, user) -> dict:
        body = {"id": user, **WANTED}
        answer = requests.post(f"{self.yard.url}/api/v2/job", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def open(self, user) -> Socket:
        told = self.ask(user)
        address = self.yard.url.removeprefix("http://")
        return Socket(f"ws://{address}{told['path']}{told['passcode']}")

    def leave(self, user) -> None:
        url = f"{self.yard.url}/api/v2/job"
        assert requests.delete(url, json={"id": user}, timeout=60).status_code == 200

    def health(self) -> tuple:
        told = requests.get(f"{self.yard.url}/health", timeout=60).json()
        return told.get("isHealthy"), told.get("stuckWaiting")


@pytest.fixture
def users(request) -> Iterator[Users]:
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(folder, JOBYARD_WEB_PROCESSES="2", **getattr(request, "param", {}))
    try:
        yield Users(yard.start())
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("users", [{"MANTICORE_SLOTS": "1"}], indirect=True)
def test_one_after_the_other_gets_an_environment(users):
    a, b = users.open(3), users.open("b")
    addresses = a.until("services")
    assert addresses.keys() >= NAMES
    assert a.places() == [(0, False)]
    b.until("position", position=0, wait=True)
    for name in NAMES:
        host, port = addresses[name].split(":")
        with socket.create_connection((host, int(port)), timeout=60):
            pass
    users.leave("3")
    assert a.until_closed() == 1000
    assert b.until("services").keys() >= NAMES
    assert b.places()[-1] == (0, False)
    users.leave("b")
    assert b.until_closed() == 1000


TIMES = {"USAGE_DURATION": "2", "WARNING_DURATION": "3"}


@pytest.mark.parametrize("users", [{**TIMES, "RESET_TIMER_ALLOWED": "true"}], indirect=True)
def test_unused_environments_are_warned_of_and_taken_away(users):
    a, b = users.open("a"), users.open("b")
    a.until("services")
    b.until("services")
    assert a.until("activity") == {"inactivityTime": 2, "remainingTime": 3}
    late = users.open("a")
    assert 0 <= late.until("activity")["remainingTime"] <= 3
    # One of the two uses it for longer than it would last.
    for number in range(3):
        eventually(lambda n=number: len(b.of("activity")) > n or b.code, "another warning")
        b.send(json.dumps({"type": "activity"}))
    assert a.until_closed() == 1000
    assert late.until_closed() == 1000
    assert a.told[-1] == {"type": "dead", "data": {"reason": "inactive"}}
    assert len(a.of("activity")) == 1
    assert b.code is None
    assert b.until_closed() == 1000


@pytest.mark.parametrize("users", [{**TIMES, "RESET_TIMER_ALLOWED": "false"}], indirect=True)
def test_the_limit_is_hard_where_it_may_not_be_reset(users):
    a = users.open("a")
    a.until("services")
    a.send(json.dumps({"type": "activity"}))
    a.until("activity")
    a.send(json.dumps({"type": "activity"}))
    assert a.until_closed() == 1000
    assert len(a.of("activity")) == 1


@pytest.mark.parametrize("users", [{"HEALTH_CHECK_PERIOD": "3600", "MANTICORE_SLOTS": "1"}],
                         indirect=True)  # fmt: skip
def test_health_tells_how_starts_go(users):
    eventually(lambda: users.health() == (True, False), "a probe that succeeded")
    a = users.open("a")
    a.until("services")
    b = users.open("b")
    b.until("position", position=0, wait=True)
    assert users.health() == (False, True)
    users.leave("a")
    b.until("services")
    assert users.health() == (True, False)


PUBLIC = {"DOMAIN_NAME": "cars.example", "HAPROXY_HTTP_PORT": "8080",
          "TCP_PORT_RANGE_START": "21000", "TCP_PORT_RANGE_END": "21001"}  # fmt: skip


@pytest.mark.parametrize("users", [PUBLIC], indirect=True)
def test_public_addresses(users):
    told = users.ask("a")
    assert (told["domain"], told["port"], told["protocol"]) == ("cars.example", 8080, "ws")
    found = [users.open(user).until("services") for user in "ab"]
    for one in found:
        for name, address in one.items():
            if name == "core-tcp":
                continue
            scheme, _, rest = address.partition("://")
            label, _, rest = rest.partition(".")
            assert scheme == ("http" if name in ("core-file", "hmi-user", "core-policy",
                                                 "core-store") else "ws")  # fmt: skip
            assert rest == "cars.example:8080"
            assert len(label) == (6 if name == "core-ws-server" else 16)
            int(label, 16)
    assert {one["core-tcp"] for one in found} == {"cars.example:21000", "cars.example:21001"}
    assert users.open("a").until("services") == found[0]
    # Every port is taken, so there is no room.
    third = users.open("c")
    third.until("position", position=0, wait=True)
    users.leave("a")
    assert third.until("services")["core-tcp"] == found[0]["core-tcp"]
