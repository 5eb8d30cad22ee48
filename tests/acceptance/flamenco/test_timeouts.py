"""Workers that fall silent and tasks nobody reports on; servers of their own, with short times."""

import time
from collections.abc import Iterator

import pytest

from tests.acceptance.flamenco.client import Flamenco, Worker, urgent
from tests.acceptance.flamenco.conftest import served
from tests.integration.http.conftest import Servers
from tests.yard import eventually

FOREVER = {"worker_timeout": 300, "task_timeout": 600}


@pytest.fixture(scope="module")
def alone(servers: Servers) -> Flamenco:
    """Web processes without anything in the background: what is seen was found by looking."""
    return Flamenco(servers.start())


@pytest.fixture(scope="module")
def whole() -> Iterator[Flamenco]:
    with served() as found:
        yield found


@pytest.fixture
def silent(alone: Flamenco) -> Iterator[Flamenco]:
    timeouts(alone)
    yield alone
    timeouts(alone)


def timeouts(flamenco: Flamenco, **seconds: int) -> None:
    flamenco.good("POST", "/settings", 204, json={**FOREVER, **seconds})


def passed(seconds: float) -> None:
    """Wait until more time than that has passed since the call."""
    end = time.monotonic() + seconds
    eventually(lambda: time.monotonic() > end, "the clock")


def expire(flamenco: Flamenco, name: str = "worker_timeout") -> None:
    """Let a time-out of a second pass for all that was done so far."""
    passed(1.2)
    timeouts(flamenco, **{name: 1})


def lost(flamenco: Flamenco, task: int, worker: Worker) -> None:
    flamenco.shows(task, status="ready", worker_id=None, attempts=1)
    timeouts(flamenco)
    flamenco.sees(worker, status="enabled", current_task=None)


# -- the first look ------------------------------------------------------------------------------


def test_the_list_of_workers_is_fresh(silent: Flamenco):
    task, worker = silent.rendering()
    busy, disabled, idle = silent.worker(), silent.worker(), silent.worker()
    silent.beat(busy, "busy")
    silent.beat(disabled, "disabled")
    expire(silent)
    found = silent.workers()
    for each, status in (
        (worker, "enabled"),
        (busy, "enabled"),
        (disabled, "disabled"),
        (idle, "enabled"),
    ):
        shown = found[each.hostname]
        assert (shown["connection"], shown["status"]) == ("offline", status)
        assert shown["current_task"] is None
    lost(silent, task, worker)


def test_the_info_is_fresh(silent: Flamenco):
    task, worker = silent.rendering()
    silent.beat(worker, "busy")
    expire(silent)
    silent.sees(worker, connection="offline", status="enabled", current_task=None)
    lost(silent, task, worker)


def test_the_list_of_tasks_is_fresh(silent: Flamenco):
    task, worker = silent.rendering()
    job = silent.long(task)["job_id"]
    expire(silent)
    [found] = silent.listed(job_id=job)
    assert (found["status"], found["worker_id"]) == ("ready", None)
    lost(silent, task, worker)


def test_a_filter_sees_the_fresh_state(silent: Flamenco):
    task, worker = silent.rendering()
    job = silent.long(task)["job_id"]
    expire(silent)
    assert silent.listed(job_id=job, status="rendering") == []
    lost(silent, task, worker)


def test_a_task_is_fresh(silent: Flamenco):
    task, worker = silent.rendering()
    expire(silent)
    silent.shows(task, status="ready", worker_id=None)
    lost(silent, task, worker)


def test_an_operators_word_meets_the_fresh_state(silent: Flamenco):
    task, worker = silent.rendering()
    expire(silent)
    silent.refused(409, "PATCH", f"/tasks/{task}", json={"status": "completed"})
    lost(silent, task, worker)


def test_a_poll_meets_the_fresh_state(silent: Flamenco):
    task, worker = silent.rendering()
    silent.patch(task, priority=urgent())
    other = silent.worker()
    expire(silent)
    assert silent.poll(other) == task
    timeouts(silent)
    silent.sees(worker, current_task=None, status="enabled")
    silent.shows(task, worker_id=other.id, attempts=2)


def test_a_poll_in_one_step_meets_the_fresh_state(silent: Flamenco):
    task, _ = silent.rendering()
    silent.patch(task, priority=urgent())
    other = silent.worker()
    expire(silent)
    assert silent.compiled(0, worker_id=other.id)["options"]["task_id"] == task
    timeouts(silent)
    silent.shows(task, worker_id=other.id)


# -- who asks is alive ---------------------------------------------------------------------------


def test_who_polls_is_alive(silent: Flamenco):
    task, worker = silent.rendering()
    expire(silent)
    assert silent.beat(worker, "rendering") == {"task_id": task, "status": "rendering"}
    timeouts(silent)
    silent.sees(worker, connection="online", current_task=task, status="rendering")
    silent.shows(task, status="rendering", worker_id=worker.id)


def test_who_reports_is_alive(silent: Flamenco):
    task, worker = silent.rendering()
    expire(silent)
    silent.report(task, worker, log="a")
    timeouts(silent)
    silent.shows(task, status="rendering", worker_id=worker.id, log="a")


def test_who_asks_for_its_command_is_alive(silent: Flamenco):
    task, worker = silent.rendering()
    expire(silent)
    assert silent.compiled(task, worker_id=worker.id)["options"]["task_id"] == task
    timeouts(silent)
    silent.shows(task, status="rendering", worker_id=worker.id)


def test_who_asks_is_alive_but_its_task_may_not_be(silent: Flamenco):
    task, worker = silent.rendering()
    silent.patch(task, priority=-1)
    expire(silent, "task_timeout")
    assert silent.beat(worker, "rendering") == {"task_id": None, "status": "enabled"}
    timeouts(silent)
    silent.sees(worker, connection="online")
    silent.shows(task, status="ready", worker_id=None)


def test_a_late_report_is_refused(silent: Flamenco):
    task, worker = silent.rendering()
    expire(silent)
    silent.shows(task, status="ready")
    timeouts(silent)
    silent.unpatched(403, task, worker_id=worker.id, status="finished", log="late")
    silent.shows(task, status="ready", log=None)


def test_a_report_on_a_task_that_timed_out(silent: Flamenco):
    task, worker = silent.rendering()
    expire(silent, "task_timeout")
    body = {"worker_id": worker.id, "status": "finished"}
    silent.refused(403, "PATCH", f"/tasks/{task}", json=body)
    lost(silent, task, worker)


def test_back_online(silent: Flamenco):
    signs = {
        "beat": lambda worker: silent.beat(worker, "enabled"),
        "poll": silent.poll,
        "register": lambda worker: silent.worker(hostname=worker.hostname),
    }
    workers = {sign: silent.worker() for sign in signs}
    expire(silent)
    for sign, worker in workers.items():
        silent.sees(worker, connection="offline")
        timeouts(silent)
        # A longer time alone wakes nobody who was found silent.
        signs[sign](worker)
        silent.sees(worker, connection="online")
        timeouts(silent, worker_timeout=1)


# -- tasks ---------------------------------------------------------------------------------------


def test_a_task_nobody_reports_on(silent: Flamenco):
    task, worker = silent.rendering()
    job = silent.long(task)["job_id"]
    expire(silent, "task_timeout")
    [found] = silent.listed(job_id=job)
    assert (found["status"], found["worker_id"]) == ("ready", None)
    silent.sees(worker, connection="online", status="enabled", current_task=None)


def test_heartbeats_do_not_keep_a_task(silent: Flamenco):
    task, worker = silent.rendering()
    timeouts(silent, task_timeout=1)

    def gone() -> bool:
        return silent.beat(worker, "rendering")["task_id"] is None

    eventually(gone, "the task's end")
    silent.shows(task, status="ready")
    silent.sees(worker, connection="online")


def test_only_rendering_tasks_time_out(silent: Flamenco):
    ready, paused, (done, _) = silent.task(), silent.task(), silent.ended()
    silent.patch(paused, status="paused")
    expire(silent, "task_timeout")
    for task, state in ((ready, "ready"), (paused, "paused"), (done, "completed")):
        silent.shows(task, status=state)


def test_reports_keep_the_task_and_its_worker(silent: Flamenco):
    task, worker = silent.rendering()
    # Long enough for a machine that is busy with other things to get a report through in time.
    timeouts(silent, worker_timeout=8, task_timeout=8)
    end = time.monotonic() + 8.5

    def reported() -> bool:
        silent.report(task, worker, log_append=".")
        return time.monotonic() > end

    eventually(reported, "more than the time")
    timeouts(silent)
    silent.shows(task, status="rendering", worker_id=worker.id, attempts=1)


# -- the background ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FOREVER)
def test_silence_is_found_in_the_background(whole: Flamenco, name: str):
    """Seen by way of our own API, which makes nobody look."""
    timeouts(whole)
    _, worker = whole.rendering()
    timeouts(whole, **{name: 1})

    def held() -> int:
        url = f"{whole.yard.url}/api/jobyard/v1/workers"
        shown = whole.session.get(url, timeout=90).json()["items"]
        [mine] = [each for each in shown if each["name"] == worker.hostname]
        return mine["tasks_running"]

    eventually(lambda: held() == 0, "the task's going back")
