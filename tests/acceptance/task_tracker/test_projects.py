"""Projects: what they are, who makes and changes them, and how they are linked."""

import uuid

import pytest

from tests.acceptance.task_tracker.client import (
    EDIT,
    MAINT,
    READ,
    UNAUTHORIZED,
    UNLIMITED,
    UNREADABLE,
    Tracker,
    unique,
)

NOT_PERMITTED = "You are not permitted to create a project with this configuration"
NEEDS_CHAIN = "Unauthorized (You need RoleEdit on the project you wish to chain tasks to)"
FIELDS = {
    "id", "priority", "name", "clone_url", "git_repo", "version", "motd", "public", "hidden",
    "chain", "paused", "assign_rate", "submit_rate",
}  # fmt: skip
BARE = {
    "priority": 0,
    "clone_url": "",
    "git_repo": "",
    "version": "",
    "motd": "",
    "public": False,
    "hidden": False,
    "chain": 0,
    "paused": False,
    "assign_rate": UNLIMITED,
    "submit_rate": UNLIMITED,
}


def test_a_project_in_full(tracker: Tracker):
    target = tracker.project()
    wanted = {
        "name": unique("My project"),
        "priority": 999,
        "clone_url": "http://github.com/test/test",
        "git_repo": unique("my/repo"),
        "version": "1.0",
        "motd": "hello\nworld",
        "public": True,
        "hidden": False,
        "chain": target,
        "assign_rate": 2,
        "submit_rate": 0.5,
    }
    made = tracker.post("/project/create", tracker.admin, **wanted, paused=True)
    assert list(made) == ["id"]
    shown = tracker.good("GET", f"/project/get/{made['id']}")
    whole = {**wanted, "id": made["id"], "paused": False}
    assert shown.pop("project") == whole
    assert shown == whole
    assert set(whole) == FIELDS
    listed = tracker.good("GET", "/project/list")["projects"]
    assert whole in listed


def test_a_project_by_its_name_alone(tracker: Tracker):
    name = unique()
    project = tracker.project(tracker.manager(), name=name)
    shown = tracker.good("GET", f"/project/get/{project}")["project"]
    assert shown == {**BARE, "id": project, "name": name}
    secret = tracker.good("GET", f"/project/secret/{project}", tracker.admin)
    assert secret == {"secret": "{}"}
    hook = tracker.good("GET", f"/project/webhook_secret/{project}", tracker.admin)
    assert uuid.UUID(hook["webhook_secret"]).version == 4
    assert str(uuid.UUID(hook["webhook_secret"])) == hook["webhook_secret"]


def test_its_creator_has_every_role(tracker: Tracker):
    who = tracker.manager()
    project = tracker.project(who, hidden=True)
    found = tracker.good("GET", f"/manager/list_for_project/{project}", who)["managers"]
    assert [(one["manager"]["id"], one["role"]) for one in found] == [(who.id, 31)]
    tracker.good("GET", f"/project/get/{project}", who)
    tracker.post(f"/project/hard_reset/{project}", who)


RULES = {
    "no name": ({"name": ""}, False),
    "null name": ({"name": None}, False),
    "name at most": ({"name": "x" * 235}, True),
    "long name": ({"name": "x" * 256}, False),
    "NUL in name": ({"name": "a\0b"}, False),
    "clone_url at most": ({"clone_url": "x" * 1024}, True),
    "long clone_url": ({"clone_url": "x" * 1025}, False),
    "git_repo at most": ({"git_repo": "ü" * 1024}, True),
    "long git_repo": ({"git_repo": "x" * 1025}, False),
    "version at most": ({"version": "x" * 1024}, True),
    "long version": ({"version": "x" * 1025}, False),
    "motd at most": ({"motd": "x" * 65_536}, True),
    "motd at most, in bytes": ({"motd": "ü" * 32_768}, True),
    "long motd": ({"motd": "x" * 65_537}, False),
    "long motd, in bytes": ({"motd": "ü" * 32_769}, False),
    "NUL in motd": ({"motd": "\0"}, False),
    "NUL in version": ({"version": "\0"}, False),
    "NUL in clone_url": ({"clone_url": "\0"}, False),
    "NUL in git_repo": ({"git_repo": "\0"}, False),
    "priority at most": ({"priority": 2**31 - 1}, True),
    "high priority": ({"priority": 2**31}, False),
    "negative priority": ({"priority": -1}, False),
    "public and hidden": ({"public": True, "hidden": True}, False),
    "hidden": ({"hidden": True}, True),
    "negative chain": ({"chain": -1}, False),
    "negative assign_rate": ({"assign_rate": -0.1}, False),
    "negative submit_rate": ({"submit_rate": -1}, False),
    "small rates": ({"assign_rate": 1e-6, "submit_rate": 0.001}, True),
    "no rates": ({"assign_rate": 0, "submit_rate": 0.0}, True),
    "unlimited rates": ({"assign_rate": UNLIMITED, "submit_rate": UNLIMITED}, True),
}


@pytest.mark.parametrize("kind", RULES)
def test_rules_of_fields(tracker: Tracker, kind: str):
    fields, good = RULES[kind]
    wanted = {"name": unique(), **fields}
    if kind == "name at most":
        wanted["name"] = (unique() + "x" * 255)[:255]
    project = tracker.project()
    if good:
        made = tracker.post("/project/create", tracker.admin, **wanted)["id"]
        wanted["name"] += "2" if kind != "name at most" else ""
        if kind == "name at most":
            wanted["name"] = wanted["name"][::-1]
        tracker.update(project, **wanted)
        for each in (made, project):
            shown = tracker.good("GET", f"/project/get/{each}", tracker.admin)
            for name, value in fields.items():
                if name != "name":
                    assert shown[name] == (value or (UNLIMITED if "rate" in name else value))
    else:
        before = tracker.good("GET", f"/project/get/{project}")
        path = "/project/create"
        # The rules are looked at before who asks.
        for caller in (tracker.admin, None):
            tracker.refused(400, "Invalid project", "POST", path, caller, json=wanted)
            path_update = f"/project/update/{project}"
            tracker.refused(400, "Invalid request", "POST", path_update, caller, json=wanted)
        assert tracker.good("GET", f"/project/get/{project}") == before


def test_who_may_create_what(tracker: Tracker):
    plain, target = tracker.manager(), tracker.project()
    cases = [
        (None, {}),
        (tracker.worker(), {}),
        (plain, {"public": True}),
        (plain, {"chain": target}),
        (plain, {"chain": 99999999}),
        (tracker.admin, {"chain": 99999999}),
        (None, {"chain": 99999999, "public": True}),
    ]
    for caller, fields in cases:
        wanted = {"name": unique(), **fields}
        tracker.refused(400, NOT_PERMITTED, "POST", "/project/create", caller, json=wanted)
    tracker.refused(400, UNREADABLE, "POST", "/project/create", data="{")
    for role, may in ((READ, False), (31 - EDIT, False), (EDIT, True)):
        tracker.role(plain, target, role)
        wanted = {"name": unique(), "chain": target}
        answer = tracker.ask("POST", "/project/create", plain, json=wanted)
        assert (answer.status_code == 200) is may
    tracker.project(plain, hidden=True)


def test_a_name_is_given_once(tracker: Tracker):
    one, two = tracker.project(), tracker.project()
    name = tracker.good("GET", f"/project/get/{one}")["name"]
    answer = tracker.ask("POST", "/project/create", tracker.admin, json={"name": name})
    assert (answer.status_code, answer.json()["ok"]) == (400, False)
    assert "duplicate" in answer.json()["message"]
    answer = tracker.ask("POST", f"/project/update/{two}", tracker.admin, json={"name": name})
    assert (answer.status_code, answer.json()["ok"]) == (400, False)
    assert "duplicate" in answer.json()["message"]
    tracker.update(one, name=name)
    # A name that is taken is told to those alone who may make the project.
    tracker.refused(400, NOT_PERMITTED, "POST", "/project/create", json={"name": name})
    tracker.update(one, name=unique())
    tracker.update(two, name=name)


def test_an_update_replaces_everything(tracker: Tracker):
    target = tracker.project()
    project = tracker.project(
        priority=5, clone_url="u", git_repo=unique(), version="1", motd="m", public=True,
        chain=target, assign_rate=100, submit_rate=100,
    )  # fmt: skip
    name = unique()
    answer = tracker.ask(
        "POST", f"/project/update/{project}", tracker.admin, json={"name": name, "paused": True}
    )
    assert answer.json() == {"ok": True}
    shown = tracker.good("GET", f"/project/get/{project}")["project"]
    assert shown == {**BARE, "id": project, "name": name, "paused": True}
    tracker.update(project, name=name)
    assert tracker.good("GET", f"/project/get/{project}")["project"]["paused"] is False


def test_the_page_sends_the_whole_project_back(tracker: Tracker):
    project = tracker.project(priority=5, motd="m", assign_rate=3)
    whole = tracker.good("GET", f"/project/get/{project}")["project"]
    tracker.update(project, **whole)
    tracker.update(project, **{**whole, "id": 1, "closed": 7})
    assert tracker.good("GET", f"/project/get/{project}")["project"] == whole


def test_the_order_of_refusals_of_an_update(tracker: Tracker):
    plain = tracker.manager()
    mine, other = tracker.project(plain), tracker.project()
    path, name = f"/project/update/{mine}", unique()
    tracker.refused(400, "Invalid project id", "POST", "/project/update/0", plain, data="{")
    tracker.refused(400, UNREADABLE, "POST", path, None, data="{")
    wrong = {"name": name, "chain": mine}
    tracker.refused(400, "Invalid request", "POST", path, None, json=wrong)
    tracker.refused(400, "Invalid request", "POST", path, plain, json=wrong)
    for caller in (None, tracker.manager()):
        body = {"name": name, "chain": other}
        tracker.refused(403, UNAUTHORIZED, "POST", path, caller, json=body)
    body = {"name": name, "chain": other}
    tracker.refused(403, NEEDS_CHAIN, "POST", path, plain, json=body)
    unknown = {"name": name, "chain": 99999999}
    tracker.refused(403, NEEDS_CHAIN, "POST", path, plain, json=unknown)
    tracker.refused(400, "Invalid request", "POST", path, tracker.admin, json=unknown)
    missing = "/project/update/99999998"
    tracker.refused(404, "Project not found", "POST", missing, tracker.admin, json=unknown)
    tracker.refused(403, UNAUTHORIZED, "POST", missing, plain, json=unknown)
    tracker.role(plain, other, EDIT)
    tracker.update(mine, plain, name=name, chain=other)
    # In a circle is allowed; to itself is not.
    tracker.update(other, name=unique(), chain=mine)


def test_only_an_admin_makes_a_project_public(tracker: Tracker):
    plain = tracker.manager()
    project = tracker.project(plain)
    path, body = f"/project/update/{project}", {"name": unique(), "public": True}
    tracker.refused(403, UNAUTHORIZED, "POST", path, plain, json=body)
    assert tracker.good("GET", f"/project/get/{project}")["public"] is False
    tracker.update(project, **body)
    assert tracker.good("GET", f"/project/get/{project}")["public"] is True


def test_a_role_without_edit_changes_nothing(tracker: Tracker):
    plain, project = tracker.manager(), tracker.project()
    tracker.role(plain, project, READ | MAINT)
    path = f"/project/update/{project}"
    tracker.refused(403, UNAUTHORIZED, "POST", path, plain, json={"name": unique()})
    tracker.role(plain, project, EDIT)
    tracker.update(project, plain, name=unique())


def test_the_list_is_by_name(tracker: Tracker):
    word = unique()
    for tail in ("c", "a", "b"):
        tracker.project(name=word + tail)
    hidden = tracker.project(name=word + "d", hidden=True)
    names = [each["name"] for each in tracker.good("GET", "/project/list")["projects"]]
    mine = [name for name in names if name.startswith(word)]
    assert mine == [word + "a", word + "b", word + "c"]
    assert names == sorted(names)
    plain = tracker.manager()

    def seen(caller) -> bool:
        found = tracker.good("GET", "/project/list", caller)["projects"]
        assert all(set(each) == FIELDS for each in found)
        return hidden in {each["id"] for each in found}

    assert not seen(plain)
    tracker.role(plain, hidden, 31 - READ)
    assert not seen(plain)
    tracker.role(plain, hidden, READ)
    assert seen(plain)
    assert seen(tracker.admin)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e9999999"])
def test_a_rate_that_is_no_number_of_ours(tracker: Tracker, number: str):
    body = f'{{"name": "{unique()}", "assign_rate": {number}}}'
    answer = tracker.ask("POST", "/project/create", tracker.admin, data=body)
    assert answer.status_code == 400
