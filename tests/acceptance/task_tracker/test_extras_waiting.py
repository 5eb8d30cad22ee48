"""Workers that wait for tasks: `GET /task/get/<project>?wait=…`."""

import socket
import threading
from contextlib import suppress

import pytest
import requests

from tests.acceptance.task_tracker.extras import Desk, Later, serving

LONG = 60


@pytest.fixture(scope="module")
def yard():
    # Fewer connections than those who wait: waiting holds none.
    with serving(JOBYARD_DATABASE_POOL_SIZE="3", JOBYARD_WEB_PROCESSES="1") as yard:
        yield yard


@pytest.fixture(scope="module")
def desk(yard):
    return Desk(yard)


def test_a_task_that_is_submitted_ends_the_wait(desk):
    project = desk.project()
    worker = desk.worker(project)
    call = Later(lambda: desk.worker(project).task(project, wait=LONG))
    worker.submit(project, "now")
    assert call.outcome()["recipe"] == "now"


@pytest.mark.parametrize("wait", ["0", "-5", "0.05", "-inf"])
def test_a_short_wait_ends_without_a_task(desk, wait):
    project = desk.project()
    assert desk.worker(project).task(project, wait=wait) is None


@pytest.mark.parametrize(
    "query", ["wait=soon", "wait=nan", "wait=", "count=0", "count=101", "count=1.5", "count=-1"]
)
def test_nonsense_is_refused(desk, query):
    project = desk.project()
    worker = desk.worker(project)
    answer = worker.http.get(f"{desk.url}/task/get/{project}?{query}", timeout=LONG)
    assert (answer.status_code, answer.json()["message"]) == (400, "Invalid request")


def test_each_waiter_gets_a_task_of_its_own(desk):
    project = desk.project()
    workers = [desk.worker(project) for _ in range(12)]
    calls = [Later(lambda w=w: w.task(project, wait=LONG)) for w in workers]
    items = [{"project": project, "recipe": str(number)} for number in range(12)]
    desk.worker(project).post("/task/bulk_submit", {"requests": items})
    recipes = [call.outcome()["recipe"] for call in calls]
    assert sorted(recipes, key=int) == [str(number) for number in range(12)]


def test_a_retry_a_return_and_a_lost_assignment_end_the_wait(desk):
    project = desk.project()
    first, second = desk.worker(project), desk.worker(project)
    first.submit(project, max_retries=9, max_assign_time=1)
    for result in (1, 2):
        held = first.task(project, wait=LONG)
        call = Later(lambda: second.task(project, wait=LONG))
        first.release(held["id"], result)
        task = call.outcome()
        assert task["id"] == held["id"]
        second.release(task["id"], 2)
    held = first.task(project, wait=LONG)
    assert held is not None
    assert second.task(project, wait=LONG)["id"] == held["id"], "its time ran out"


def test_a_project_that_goes_on_ends_the_wait(desk):
    project = desk.project()
    worker = desk.worker(project)
    desk.update(project, paused=True)
    worker.submit(project)
    call = Later(lambda: worker.task(project, wait=LONG))
    desk.update(project, paused=False)
    assert call.outcome() is not None


def test_a_pause_holds_for_those_who_wait(desk):
    project = desk.project()
    worker = desk.worker(project)
    call = Later(lambda: desk.worker(project).task(project, wait=4))
    desk.update(project, paused=True)
    worker.submit(project)
    assert call.outcome() is None
    assert worker.task(project, wait=0) is None


def test_a_paused_worker_gets_nothing_for_having_waited(desk):
    project = desk.project()
    worker = desk.worker(project)
    call = Later(lambda: worker.get(project, wait=LONG))
    desk.post("/worker/set_paused", {"worker": worker.id, "paused": True})
    worker.submit(project)
    assert call.outcome().status_code == 400
    assert desk.worker(project).task(project, wait=LONG) is not None


def test_who_may_not_get_tasks_waits_in_vain_and_in_nobodys_way(desk):
    project = desk.project(public=False)
    stranger, worker = desk.worker(), desk.worker(project)
    calls = [Later(lambda: stranger.task(project, wait=3)) for _ in range(3)]
    worker.submit(project)
    assert worker.task(project, wait=LONG) is not None
    assert [call.outcome() for call in calls] == [None] * 3


def test_a_client_that_has_hung_up_takes_no_task_along(desk):
    project = desk.project()
    worker = desk.worker(project)
    host, port = desk.url.removeprefix("http://").split(":")
    request = (
        f"GET /task/get/{project}?wait=60 HTTP/1.1\r\nHost: x\r\nX-Worker-ID: {worker.id}\r\n"
        f"X-Secret: {worker.secret}\r\n\r\n"
    )
    for _ in range(5):
        with socket.create_connection((host, int(port))) as leaver:
            leaver.sendall(request.encode())
    call = Later(lambda: desk.worker(project).task(project, wait=LONG))
    worker.submit(project, max_assign_time=10_000)
    assert call.outcome() is not None


def test_a_rate_is_kept_by_those_who_wait(desk):
    project = desk.project(assign_rate=20.0)
    workers = [desk.worker(project) for _ in range(6)]
    calls = [Later(lambda w=w: w.get(project, wait=LONG)) for w in workers]
    items = [{"project": project, "recipe": "r"} for _ in range(6)]
    submitted = desk.worker(project).post("/task/bulk_submit", {"requests": items})
    assert submitted.status_code == 200
    answers = [call.outcome() for call in calls]
    got = [one.json()["content"]["task"]["id"] for one in answers if one.status_code == 200]
    # Who came when no token was there was told so at once; all others got one.
    assert len(set(got)) == len(got) >= 1
    assert {one.status_code for one in answers} <= {200, 429}


def test_the_best_task_of_all_projects_ends_the_wait(desk):
    for project in desk.read("/project/list").json()["content"]["projects"]:
        desk.post(f"/project/hard_reset/{project['id']}")
    low, high = desk.project(priority=3_000_001), desk.project(priority=3_000_002)
    worker = desk.worker(low, high)
    other = desk.project(public=False, priority=3_000_003)
    desk.worker(other).submit(other, "not for it")
    call = Later(lambda: worker.task(None, wait=LONG))
    worker.submit(low, "low")
    assert call.outcome()["project"]["id"] == low
    worker.submit(low, "a", priority=7)
    worker.submit(high, "b", priority=1)
    worker.submit(high, "c", priority=2)
    assert [worker.task(None)["recipe"] for _ in range(3)] == ["c", "b", "a"]


def test_a_stop_answers_those_who_wait(desk):
    with serving(JOBYARD_WEB_PROCESSES="1") as yard:
        own = Desk(yard)
        project = own.project()
        worker = own.worker(project)
        begun = threading.Event()

        def wait():
            begun.set()
            return worker.get(project, wait=LONG)

        call = Later(wait)
        begun.wait(LONG)
        # Its request is on its way or waits; either is answered, or refused before it was taken.
        requests.get(f"{yard.url}/health", timeout=LONG)
        assert yard.stop() == 0
        with suppress(requests.ConnectionError):
            assert call.outcome().json()["message"] == "No task available"
