"""What a status that is sent does, how a group stands, and under what names workers are listed."""

import itertools

import pytest

from app.api.flamenco import words
from app.api.flamenco.records import FarmWorker
from app.api.flamenco.words import Act
from app.domain.states import TaskState

# current state -> what each word that is sent does; what is not there is refused
OPERATOR = {
    "waiting": {"ready": Act.UNBIND, "paused": Act.PAUSE, "canceled": Act.CANCEL},
    "ready": {"ready": Act.NOTHING, "paused": Act.PAUSE, "canceled": Act.CANCEL},
    "rendering": {
        "rendering": Act.GOES_ON,
        "completed": Act.COMPLETE,
        "failed": Act.FAIL,
        "aborted": Act.ABORT,
        "ready": Act.RELEASE,
        "paused": Act.PAUSE,
        "canceled": Act.CANCEL,
    },
    "paused": {"ready": Act.RESTART, "paused": Act.NOTHING, "canceled": Act.CANCEL},
    "completed": {"ready": Act.RESTART},
    "failed": {"ready": Act.RESTART},
    "aborted": {"ready": Act.RESTART, "paused": Act.PAUSE, "canceled": Act.CANCEL},
    "canceled": {"ready": Act.RESTART, "canceled": Act.NOTHING},
}
REPEATED = {"completed", "failed"}


@pytest.mark.parametrize(("current", "sent"), [*itertools.product(words.WORDS, words.WORDS)])
def test_a_status_does_what_the_state_allows(current, sent):
    expected = OPERATOR[current].get(sent)
    assert words.act(current, sent, owner=False) is expected
    if current == sent and sent in REPEATED:
        expected = Act.NOTHING
    assert words.act(current, sent, owner=True) is expected


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("running", "rendering"),
        ("processing", "rendering"),
        ("finished", "completed"),
        ("cancelled", "canceled"),
        ("ready", "ready"),
        ("Ready", None),
        ("", None),
        ("available", None),
    ],
)
def test_words_of_requests(given, meant):
    assert words.meant(given) == meant


GROUP = ("rendering", "ready", "paused", "failed", "waiting", "completed", "canceled")
STATE = {
    "rendering": TaskState.RUNNING,
    "ready": TaskState.QUEUED,
    "paused": TaskState.HELD,
    "failed": TaskState.FAILED,
    "waiting": TaskState.CREATED,
    "completed": TaskState.COMPLETED,
    "canceled": TaskState.CANCELLED,
}


@pytest.mark.parametrize("there", [*itertools.combinations(GROUP, 2)])
def test_a_group_stands_as_the_first_of_its_tasks_does(there):
    assert words.group_word({STATE[one]: 3 for one in there}) == there[0]


def test_a_group_without_tasks_is_canceled():
    assert words.group_word({}) == "canceled"
    assert words.group_word({TaskState.COMPLETED: 0}) == "canceled"


def worker(number, hostname, port):
    return FarmWorker(
        id=number,
        hostname=hostname,
        address="127.0.0.1",
        port=port,
        mac=None,
        system="",
        disabled=False,
        busy=False,
        online=True,
        activity=None,
        log=None,
        time_cost=None,
        frequent={},
        less_frequent={},
        seen_at=1,
    )


@pytest.mark.parametrize(
    ("workers", "names"),
    [
        ([("a", 1), ("b", 1)], ["a", "b"]),
        ([("a", 1), ("a", 2)], ["a", "a:2"]),
        ([("a", 1), ("a", 1), ("a", 1)], ["a", "a:1", "a:1#3"]),
        ([("a:2", 1), ("a", 1), ("a", 2)], ["a:2", "a", "a:2#3"]),
        ([("a", 1), ("a", 2), ("a:2", 1)], ["a", "a:2#2", "a:2"]),
    ],
)
def test_every_worker_has_a_name_of_its_own(workers, names):
    records = [worker(number, *one) for number, one in enumerate(workers, 1)]
    found = words.by_host(records)
    assert list(found) == names
    assert [one["id"] for one in found.values()] == [one.id for one in records]


def test_what_the_output_does_not_hold_is_what_was_reported():
    said = {"remaining": 3, "process": "mine"}
    first = words.seen(words.over(None, said), said, {"remaining": 20})
    assert (first["remaining"], first["process"]) == (20, "mine")
    again = words.seen({**first, "own": 1}, said, {"saved_file": "x"})
    assert (again["remaining"], again["saved_file"], again["own"]) == (3, "x", 1)
