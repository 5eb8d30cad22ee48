"""Making workers, naming them, pausing them, counting what they did."""

import base64

import pytest

from tests.acceptance.task_tracker.client import UNAUTHORIZED, UNREADABLE, Tracker, now, unique

NOT_ALLOWED = "You are not allowed to create a worker"


def test_a_new_worker_in_full(tracker: Tracker):
    before = now()
    alias = unique("some alias ")
    made = tracker.post("/worker/create", alias=alias)
    assert list(made) == ["worker"]
    worker = made["worker"]
    assert set(worker) == {"id", "created", "alias", "secret", "paused"}
    assert (worker["alias"], worker["paused"]) == (alias, False)
    assert worker["id"] >= 1
    assert before <= worker["created"] <= now() + 1
    assert len(worker["secret"]) == 44
    assert len(base64.b64decode(worker["secret"], validate=True)) == 32
    other = tracker.post("/worker/create", alias=alias)["worker"]
    assert (other["id"], other["secret"]) != (worker["id"], worker["secret"])
    shown = tracker.good("GET", f"/worker/get/{worker['id']}")
    assert shown == {"worker": {**worker, "secret": None}}
    shown = tracker.good("GET", f"/worker/get/{worker['id']}", tracker.admin)
    assert shown == {"worker": worker}
    shown = tracker.good("GET", f"/worker/get/{worker['id']}", tracker.manager())
    assert shown == {"worker": {**worker, "secret": None}}


@pytest.mark.parametrize("body", [{}, {"alias": ""}, {"alias": None}, {"name": "x"}])
def test_the_default_alias(tracker: Tracker, body: dict):
    assert tracker.post("/worker/create", **body)["worker"]["alias"] == "default_alias"


ALIASES = {
    "longest": ("x" * 255, 200, None),
    "longest of wide letters": ("ü" * 255, 200, None),
    "too long": ("x" * 256, 400, "Invalid request"),
    "NUL": ("a\0b", 400, "Invalid request"),
    "reserved": ("unassigned", 403, NOT_ALLOWED),
    "not reserved": ("Unassigned", 200, None),
    "blank": (" ", 200, None),
    "dollar": ("$x", 200, None),
    "lines": ("a\nb\t", 200, None),
    "emoji": ("🚀", 200, None),
}


@pytest.mark.parametrize("kind", ALIASES)
def test_rules_of_aliases(tracker: Tracker, kind: str):
    alias, status, message = ALIASES[kind]
    caller = tracker.worker()
    if status == 200:
        assert tracker.post("/worker/create", alias=alias)["worker"]["alias"] == alias
        assert tracker.post("/worker/update", caller, alias=alias) is None
        shown = tracker.good("GET", f"/worker/get/{caller.id}")["worker"]
        assert shown["alias"] == alias
    else:
        for path in ("/worker/create", "/worker/update"):
            tracker.refused(status, message, "POST", path, caller, json={"alias": alias})


def test_an_empty_alias_of_an_update_is_the_default(tracker: Tracker):
    worker = tracker.worker("named")
    tracker.post("/worker/update", worker)
    assert tracker.good("GET", f"/worker/get/{worker.id}")["worker"]["alias"] == "default_alias"


def test_update_says_no_more_than_ok(tracker: Tracker):
    answer = tracker.ask("POST", "/worker/update", tracker.worker(), json={"alias": "y"})
    assert answer.json() == {"ok": True}


@pytest.mark.parametrize("word", ["0", "-1", "x", "1.0", "%20", "9" * 20, "1x"])
def test_a_worker_that_has_no_number(tracker: Tracker, word: str):
    tracker.refused(400, "Invalid worker id", "GET", f"/worker/get/{word}")


def test_a_worker_that_is_not_there(tracker: Tracker):
    tracker.refused(404, "Worker not found", "GET", "/worker/get/99999999")


def test_only_admins_pause(tracker: Tracker):
    worker = tracker.worker()
    for caller in (None, worker, tracker.manager()):
        for options in ({"json": {"worker": worker.id, "paused": True}}, {"data": "{"}):
            tracker.refused(403, UNAUTHORIZED, "POST", "/worker/set_paused", caller, **options)
    assert tracker.good("GET", f"/worker/get/{worker.id}")["worker"]["paused"] is False
    tracker.refused(400, UNREADABLE, "POST", "/worker/set_paused", tracker.admin, data="{")
    for unknown in (99999999, 0, -1):
        body = {"worker": unknown, "paused": True}
        path = "/worker/set_paused"
        tracker.refused(400, "Invalid worker", "POST", path, tracker.admin, json=body)


def test_a_paused_worker_gets_nothing_and_may_do_all_else(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project)
    tracker.submit(worker, project)
    task = tracker.must_take(worker, project)
    answer = tracker.ask(
        "POST", "/worker/set_paused", tracker.admin, json={"worker": worker.id, "paused": True}
    )
    assert answer.json() == {"ok": True}
    assert tracker.good("GET", f"/worker/get/{worker.id}")["worker"]["paused"] is True
    for path in (project, 99999999, 0, "x"):
        message = "A manager has paused you"
        tracker.refused(400, message, "GET", f"/task/get/{path}", worker)
    tracker.submit(worker, project)
    assert tracker.release(worker, task)
    tracker.post("/log/info", worker, scope="s", message="m", timestamp=1)
    tracker.post("/worker/update", worker, alias="still here")
    tracker.post("/worker/set_paused", tracker.admin, worker=worker.id, paused=False)
    assert tracker.take(worker, project)


def test_stats_count_closing_releases_in_all_projects(tracker: Tracker):
    one, two = tracker.project(), tracker.project()
    alias = unique("counted")
    worker, other = tracker.worker(alias), tracker.worker(alias)
    for project in (one, two):
        tracker.grant(worker, project, assign=True, submit=True)
        tracker.bulk(worker, project, [{"max_retries": 1} for _ in range(3)])
    for project in (one, two):
        assert tracker.release(worker, tracker.must_take(worker, project))
    assert tracker.release(worker, tracker.must_take(worker, one), 1)
    assert tracker.release(worker, tracker.must_take(worker, one), 2)
    assert tracker.release(other, tracker.must_take(other, two))
    stats = {each["id"]: each for each in tracker.good("GET", "/worker/stats")["stats"]}
    assert stats[worker.id] == {
        "alias": alias,
        "closed_task_count": 2,
        "paused": False,
        "id": worker.id,
    }
    assert stats[other.id]["closed_task_count"] == 1
    tracker.post(f"/project/hard_reset/{one}", tracker.admin)
    assert tracker.closed_by(worker) == 2
