"""Live figures, failed tasks one by one, renewals and tasks for later."""

import json

import pytest
import requests

from tests.acceptance.task_tracker.extras import Desk, serving
from tests.yard import eventually

OK, FAIL, SKIP = range(3)
LONG = 60


@pytest.fixture(scope="module")
def desk():
    with serving() as yard:
        yield Desk(yard)


@pytest.fixture
def project(desk):
    return desk.project()


@pytest.fixture
def worker(desk, project):
    return desk.worker(project)


def fail(worker, project, *recipes, **more):
    for recipe in recipes:
        worker.submit(project, recipe)
        worker.release(worker.task(project)["id"], FAIL, **more)


# -- figures --------------------------------------------------------------------------------------


def test_figures_are_those_of_this_moment(desk, project, worker):
    empty = desk.read(f"/project/stats/{project}").json()["content"]
    assert empty == {
        "waiting": 0, "assigned": 0, "awaiting_verification": 0, "failed": 0, "closed": 0,
        "rate_per_minute": None, "eta": 0,
    }  # fmt: skip
    fail(worker, project, "bad")
    for _ in range(5):
        worker.submit(project)
    worker.release(worker.task(project)["id"])
    worker.submit(project, priority=9, verification_count=2)
    worker.release(worker.task(project)["id"])
    worker.task(project)
    found = desk.read(f"/project/stats/{project}").json()["content"]
    assert {name: found[name] for name in ("waiting", "assigned", "failed", "closed")} == {
        "waiting": 4, "assigned": 1, "failed": 1, "closed": 1,
    }  # fmt: skip
    assert (found["awaiting_verification"], found["eta"]) == (1, None)


def events(answer):
    """Give the events of a stream as they come."""
    name = ""
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_a_stream_tells_of_changes_alone(desk, project, worker):
    url = f"{desk.url}/project/stats/{project}/stream"
    with requests.get(url, stream=True, timeout=LONG) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        told = events(answer)
        name, first = next(told)
        assert (name, first["waiting"]) == ("stats", 0)
        worker.submit(project)
        name, second = next(told)
        assert (name, second["waiting"]) == ("stats", 1)


def test_figures_of_hidden_projects_are_for_readers(desk):
    hidden = desk.project(public=False, hidden=True)
    for path in (f"/project/stats/{hidden}", f"/project/stats/{hidden}/stream"):
        assert requests.get(desk.url + path, timeout=LONG).status_code == 403
    assert desk.read(f"/project/stats/{hidden}").status_code == 200
    assert desk.read("/project/stats/999999").status_code == 404
    assert desk.read("/project/stats/x").status_code == 400


# -- failed tasks ---------------------------------------------------------------------------------


def test_failed_tasks_are_listed_with_what_went_wrong(desk, project, worker):
    fail(worker, project, "first", error="no such host")
    fail(worker, project, "second", "third")
    found = desk.read(f"/project/failed_tasks/{project}").json()["content"]
    assert found["next"] is None
    first, second, third = found["tasks"]
    assert (first["recipe"], first["error"], first["worker"]) == (
        "first",
        "no such host",
        worker.id,
    )
    assert (first["retries"], first["max_retries"], first["status"]) == (1, 0, 2)
    assert second["error"] == "the worker failed"
    page = desk.read(f"/project/failed_tasks/{project}", limit=2).json()["content"]
    assert [task["id"] for task in page["tasks"]] == [first["id"], second["id"]]
    assert page["next"] == second["id"]
    rest = desk.read(f"/project/failed_tasks/{project}", limit=2, after=page["next"])
    assert [task["id"] for task in rest.json()["content"]["tasks"]] == [third["id"]]


def test_one_failed_task_is_reset_and_another_dropped(desk, project, worker):
    fail(worker, project, "again", "away", "stays")
    again, away, stays = desk.read(f"/project/failed_tasks/{project}").json()["content"]["tasks"]
    base = f"/project/failed_tasks/{project}"
    assert desk.post(f"{base}/{again['id']}/reset").json()["content"] == {"affected_tasks": 1}
    assert desk.post(f"{base}/{away['id']}/drop").json()["content"] == {"affected_tasks": 1}
    left = desk.read(base).json()["content"]["tasks"]
    assert [task["id"] for task in left] == [stays["id"]]
    task = worker.task(project, wait=LONG)
    assert (task["id"], task["retries"]) == (again["id"], 0)
    for verb in ("reset", "drop"):
        for task_id in (again["id"], away["id"], 2**62):
            answer = desk.post(f"{base}/{task_id}/{verb}")
            assert (answer.status_code, answer.json()["message"]) == (404, "Task not found")


def test_a_task_of_another_project_is_out_of_reach(desk, project, worker):
    fail(worker, project, "mine")
    (task,) = desk.read(f"/project/failed_tasks/{project}").json()["content"]["tasks"]
    other = desk.project()
    assert desk.post(f"/project/failed_tasks/{other}/{task['id']}/drop").status_code == 404
    assert len(desk.read(f"/project/failed_tasks/{project}").json()["content"]["tasks"]) == 1


def test_failed_tasks_are_for_those_who_maintain_the_project(desk, project):
    base = f"{desk.url}/project/failed_tasks/{project}"
    assert requests.get(base, timeout=LONG).status_code == 403
    assert requests.post(f"{base}/1/reset", timeout=LONG).status_code == 403
    assert requests.post(f"{base}/1/drop", timeout=LONG).status_code == 403


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=", "limit=0", "limit=101"])
def test_nonsense_is_refused(desk, project, query):
    answer = desk.read(f"/project/failed_tasks/{project}?{query}")
    assert (answer.status_code, answer.json()["message"]) == (400, "Invalid request")


# -- renewals and tasks for later -----------------------------------------------------------------


def test_whoever_holds_a_task_renews_it_until_it_is_taken_back(desk, project, worker):
    worker.submit(project, max_assign_time=3000)
    task_id = worker.task(project)["id"]
    for _ in range(2):
        answer = worker.post("/task/renew", {"task_id": task_id}).json()
        assert answer == {"ok": True, "content": {"updated": True}}
    desk.post(f"/project/reclaim_assigned_tasks/{project}")
    assert worker.post("/task/renew", {"task_id": task_id}).json()["content"]["updated"] is False


def test_only_who_holds_a_task_renews_it(desk, project, worker):
    worker.submit(project)
    task_id = worker.task(project)["id"]
    for who, wanted in ((desk.worker(project), task_id), (worker, 2**60)):
        answer = who.post("/task/renew", {"task_id": wanted}).json()
        assert answer["content"] == {"updated": False}
        assert answer["message"] == "Task is not assigned to you"
    assert worker.post("/task/renew", {}).json()["message"] == "Invalid request"
    assert worker.post("/task/renew", {"task_id": "1"}).status_code == 400
    worker.http.headers["X-Secret"] = "AAAA"
    assert worker.post("/task/renew", {"task_id": task_id}).status_code == 403


def test_a_task_for_later_is_not_handed_out_before(project, worker):
    worker.submit(project, "clock")
    due = worker.task(project)["assign_time"] + 3
    worker.submit(project, "later", not_before=due)
    worker.submit(project, "now", not_before=1)
    items = [{"project": project, "recipe": "bulk", "not_before": due}]
    worker.post("/task/bulk_submit", {"requests": items})
    assert worker.task(project)["recipe"] == "now"
    later = [worker.task(project, wait=LONG) for _ in range(2)]
    assert sorted(task["recipe"] for task in later) == ["bulk", "later"]
    assert all(task["assign_time"] >= due for task in later)


@pytest.mark.parametrize("value", [-1, 2**32])
def test_a_time_out_of_range_is_refused(project, worker, value):
    assert worker.submit(project, not_before=value).json()["message"] == "Invalid task"


def test_what_nobody_takes_in_time_fails_and_can_be_reset(desk):
    project = desk.project()
    worker = desk.worker(project)
    worker.submit(project, "brief", expires_in=1)
    items = [{"project": project, "recipe": "bulk", "expires_in": 1, "max_assign_time": 0}]
    worker.post("/task/bulk_submit", {"requests": items})
    worker.submit(project, "stays")

    def failed():
        return desk.read(f"/project/failed_tasks/{project}").json()["content"]["tasks"]

    found = eventually(lambda: len(failed()) == 2 and failed(), "both to fail")
    assert {task["recipe"] for task in found} == {"brief", "bulk"}
    assert {task["error"] for task in found} == {"nobody took it in time"}
    desk.post(f"/project/failed_tasks/{project}/{found[0]['id']}/reset")
    assert {worker.task(project)["recipe"] for _ in range(2)} == {"stays", found[0]["recipe"]}


@pytest.mark.parametrize("value", [-1, 2**31])
def test_nonsense_as_time_to_expire_is_refused(desk, value):
    project = desk.project()
    worker = desk.worker(project)
    assert worker.submit(project, expires_in=value).json()["message"] == "Invalid task"
