"""What a submit route makes of the bytes it is sent."""

import json
from itertools import pairwise

import pytest

YAML = "name: y\ntasks: [{name: t}]\n"
JSON = json.dumps({"name": "j", "tasks": [{"name": "t"}]})
DEEP = "[" * 50_000
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n" for old, new in pairwise("abcdefgh")
)
HOSTILE = {
    "empty": b"",
    "scalar": b"42",
    "list": b"[]",
    "null": b"null",
    "no UTF-8": b"name: \xff\xfe\x00",
    "NUL": b'{"name": "a\\u0000b", "tasks": [{"name": "t"}]}',
    "lone surrogate": b'{"name": "\\ud800", "tasks": [{"name": "t"}]}',
    "deep": DEEP.encode(),
    "deep mapping": ('{"a":' * 20_000).encode(),
    "bomb": BOMB.encode(),
    "tag": b"!!python/object/apply:os.system ['true']",
    "huge number": b'{"name": "n", "tasks": [{"name": "t", "priority": ' + b"9" * 9000 + b"}]}",
    "NaN": b'{"name": "n", "tasks": [{"name": "t", "priority": NaN}]}',
    "unknown key": b'{"name": "n", "tasks": [{"name": "t"}], "nope": 1}',
    "schedule": b'{"name": "n", "tasks": [{"name": "t"}], "schedule": {"cron": "* * * * *"}}',
    "bad expression": b'{"name": "n", "tasks": [{"name": "t", "if": "{{ 1 + }}"}]}',
    "long expression": b'{"name": "n", "tasks": [{"name": "t", "if": "' + b"1+" * 9000 + b'1"}]}',
    "bad queue": b'{"name": "n", "tasks": [{"name": "t", "queue": "x-1"}]}',
    "nobody": b'{"name": "n", "tasks": [{"name": "t"}], "permissions": [{"user": "mallory"}]}',
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/yaml", YAML),
        ("application/x-yaml", YAML),
        ("application/yaml", YAML),
        ("text/x-yaml; charset=utf-8", YAML),
        ("application/json", JSON),
        ("Application/JSON; charset=UTF-8", JSON),
    ],
)
def test_body_is_read_by_its_type(server, kind, body):
    assert server.post("/jobs", body, kind=kind).status == 200
    scheduled = server.post("/scheduled-jobs", body, kind=kind)
    assert scheduled.status == 400
    assert scheduled.json["message"].startswith("schedule")


@pytest.mark.parametrize("path", ["/jobs", "/scheduled-jobs"])
def test_body_without_a_known_type_is_refused(server, path):
    missing = server.request("POST", path, JSON)
    assert (missing.status, missing.json) == (400, {"message": "missing content type"})
    strange = server.post(path, JSON, kind="text/plain; x=1")
    message = "unknown content type: text/plain; x=1"
    assert (strange.status, strange.json) == (400, {"message": message})


@pytest.mark.parametrize("path", ["/jobs", "/scheduled-jobs"])
@pytest.mark.parametrize("kind", ["text/yaml", "application/json"])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_body_is_bad_input_and_nothing_else(server, path, kind, body):
    if path == "/scheduled-jobs" and b"schedule" in body:
        body = body.replace(b"* * * * *", b"* * * *")
    answer = server.post(path, body, kind=kind)
    assert answer.status == 400
    assert answer.json.keys() == {"message"}
    assert answer.json["message"]


def test_messages_begin_with_the_path_of_the_key(server):
    body = {"name": "n", "tasks": [{"name": "t"}, {"name": "u", "retry": {"limit": 11}}]}
    message = server.post("/jobs", body).json["message"]
    assert message.startswith("tasks[1].retry.limit: ")


def test_schedule_on_the_wrong_route_is_told_the_right_one(server):
    body = {"name": "n", "tasks": [{"name": "t"}], "schedule": {"cron": "@daily"}}
    assert "/scheduled-jobs" in server.post("/jobs", body).json["message"]


def test_too_large_body_is_refused_and_one_that_just_fits_is_read(server):
    limit = 500 * 1024
    frame = {"name": "n", "description": "", "tasks": [{"name": "t"}]}
    room = limit - len(json.dumps(frame))
    fits = server.post("/jobs", {**frame, "description": "d" * room})
    assert fits.status == 200
    over = server.post("/jobs", {**frame, "description": "d" * (room + 1)})
    assert (over.status, over.json) == (413, {"message": "Request Entity Too Large"})


def test_too_large_body_without_a_length_is_refused(server):
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = (
        b"POST /jobs HTTP/1.1\r\nHost: h\r\nContent-Type: text/yaml\r\nConnection: close\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    received = server.raw(head + chunk * 10 + b"0\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 413 ")
    assert b'{"message":"Request Entity Too Large"}' in received


def test_limit_of_the_body_is_a_setting(servers):
    small = servers.inside("[tork]\nmiddleware.web.bodylimit = '1K'\n")
    body = {"name": "n", "description": "d" * 1024, "tasks": [{"name": "t"}]}
    assert small.post("/jobs", body).status == 413
    assert small.post("/jobs", {**body, "description": "d"}).status == 200
