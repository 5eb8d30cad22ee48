"""Secrets of projects, and push messages that are signed with one of them."""

import hashlib
import hmac
import json
import uuid
from typing import Any

import pytest

from tests.acceptance.task_tracker.client import (
    SECRET,
    UNAUTHORIZED,
    UNREADABLE,
    Tracker,
    unique,
)


@pytest.mark.parametrize(
    ("holds", "shown"),
    [
        ({"assign": True, "submit": False}, True),
        ({"assign": True, "submit": True}, True),
        ({"assign": False, "submit": True}, False),
        ({"assign": True, "submit": True, "approved": False}, False),
        (None, False),
    ],
)
@pytest.mark.parametrize("fields", [{"public": True}, {"public": False}, {"hidden": True}])
def test_which_workers_are_shown_the_secret(tracker: Tracker, fields, holds, shown):
    project = tracker.project(**fields)
    tracker.post(f"/project/secret/{project}", tracker.admin, secret='{"key": "ü"}')
    worker = tracker.member(project, **holds) if holds else tracker.worker()
    path = f"/project/secret/{project}"
    if shown:
        assert tracker.good("GET", path, worker) == {"secret": '{"key": "ü"}'}
        tracker.post(f"/project/reject_request/{project}/{worker.id}", tracker.admin)
    tracker.refused(403, UNAUTHORIZED, "GET", path, worker)


def test_broken_worker_headers_leave_it_to_the_session(tracker: Tracker):
    project = tracker.project()
    path = f"/project/secret/{project}"
    worker = tracker.member(project)
    for headers in (
        {"X-Worker-ID": "None", "X-Secret": "None"},
        {"X-Worker-ID": str(worker.id), "X-Secret": "wrong"},
        {"X-Worker-ID": str(worker.id)},
    ):
        tracker.refused(403, UNAUTHORIZED, "GET", path, headers=headers)
        tracker.good("GET", path, tracker.admin, headers=headers)


def test_workers_and_managers_without_the_role_write_nothing(tracker: Tracker):
    project, plain = tracker.project(), tracker.manager()
    tracker.role(plain, project, 31 - SECRET)
    for caller in (None, tracker.member(project), plain):
        for path in ("secret", "webhook_secret"):
            for options in ({"json": {path: "mine"}}, {"data": "{"}):
                url = f"/project/{path}/{project}"
                tracker.refused(403, UNAUTHORIZED, "POST", url, caller, **options)
    assert tracker.good("GET", f"/project/secret/{project}", tracker.admin) == {"secret": "{}"}


LIMITS = {
    "secret": [
        ("", True),
        ("s" * 65_536, True),
        ("ü" * 32_768, True),
        ("s" * 65_537, False),
        ("ü" * 32_768 + "s", False),
        ("\0", False),
    ],
    "webhook_secret": [
        ("", True),
        ("s" * 255, True),
        ("ü" * 255, True),
        ("s" * 256, False),
        ("\0", False),
    ],
}


@pytest.mark.parametrize(
    ("kind", "value", "good"),
    [(kind, *case) for kind, cases in LIMITS.items() for case in cases],
    ids=str,
)
def test_limits_of_secrets(tracker: Tracker, kind: str, value: str, good: bool):
    project = tracker.project()
    path = f"/project/{kind}/{project}"
    before = tracker.good("GET", path, tracker.admin)
    if good:
        answer = tracker.ask("POST", path, tracker.admin, json={kind: value})
        assert answer.json() == {"ok": True}
        assert tracker.good("GET", path, tracker.admin) == {kind: value}
    else:
        tracker.refused(400, "Invalid request", "POST", path, tracker.admin, json={kind: value})
        assert tracker.good("GET", path, tracker.admin) == before


@pytest.mark.parametrize("kind", LIMITS)
def test_what_is_no_secret(tracker: Tracker, kind: str):
    path = f"/project/{kind}/{tracker.project()}"
    for value in (5, True, {}, []):
        tracker.refused(400, UNREADABLE, "POST", path, tracker.admin, json={kind: value})
    tracker.refused(400, UNREADABLE, "POST", path, tracker.admin, data="{")


# -- push messages ----------------------------------------------------------------------------

KEY = "the key"
HOOK = "/git/receivehook"
SIGNED = [
    ("X-Hub-Signature-256", "sha256"),
    ("X-Gogs-Signature", "sha256"),
    ("X-Gitea-Signature", "sha256"),
    ("X-Hub-Signature", "sha1"),
]


def repository(tracker: Tracker, name: str, key: str = KEY, **fields: Any) -> int:
    project = tracker.project(git_repo=name, version="old", motd="stays", **fields)
    tracker.post(f"/project/webhook_secret/{project}", tracker.admin, webhook_secret=key)
    return project


def push(name: str, ref: str = "refs/heads/master", after: str = "new", **more: Any) -> bytes:
    document = {"ref": ref, "after": after, "repository": {"full_name": name, **more}}
    return json.dumps(document).encode()


def sign(body: bytes, key: str = KEY, algorithm: str = "sha256") -> str:
    return hmac.new(key.encode(), body, getattr(hashlib, algorithm)).hexdigest()


def send(tracker: Tracker, body: bytes, headers: dict[str, Any] | None = None):
    given = {"X-Gogs-Signature": sign(body)} if headers is None else headers
    return tracker.ask("POST", HOOK, data=body, headers=given)


def version(tracker: Tracker, project: int) -> str:
    return tracker.good("GET", f"/project/get/{project}")["version"]


@pytest.mark.parametrize("prefix", ["", "{}="])
@pytest.mark.parametrize(("header", "algorithm"), SIGNED)
def test_each_host_signs_in_its_way(tracker: Tracker, header: str, algorithm: str, prefix: str):
    name = unique("user/repo")
    project = repository(tracker, name)
    body = push(name, after="a1b2")
    value = prefix.format(algorithm) + sign(body, algorithm=algorithm)
    before = tracker.good("GET", f"/project/get/{project}")["project"]
    answer = send(tracker, body, {header: value})
    assert (answer.status_code, answer.content) == (200, b"")
    after = tracker.good("GET", f"/project/get/{project}")["project"]
    assert after == {**before, "version": "a1b2"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Gogs-Signature": ""},
        {"X-Gogs-Signature": "sha256="},
        {"X-Gogs-Signature": "0" * 64},
        {"X-Gogs-Signature": "x" * 5000},
        {"X-Gogs-Signature": b"\xff"},
        {"X-Hub-Signature": "sha1=" + "0" * 40},
    ],
    ids=str,
)
def test_a_signature_that_is_missing_or_wrong(tracker: Tracker, headers: dict):
    name = unique("user/repo")
    project = repository(tracker, name)
    answer = send(tracker, push(name), headers)
    assert (answer.status_code, answer.text) == (403, "Signature does not match")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert version(tracker, project) == "old"


def test_a_signature_of_something_else(tracker: Tracker):
    name = unique("user/repo")
    repository(tracker, name)
    body = push(name)
    for value in (
        sign(body + b" "),
        sign(body, "another key"),
        sign(body, ""),
        sign(body, algorithm="sha1"),
        sign(body).upper(),
    ):
        assert send(tracker, body, {"X-Gogs-Signature": value}).status_code == 403
    assert send(tracker, body).status_code == 200


BRANCHES = [
    ("refs/heads/master", {}, 200),
    ("refs/heads/main", {}, 200),
    ("refs/heads/trunk", {"default_branch": "trunk"}, 200),
    ("refs/heads/master", {"default_branch": "trunk"}, 200),
    ("refs/heads/master", {"default_branch": None}, 200),
    ("refs/heads/feature", {}, 400),
    ("refs/heads/feature", {"default_branch": "trunk"}, 400),
    ("refs/heads/old-master", {}, 400),
    ("refs/heads/x/master", {}, 400),
    ("refs/tags/master", {}, 400),
    ("master", {}, 400),
    ("", {}, 400),
    ("refs/heads/", {"default_branch": ""}, 400),
]


@pytest.mark.parametrize(("ref", "more", "status"), BRANCHES)
def test_branches(tracker: Tracker, ref: str, more: dict, status: int):
    name = unique("user/repo")
    project = repository(tracker, name)
    answer = send(tracker, push(name, ref, **more))
    assert (answer.status_code, answer.content) == (status, b"")
    assert version(tracker, project) == ("new" if status == 200 else "old")


GARBAGE = [
    b"", b"x", b"[]", b"5", b"null", b"{}", b'{"ref": "refs/heads/master"}',
    b'{"ref": "refs/heads/master", "after": "x", "repository": null}',
    b'{"ref": "refs/heads/master", "after": "x", "repository": []}',
    b'{"ref": "refs/heads/master", "after": "x", "repository": "x"}',
    b'{"ref": "refs/heads/master", "after": "x", "repository": {}}',
    b'{"ref": "refs/heads/master", "after": "x", "repository": {"full_name": null}}',
    b'{"ref": "refs/heads/master", "after": "x", "repository": {"full_name": 5}}',
    b'{"ref": "refs/heads/master", "after": "x", "repository": {"full_name": ""}}',
    b'{"ref": "refs/heads/master", "after": "x", "repository": {"full_name": "nobody/nothing"}}',
    b'{"ref": "refs/heads/master", "after": "x", "repository": {"full_name": "a\\u0000"}}',
    b'{"ref": 5, "after": "x", "repository": {"full_name": "x"}}',
    b'{"ref": ["refs/heads/master"], "after": "x", "repository": {"full_name": "x"}}',
    b"\xff", b"[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
def test_what_is_no_push(tracker: Tracker, body: bytes):
    answer = send(tracker, body)
    assert (answer.status_code, answer.content) == (400, b"")


@pytest.mark.parametrize("after", [5, None, True, [], {}, "\0", "x" * 1025])
def test_a_push_of_no_version(tracker: Tracker, after: Any):
    name = unique("user/repo")
    project = repository(tracker, name)
    assert send(tracker, push(name, after=after)).status_code == 400
    assert version(tracker, project) == "old"


def test_names_of_repositories_match_in_any_case(tracker: Tracker):
    name = unique("User/Repo")
    project = repository(tracker, name)
    assert send(tracker, push(name.upper(), after="one")).status_code == 200
    assert version(tracker, project) == "one"
    assert send(tracker, push(name.lower(), after="two")).status_code == 200
    assert version(tracker, project) == "two"


def test_of_several_projects_those_that_the_signature_fits(tracker: Tracker):
    name = unique("user/repo")
    one, two = repository(tracker, name), repository(tracker, name, "other")
    three, hidden = repository(tracker, name, ""), repository(tracker, name.upper(), hidden=True)
    assert send(tracker, push(name)).status_code == 200
    assert [version(tracker, each) for each in (one, two, three)] == ["new", "old", "old"]
    shown = tracker.good("GET", f"/project/get/{hidden}", tracker.admin)
    assert shown["version"] == "new"
    body = push(name, after="newer")
    assert send(tracker, body, {"X-Gogs-Signature": sign(body, "")}).status_code == 403


def test_a_project_without_repository_or_secret_fits_nothing(tracker: Tracker):
    repository(tracker, "")
    body = push("")
    assert send(tracker, body).status_code == 400
    name = unique("user/repo")
    project = repository(tracker, name, "")
    body = push(name)
    answer = send(tracker, body, {"X-Gogs-Signature": sign(body, "")})
    assert answer.status_code in (400, 403)
    assert version(tracker, project) == "old"


def test_the_secret_a_project_is_born_with(tracker: Tracker):
    name = unique("user/repo")
    project = tracker.project(git_repo=name)
    path = f"/project/webhook_secret/{project}"
    key = tracker.good("GET", path, tracker.admin)["webhook_secret"]
    assert uuid.UUID(key).version == 4
    body = push(name)
    assert send(tracker, body, {"X-Gogs-Signature": sign(body, key)}).status_code == 200
