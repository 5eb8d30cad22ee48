"""What the HTTP routes take and refuse."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.manticore.client import WANTED

JSON = {"Content-Type": "application/json"}
BODIED = [("POST", "/api/v2/job"), ("DELETE", "/api/v2/job"), ("POST", "/api/v2/info")]
GOOD_IDS = [3, 0, -7, "3", "a", "A-b-9", "-", "x" * 128, 10**60]
BAD_IDS = [
    None, True, False, 1.5, 3.0, [], ["a"], {}, {"a": 1}, "", "a b", "a/b", "a_b", "a.b", "a\n",
    "\n", " a", "é", "٣", "²", "\uff41", "\u0000", "\ud800", "a" * 129, 10**200, "a" * 100_000,
    "internal-health-check",
]  # fmt: skip
NOT_OBJECTS = [b"", b" ", b"{", b"null", b"5", b"[]", b'"x"', b"\xff", b"[" * 100_000, b"{} {}",
               b"id=3", b"9" * 5000]  # fmt: skip
WRONG = [None, 5, True, [], {}, "", "4.5.1 ", "4.5", ["4.5.1"], {"version": "4.5.1"}, "\ud800"]


def refused(answer, status=400):
    assert answer.status == status, answer.body
    assert answer.headers["content-type"].startswith("application/json")
    assert set(answer.json) == {"error"}
    assert isinstance(answer.json["error"], str)
    assert 0 < len(answer.json["error"]) < 400
    return True


def test_options_are_what_the_job_type_has(manticore):
    answer = manticore.server.get("/api/v2/job")
    assert answer.status == 200
    assert answer.json == {
        "core": {"versions": ["4.5.1", "5.0.0"], "builds": ["default", "debug"]},
        "hmis": [
            {"type": "generic", "versions": ["minimal", "full"]},
            {"type": "web", "versions": ["0.1"]},
        ],
    }


@pytest.mark.parametrize("user", GOOD_IDS, ids=lambda user: str(user)[:12])
def test_good_ids(manticore, user):
    first = manticore.ask(user)
    assert first.status == 200
    assert set(first.json) == {"path", "protocol", "passcode"}
    assert (first.json["path"], first.json["protocol"]) == ("/api/v2/job/", "ws")
    passcode = first.json["passcode"]
    assert len(passcode) == 16
    assert passcode.isascii()
    assert passcode.isalnum()
    assert manticore.ask(str(user)).json == first.json
    assert manticore.server.post("/api/v2/info", {"id": user}).json == first.json
    assert manticore.leave(user).body == b"OK"
    assert manticore.server.post("/api/v2/info", {"id": user}).status == 400
    assert manticore.ask(user).json["passcode"] != passcode


@pytest.mark.parametrize("route", BODIED, ids=" ".join)
@pytest.mark.parametrize("user", BAD_IDS, ids=lambda user: repr(user)[:12])
def test_bad_ids(manticore, route, user):
    body = json.dumps({"id": user, "core": 5})
    assert refused(manticore.server.request(*route, body, JSON))


@pytest.mark.parametrize("route", BODIED, ids=" ".join)
@pytest.mark.parametrize("body", NOT_OBJECTS, ids=lambda body: repr(body[:8]))
def test_bodies_that_are_no_object(manticore, route, body):
    assert refused(manticore.server.request(*route, body, JSON))


@pytest.mark.parametrize("route", BODIED, ids=" ".join)
def test_bodies_that_are_too_long(manticore, route):
    body = json.dumps({"id": "a", **WANTED, "more": "x" * (1 << 20)})
    assert refused(manticore.server.request(*route, body, JSON), 413)
    assert manticore.ask("a").status == 200


@pytest.mark.parametrize("part", ["core", "hmi", "core.version", "core.build", "hmi.type",
                                  "hmi.version"])  # fmt: skip
@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value)[:12])
def test_wrong_choices_change_nothing(manticore, part, value):
    kept = manticore.ask("a").json
    for user in ("a", "b"):
        wanted = json.loads(json.dumps(WANTED))
        name, _, key = part.partition(".")
        if key:
            wanted[name][key] = value
        else:
            wanted[name] = value
        answer = manticore.server.post("/api/v2/job", {"id": user, **wanted})
        assert refused(answer)
        assert name in answer.json["error"]
    assert manticore.server.post("/api/v2/info", {"id": "a"}).json == kept
    assert manticore.server.post("/api/v2/info", {"id": "b"}).status == 400


def test_the_first_fault_is_told(manticore):
    body = {"id": "a", "core": {"version": "?", "build": "?"}, "hmi": {"type": "?", "version": "?"}}
    order = [("core", "version", "4.5.1"), ("core", "build", "default"), ("hmi", "type", "web"),
             ("hmi", "version", "0.1")]  # fmt: skip
    for name, key, right in order:
        assert f"{name}.{key}" in manticore.server.post("/api/v2/job", body).json["error"]
        body[name][key] = right
    assert manticore.server.post("/api/v2/job", body).status == 200


def test_other_fields_are_dropped(manticore):
    wanted = {"core": {**WANTED["core"], "x": 1}, "hmi": {**WANTED["hmi"], "y": [2]}, "z": {}}
    assert manticore.server.post("/api/v2/job", {"id": "a", **wanted}).status == 200
    [entry] = manticore.engine.waiting.entries("manticore")
    assert manticore.engine.jobs.get(entry.job_id).spec == WANTED


def test_many_requests_of_one_user_at_once_are_one(manticore):
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: manticore.ask("a"), range(60)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json["passcode"] for answer in answers}) == 1
    assert len(manticore.engine.waiting.entries("manticore")) == 1


def test_many_users_at_once_leave_positions_without_gaps(manticore):
    def some(number):
        user = f"u{number}"
        assert manticore.ask(user).status == 200
        if number % 3 == 0:
            assert manticore.leave(user).status == 200

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(some, range(60)))
    entries = manticore.engine.waiting.entries("manticore")
    assert [entry.position for entry in entries] == list(range(40))


def test_who_leaves_and_asks_again_is_last(manticore):
    for user in ("a", "b", "c"):
        manticore.passcode(user)
    manticore.leave("b")
    last = manticore.open(manticore.passcode("b"))
    last.until("position", position=2, wait=True)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/api/v2/job"), ("PATCH", "/api/v2/job"), ("GET", "/api/v2/info"),
     ("GET", "/api/v2/job/abc"), ("GET", "/api/v2/job/"), ("POST", "/api/v2/job/abc"),
     ("GET", "/api/v2/job/a/b"), ("GET", "/api/v2/info/x")],
)  # fmt: skip
def test_unknown_paths_and_methods(manticore, method, path):
    answer = manticore.server.request(method, path)
    assert answer.status in (400, 404, 405)
    assert set(answer.json) == {"error"}


@pytest.mark.parametrize("path", ["/api/v2/job", "/api/v2/info", "/api/v2/job/none", "/health"])
@pytest.mark.parametrize("origin", [None, "http://there.example"])
def test_any_origin_may_read(manticore, path, origin):
    headers = {"Origin": origin} if origin else {}
    for method in ("GET", "DELETE", "POST"):
        answer = manticore.server.request(method, path, headers=headers)
        assert answer.headers["access-control-allow-origin"] == (origin or "*")
        methods = answer.headers["access-control-allow-methods"].replace(" ", "")
        assert methods == "GET,HEAD,PUT,POST,DELETE"
    asks = {**headers, "Access-Control-Request-Headers": "X-A, X-B",
            "Access-Control-Request-Method": "DELETE"}  # fmt: skip
    preflight = manticore.server.request("OPTIONS", path, headers=asks)
    assert preflight.status in (200, 204)
    assert preflight.headers["access-control-allow-headers"] == "X-A, X-B"
    assert manticore.server.request("OPTIONS", path, headers=headers).status in (200, 204)
