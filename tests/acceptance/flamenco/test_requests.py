"""Bodies in all their forms, and what is an integer."""

import json

import pytest

from tests.acceptance.flamenco.client import (
    FORMS,
    NEVER,
    PRINT,
    RENDER,
    SHOT,
    Flamenco,
    number,
    sent,
    unique,
    urgent,
    zipped,
)
from tests.rotation import rotated, short

LIMIT = 2**53
TEXT = json.dumps(SHOT)
BROKEN = {
    "scalar": b"5",
    "text": b'"text"',
    "null": b"null",
    "true": b"true",
    "list": b"[]",
    "list of objects": b'[{"type": "print_string"}]',
    "cut": b"{",
    "blank": b"  \n",
    "trailing comma": b'{"status": "enabled",}',
    "garbage behind": b'{"status": "enabled"} x',
    "two objects": b"{}{}",
    "NaN": b'{"unknown": NaN}',
    "Infinity": b'{"unknown": Infinity}',
    "minus Infinity": b'{"unknown": -Infinity}',
    "single quotes": b"{'status': 'enabled'}",
    "no UTF-8": b'{"status": "\xff"}',
    "form": b"status=enabled",
    "all bytes": bytes(range(256)),
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
}
READERS = [
    ("POST", "/tasks"),
    ("PATCH", "/tasks/{task}"),
    ("DELETE", "/tasks"),
    ("POST", "/workers"),
    ("PATCH", "/workers/{worker}"),
    ("PATCH", "/workers/status/{worker}"),
    ("POST", "/settings"),
    ("PATCH", "/settings/some"),
]


@pytest.fixture(scope="module")
def made(flamenco: Flamenco) -> dict[str, int]:
    task, worker = flamenco.rendering()
    return {"task": task, "worker": worker.id}


@pytest.mark.parametrize(("route", "kind"), rotated(READERS, list(BROKEN), rounds=3), ids=short)
def test_what_is_no_object_is_refused(flamenco: Flamenco, made, route, kind):
    method, path = route
    headers = {"Content-Type": "application/json"}
    flamenco.refused(400, method, path.format(**made), data=BROKEN[kind], headers=headers)


@pytest.mark.parametrize(
    "kind",
    ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json;charset=UTF-8"],
)
def test_json_by_any_spelling(flamenco: Flamenco, kind: str):
    body = json.dumps({"type": PRINT, "settings": {"text": "grün"}}, ensure_ascii=False).encode()
    found = flamenco.good("POST", "/tasks", 202, data=body, headers={"Content-Type": kind})
    assert flamenco.long(found["id"])["settings"] == {"text": "grün"}


# -- forms --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_a_task_in_any_form(flamenco: Flamenco, form: str):
    mark, job = number(), number()
    fields = {"type": RENDER, "settings": TEXT, "priority": -7, "task_id": mark, "job_id": job,
              "name": "grün & blau", "parser": "blender_render"}  # fmt: skip
    made = flamenco.good("POST", "/tasks", 202, **sent(form, fields))
    flamenco.shows(
        made["id"], priority=-7, task_id=mark, job_id=job, name="grün & blau", settings=SHOT,
        type=RENDER, parser="blender_render", frame_start=5, frame_end=10,
    )  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_report_in_any_form(flamenco: Flamenco, form: str):
    task, worker = flamenco.rendering()
    log = "Fra:7 Mem:1M | Scene, a=b&c=d + %41 ü\n"
    fields = {"worker_id": worker.id, "status": "running", "log": log, "time_cost": 31}
    flamenco.good("PATCH", f"/tasks/{task}", 204, **sent(form, fields))
    flamenco.shows(task, log=log, time_cost=31, status="rendering", frame_current=7)
    flamenco.good("PATCH", f"/tasks/{task}", 204, **sent(form, {"log_append": "more"}))
    assert flamenco.log(task) == log + "more"
    fields = {"worker_id": worker.id, "status": "finished"}
    flamenco.good("PATCH", f"/tasks/{task}", 204, **sent(form, fields))
    assert flamenco.status(task) == "completed"


@pytest.mark.parametrize("form", FORMS)
def test_a_worker_in_any_form(flamenco: Flamenco, form: str):
    host, often, rarely = unique("host"), {"worker_cpu_percent": 7.0}, {"worker_num_cpus": 16}
    fields = {"hostname": host, "system": "Darwin 14.1.0", "port": 5001, "mac_address": "a:b",
              "update_frequent": json.dumps(often), "update_less_frequent": json.dumps(rarely)}  # fmt: skip
    found = flamenco.good("POST", "/workers", **sent(form, fields))
    assert (found[host]["system"], found[host]["port"]) == ("Darwin 14.1.0", 5001)
    path = f"/workers/{found[host]['id']}"
    shown = flamenco.good("GET", path)
    assert (shown["update_frequent"], shown["update_less_frequent"]) == (often, rarely)
    assert shown["mac_address"] == "a:b"
    fields = {"status": "busy", "activity": "x y", "log": "l\nm", "time_cost": 5}
    found = flamenco.good("PATCH", path, **sent(form, fields))
    assert found == {"task_id": None, "status": "busy"}
    shown = flamenco.good("GET", path)
    assert (shown["activity"], shown["log"], shown["time_cost"]) == ("x y", "l\nm", 5)
    path = f"/workers/status/{shown['id']}"
    assert flamenco.good("PATCH", path, **sent(form, {"status": "disabled"})) == {"task_id": None}


@pytest.mark.parametrize("form", FORMS)
def test_deleting_and_setting_in_any_form(flamenco: Flamenco, form: str):
    task = flamenco.task()
    found = flamenco.good("DELETE", "/tasks", 202, **sent(form, {"tasks": f"{task}"}))
    assert found == {"tasks": [task]}
    name = unique("set")
    found = flamenco.good("PATCH", f"/settings/{name}", **sent(form, {"value": "v w"}))
    assert found == {"value": "v w"}
    assert flamenco.good("GET", f"/settings/{name}") == {"value": "v w"}


@pytest.mark.parametrize("form", ["form", "multipart"])
def test_many_settings_in_a_form(flamenco: Flamenco, form: str):
    one, other = unique("set"), unique("set")
    flamenco.good("POST", "/settings", 204, **sent(form, {one: "1", other: '{"a": [1]}'}))
    shown = flamenco.good("GET", "/settings")
    assert (shown[one], shown[other]) == (1, {"a": [1]})


@pytest.mark.parametrize("form", ["json", "form", "multipart"])
def test_what_the_body_lacks_is_looked_up_in_the_query(flamenco: Flamenco, form: str):
    mark = number()
    options = sent(form, {"type": PRINT, "settings": '{"text": "t"}', "priority": 3})
    query = {"priority": "4", "task_id": str(mark), "name": "from the query"}
    made = flamenco.good("POST", "/tasks", 202, params=query, **options)
    flamenco.shows(made["id"], priority=3, task_id=mark, name="from the query")
    task, worker = flamenco.rendering()
    options = sent(form, {"status": "running", "time_cost": 3})
    query = {"worker_id": str(worker.id), "time_cost": "4"}
    flamenco.good("PATCH", f"/tasks/{task}", 204, params=query, **options)
    flamenco.shows(task, time_cost=3)
    query = {"worker_id": str(NEVER)}
    flamenco.refused(403, "PATCH", f"/tasks/{task}", params=query, **options)


def test_a_null_is_looked_up_in_the_query(flamenco: Flamenco):
    mark = number()
    body = {"type": PRINT, "settings": {"text": "t"}, "task_id": None}
    made = flamenco.good("POST", "/tasks", 202, params={"task_id": mark}, json=body)
    flamenco.shows(made["id"], task_id=mark)


def test_null_is_not_given(flamenco: Flamenco):
    names = ("priority", "parser", "task_id", "job_id", "name", "child_id", "depends_on")
    task = flamenco.task(**dict.fromkeys(names))
    found = flamenco.shows(
        task, priority=50, parser="blender_render", task_id=None, name="5-10", child_id=None,
        depends_on=[], status="ready",
    )  # fmt: skip
    assert found["job_id"] >= 1
    names = ("status", "log", "log_append", "activity", "time_cost", "frame_current", "priority",
             "worker_id", "job_id", "task_id")  # fmt: skip
    flamenco.patch(task, **dict.fromkeys(names))
    assert same_but_times(flamenco.long(task), found)
    worker = flamenco.worker(port=None, mac_address=None, update_frequent=None, system=None)
    flamenco.sees(worker, port=5000, system="", mac_address=None, update_frequent={})
    flamenco.refused(400, "POST", "/workers", blamed="hostname", json={"hostname": None})
    body = dict.fromkeys(("status", "activity", "log", "time_cost", "mac_address"))
    flamenco.refused(400, "PATCH", f"/workers/{worker.id}", json=body)
    flamenco.refused(400, "POST", "/tasks", blamed="type", json={"type": None, "settings": TEXT})
    flamenco.refused(400, "PATCH", "/settings/none", blamed="value", json={"value": None})


def same_but_times(one: dict, other: dict) -> bool:
    return all(
        one[name] == other[name] for name in one if name not in ("updated_at", "last_activity")
    )


def test_unknown_fields_are_ignored(flamenco: Flamenco):
    extra = {"x": [1], "id": 5, "": "y", "ünknown": {"a": {}}, "frame_start": "z", "format": 5}
    task = flamenco.task(**extra)
    flamenco.shows(task, frame_start=5, format="")
    worker = flamenco.worker(**extra, status="disabled", current_task=task)
    flamenco.sees(worker, status="enabled", current_task=None)
    flamenco.patch(task, x=1, name=5, type="other", settings={"a": 1})
    flamenco.shows(task, name="5-10", type=RENDER, settings=SHOT)
    assert flamenco.beat(worker, "enabled", **extra)["status"] == "enabled"
    flamenco.refused(400, "PATCH", f"/workers/{worker.id}", json=extra)


def test_a_form_with_a_file_and_a_query(flamenco: Flamenco):
    mark = number()
    job = {"jobfile": ("../../x.zip", zipped(a="b"), "application/zip")}
    query = {"type": PRINT, "settings": '{"text": "t"}', "task_id": mark}
    made = flamenco.good("POST", "/tasks", 202, params=query, files=job)
    found = flamenco.shows(made["id"], task_id=mark)
    assert flamenco.good("GET", f"/tasks/file/{found['job_id']}") == {"file": True}


# -- integers -----------------------------------------------------------------------------------

NO_INTEGERS = [
    "high", "", " ", "1.5", "1.0", "1e3", "+5", "0x10", "1_0", "--5", "5-", "-", "- 5", "5 5",
    " 5", "5 ", "\n5", "5\n", "٣", "\uff15", "²", "½", "NaN", "inf", "true", "null", "None", "[]", "1,2",
    "5\0", "9" * 400, str(LIMIT + 1), str(-LIMIT - 1), str(2**63), str(2**64), str(-(2**63)),
]  # fmt: skip
NO_JSON_INTEGERS = [
    True, False, 1.5, -0.5, 1e300, [], {}, [5], {"a": 5}, LIMIT + 1, -LIMIT - 1, 2**63, -(2**63) - 1,
    2**64, 10**30, 10**400,
]  # fmt: skip
BODIES = [
    ("POST", "/tasks", "priority"),
    ("POST", "/tasks", "task_id"),
    ("POST", "/tasks", "job_id"),
    ("POST", "/tasks", "child_id"),
    ("PATCH", "/tasks/{task}", "time_cost"),
    ("PATCH", "/tasks/{task}", "frame_current"),
    ("PATCH", "/tasks/{task}", "priority"),
    ("PATCH", "/tasks/{task}", "worker_id"),
    ("POST", "/workers", "port"),
    ("PATCH", "/workers/{worker}", "time_cost"),
]


@pytest.mark.parametrize(("route", "value"), rotated(BODIES, NO_INTEGERS, rounds=3), ids=short)
def test_what_is_no_integer(flamenco: Flamenco, made, route, value):
    method, path, name = route
    fields = {"type": PRINT, "settings": '{"text": "t"}', "hostname": "h", name: value}
    for form in ("json", "form", "query"):
        flamenco.refused(400, method, path.format(**made), blamed=name, **sent(form, fields))


@pytest.mark.parametrize(("route", "value"), rotated(BODIES, NO_JSON_INTEGERS, rounds=3), ids=short)
def test_what_is_no_integer_in_json(flamenco: Flamenco, made, route, value):
    method, path, name = route
    fields = {"type": PRINT, "settings": '{"text": "t"}', "hostname": "h", name: value}
    flamenco.refused(400, method, path.format(**made), blamed=name, json=fields)


@pytest.mark.parametrize(
    ("route", "text"),
    rotated(BODIES, ["1e400", "-1e400", "1.0", "5e0", "-0.0"], rounds=2),
    ids=short,
)
def test_a_json_number_that_is_no_integer(flamenco: Flamenco, made, route, text):
    method, path, name = route
    body = (
        f'{{"type": "print_string", "settings": {{"text": ""}}, "hostname": "h", "{name}": {text}}}'
    )
    headers = {"Content-Type": "application/json"}
    flamenco.refused(400, method, path.format(**made), data=body, headers=headers)


@pytest.mark.parametrize("value", [0, 1, -1, LIMIT, -LIMIT, 2**31, -(2**31) - 1])
@pytest.mark.parametrize("form", [int, str])
def test_the_widest_integers(flamenco: Flamenco, value: int, form: type):
    task = flamenco.task(priority=form(value), task_id=form(value))
    assert flamenco.shows(task, priority=value, task_id=value)["id"] == task
    flamenco.patch(task, priority=50)
    flamenco.patch(task, priority=form(value))
    flamenco.shows(task, priority=value)
    assert task in [each["id"] for each in flamenco.listed(task_id=value)]
    flamenco.delete(task)


@pytest.mark.parametrize("text", ["5", "-5", "0", "-0", "00", "007"])
def test_digits_are_an_integer(flamenco: Flamenco, text: str):
    task = flamenco.task(priority=text)
    flamenco.shows(task, priority=int(text))


NUMBERED = [
    ("GET", "/tasks/{}"), ("PATCH", "/tasks/{}"), ("DELETE", "/tasks/{}"), ("GET", "/tasks/{}/log"),
    ("GET", "/tasks/compiled/{}"), ("GET", "/tasks/zip/{}"), ("GET", "/tasks/zip/sup/{}"),
    ("GET", "/tasks/zip/dep/{}"), ("GET", "/tasks/{}/output"), ("GET", "/tasks/{}/thumbnail"),
    ("GET", "/workers/{}"), ("PATCH", "/workers/{}"), ("DELETE", "/workers/{}"),
    ("PATCH", "/workers/status/{}"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("route", "value"),
    rotated(NUMBERED, [LIMIT + 1, 2**63, 2**64, 10**30, 10**100], rounds=2),
    ids=short,
)
def test_a_path_of_a_huge_number_is_unknown(flamenco: Flamenco, route, value):
    method, path = route
    word = "ready" if path.startswith("/tasks") else "enabled"
    flamenco.refused(404, method, path.format(value), json={"status": word})


def test_a_huge_job_has_no_file(flamenco: Flamenco):
    for value in (LIMIT + 1, 2**64, 10**40):
        answer = flamenco.ask("GET", f"/tasks/file/{value}")
        assert answer.status_code in (200, 404)
        if answer.status_code == 200:
            assert answer.json() == {"file": False}


def test_a_priority_in_text_orders_as_a_number(farm: Flamenco):
    low = farm.task(priority="9")
    high = farm.task(priority="10")
    lowest = farm.task(priority="-100")
    workers = [farm.worker() for _ in range(3)]
    assert [farm.poll(worker) for worker in workers] == [high, low, lowest]


def test_a_body_of_another_kind_holds_no_fields(flamenco: Flamenco):
    for kind in ("text/plain", "application/octet-stream", "text/xml", "nonsense"):
        headers = {"Content-Type": kind}
        answer = flamenco.ask("POST", "/tasks", data=b"hello", headers=headers)
        assert answer.status_code == 400
    task = flamenco.task(priority=urgent())
    flamenco.good("PATCH", f"/tasks/{task}", 204, params={"priority": 1})
    flamenco.shows(task, priority=1)
