"""Asking for access, granting it, taking it away; roles of managers."""

import pytest

from tests.acceptance.task_tracker.client import (
    ACCESS,
    UNAUTHORIZED,
    UNREADABLE,
    Tracker,
    unique,
)

NOT_NEEDED = (
    "Project is public, you already have an active request or you already have"
    " access to this project"
)
NO_ACCESS = "Worker did not have access to this project"
ASK = "/project/request_access"


@pytest.mark.parametrize("fields", [{"public": True}, {"public": False}, {"hidden": True}])
@pytest.mark.parametrize(("assign", "submit"), [(True, False), (False, True), (True, True)])
def test_asking_and_being_granted(tracker: Tracker, fields: dict, assign: bool, submit: bool):
    project, alias = tracker.project(**fields), unique()
    worker = tracker.worker(alias)
    body = {"project": project, "assign": assign, "submit": submit}
    assert tracker.ask("POST", ASK, worker, json=body).json() == {"ok": True}

    def listed() -> list[dict]:
        path = f"/project/access_list/{project}"
        return tracker.good("GET", path, tracker.admin)["accesses"]

    (found,) = listed()
    assert found.pop("worker") == tracker.good("GET", f"/worker/get/{worker.id}")["worker"]
    assert found == {"submit": submit, "assign": assign, "request": True, "project": project}
    for other in ({"assign": True}, {"submit": True}, {"assign": True, "submit": True}):
        tracker.refused(400, NOT_NEEDED, "POST", ASK, worker, json={"project": project, **other})
    path = f"/project/accept_request/{project}/{worker.id}"
    for _ in range(2):  # twice is harmless
        assert tracker.ask("POST", path, tracker.admin, json=None).json() == {"ok": True}
    (found,) = listed()
    assert (found["submit"], found["assign"], found["request"]) == (submit, assign, False)
    tracker.refused(400, NOT_NEEDED, "POST", ASK, worker, json=body)
    path = f"/project/reject_request/{project}/{worker.id}"
    assert tracker.ask("POST", path, tracker.admin, data="null").json() == {"ok": True}
    assert listed() == []
    answer = tracker.ask("POST", path, tracker.admin)
    assert answer.status_code == 200
    assert answer.json() == {"ok": False, "message": NO_ACCESS}
    tracker.post(ASK, worker, project=project, assign=True)


def test_what_cannot_be_asked(tracker: Tracker):
    worker, project = tracker.worker(), tracker.project()
    for body in ({}, {"project": project}, {"project": project, "assign": False, "submit": None}):
        tracker.refused(400, "Invalid request", "POST", ASK, worker, json=body)
        tracker.refused(400, "Invalid request", "POST", ASK, json=body)
    for unknown in (99999999, 0, -1, 2**63 - 1):
        body = {"project": unknown, "assign": True}
        tracker.refused(400, NOT_NEEDED, "POST", ASK, worker, json=body)
    body = {"project": project, "assign": 1}
    tracker.refused(400, UNREADABLE, "POST", ASK, worker, json=body)


@pytest.mark.parametrize("verb", ["accept_request", "reject_request"])
def test_deciding_about_nobody(tracker: Tracker, verb: str):
    project = tracker.project()
    for worker in (tracker.worker().id, 99999999):
        path = f"/project/{verb}/{project}/{worker}"
        answer = tracker.ask("POST", path, tracker.admin)
        assert answer.status_code == 200
        assert answer.json() == {"ok": False, "message": NO_ACCESS}
    for word in ("0", "-1", "x", "1.5", "9" * 30):
        path = f"/project/{verb}/{project}/{word}"
        tracker.refused(400, "Invalid worker id", "POST", path, tracker.admin)
        path = f"/project/{verb}/{word}/1"
        tracker.refused(400, "Invalid project id", "POST", path, tracker.admin)


def test_the_list_has_granted_ones_first_and_is_by_alias(tracker: Tracker):
    project = tracker.project()
    for alias, approved in (("d", False), ("c", True), ("b", False), ("a", True)):
        tracker.member(project, alias=alias, approved=approved)
    path = f"/project/access_list/{project}"
    found = tracker.good("GET", path, tracker.admin)["accesses"]
    assert [one["worker"]["alias"] for one in found] == ["a", "c", "b", "d"]
    assert [one["request"] for one in found] == [False, False, True, True]
    assert all(one["worker"]["secret"] is None for one in found)


def test_access_that_is_taken_back_leaves_the_task_in_hand(tracker: Tracker):
    project = tracker.project(public=False)
    worker = tracker.member(project)
    tracker.submit(worker, project)
    task = tracker.must_take(worker, project)
    tracker.post(f"/project/reject_request/{project}/{worker.id}", tracker.admin)
    message = "unauthorized task submit"
    body = {"project": project, "recipe": "r"}
    tracker.refused(400, message, "POST", "/task/submit", worker, json=body)
    assert tracker.release(worker, task)
    assert tracker.closed_by(worker) == 1


def test_roles(tracker: Tracker):
    project, who, other = tracker.project(), tracker.manager(), tracker.manager()
    path = f"/manager/list_for_project/{project}"

    def roles() -> dict[int, int]:
        found = tracker.good("GET", path, other)["managers"]
        assert all(set(one) == {"manager", "role"} for one in found)
        assert [one["manager"]["id"] for one in found] == sorted(
            one["manager"]["id"] for one in found
        )
        return {one["manager"]["id"]: one["role"] for one in found}

    assert roles() == {tracker.admin.id: 31}
    tracker.role(who, project, 3)
    assert roles() == {tracker.admin.id: 31, who.id: 3}
    tracker.role(who, project, 8)
    assert roles()[who.id] == 8
    tracker.role(who, project, 0)
    tracker.role(who, project, 0)
    assert roles() == {tracker.admin.id: 31}
    tracker.refused(401, UNAUTHORIZED, "GET", path)
    listing = "/manager/list_for_project/{}"
    for word in ("0", "x", "-1"):
        tracker.refused(400, "Invalid project id", "GET", listing.format(word))
    tracker.refused(401, UNAUTHORIZED, "GET", listing.format(99999999))
    tracker.refused(404, "Project not found", "GET", listing.format(99999999), other)


@pytest.mark.parametrize("role", [-1, 32, 255, 2**31, 2**62])
def test_a_role_that_is_none(tracker: Tracker, role: int):
    project = tracker.project()
    path, body = f"/manager/set_role_for_project/{project}", {"manager": tracker.admin.id}
    body["role"] = role
    tracker.refused(400, "Invalid request", "POST", path, tracker.admin, json=body)


def test_roles_of_nobody(tracker: Tracker):
    project, plain = tracker.project(), tracker.manager()
    path = f"/manager/set_role_for_project/{project}"
    for unknown in (0, -1, 99999999, 2**63 - 1):
        body = {"manager": unknown, "role": 1}
        tracker.refused(400, "Invalid manager", "POST", path, tracker.admin, json=body)
        tracker.refused(403, UNAUTHORIZED, "POST", path, plain, json=body)
    tracker.refused(400, UNREADABLE, "POST", path, None, data="{")
    missing = "/manager/set_role_for_project/0"
    tracker.refused(400, "Invalid project id", "POST", missing, None, data="{")
    # One who manages access may give what he has not.
    tracker.role(plain, project, ACCESS)
    tracker.post(path, plain, manager=plain.id, role=31)
    tracker.good("GET", f"/project/secret/{project}", plain)
