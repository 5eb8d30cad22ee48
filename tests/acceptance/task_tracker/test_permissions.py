"""The table of permissions, and what workers' access depends on."""

import itertools

import pytest

from tests.acceptance.task_tracker.client import (
    ACCESS,
    EDIT,
    MAINT,
    NO_TASK,
    READ,
    SECRET,
    UNAUTHORIZED,
    Manager,
    Tracker,
    Worker,
)

PUBLIC, PRIVATE, HIDDEN = {"public": True}, {"public": False}, {"public": False, "hidden": True}
SHOWN = {"public": PUBLIC, "private": PRIVATE, "hidden": HIDDEN}
# holding -> project -> what may be done
TABLE = {
    "nothing": {"public": "AR", "private": "R", "hidden": ""},
    "assign": {"public": "AR", "private": "AR", "hidden": "A"},
    "submit": {"public": "ASR", "private": "ASR", "hidden": "AS"},
    "both": {"public": "ASR", "private": "ASR", "hidden": "AS"},
    # A request nobody approved is worth nothing, and one that was taken back is not either.
    "asked": {"public": "AR", "private": "R", "hidden": ""},
    "revoked": {"public": "AR", "private": "R", "hidden": ""},
    "elsewhere": {"public": "AR", "private": "R", "hidden": ""},
}
ROUTES = ["get", "submit", "bulk_submit", "read", "list"]


@pytest.fixture(scope="module")
def projects(tracker: Tracker) -> dict[str, int]:
    return {name: tracker.project(**fields) for name, fields in SHOWN.items()}


def holder(tracker: Tracker, holds: str, project: int) -> Worker:
    worker = tracker.worker()
    if holds == "elsewhere":
        tracker.grant(worker, tracker.project(), assign=True, submit=True)
    elif holds != "nothing":
        assign, submit = holds != "submit", holds != "assign"
        approved = holds != "asked"
        tracker.grant(worker, project, assign=assign, submit=submit, approved=approved)
    if holds == "revoked":
        tracker.post(f"/project/reject_request/{project}/{worker.id}", tracker.admin)
    return worker


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("holds", "shown"), list(itertools.product(TABLE, SHOWN)))
def test_the_table(tracker: Tracker, projects: dict[str, int], holds: str, shown: str, route: str):
    project, may = projects[shown], TABLE[holds][shown]
    worker = holder(tracker, holds, project)
    if route == "get":
        tracker.submit(tracker.member(project), project)
        task = tracker.take(worker, project)
        assert bool(task) is ("A" in may)
        if task:
            assert tracker.release(worker, task)
    elif route == "submit":
        body = {"project": project, "recipe": "r"}
        answer = tracker.ask("POST", "/task/submit", worker, json=body)
        check_submitted(answer, "S" in may)
    elif route == "bulk_submit":
        check_submitted(tracker.bulk(worker, project, [{}, {}]), "S" in may)
    elif route == "read":
        answer = tracker.ask("GET", f"/project/get/{project}", worker)
        assert answer.status_code == (200 if "R" in may else 403)
        if "R" not in may:
            assert answer.json() == {"ok": False, "message": UNAUTHORIZED}
    else:
        found = tracker.good("GET", "/project/list", worker)["projects"]
        assert (project in {each["id"] for each in found}) is ("R" in may)


def check_submitted(answer, may: bool) -> None:
    if may:
        assert answer.status_code == 200, answer.text
    else:
        assert answer.status_code == 400
        assert answer.json() == {"ok": False, "message": "unauthorized task submit"}


@pytest.mark.parametrize("role", range(32))
@pytest.mark.parametrize("shown", SHOWN)
def test_reading_as_a_manager(tracker: Tracker, manager: Manager, projects, shown: str, role: int):
    project = projects[shown]
    tracker.role(manager, project, role)
    may = shown != "hidden" or bool(role & READ)
    for path in (
        "get/{}",
        "monitoring/{}?count=1",
        "monitoring-between/{}?from=1&to=2",
        "assignees/{}",
    ):
        answer = tracker.ask("GET", f"/project/{path.format(project)}", manager)
        assert answer.status_code == (200 if may else 403), path
        if not may:
            assert answer.json() == {"ok": False, "message": UNAUTHORIZED}
    listed = {each["id"] for each in tracker.good("GET", "/project/list", manager)["projects"]}
    assert (project in listed) is may


@pytest.fixture(scope="module")
def manager(tracker: Tracker) -> Manager:
    return tracker.manager()


GUARDED = [
    (EDIT, "POST", "/project/update/{}", {"name": None}),
    (ACCESS, "GET", "/project/access_list/{}", None),
    (ACCESS, "POST", "/project/accept_request/{}/1", None),
    (ACCESS, "POST", "/project/reject_request/{}/1", None),
    (ACCESS, "POST", "/manager/set_role_for_project/{}", {"manager": None, "role": None}),
    (SECRET, "GET", "/project/secret/{}", None),
    (SECRET, "POST", "/project/secret/{}", {"secret": "s"}),
    (SECRET, "GET", "/project/webhook_secret/{}", None),
    (SECRET, "POST", "/project/webhook_secret/{}", {"webhook_secret": "s"}),
    (MAINT, "POST", "/project/reset_failed_tasks/{}", None),
    (MAINT, "POST", "/project/hard_reset/{}", None),
    (MAINT, "POST", "/project/reclaim_assigned_tasks/{}", None),
]


@pytest.mark.parametrize("role", [0, 1, 2, 4, 8, 16, 31, *(31 - flag for flag in (1, 2, 4, 8, 16))])
@pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route[1]} {route[2]}")
def test_each_role_opens_its_own_routes(tracker: Tracker, manager, project, route, role: int):
    needs, method, path, body = route
    tracker.role(manager, project, role)
    if body and "name" in body:
        body = {"name": tracker.good("GET", f"/project/get/{project}")["name"]}
    elif body and "manager" in body:
        body = {"manager": manager.id, "role": role}
    answer = tracker.ask(method, path.format(project), manager, json=body)
    if role & needs:
        assert answer.status_code == 200, answer.text
    else:
        assert (answer.status_code, answer.json()["message"]) == (403, UNAUTHORIZED)


@pytest.fixture(scope="module")
def project(tracker: Tracker) -> int:
    return tracker.project(public=False)


@pytest.mark.parametrize("who", ["nobody", "worker", "manager", "admin"])
@pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route[1]} {route[2]}")
def test_who_else_may(tracker: Tracker, manager: Manager, who: str, route):
    _, method, path, body = route
    project = tracker.project(public=False)
    callers = {"nobody": None, "manager": manager, "admin": tracker.admin}
    caller = callers[who] if who in callers else tracker.member(project, submit=True, assign=False)
    if body and "name" in body:
        body = {"name": tracker.good("GET", f"/project/get/{project}")["name"]}
    elif body and "manager" in body:
        body = {"manager": manager.id, "role": 0}
    answer = tracker.ask(method, path.format(project), caller, json=body)
    assert answer.status_code == (200 if who == "admin" else 403)
    if who != "admin":
        assert answer.json() == {"ok": False, "message": UNAUTHORIZED}


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route[1]} {route[2]}")
def test_ids_come_first_and_projects_that_are_not_there_last(tracker: Tracker, manager, route):
    _, method, path, body = route
    if body and "name" in body:
        body = {"name": "x"}
    elif body and "manager" in body:
        body = {"manager": manager.id, "role": 0}
    for word in ("0", "-1", "x", "1.5", "9" * 19, "9" * 25):
        for caller in (None, tracker.admin):
            message = "Invalid project id"
            tracker.refused(400, message, method, path.format(word), caller, json=body)
    for caller in (None, manager):
        tracker.refused(403, UNAUTHORIZED, method, path.format(99999999), caller, json=body)
    message = "Project not found"
    tracker.refused(404, message, method, path.format(99999999), tracker.admin, json=body)


def test_a_change_counts_from_the_next_request_on(tracker: Tracker):
    project = tracker.project(hidden=True)
    worker, manager = tracker.member(project), tracker.manager()
    for _ in range(5):
        tracker.submit(worker, project)
        tracker.post(f"/project/reject_request/{project}/{worker.id}", tracker.admin)
        assert tracker.ask("GET", f"/task/get/{project}", worker).json()["message"] == NO_TASK
        tracker.grant(worker, project, assign=True, submit=True)
        assert tracker.take(worker, project)
        tracker.role(manager, project, READ)
        tracker.good("GET", f"/project/get/{project}", manager)
        tracker.role(manager, project, 0)
        tracker.refused(403, UNAUTHORIZED, "GET", f"/project/get/{project}", manager)
