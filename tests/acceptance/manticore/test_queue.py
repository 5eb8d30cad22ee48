"""How many wait, how long that takes, and what may be changed meanwhile."""

import pytest

from tests.acceptance.manticore.client import WANTED
from tests.acceptance.manticore.test_http import refused


def queue(manticore) -> dict:
    answer = manticore.server.get("/api/v2/queue")
    assert answer.status == 200
    return answer.json


def test_the_queue_is_counted(manticore):
    assert queue(manticore) == {"waiting": 0, "starting": 0, "running": 0, "slots": 1}
    for user in ("a", "b", "c"):
        manticore.passcode(user)
    assert queue(manticore) == {"waiting": 2, "starting": 1, "running": 0, "slots": 1}
    manticore.work(2)
    assert queue(manticore) == {"waiting": 2, "starting": 0, "running": 1, "slots": 1}
    manticore.leave("b")
    assert queue(manticore) == {"waiting": 1, "starting": 0, "running": 1, "slots": 1}


def test_without_a_limit_there_is_no_number_of_slots(manticores):
    own = manticores.inside(slots=0)
    assert own.get("/api/v2/queue").json == {
        "waiting": 0,
        "starting": 0,
        "running": 0,
        "slots": None,
    }


def test_the_wait_is_guessed_from_the_latest_stays(manticore):
    first = manticore.open(manticore.passcode("a"))
    tasks = manticore.work(2)
    first.until("services")
    ahead, behind = (manticore.open(manticore.passcode(user)) for user in ("b", "c"))
    # Nobody's stay is known yet.
    assert ahead.until("position", position=0, wait=True) == {"position": 0, "wait": True}
    assert behind.until("position", position=1, wait=True) == {"position": 1, "wait": True}
    manticore.leave("a")
    for task in tasks:
        manticore.end(task)
    manticore.tick()
    # The head starts: of that no time is told.
    assert ahead.until("position", wait=False) == {"position": 0, "wait": False}
    late = manticore.open(manticore.passcode("d"))
    stay_s = late.until("position", position=2, wait=True)["eta_seconds"]
    assert isinstance(stay_s, int)
    assert stay_s >= 0
    told = len(behind.told)
    manticore.passcode("e")
    manticore.tick()
    manticore.leave("e")
    manticore.work(2)
    moved = behind.until("position", position=0, wait=True)
    assert moved["eta_seconds"] <= stay_s
    # Another guess alone is not told.
    assert len(behind.told) == told + 1


def test_who_waits_may_choose_anew_and_keeps_the_place(manticore):
    manticore.passcode("a")
    passcode = manticore.passcode("b")
    manticore.passcode("c")
    answer = manticore.change("b", core={"version": "5.0.0"}, hmi={"type": "web", "version": "0.1"})
    assert answer.status == 200, answer.body
    assert answer.json["passcode"] == passcode
    entries = manticore.engine.waiting.entries("manticore")
    specs = [manticore.engine.jobs.get(entry.job_id).spec for entry in entries]
    other = {
        "core": {"version": "5.0.0", "build": "default"},
        "hmi": {"type": "web", "version": "0.1"},
    }
    assert specs == [WANTED, other, WANTED]
    socket = manticore.open(passcode)
    socket.until("position", position=1, wait=True)
    assert manticore.ask("b").json["passcode"] == passcode
    assert manticore.engine.jobs.get(entries[1].job_id).spec == other


@pytest.mark.parametrize(
    "wrong",
    [{}, {"core": None}, {"core": 5}, {"hmi": []}, {"core": {"version": "9"}},
     {"hmi": {"type": "web"}}, {"hmi": {"version": "\ud800"}}, {"core": {"build": ["debug"]}}],
    ids=str,
)  # fmt: skip
def test_wrong_changes_change_nothing(manticore, wrong):
    manticore.passcode("a")
    manticore.passcode("b")
    assert refused(manticore.change("b", **wrong))
    entries = manticore.engine.waiting.entries("manticore")
    assert manticore.engine.jobs.get(entries[1].job_id).spec == WANTED


def test_what_is_started_is_not_changed(manticore):
    manticore.passcode("a")
    assert refused(manticore.change("a", core={"version": "5.0.0"}))
    manticore.work(2)
    assert refused(manticore.change("a", core={"version": "5.0.0"}))
    assert refused(manticore.change("nobody", core={"version": "5.0.0"}))
    assert refused(manticore.change("b c", core={"version": "5.0.0"}))
