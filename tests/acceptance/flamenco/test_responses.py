"""How answers are labelled, and the root."""

import pytest

from tests.acceptance.flamenco.client import (
    NEVER,
    RENDER,
    SHOT,
    TIME,
    Flamenco,
    unique,
)
from tests.rotation import rotated, short

LABELS = {
    None: "json",
    "": "json",
    "*/*": "json",
    "text/html": "json",
    "text/*": "json",
    "application/json": "json",
    "application/json, text/javascript": "json",
    "text/javascript, application/json": "json",
    "text/javascript, application/json;q=0.1": "json",
    "text/javascript, application/json, */*; q=0.01": "json",
    "text/javascript": "javascript",
    "Text/JavaScript": "javascript",
    "text/javascript, */*": "javascript",
    "text/javascript, */*;q=0.5": "javascript",
    "text/html,text/javascript;q=0.8": "javascript",
    "text/html;level=1 , text/javascript; charset=utf-8": "javascript",
}
TYPES = {"json": "application/json", "javascript": "text/javascript"}
JSON_ROUTES = [
    ("POST", "/tasks", 202, {"type": RENDER, "settings": SHOT}),
    ("GET", "/tasks", 200, None),
    ("GET", "/tasks/{task}", 200, None),
    ("GET", "/tasks/compiled/{task}", 200, None),
    ("GET", "/tasks/file/{task}", 200, None),
    ("GET", "/workers", 200, None),
    ("POST", "/workers", 200, {"hostname": "label"}),
    ("GET", "/workers/{worker}", 200, None),
    ("PATCH", "/workers/{worker}", 200, {"status": "enabled"}),
    ("PATCH", "/workers/status/{worker}", 200, {"status": "enabled"}),
    ("GET", "/settings", 200, None),
    ("GET", "/settings/label", 200, None),
    ("PATCH", "/settings/label", 200, {"value": "x"}),
    ("DELETE", "/tasks", 202, {"tasks": [NEVER]}),
    ("POST", "/tasks", 400, {}),
    ("GET", f"/tasks/{NEVER}", 404, None),
    ("GET", f"/workers/{NEVER}", 404, None),
    ("PUT", "/workers", 405, None),
    ("PATCH", "/tasks/{task}", 403, {"worker_id": NEVER}),
    ("PATCH", "/tasks/{task}", 409, {"status": "completed"}),
]


@pytest.fixture(scope="module")
def made(flamenco: Flamenco) -> dict[str, int]:
    return {"task": flamenco.task(), "worker": flamenco.worker().id}


@pytest.mark.parametrize(
    ("accept", "route"), rotated(list(LABELS), JSON_ROUTES, rounds=3), ids=short
)
def test_the_label_follows_accept(flamenco: Flamenco, made, route, accept):
    method, path, status, body = route
    options = {} if body is None else {"json": body}
    headers = {"Accept": accept}
    answer = flamenco.ask(method, path.format(**made), headers=headers, **options)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == TYPES[LABELS[accept]]
    assert isinstance(answer.json(), dict)


EMPTY = [
    ("PATCH", "/tasks/{task}", {"priority": 3}),
    ("POST", "/settings", {"label": "y"}),
]


@pytest.mark.parametrize("accept", [None, "text/javascript", "application/json"])
@pytest.mark.parametrize("route", EMPTY)
def test_a_204_has_no_body(flamenco: Flamenco, made, route, accept):
    method, path, body = route
    answer = flamenco.ask(method, path.format(**made), json=body, headers={"Accept": accept})
    assert (answer.status_code, answer.content) == (204, b"")


def test_times_are_in_utc(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.report(task, worker, log="x")
    found = flamenco.long(task)
    for name in ("created_at", "updated_at", "last_activity"):
        assert TIME.fullmatch(found[name]), found[name]
    assert found["created_at"] <= found["last_activity"]
    assert TIME.fullmatch(flamenco.info(worker)["last_activity"])


def test_an_untouched_task_had_no_activity(flamenco: Flamenco):
    task = flamenco.task()
    flamenco.shows(task, last_activity=None)
    flamenco.patch(task, priority=4)
    assert TIME.fullmatch(flamenco.long(task)["last_activity"])


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/javascript", None])
def test_the_root_answers(flamenco: Flamenco, accept):
    # Another dialect may speak there too, so it is looked at no closer than the old worker does.
    answer = flamenco.session.get(f"{flamenco.yard.url}/", headers={"Accept": accept}, timeout=90)
    assert answer.status_code == 200


def test_a_browser_may_be_sent_on_from_the_root(flamenco: Flamenco):
    headers = {"Accept": "text/html"}
    url = f"{flamenco.yard.url}/"
    answer = flamenco.session.get(url, headers=headers, allow_redirects=False, timeout=90)
    assert answer.status_code in (200, 302)


def test_the_examples(farm: Flamenco):
    host = unique("node")
    found = farm.good("POST", "/workers", json={"hostname": host, "system": "Linux 6.1"})
    worker = found[host]["id"]
    assert found == {
        host: {
            "activity": None,
            "connection": "online",
            "current_task": None,
            "hostname": host,
            "id": worker,
            "ip_address": "127.0.0.1",
            "log": None,
            "port": 5000,
            "status": "enabled",
            "system": "Linux 6.1",
            "time_cost": None,
        }
    }
    settings = '{"filepath": "shot.blend", "frame_start": 5, "frame_end": 10}'
    body = {"priority": 10, "type": RENDER, "parser": "blender_render", "task_id": 7,
            "settings": settings}  # fmt: skip
    made = farm.good("POST", "/tasks", 202, json=body)
    task = made["id"]
    assert made == {
        "id": task,
        "worker_id": None,
        "priority": 10,
        "frame_start": 5,
        "frame_end": 10,
        "frame_current": 5,
        "status": "ready",
        "format": "",
    }
    path = f"/workers/{worker}"
    ask = {"status": "available"}
    assert farm.good("PATCH", path, json=ask) == {"task_id": task, "status": "rendering"}
    found = farm.good("GET", f"/tasks/compiled/{task}", params={"worker_id": worker})
    assert set(found) == {"options", "files"}
    report = {"worker_id": worker, "status": "running", "log": "Fra:5 Mem:...", "time_cost": 4}
    farm.good("PATCH", f"/tasks/{task}", 204, json=report)
    report = {"worker_id": worker, "status": "finished", "time_cost": 31}
    farm.good("PATCH", f"/tasks/{task}", 204, json=report)
    assert farm.good("PATCH", path, json=ask) == {"task_id": None, "status": "enabled"}
    farm.shows(task, status="completed", time_cost=31, worker_id=worker, log="Fra:5 Mem:...")


def test_the_example_of_a_task_taken_away(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.delete(task)
    assert flamenco.beat(worker, "rendering") == {"task_id": None, "status": "enabled"}
    body = {"worker_id": worker.id, "status": "running"}
    flamenco.refused(404, "PATCH", f"/tasks/{task}", json=body)
