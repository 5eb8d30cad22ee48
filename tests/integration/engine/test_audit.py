"""The audit log: what is noted, found and forgotten."""

import pytest

from app.domain.clock import seconds
from app.domain.doings import Doing, DoingFilter
from app.domain.errors import StoreUnavailable

DAY_S = 24 * 3600.0


@pytest.fixture
def noted(engine, clock):
    """Four doings, a second from one to the next; the last two at one instant."""
    begun = clock.now()
    for who, action, subject, pause_s in (
        ("anna", "job.cancel", "j1", 1),
        ("bob", "job.restart", "j1", 1),
        ("anna", "token.create", "t1", 0),
        ("anna", "job.cancel", "j2", 0),
    ):
        engine.audit.note(
            Doing(who=who, via="api", action=action, subject=subject, facts={"n": subject})
        )
        clock.advance(pause_s)
    return begun


def told(found):
    return [(one.doing.who, one.doing.action, one.doing.subject) for one in found]


def test_the_latest_comes_first_and_lists_go_on_behind_any_entry(engine, noted):
    every = engine.audit.behind(DoingFilter(), limit=10)
    assert told(every) == [
        ("anna", "job.cancel", "j2"),
        ("anna", "token.create", "t1"),
        ("bob", "job.restart", "j1"),
        ("anna", "job.cancel", "j1"),
    ]
    assert dict(every[0].doing.facts) == {"n": "j2"}
    for number, one in enumerate(every):
        behind = engine.audit.behind(DoingFilter(), (one.at, one.id), limit=2)
        assert behind == every[number + 1 : number + 3]


@pytest.mark.parametrize(
    ("wanted", "subjects"),
    [
        ({"who": "anna"}, ["j2", "t1", "j1"]),
        ({"action": "job"}, ["j2", "j1", "j1"]),
        ({"action": "job.cancel"}, ["j2", "j1"]),
        ({"subject": "j1"}, ["j1", "j1"]),
        ({"subject": "j1", "who": "bob"}, ["j1"]),
        ({"who": "nobody"}, []),
    ],
)
def test_entries_are_found_by_what_they_say(engine, noted, wanted, subjects):
    found = engine.audit.behind(DoingFilter(**wanted), limit=10)
    assert [one.doing.subject for one in found] == subjects


def test_entries_are_found_by_time(engine, noted):
    second = noted + seconds(1)
    since = engine.audit.behind(DoingFilter(since=second), limit=10)
    before = engine.audit.behind(DoingFilter(before=second), limit=10)
    assert [len(since), len(before)] == [3, 1]


def test_whatever_was_made_up_can_be_noted(engine):
    made_up = "a\0b\ud800" + "x" * 10_000
    engine.audit.note(
        Doing(
            who=made_up,
            via="api",
            action="job.cancel",
            subject=made_up,
            request_id=made_up,
            facts={str(number): made_up for number in range(1000)},
        )
    )
    (found,) = engine.audit.behind(DoingFilter(), limit=10)
    for text in (found.doing.who, found.doing.subject, *found.doing.facts.values()):
        assert text.startswith("a\ufffdb?xx")
        assert len(text) == 256
    assert len(found.doing.facts) == 20


def test_an_entry_that_cannot_be_stored_fails_nothing(engine, monkeypatch, capsys):
    def refuse(*_words):
        raise StoreUnavailable

    monkeypatch.setattr("app.engine.audit.audit.insert", refuse)
    engine.audit.note(Doing(who="anna", via="page", action="job.cancel", subject="j1"))
    said = capsys.readouterr()
    assert "audit-not-written" in said.out + said.err
    assert engine.audit.behind(DoingFilter(), limit=10) == []


def test_old_entries_are_forgotten(engine, clock, noted):
    clock.advance(364 * DAY_S)
    engine.audit.note(Doing(who="carl", via="api", action="job.cancel"))
    engine.prune.run_once(clock.now())
    assert len(engine.audit.behind(DoingFilter(), limit=10)) == 5
    clock.advance(2 * DAY_S)
    engine.prune.run_once(clock.now())
    assert told(engine.audit.behind(DoingFilter(), limit=10)) == [("carl", "job.cancel", "")]
