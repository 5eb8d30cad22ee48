"""What workers report, and who reads it."""

import itertools
import json

import pytest

from tests.acceptance.task_tracker.client import UNREADABLE, Tracker, Worker, unique
from tests.yard import eventually

LEVELS = {"trace": 7, "info": 5, "warn": 4, "error": 3}
_times = itertools.count(2_000_000_000, 100_000)


@pytest.fixture
def at() -> int:
    """A time that no other test reports of, nor the server itself."""
    return next(_times)


@pytest.fixture(scope="module")
def worker(tracker: Tracker) -> Worker:
    return tracker.worker()


def say(tracker: Tracker, worker: Worker, level: str, at: int, message: str = "m"):
    body = {"scope": "Arbitrary log category", "message": message, "timestamp": at}
    answer = tracker.ask("POST", f"/log/{level}", worker, json=body)
    assert answer.json() == {"ok": True}


def found(tracker: Tracker, since: int, level: int | None = None, span: int = 100_000):
    body = {"since": since} if level is None else {"since": since, "level": level}
    entries = tracker.post("/logs", **body)["logs"]
    return [entry for entry in entries if entry["timestamp"] < since + span]


def test_an_entry_in_full(tracker: Tracker, worker: Worker, at: int):
    say(tracker, worker, "warn", at + 1, "mess\nage")
    (entry,) = found(tracker, at)
    assert json.loads(entry.pop("data")) == {"scope": "Arbitrary log category", "worker": worker.id}
    assert entry == {"message": "mess\nage", "timestamp": at + 1, "level": 4}


def test_levels(tracker: Tracker, worker: Worker, at: int):
    for place, level in enumerate(LEVELS, 1):
        say(tracker, worker, level, at + place, level)
    for number in range(8):
        words = [name for name, value in LEVELS.items() if value == number and name != "trace"]
        if number == 0:
            words = ["info", "warn", "error"]
        assert [entry["message"] for entry in found(tracker, at, number)] == words
    assert [entry["level"] for entry in found(tracker, at)] == [5, 4, 3]


def test_entries_are_by_time_and_strictly_later(tracker: Tracker, worker: Worker, at: int):
    for place in (3, 1, 2, 5, 4):
        say(tracker, worker, "info", at + place, str(place))
    assert [entry["message"] for entry in found(tracker, at)] == list("12345")
    assert [entry["message"] for entry in found(tracker, at + 3)] == list("45")
    assert found(tracker, at + 5) == []
    assert tracker.post("/logs", since=2**62) == {"logs": []}


def test_an_entry_is_there_for_the_next_query(tracker: Tracker, worker: Worker, at: int):
    for place in range(1, 20):
        say(tracker, worker, "error", at + place)
        assert len(found(tracker, at)) == place


def test_the_newest_ten_thousand(tracker: Tracker):
    assert len(tracker.post("/logs", since=1)["logs"]) <= 10_000


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"level": 3},
        {"since": 0},
        {"since": -1},
        {"since": None},
        {"since": 1, "level": -1},
        {"since": 1, "level": 8},
        {"since": 1, "level": 2**40},
    ],
)
def test_what_is_no_query(tracker: Tracker, body: dict):
    tracker.refused(400, "Invalid log request", "POST", "/logs", json=body)


@pytest.mark.parametrize("body", [{"since": "1"}, {"since": 1.0}, {"since": 1, "level": "error"}])
def test_what_is_no_query_at_all(tracker: Tracker, body: dict):
    tracker.refused(400, UNREADABLE, "POST", "/logs", json=body)


GOOD = {"scope": "s", "message": "m", "timestamp": 1}
CASES = {
    "no scope": ({"scope": None}, False),
    "empty scope": ({"scope": ""}, False),
    "no message": ({"message": None}, False),
    "empty message": ({"message": ""}, False),
    "no time": ({"timestamp": None}, False),
    "time 0": ({"timestamp": 0}, False),
    "negative time": ({"timestamp": -1}, False),
    "text for a time": ({"timestamp": "1"}, False),
    "scope at most": ({"scope": "ü" * 255}, True),
    "long scope": ({"scope": "s" * 256}, False),
    "message at most": ({"message": "m" * 1_048_576}, True),
    "message at most, in bytes": ({"message": "ü" * 524_288}, True),
    "long message": ({"message": "m" * 1_048_577}, False),
    "long message, in bytes": ({"message": "ü" * 524_288 + "m"}, False),
    "NUL in scope": ({"scope": "\0"}, False),
    "NUL in message": ({"message": "\0"}, False),
    "time at most": ({"timestamp": 2**63 - 1}, True),
}


@pytest.mark.parametrize("kind", CASES)
def test_rules_of_entries(tracker: Tracker, worker: Worker, kind: str):
    fields, good = CASES[kind]
    for level in LEVELS:
        if good:
            tracker.post(f"/log/{level}", worker, **{**GOOD, **fields})
        else:
            path = f"/log/{level}"
            tracker.refused(400, UNREADABLE, "POST", path, worker, json={**GOOD, **fields})


def test_every_entry_is_in_the_log_of_the_server(tracker: Tracker, worker: Worker, at: int):
    word = unique("logged")
    say(tracker, worker, "warn", at + 1, word)
    line = eventually(
        lambda: next((line for line in tracker.yard.lines if word in line), None), "the line"
    )
    assert json.loads(line)["level"].lower() == "warning"


def test_which_levels_are_stored_is_a_setting(restless: Tracker, at: int):
    worker = restless.worker()
    for place, level in enumerate(LEVELS, 1):
        say(restless, worker, level, at + place, level)
    assert [entry["message"] for entry in found(restless, at)] == ["trace", "error"]


def test_secrets_and_passwords_are_in_no_log(tracker: Tracker):
    worker, who = tracker.worker(), tracker.manager()
    tracker.post("/login", username=who.username, password="correct horse battery")
    entries = json.dumps(tracker.post("/logs", since=1))
    text = entries + "\n".join(tracker.yard.lines)
    for secret in (worker.secret, who.cookie, "correct horse"):
        assert secret not in text
