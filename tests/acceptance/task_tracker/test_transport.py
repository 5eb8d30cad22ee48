"""Bodies, methods, paths, sizes and the envelope."""

import http.client
import json

import pytest

from tests.acceptance.task_tracker.client import UNREADABLE, Tracker, unique
from tests.rotation import rotated, short

ROUTES = {
    "/worker/create": {"POST"},
    "/worker/get/1": {"GET"},
    "/worker/update": {"POST"},
    "/worker/set_paused": {"POST"},
    "/worker/stats": {"GET"},
    "/project/create": {"POST"},
    "/project/get/1": {"GET"},
    "/project/update/1": {"POST"},
    "/project/list": {"GET"},
    "/project/request_access": {"POST"},
    "/project/access_list/1": {"GET"},
    "/project/accept_request/1/1": {"POST"},
    "/project/reject_request/1/1": {"POST"},
    "/task/submit": {"POST"},
    "/task/bulk_submit": {"POST"},
    "/task/get/1": {"GET"},
    "/task/release": {"POST"},
    "/log/trace": {"POST"},
    "/log/info": {"POST"},
    "/log/warn": {"POST"},
    "/log/error": {"POST"},
    "/logs": {"POST"},
    "/project/monitoring/1": {"GET"},
    "/project/monitoring-between/1": {"GET"},
    "/project/assignees/1": {"GET"},
    "/project/reset_failed_tasks/1": {"POST"},
    "/project/hard_reset/1": {"POST"},
    "/project/reclaim_assigned_tasks/1": {"POST"},
    "/project/secret/1": {"GET", "POST"},
    "/project/webhook_secret/1": {"GET", "POST"},
    "/git/receivehook": {"POST"},
    "/register": {"POST"},
    "/login": {"POST"},
    "/logout": {"GET"},
    "/account": {"GET"},
    "/manager/list": {"GET"},
    "/manager/list_for_project/1": {"GET"},
    "/manager/promote/1": {"GET", "POST"},
    "/manager/demote/1": {"GET", "POST"},
    "/manager/set_role_for_project/1": {"POST"},
}
READERS = [
    "/worker/create",
    "/worker/update",
    "/worker/set_paused",
    "/project/create",
    "/project/request_access",
    "/task/submit",
    "/task/release",
    "/task/bulk_submit",
    "/log/info",
    "/logs",
    "/register",
    "/login",
]
BROKEN = {
    "empty": b"",
    "blank": b" \n",
    "scalar": b"5",
    "text": b'"text"',
    "null": b"null",
    "true": b"true",
    "empty list": b"[]",
    "broken": b"{",
    "trailing comma": b'{"alias": "x",}',
    "garbage behind": b'{"alias": "x"} x',
    "two objects": b"{}{}",
    "NaN": b'{"alias": NaN}',
    "Infinity": b'{"unknown": Infinity}',
    "minus Infinity": b'{"unknown": -Infinity}',
    "single quotes": b"{'alias': 'x'}",
    "no UTF-8": b'{"alias": "\xff"}',
    "half a pair": b'{"alias": "\\ud800"}',
    "form": b"alias=x",
    "bytes": bytes(range(256)),
    "deep": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
}


@pytest.mark.parametrize(("path", "kind"), rotated(READERS, list(BROKEN), rounds=3), ids=short)
def test_what_is_no_object_is_refused(tracker: Tracker, path: str, kind: str):
    caller = tracker.admin if path in ("/worker/set_paused", "/project/create") else None
    if path in ("/worker/update", "/task/submit", "/task/release", "/task/bulk_submit"):
        caller = tracker.worker()
    tracker.refused(400, UNREADABLE, "POST", path, caller, data=BROKEN[kind])


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "application/json; charset=latin-1",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "text/plain",
        "text/yaml",
        "application/octet-stream",
        "nonsense",
        "",
    ],
)
def test_a_body_is_json_whatever_it_is_called(tracker: Tracker, content_type: str | None):
    headers = {} if content_type is None else {"Content-Type": content_type}
    body = json.dumps({"alias": "grün"}).encode()
    made = tracker.good("POST", "/worker/create", data=body, headers=headers)["worker"]
    assert made["alias"] == "grün"


@pytest.mark.parametrize("value", ["x", "1", 1.0, 1.5, True, False, [], {}, [1], {"a": 1}])
@pytest.mark.parametrize(
    "field", ["project", "priority", "max_retries", "max_assign_time", "hash64", "hash_u64",
              "verification_count"]
)  # fmt: skip
def test_only_an_integer_is_an_integer(tracker: Tracker, field: str, value: object):
    body = {"project": 1, "recipe": "r", field: value}
    tracker.refused(400, UNREADABLE, "POST", "/task/submit", tracker.worker(), json=body)


@pytest.mark.parametrize("number", ["1e3", "1.0", "1E0", "-0.0", "1e400", "01", "+1", "0x1", "1_0"])
def test_integers_are_plain_digits(tracker: Tracker, number: str):
    body = f'{{"project": {number}, "recipe": "r"}}'
    tracker.refused(400, UNREADABLE, "POST", "/task/submit", tracker.worker(), data=body)


@pytest.mark.parametrize("value", [1, 0, True, 1.5, [], {}])
@pytest.mark.parametrize("field", ["recipe", "unique_string", "unique_str"])
def test_only_text_is_text(tracker: Tracker, field: str, value: object):
    body = {"project": 1, "recipe": "r", field: value}
    tracker.refused(400, UNREADABLE, "POST", "/task/submit", tracker.worker(), json=body)


@pytest.mark.parametrize("value", [1, 0, "true", "", [], 1.0])
@pytest.mark.parametrize("field", ["public", "hidden", "paused"])
def test_only_a_boolean_is_a_boolean(tracker: Tracker, field: str, value: object):
    body = {"name": unique(), field: value}
    tracker.refused(400, UNREADABLE, "POST", "/project/create", tracker.admin, json=body)


@pytest.mark.parametrize("value", ["1", True, False, [], {}])
@pytest.mark.parametrize("field", ["assign_rate", "submit_rate"])
def test_only_a_number_is_a_number(tracker: Tracker, field: str, value: object):
    body = {"name": unique(), field: value}
    tracker.refused(400, UNREADABLE, "POST", "/project/create", tracker.admin, json=body)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64, 10**40, -(10**40)])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/task/submit", "project"),
        ("/task/submit", "max_assign_time"),
        ("/task/release", "task_id"),
        ("/task/release", "result"),
        ("/task/release", "verification"),
        ("/log/info", "timestamp"),
        ("/logs", "since"),
        ("/logs", "level"),
        ("/project/request_access", "project"),
    ],
)
def test_numbers_beyond_their_width(tracker: Tracker, path: str, field: str, value: int):
    body = {"project": 1, "recipe": "r", "task_id": 1, "assign": True, "scope": "s"}
    body |= {"message": "m", "timestamp": 1, "since": 1, field: value}
    tracker.refused(400, UNREADABLE, "POST", path, tracker.worker(), data=json.dumps(body))


def test_null_is_as_good_as_nothing(tracker: Tracker):
    project = tracker.project(
        chain=None, priority=None, clone_url=None, hidden=None, assign_rate=None, paused=None
    )
    worker = tracker.member(project)
    names = ("priority", "max_retries", "max_assign_time", "hash64", "hash_u64", "unique_string")
    names += ("unique_str", "verification_count")
    for recipe in "ab":
        tracker.submit(worker, project, recipe, **dict.fromkeys(names))
    assert tracker.drain(worker, project) == ["a", "b"]
    assert tracker.post("/worker/create", alias=None)["worker"]["alias"] == "default_alias"


def test_unknown_fields_are_ignored(tracker: Tracker):
    worker = tracker.worker()
    tracker.post("/log/info", worker, scope="s", message="m", timestamp=1, level="info", x=[1])
    tracker.post("/worker/create", alias="x", id="y", **{"": 1, "ünknown": None})


@pytest.mark.parametrize("name", ["alias", "Alias", "ALIAS", "aLiAs"])
def test_names_match_in_any_case(tracker: Tracker, name: str):
    assert tracker.post("/worker/create", **{name: "found"})["worker"]["alias"] == "found"


def test_the_go_client_writes_message_large(tracker: Tracker):
    worker = tracker.worker()
    tracker.post("/log/warn", worker, Scope="s", Message="m", Timestamp=5)


@pytest.mark.parametrize("path", ROUTES)
def test_a_known_path_refuses_other_methods(tracker: Tracker, path: str):
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - ROUTES[path]:
        answer = tracker.session.request(method, f"{tracker.yard.url}{path}", timeout=60)
        assert answer.status_code == 405, (method, path)
        assert answer.json()["ok"] is False
        assert answer.json()["message"]
        assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ROUTES)
def test_a_path_is_exact(tracker: Tracker, path: str):
    for method in ROUTES[path]:
        for tail in ("/", "/x/y/z"):
            answer = tracker.ask(method, path + tail, tracker.admin)
            assert answer.status_code == 404, (method, path + tail)


@pytest.mark.parametrize(
    "path", ["/worker", "/task", "/task/x", "/log", "/log/debug", "/log/fatal", "/project/nope/1",
             "/manager", "/git", "/logs/x", "/worker/get", "/task/nope", "/project/get"]
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_an_unknown_path(tracker: Tracker, method: str, path: str):
    answer = tracker.ask(method, path, json={})
    assert answer.status_code == 404


def test_a_path_of_nobody_is_not_found_in_an_envelope_too(tracker: Tracker):
    answer = tracker.session.get(f"{tracker.yard.url}/nobodys/path", timeout=60)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json()["message"]


@pytest.mark.parametrize("path", [*ROUTES, "/task/unknown", "/worker"])
@pytest.mark.parametrize("origin", [None, "https://elsewhere.example"])
def test_options(tracker: Tracker, path: str, origin: str | None):
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"} if origin else {}
    answer = tracker.session.options(f"{tracker.yard.url}{path}", headers=headers, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type, X-Worker-ID, X-Secret"
    assert "Access-Control-Allow-Credentials" not in answer.headers


LARGEST = 4 << 20


def padded(size: int) -> bytes:
    head = b'{"alias": "x", "pad": "'
    return head + b"y" * (size - len(head) - 2) + b'"}'


@pytest.mark.parametrize("chunked", [False, True])
def test_the_largest_body(tracker: Tracker, chunked: bool):
    def answer(size: int):
        body = padded(size)
        assert len(body) == size
        pieces = (body[at : at + 65_536] for at in range(0, size, 65_536))
        return tracker.ask("POST", "/worker/create", data=pieces if chunked else body)

    assert answer(LARGEST).status_code == 200
    assert answer(LARGEST + 1).status_code == 413
    assert answer(LARGEST + 100_000).status_code == 413


@pytest.mark.parametrize("path", ["/task/bulk_submit", "/git/receivehook", "/register", "/logs"])
def test_a_body_too_large_is_refused_on_every_route(tracker: Tracker, path: str):
    answer = tracker.ask("POST", path, tracker.worker(), data=b" " * (LARGEST + 1))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "length",
    ["-1", "x", "99999999999999999999", "4194305"],
    ids=["negative", "word", "huge", "over"],
)
def test_a_length_that_makes_no_sense(tracker: Tracker, length: str):
    address = tracker.yard.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.putrequest("POST", "/worker/create")
    connection.putheader("Content-Length", length)
    connection.endheaders()
    assert connection.getresponse().status in (400, 413)
    connection.close()


def test_the_root_names_the_tracker(tracker: Tracker):
    answer = tracker.session.get(f"{tracker.yard.url}/", timeout=60)
    assert answer.status_code == 200
    found = answer.json()
    assert found["ok"] is True
    assert found["content"] == {"name": "task_tracker", "version": "1.1"}
    assert found["server"]["name"] == "jobyard"


@pytest.mark.parametrize("word", ["%00", "%ff", "..%2f..", "'; DROP TABLE task", "ü", "1%00", "1.0",
                                  " 1", "1 ", "0x1", "1e1", "٣", "-1", "0", "", "9" * 30])  # fmt: skip
@pytest.mark.parametrize(
    "path", ["/project/get/{}", "/worker/get/{}", "/project/monitoring/{}?count=1",
             "/project/assignees/{}"]
)  # fmt: skip
def test_odd_ids(tracker: Tracker, path: str, word: str):
    answer = tracker.ask("GET", path.format(word))
    assert answer.status_code in (400, 404), answer.text
    if word and "%2f" not in word:
        message = answer.json()["message"]
        assert message.startswith(("Invalid", "Worker not found", "Project not found")), message
