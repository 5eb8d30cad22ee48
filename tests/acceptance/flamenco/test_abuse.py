"""Strangers: wrong types everywhere, endless numbers, broken archives, workers that lie."""

import http.client
import io
import json
import random
import socket
import struct
import zipfile

import pytest

from tests.acceptance.flamenco.client import (
    NEVER,
    PRINT,
    RENDER,
    SHOT,
    Flamenco,
    number,
    unique,
    unzipped,
    urgent,
    zipped,
)
from tests.rotation import rotated, short

ODD = [
    None, True, False, 0, -1, 1.5, -0.0, 1e308, 2**31, 2**53, 2**63, 2**64, 10**400, -(10**400), "", " ",
    "x", "\0", "a\0b", "\ud800", "x\udfff", "ü", "\U0010ffff", "\u202e", "' OR 1=1 --", "%s%n", "{{7*7}}",
    "$(reboot)", "../../etc/passwd", "x" * 70_000, [], [[]], [None], {}, {"a": {"b": []}}, [[[[[[1]]]]]],
    {"\ud800": 1}, {"": None}, list(range(-2000, 0)), "9" * 5000, "-", "NaN", "1e400", "true", "null",
]  # fmt: skip
FIELDS = {
    ("POST", "/tasks"): ["type", "settings", "priority", "parser", "task_id", "job_id", "name", "child_id",
                         "depends_on", "jobfile"],
    ("PATCH", "/tasks/{task}"): ["status", "log", "log_append", "activity", "time_cost", "frame_current",
                                 "priority", "worker_id", "job_id", "task_id", "taskfile"],
    ("DELETE", "/tasks"): ["tasks"],
    ("POST", "/workers"): ["hostname", "system", "port", "mac_address", "update_frequent",
                           "update_less_frequent"],
    ("PATCH", "/workers/{worker}"): ["status", "activity", "log", "time_cost", "mac_address",
                                     "update_frequent", "update_less_frequent"],
    ("PATCH", "/workers/status/{worker}"): ["status"],
    ("PATCH", "/settings/odd"): ["value"],
    ("POST", "/settings"): ["odd", "worker_timeout", "simple_blender_render"],
    ("POST", "/tasks/thumbnails"): ["task_id", "file"],
}  # fmt: skip
CASES = [(*route, name) for route, names in FIELDS.items() for name in names]


@pytest.fixture(scope="module")
def made(flamenco: Flamenco) -> dict[str, int]:
    return {"task": flamenco.task(priority=-1), "worker": flamenco.worker().id}


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_any_value_in_any_field(flamenco: Flamenco, made, case):
    """Whatever comes, it is taken or refused in the form, and the server lives on."""
    method, path, name = case
    good = {"type": PRINT, "settings": {"text": "a"}, "hostname": unique("odd")}
    # A third of them, others in each field.
    for value in ODD[CASES.index(case) % 3 :: 3]:
        body = {**good, name: value} if method == "POST" and "sett" not in path else {name: value}
        if (path, name) == ("/settings", "worker_timeout") and value in (2**31, 2**53):
            continue  # a good one, which others would feel
        if name in ("worker_timeout", "simple_blender_render") and isinstance(value, dict):
            continue
        if (path, name) == ("/tasks", "job_id") and value == 2**53:
            continue  # has a test of its own
        if name == "priority" and value in (2**31, 2**53):
            continue  # more urgent than what others want handed out
        data = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        answer = flamenco.ask(method, path.format(**made), data=data, headers=headers)
        assert answer.status_code in (200, 202, 204, 400, 403, 404, 409), (value, answer.text)
        if answer.status_code == 202 and method == "POST":
            flamenco.long(answer.json()["id"])
    assert flamenco.ask("GET", "/tasks?limit=1").status_code == 200
    flamenco.workers()
    flamenco.good("GET", "/settings")


TEXTS = [case for case in CASES if case[2] in ("name", "hostname", "system", "activity", "value")]


@pytest.mark.parametrize("case", TEXTS, ids=" ".join)
def test_half_a_pair_is_no_text(flamenco: Flamenco, made, case):
    method, path, name = case
    good = (
        {"type": PRINT, "settings": {"text": "a"}, "hostname": unique("odd")}
        if method == "POST"
        else {}
    )
    for value in ("\ud800", "x\udfff", "\udc00\ud800"):
        data = json.dumps({**good, name: value}).encode()
        headers = {"Content-Type": "application/json"}
        answer = flamenco.ask(method, path.format(**made), data=data, headers=headers)
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("text", ["a\0b\n", "a\ud800b\n", "\udfff\ud800"])
def test_no_text_in_a_log_does_no_harm(flamenco: Flamenco, text: str):
    """A renderer prints what it likes, and whoever refuses its log ends it."""
    task, worker = flamenco.rendering()
    headers = {"Content-Type": "application/json"}
    for name in ("log", "log_append"):
        data = json.dumps({"worker_id": worker.id, "status": "running", name: text}).encode()
        answer = flamenco.ask("PATCH", f"/tasks/{task}", data=data, headers=headers)
        assert answer.status_code in (204, 400)
    flamenco.log(task)
    flamenco.long(task)
    flamenco.info(worker)
    flamenco.report(task, worker, "finished")


@pytest.mark.parametrize(
    ("name", "value"),
    rotated(["text", "filepath", "format", "command_name", "x"], ODD, rounds=2),
    ids=short,
)
def test_any_value_in_a_setting(flamenco: Flamenco, name: str, value):
    for kind in (RENDER, PRINT):
        settings = {**SHOT, "text": "a", name: value}
        for given in (settings, json.dumps(settings)):
            data = json.dumps({"type": kind, "settings": given, "priority": -9}).encode()
            headers = {"Content-Type": "application/json"}
            answer = flamenco.ask("POST", "/tasks", data=data, headers=headers)
            assert answer.status_code in (202, 400), answer.text
            if answer.status_code == 202:
                task = answer.json()["id"]
                flamenco.long(task)
                flamenco.compiled(task)


@pytest.mark.parametrize("depth", [50, 500, 5000, 100_000])
def test_deep_settings(flamenco: Flamenco, depth: int):
    deep = '{"text": "a", "x": ' + '{"a":' * depth + "1" + "}" * (depth + 1)
    for data in (
        f'{{"type": "{PRINT}", "settings": {deep}}}',
        json.dumps({"type": PRINT, "settings": deep}),
    ):
        headers = {"Content-Type": "application/json"}
        answer = flamenco.ask("POST", "/tasks", data=data, headers=headers)
        assert answer.status_code in (202, 400)
        if answer.status_code == 202:
            task = answer.json()["id"]
            assert flamenco.ask("GET", f"/tasks/{task}").status_code == 200
            assert flamenco.ask("GET", f"/tasks/compiled/{task}").status_code == 200
            flamenco.delete(task)


# -- forms ---------------------------------------------------------------------------------------

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=b"
BODIES = {
    "no boundary": ("multipart/form-data", b"--b\r\n\r\n--b--"),
    "empty boundary": ("multipart/form-data; boundary=", b"--\r\n\r\n----"),
    "nothing": (PARTS, b""),
    "cut": (PARTS, b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\nprint'),
    "no end": (PARTS, b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\nx\r\n'),
    "no name": (PARTS, b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
    "no header": (PARTS, b"--b\r\n\r\nx\r\n--b--\r\n"),
    "long header": (PARTS, b"--b\r\nX: " + b"y" * 100_000 + b"\r\n\r\nx\r\n--b--\r\n"),
    "many parts": (PARTS, b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\nx\r\n' * 20_000 + b"--b--\r\n"),
    "no UTF-8": (PARTS, b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\n\xff\xfe\r\n--b--\r\n'),
    "odd charset": (PARTS, b'--b\r\nContent-Disposition: form-data; name="type"\r\nContent-Type: text/plain; charset=utf-16\r\n\r\nx\r\n--b--\r\n'),
    "unknown charset": (PARTS, b'--b\r\nContent-Disposition: form-data; name="type"\r\nContent-Type: text/plain; charset=nope\r\n\r\nx\r\n--b--\r\n'),
    "garbage": (PARTS, bytes(range(256)) * 10),
    "form of no UTF-8": (FORM, b"type=%ff%fe&settings=%00"),
    "form of raw bytes": (FORM, b"\xff\xfe=\x80"),
    "form of many": (FORM, b"&".join(b"x%d=1" % n for n in range(20_000))),
    "form of signs": (FORM, b"&&&===%%%&=&;"),
    "form of half a pair": (FORM, b"type=%ED%A0%80&name=%ED%A0%80"),
    "form of nothing": (FORM, b""),
}  # fmt: skip


@pytest.mark.parametrize("kind", BODIES)
def test_odd_forms(flamenco: Flamenco, made, kind: str):
    type_, body = BODIES[kind]
    for method, path in FIELDS:
        answer = flamenco.ask(
            method, path.format(**made), data=body, headers={"Content-Type": type_}
        )
        assert answer.status_code in (200, 202, 204, 400, 413), answer.text
        if method == "POST" and path != "/settings":
            assert answer.status_code in (400, 413)


def test_a_field_given_twice(flamenco: Flamenco, made):
    task = made["task"]
    data = [("priority", "-3"), ("priority", "-4")]
    for options in ({"data": data}, {"params": data}, {"files": [(k, (None, v)) for k, v in data]}):
        answer = flamenco.ask("PATCH", f"/tasks/{task}", **options)
        assert answer.status_code in (204, 400)
    assert flamenco.long(task)["priority"] in (-1, -3, -4)


def test_a_file_where_a_text_belongs(flamenco: Flamenco):
    files = dict.fromkeys(
        ("type", "settings", "priority", "status", "log", "hostname"), ("x.txt", b"5")
    )
    flamenco.refused(400, "POST", "/tasks", files=files)
    flamenco.refused(400, "POST", "/workers", files=files)


def test_a_text_where_a_file_belongs(flamenco: Flamenco):
    job = number()
    body = {"type": PRINT, "settings": '{"text": "a"}', "job_id": job, "jobfile": "PK"}
    for options in (
        {"data": body},
        {"json": body},
        {"files": [(k, (None, str(v))) for k, v in body.items()]},
    ):
        answer = flamenco.ask("POST", "/tasks", **options)
        assert answer.status_code in (202, 400)
        assert flamenco.good("GET", f"/tasks/file/{job}") == {"file": False}


# -- archives --------------------------------------------------------------------------------------


def bomb() -> bytes:
    """Make a small zip that unpacks to 256 MB."""
    into = io.BytesIO()
    with (
        zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zero", "w") as member,
    ):
        for _ in range(256):
            member.write(bytes(1 << 20))
    return into.getvalue()


def climbing() -> bytes:
    """Make a zip whose members want to be elsewhere."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        for name in ("../up", "../../../../tmp/jy-climbed", "/tmp/jy-absolute", "a/../../up", "C:\\x", "..",
                     "..\\up", "\\root", "good", "sub/good"):  # fmt: skip
            archive.writestr(zipfile.ZipInfo(name), name)
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return into.getvalue()


def lying() -> bytes:
    """Make a zip whose directory names a size that is not so."""
    content = bytearray(zipped(a=b"x" * 100))
    place = content.rindex(b"PK\x01\x02")
    content[place + 20 : place + 28] = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)
    return bytes(content)


@pytest.fixture(scope="module")
def archives() -> dict[str, bytes]:
    return {"bomb": bomb(), "climbing": climbing(), "lying": lying()}


@pytest.mark.parametrize("kind", ["bomb", "climbing", "lying"])
def test_an_archive_nobody_wants(flamenco: Flamenco, archives, kind: str):
    content = archives[kind]
    task, worker = flamenco.rendering()
    files = {"taskfile": ("x.zip", content)}
    data = {"worker_id": worker.id, "status": "running"}
    answer = flamenco.ask("PATCH", f"/tasks/{task}", data=data, files=files)
    assert answer.status_code in (204, 400)
    waits = flamenco.task(depends_on=[task])
    if answer.status_code == 204:
        assert flamenco.ask("GET", f"/tasks/{task}/output").content == content
        answer = flamenco.ask("GET", f"/tasks/zip/dep/{waits}", stream=True)
        if answer.status_code == 200 and kind != "bomb":
            for name in unzipped(answer.content):
                assert not name.startswith(("/", "\\", "C:"))
                assert ".." not in name.replace("\\", "/").split("/")
        answer.close()
    flamenco.report(task, worker, "finished")
    job = number()
    body = {"type": PRINT, "settings": '{"text": "a"}', "job_id": job}
    answer = flamenco.ask("POST", "/tasks", data=body, files={"jobfile": ("x.zip", content)})
    assert answer.status_code in (202, 400)
    if answer.status_code == 202:
        assert flamenco.ask("GET", f"/tasks/zip/{job}").content == content


def test_the_good_members_of_a_climbing_archive(flamenco: Flamenco, archives):
    task, worker = flamenco.rendering()
    files = {"taskfile": ("x.zip", archives["climbing"])}
    data = {"worker_id": worker.id, "status": "finished"}
    answer = flamenco.ask("PATCH", f"/tasks/{task}", data=data, files=files)
    if answer.status_code == 204:
        waits = flamenco.task(depends_on=[task])
        found = unzipped(flamenco.ask("GET", f"/tasks/zip/dep/{waits}").content)
        assert (found["good"], found["sub/good"]) == (b"good", b"sub/good")
    else:
        assert answer.status_code == 400


# -- logs ------------------------------------------------------------------------------------------


def test_a_log_of_a_hundred_megabytes(flamenco: Flamenco):
    """It is kept or bounded, and others are served meanwhile."""
    task, worker = flamenco.rendering()
    line = "Fra:7 Mem:1M | Scene | Sample 1/2 and some more of it\n"
    log = line * ((100 << 20) // len(line))
    head = f'{{"worker_id": {worker.id}, "status": "running", "log": '.encode()
    body = head + json.dumps(log).encode() + b"}"
    headers = {"Content-Type": "application/json"}
    answer = flamenco.ask("PATCH", f"/tasks/{task}", data=body, headers=headers, timeout=300)
    assert answer.status_code in (204, 400, 413)
    found = flamenco.log(task, tail=2)
    assert len(found) <= 2 * len(line)
    flamenco.report(task, worker, log_append=line)
    flamenco.delete(task)
    flamenco.workers()


def test_a_log_of_one_endless_line(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, log="Fra:7 | " + "x" * (8 << 20))
    for _ in range(3):
        flamenco.report(task, worker, log_append="y" * 10_000)
    assert flamenco.log(task, tail=1).endswith("y" * 30_000)
    flamenco.delete(task)


# -- wires -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", ["-1", "x", "99999999999999999999", "1.5"])
def test_a_length_that_makes_no_sense(flamenco: Flamenco, length: str):
    connection = http.client.HTTPConnection(flamenco.yard.url.removeprefix("http://"), timeout=90)
    connection.putrequest("POST", "/tasks")
    connection.putheader("Content-Length", length)
    connection.endheaders()
    assert connection.getresponse().status in (400, 413)
    connection.close()


@pytest.mark.parametrize("sent", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("name", ["jobfile", "taskfile", "log"])
def test_an_upload_that_breaks_off(flamenco: Flamenco, name: str, sent: float):
    """Half a body changes nothing."""
    job, mark, (task, worker) = number(), number(), flamenco.rendering()
    content = zipped(a=random.Random(1).randbytes(400_000))
    parts = {"type": PRINT, "settings": '{"text": "a"}', "job_id": str(job), "task_id": str(mark)}
    if name != "jobfile":
        parts = {"worker_id": str(worker.id), "status": "finished"}
    body = b"".join(
        f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in parts.items()
    )
    body += f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n\r\n'.encode()
    body += content + b"\r\n--b--\r\n"
    line = "POST /tasks" if name == "jobfile" else f"PATCH /tasks/{task}"
    head = f"{line} HTTP/1.1\r\nHost: x\r\nContent-Type: {PARTS}\r\nContent-Length: {len(body)}\r\n\r\n"
    host, port = flamenco.yard.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=90) as wire:
        wire.sendall(head.encode() + body[: int(len(body) * sent)])
    flamenco.shows(task, status="rendering", log=None)
    assert flamenco.listed(task_id=mark) == []
    assert flamenco.good("GET", f"/tasks/file/{job}") == {"file": False}
    flamenco.refused(404, "GET", f"/tasks/{task}/output")
    flamenco.report(task, worker, "finished")


# -- workers that lie ------------------------------------------------------------------------------


def test_a_worker_that_claims_what_it_never_got(flamenco: Flamenco):
    task, worker = flamenco.task(priority=urgent()), flamenco.worker()
    for word in ("running", "finished", "failed", "aborted"):
        flamenco.unpatched(403, task, worker_id=worker.id, status=word)
    flamenco.sees(worker, current_task=None, status="enabled")
    assert flamenco.poll(worker) == task
    flamenco.report(task, worker, "finished")


def test_a_worker_that_says_its_task_is_anothers(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    other, second = flamenco.rendering()
    body = {"status": "rendering", "task_id": other, "current_task": other, "id": second.id}
    found = flamenco.good("PATCH", f"/workers/{worker.id}", json=body)
    assert found == {"task_id": task, "status": "rendering"}
    for each, who in ((task, worker), (other, second)):
        flamenco.shows(each, worker_id=who.id)
        flamenco.report(each, who, "finished")


def test_a_worker_that_ends_its_task_twice(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, "failed")
    for word in ("finished", "running", "aborted"):
        flamenco.unpatched(409, task, worker_id=worker.id, status=word)


def test_the_highest_job_number_is_not_the_end(farm: Flamenco):
    """Somebody uses up the numbers: the next task is refused or made, the rest goes on."""
    task = farm.print(job_id=2**53)
    farm.shows(task, job_id=2**53)
    body = {"type": PRINT, "settings": {"text": "a"}}
    answer = farm.ask("POST", "/tasks", json=body)
    assert answer.status_code in (202, 400, 409)
    if answer.status_code == 202:
        assert farm.long(answer.json()["id"])["job_id"] != 2**53
    assert farm.long(farm.print(job_id=5))["job_id"] == 5


def test_unknown_queries_and_headers(flamenco: Flamenco):
    query = {"x": "1", "": "y", "tail": "1", "\0": "\0", "ü": "\U0001f3ac", "a[]": "1"}
    headers = {"Accept": "\xff", "Accept-Encoding": "nope", "Accept-Language": "x" * 5000, "Cookie": "tt=x; =;",
               "If-None-Match": '"x"', "Range": "bytes=0-1", "X-HTTP-Method-Override": "DELETE"}  # fmt: skip
    task = flamenco.task()
    for path in (
        f"/tasks/{task}",
        f"/tasks/{task}/log",
        "/workers",
        "/settings",
        f"/tasks/compiled/{task}",
    ):
        answer = flamenco.ask("GET", path, params=query, headers=headers)
        assert answer.status_code in (200, 206), answer.text
    flamenco.shows(task, status="ready")


@pytest.mark.parametrize(
    "path",
    [
        "/tasks/{task}?worker_id=" + "9" * 5000,
        "/tasks?" + "task_id=1&" * 700,
        "/tasks/" + "1" * 3900,
    ],
)
def test_long_addresses(flamenco: Flamenco, made, path: str):
    answer = flamenco.session.get(f"{flamenco.yard.url}{path.format(**made)}", timeout=90)
    assert answer.status_code in (200, 400, 404, 414, 431)
    assert flamenco.status(made["task"]) == "ready"


def test_nobody_is_deleted(flamenco: Flamenco):
    found = flamenco.good("DELETE", "/tasks", 202, json={"tasks": [NEVER, 0, -5, 2**53]})
    assert found == {"tasks": []}
    found = flamenco.good("DELETE", "/tasks", 202, json={"tasks": list(range(NEVER - 3000, NEVER))})
    assert found == {"tasks": []}
