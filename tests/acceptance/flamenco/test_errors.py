"""Every refusal has one form, names the field, and stores nothing."""

import pytest

from tests.acceptance.flamenco.client import (
    DISABLED,
    NEVER,
    PRINT,
    RENDER,
    SHOT,
    UNREGISTERED,
    Flamenco,
    Worker,
    number,
    unique,
)

NOBODY = Worker(NEVER, "nobody")
TASK = {"type": RENDER, "settings": SHOT}
LOWER = "frame_end must not be lower than frame_start"


def test_the_example(flamenco: Flamenco):
    settings = {**SHOT, "frame_end": 4}
    found = flamenco.refused(400, "POST", "/tasks", json={**TASK, "settings": settings})
    assert found == {"code": 400, "message": LOWER, "errors": {"settings": LOWER}}


BAD = {
    "no type": ("POST", "/tasks", {"settings": SHOT}, "type"),
    "unknown type": ("POST", "/tasks", {**TASK, "type": "nope"}, "type"),
    "empty type": ("POST", "/tasks", {**TASK, "type": ""}, "type"),
    "number as type": ("POST", "/tasks", {**TASK, "type": 5}, "type"),
    "list as type": ("POST", "/tasks", {**TASK, "type": [RENDER]}, "type"),
    "type in capitals": ("POST", "/tasks", {**TASK, "type": RENDER.upper()}, "type"),
    "settings: no JSON": ("POST", "/tasks", {**TASK, "settings": "{"}, "settings"),
    "settings: list": ("POST", "/tasks", {**TASK, "settings": []}, "settings"),
    "settings: text of a list": ("POST", "/tasks", {**TASK, "settings": "[]"}, "settings"),
    "settings: text of a number": ("POST", "/tasks", {**TASK, "settings": "5"}, "settings"),
    "settings: number": ("POST", "/tasks", {**TASK, "settings": 5}, "settings"),
    "settings: boolean": ("POST", "/tasks", {**TASK, "settings": True}, "settings"),
    "no settings": ("POST", "/tasks", {"type": RENDER}, "settings"),
    "word as priority": ("POST", "/tasks", {**TASK, "priority": "high"}, "priority"),
    "unknown parser": ("POST", "/tasks", {**TASK, "parser": "nope"}, "parser"),
    "number as parser": ("POST", "/tasks", {**TASK, "parser": 5}, "parser"),
    "number as name": ("POST", "/tasks", {**TASK, "name": 5}, "name"),
    "list as name": ("POST", "/tasks", {**TASK, "name": ["x"]}, "name"),
    "job of no number": ("POST", "/tasks", {**TASK, "job_id": "x"}, "job_id"),
    "job 0": ("POST", "/tasks", {**TASK, "job_id": 0}, "job_id"),
    "job -1": ("POST", "/tasks", {**TASK, "job_id": "-1"}, "job_id"),
    "unknown child": ("POST", "/tasks", {**TASK, "child_id": NEVER}, "child_id"),
    "child 0": ("POST", "/tasks", {**TASK, "child_id": 0}, "child_id"),
    "child -1": ("POST", "/tasks", {**TASK, "child_id": -1}, "child_id"),
    "unknown dependency": ("POST", "/tasks", {**TASK, "depends_on": [NEVER]}, "depends_on"),
    "dependency of text": ("POST", "/tasks", {**TASK, "depends_on": "x"}, "depends_on"),
    "unknown in a text": ("POST", "/tasks", {**TASK, "depends_on": f"{NEVER}"}, "depends_on"),
    "dependencies: number": ("POST", "/tasks", {**TASK, "depends_on": 1.5}, "depends_on"),
    "dependencies: object": ("POST", "/tasks", {**TASK, "depends_on": {"a": 1}}, "depends_on"),
    "dependencies: nested": ("POST", "/tasks", {**TASK, "depends_on": [[1]]}, "depends_on"),
    "dependencies: boolean": ("POST", "/tasks", {**TASK, "depends_on": [True]}, "depends_on"),
    "dependencies: null": ("POST", "/tasks", {**TASK, "depends_on": [None]}, "depends_on"),
    "unknown state": ("PATCH", "/tasks/{task}", {"status": "done"}, "status"),
    "state in capitals": ("PATCH", "/tasks/{task}", {"status": "Ready"}, "status"),
    "state with a blank": ("PATCH", "/tasks/{task}", {"status": "ready "}, "status"),
    "empty state": ("PATCH", "/tasks/{task}", {"status": ""}, "status"),
    "number as state": ("PATCH", "/tasks/{task}", {"status": 1}, "status"),
    "list as state": ("PATCH", "/tasks/{task}", {"status": ["ready"]}, "status"),
    "number as log": ("PATCH", "/tasks/{task}", {"log": 5}, "log"),
    "list as log": ("PATCH", "/tasks/{task}", {"log": ["a"]}, "log"),
    "number as log_append": ("PATCH", "/tasks/{task}", {"log_append": 5}, "log_append"),
    "both logs": ("PATCH", "/tasks/{task}", {"log": "a", "log_append": "b"}, None),
    "both logs, empty": ("PATCH", "/tasks/{task}", {"log": "", "log_append": ""}, None),
    "number as activity": ("PATCH", "/tasks/{task}", {"activity": 5}, "activity"),
    "list as activity": ("PATCH", "/tasks/{task}", {"activity": ["a"]}, "activity"),
    "negative cost": ("PATCH", "/tasks/{task}", {"time_cost": -1}, "time_cost"),
    "negative cost in text": ("PATCH", "/tasks/{task}", {"time_cost": "-1"}, "time_cost"),
    "frame below": ("PATCH", "/tasks/{task}", {"frame_current": 4}, "frame_current"),
    "frame above": ("PATCH", "/tasks/{task}", {"frame_current": 11}, "frame_current"),
    "frame of a task without": ("PATCH", "/tasks/{print}", {"frame_current": 1}, "frame_current"),
    "no tasks": ("DELETE", "/tasks", {}, "tasks"),
    "tasks: word": ("DELETE", "/tasks", {"tasks": "x"}, "tasks"),
    "tasks: word in a list": ("DELETE", "/tasks", {"tasks": [1, "x"]}, "tasks"),
    "tasks: nested": ("DELETE", "/tasks", {"tasks": [[1]]}, "tasks"),
    "tasks: float": ("DELETE", "/tasks", {"tasks": [1.5]}, "tasks"),
    "tasks: boolean": ("DELETE", "/tasks", {"tasks": [True]}, "tasks"),
    "tasks: object": ("DELETE", "/tasks", {"tasks": {"a": 1}}, "tasks"),
    "no hostname": ("POST", "/workers", {}, "hostname"),
    "empty hostname": ("POST", "/workers", {"hostname": ""}, "hostname"),
    "long hostname": ("POST", "/workers", {"hostname": "x" * 256}, "hostname"),
    "number as hostname": ("POST", "/workers", {"hostname": 5}, "hostname"),
    "list as hostname": ("POST", "/workers", {"hostname": ["x"]}, "hostname"),
    "number as system": ("POST", "/workers", {"hostname": "h", "system": 5}, "system"),
    "port 0": ("POST", "/workers", {"hostname": "h", "port": 0}, "port"),
    "port -1": ("POST", "/workers", {"hostname": "h", "port": -1}, "port"),
    "port 65536": ("POST", "/workers", {"hostname": "h", "port": 65536}, "port"),
    "port 65536 in text": ("POST", "/workers", {"hostname": "h", "port": "65536"}, "port"),
    "mac address: float": ("POST", "/workers", {"hostname": "h", "mac_address": 1.5}, "mac_address"),
    "mac address: list": ("POST", "/workers", {"hostname": "h", "mac_address": [1]}, "mac_address"),
    "mac address: boolean": ("POST", "/workers", {"hostname": "h", "mac_address": True}, "mac_address"),
    "no status of a worker": ("PATCH", "/workers/{worker}", {}, None),
    "unknown status": ("PATCH", "/workers/{worker}", {"status": "idle"}, "status"),
    "number as status": ("PATCH", "/workers/{worker}", {"status": 1}, "status"),
    "digit as status": ("PATCH", "/workers/{worker}", {"status": "1"}, "status"),
    "capitals as status": ("PATCH", "/workers/{worker}", {"status": "Available"}, "status"),
    "task's word as status": ("PATCH", "/workers/{worker}", {"status": "running"}, "status"),
    "number as worker's log": ("PATCH", "/workers/{worker}", {"log": 5}, "log"),
    "number as worker's activity": ("PATCH", "/workers/{worker}", {"activity": 5}, "activity"),
    "word as worker's cost": ("PATCH", "/workers/{worker}", {"time_cost": "x"}, "time_cost"),
    "no switch": ("PATCH", "/workers/status/{worker}", {}, "status"),
    "switch to available": ("PATCH", "/workers/status/{worker}", {"status": "available"}, "status"),
    "switch to rendering": ("PATCH", "/workers/status/{worker}", {"status": "rendering"}, "status"),
    "number as switch": ("PATCH", "/workers/status/{worker}", {"status": 1}, "status"),
    "no value": ("PATCH", "/settings/x", {}, "value"),
    "time-out 0": ("PATCH", "/settings/worker_timeout", {"value": 0}, None),
    "word as time-out": ("PATCH", "/settings/task_timeout", {"value": "x"}, None),
    "text as commands": ("PATCH", f"/settings/{RENDER}", {"value": "blender"}, None),
}  # fmt: skip
for _path in ("POST", "/workers"), ("PATCH", "/workers/{worker}"):
    for _name in ("update_frequent", "update_less_frequent"):
        for _value in ("x", "[]", "5", "{", '"a"', "null", "", [], 5, True, ["a"]):
            BAD[f"{_path[0]} {_name} {_value!r}"] = (
                *_path,
                {"hostname": "h", _name: _value},
                _name,
            )


@pytest.fixture(scope="module")
def made(flamenco: Flamenco) -> dict[str, int]:
    return {"task": flamenco.task(), "print": flamenco.print(), "worker": flamenco.worker().id}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_a_400_that_names_the_field(flamenco: Flamenco, made, kind: str):
    method, path, body, blamed = BAD[kind]
    flamenco.refused(400, method, path.format(**made), blamed=blamed, json=body)


@pytest.mark.parametrize("kind", [kind for kind in BAD if BAD[kind][:2] == ("POST", "/tasks")])
def test_a_refused_task_is_not_stored(flamenco: Flamenco, kind: str):
    mark = number()
    flamenco.refused(400, "POST", "/tasks", json={"task_id": mark, **BAD[kind][2]})
    assert flamenco.listed(task_id=mark) == []


@pytest.mark.parametrize("kind", [kind for kind in BAD if BAD[kind][1] == "/tasks/{task}"])
def test_a_refused_report_changes_nothing(flamenco: Flamenco, kind: str):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, log="Fra:6\n", activity='{"remaining": 5}', time_cost=3)
    body = {"worker_id": worker.id, "activity": "x", "time_cost": 9, "frame_current": 7,
            "priority": 1, "status": "finished", **BAD[kind][2]}  # fmt: skip
    if "log_append" not in body:
        body.setdefault("log", "y")
    flamenco.unpatched(400, task, **body)


@pytest.mark.parametrize("kind", [kind for kind in BAD if BAD[kind][:2] == ("POST", "/workers")])
def test_a_refused_worker_is_not_registered(flamenco: Flamenco, kind: str):
    host = unique("host")
    body = {**BAD[kind][2]}
    if body.get("hostname") == "h":
        body["hostname"] = host
    flamenco.refused(400, "POST", "/workers", json={"system": host, **body})
    shown = flamenco.workers()
    assert host not in shown
    assert not [each for each in shown.values() if each["system"] == host]


@pytest.mark.parametrize("kind", [kind for kind in BAD if BAD[kind][1] == "/workers/{worker}"])
def test_a_refused_heartbeat_changes_nothing(flamenco: Flamenco, kind: str):
    task, worker = flamenco.rendering()
    before = flamenco.info(worker)
    if body := {"log": "x", "activity": "y", "status": "disabled", **BAD[kind][2]}:
        answer = flamenco.ask("PATCH", f"/workers/{worker.id}", json=body)
    if not BAD[kind][2]:
        return
    assert answer.status_code == 400
    flamenco.sees(worker, **{k: v for k, v in before.items() if k != "last_activity"})
    flamenco.shows(task, status="rendering", worker_id=worker.id)


UNKNOWN = [
    ("GET", "/tasks/{}"),
    ("PATCH", "/tasks/{}"),
    ("DELETE", "/tasks/{}"),
    ("GET", "/tasks/{}/log"),
    ("GET", "/tasks/{}/output"),
    ("GET", "/tasks/{}/thumbnail"),
    ("GET", "/tasks/compiled/{}"),
    ("GET", "/tasks/zip/{}"),
    ("GET", "/tasks/zip/sup/{}"),
    ("GET", "/tasks/zip/dep/{}"),
    ("GET", "/static/storage/{0}/jobfile_{0}.zip"),
    ("GET", "/static/storage/{0}/jobsupportfile_{0}.zip"),
    ("GET", "/static/storage/1/dependencies_{}.zip"),
    ("GET", "/workers/{}"),
    ("PATCH", "/workers/{}"),
    ("DELETE", "/workers/{}"),
    ("PATCH", "/workers/status/{}"),
]


@pytest.mark.parametrize("number", [NEVER, 2**53])
@pytest.mark.parametrize(("method", "path"), UNKNOWN)
def test_an_unknown_number_is_a_404(flamenco: Flamenco, method, path, number):
    options = {"json": {"status": "enabled"}} if "workers" in path else {}
    if (method, path) == ("PATCH", "/tasks/{}"):
        options = {"json": {"status": "ready", "log": "x"}}
    flamenco.refused(404, method, path.format(number), **options)


@pytest.mark.parametrize("path", ["/tasks/0", "/workers/0", "/tasks/0/log", "/tasks/000"])
def test_there_is_no_number_0(flamenco: Flamenco, path: str):
    flamenco.refused(404, "GET", path)
    flamenco.refused(404, "DELETE", path.removesuffix("/log"))


# -- who reports ---------------------------------------------------------------------------------

REPORTS = [
    {"status": "running"},
    {"status": "finished"},
    {"log": "x"},
    {"log_append": "x"},
    {"activity": "x"},
    {"time_cost": 5},
    {"frame_current": 6},
    {},
]
ids = [" ".join(report) or "nothing" for report in REPORTS]


@pytest.mark.parametrize("report", REPORTS, ids=ids)
@pytest.mark.parametrize("worker", [NEVER, 0, -1, str(NEVER), 2**53])
def test_a_worker_nobody_knows(flamenco: Flamenco, report: dict, worker):
    task, _ = flamenco.rendering()
    found = flamenco.unpatched(403, task, worker_id=worker, **report)
    assert found["message"] == UNREGISTERED


@pytest.mark.parametrize("report", REPORTS, ids=ids)
def test_a_disabled_worker(flamenco: Flamenco, report: dict):
    task, worker = flamenco.rendering()
    flamenco.switch(worker, "disabled")
    found = flamenco.unpatched(403, task, worker_id=worker.id, **report)
    assert found["message"] == DISABLED


@pytest.mark.parametrize("report", REPORTS, ids=ids)
def test_a_worker_that_has_another_task(flamenco: Flamenco, report: dict):
    task, owner = flamenco.rendering()
    other, thief = flamenco.rendering()
    flamenco.unpatched(403, task, worker_id=thief.id, **report)
    flamenco.unpatched(403, other, worker_id=owner.id, **report)
    flamenco.unpatched(403, flamenco.task(), worker_id=owner.id, **report)


def test_a_deleted_worker_is_not_registered(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.good("DELETE", f"/workers/{worker.id}", 204)
    found = flamenco.unpatched(403, task, worker_id=worker.id, status="running")
    assert found["message"] == UNREGISTERED


def test_ownership_comes_before_the_state(flamenco: Flamenco):
    task, _ = flamenco.ended()
    other = flamenco.worker()
    for word in ("finished", "running", "failed", "aborted"):
        flamenco.unpatched(403, task, worker_id=other.id, status=word)
    assert flamenco.status(task) == "completed"


def test_a_worker_id_never_assigns(flamenco: Flamenco):
    task, worker = flamenco.print(), flamenco.worker()
    flamenco.unpatched(403, task, worker_id=worker.id, status="running")
    flamenco.shows(task, worker_id=None, status="ready")
    flamenco.sees(worker, current_task=None)


def test_type_of_print_needs_text(flamenco: Flamenco):
    for settings in ({}, {"text": None}, {"text": 5}, {"text": ["a"]}, {"Text": "a"}):
        body = {"type": PRINT, "settings": settings}
        flamenco.refused(400, "POST", "/tasks", blamed="settings", json=body)
