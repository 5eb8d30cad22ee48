"""Rates of projects: what waits, what it is told, what gives its turn back."""

import math
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.task_tracker.client import DUPLICATE, Tracker, Worker, unique
from tests.yard import eventually

SLOW = 0.001
"""One in a thousand seconds: no test lasts long enough for a second one."""


def made(tracker: Tracker, **rates: float) -> tuple[int, Worker]:
    project = tracker.project(**rates)
    return project, tracker.member(project)


def check_limited(answer, *, most: float = 1 / SLOW) -> float:
    assert answer.status_code == 429, answer.text
    found = answer.json()
    assert set(found) == {"ok", "message", "rate_limit_delay"}
    assert (found["ok"], found["message"]) == (False, "Too many requests")
    delay = found["rate_limit_delay"]
    assert isinstance(delay, float)
    assert 0 < delay <= most
    assert answer.headers["Retry-After"] == str(max(1, math.ceil(delay)))
    return delay


def submit(tracker: Tracker, worker: Worker, project: int, **fields):
    body = {"project": project, "recipe": "r", **fields}
    return tracker.ask("POST", "/task/submit", worker, json=body)


def get(tracker: Tracker, worker: Worker, project: int):
    return tracker.ask("GET", f"/task/get/{project}", worker)


def test_one_submission_and_no_second(tracker: Tracker):
    project, worker = made(tracker, submit_rate=SLOW)
    assert submit(tracker, worker, project).status_code == 200
    for _ in range(5):  # as there are two processes, whichever answers
        assert check_limited(submit(tracker, worker, project)) > 900
    check_limited(tracker.bulk(worker, project, [{}, {}]))
    # It is the project's, not the worker's, and it is nothing to other projects.
    check_limited(submit(tracker, tracker.member(project), project))
    other, worker_there = made(tracker, submit_rate=SLOW)
    assert submit(tracker, worker_there, other).status_code == 200
    # Getting has a rate of its own.
    assert get(tracker, worker, project).json()["ok"] is True


def test_one_task_and_no_second(tracker: Tracker):
    project, worker = made(tracker, assign_rate=SLOW)
    for _ in range(2):
        assert submit(tracker, worker, project).status_code == 200
    assert get(tracker, worker, project).json()["ok"] is True
    for _ in range(5):
        assert check_limited(get(tracker, worker, project)) > 900
    check_limited(get(tracker, tracker.member(project), project))


def test_the_delay_is_honest(tracker: Tracker):
    project, worker = made(tracker, submit_rate=2)
    assert submit(tracker, worker, project).status_code == 200
    for _ in range(3):
        answer = submit(tracker, worker, project)
        if answer.status_code == 200:
            continue
        delay = check_limited(answer, most=0.5001)
        time.sleep(delay)  # what a client does
        assert submit(tracker, worker, project).status_code == 200


def test_what_is_refused_takes_nothing(tracker: Tracker):
    project, worker = made(tracker, submit_rate=SLOW, assign_rate=SLOW)
    for _ in range(3):  # nothing to get, and nobody who may
        assert get(tracker, worker, project).json()["message"] == "No task available"
    stranger = tracker.worker()
    for _ in range(3):
        message = "unauthorized task submit"
        assert submit(tracker, stranger, project).json()["message"] == message
        assert tracker.bulk(stranger, project, [{}, {}]).json()["message"] == message
        assert submit(tracker, worker, project, max_retries=-1).status_code == 400
    assert submit(tracker, worker, project, hash64=1).status_code == 200
    check_limited(submit(tracker, stranger, project))  # the rate is looked at before the right
    tracker.update(project, name=unique(), public=True, submit_rate=SLOW, assign_rate=SLOW)
    for _ in range(3):
        assert submit(tracker, worker, project, hash64=1).json()["message"] == DUPLICATE
        assert tracker.bulk(worker, project, [{"hash64": 1}]).json()["message"] == DUPLICATE
    assert submit(tracker, worker, project, hash64=2).status_code == 200
    check_limited(submit(tracker, worker, project, hash64=3))
    assert get(tracker, worker, project).json()["ok"] is True
    check_limited(get(tracker, worker, project))


def test_projects_that_are_not_there_have_no_delay(tracker: Tracker):
    worker = tracker.worker()
    for _ in range(3):
        assert submit(tracker, worker, 99999999).status_code == 404
        assert tracker.bulk(worker, 99999999, [{}]).status_code == 404
        assert get(tracker, worker, 99999999).status_code == 404


def test_a_paused_project_takes_no_turn(tracker: Tracker):
    project, worker = made(tracker, assign_rate=SLOW)
    assert submit(tracker, worker, project).status_code == 200
    name = unique()
    tracker.update(project, name=name, public=True, assign_rate=SLOW, paused=True)
    for _ in range(3):
        assert get(tracker, worker, project).json()["message"] == "No task available"
    tracker.update(project, name=name, public=True, assign_rate=SLOW)
    assert get(tracker, worker, project).json()["ok"] is True


def test_many_at_once_are_waited_for_by_the_next(tracker: Tracker):
    project, worker = made(tracker, submit_rate=SLOW)
    items = [{"hash64": 1}, {"hash64": 1}, *({} for _ in range(98))]
    answer = tracker.bulk(worker, project, items)
    assert answer.json()["content"]["submitted"] == 99
    delay = check_limited(submit(tracker, worker, project), most=99 / SLOW)
    assert delay > 98 / SLOW
    check_limited(tracker.bulk(worker, project, [{}]), most=99 / SLOW)
    assert len(tracker.drain(worker, project)) == 99


def test_an_update_begins_anew(tracker: Tracker):
    project, worker = made(tracker, submit_rate=SLOW, assign_rate=SLOW)
    for _ in range(3):
        tracker.update(project, name=unique(), public=True, submit_rate=SLOW, assign_rate=SLOW)
        assert tracker.bulk(worker, project, [{}] * 50).status_code == 200
        check_limited(submit(tracker, worker, project), most=50 / SLOW)
        assert get(tracker, worker, project).json()["ok"] is True
        check_limited(get(tracker, worker, project))
    tracker.update(project, name=unique(), public=True)
    for _ in range(5):
        assert submit(tracker, worker, project).status_code == 200
        assert get(tracker, worker, project).json()["ok"] is True


def test_a_new_rate_counts_in_every_process_at_once(tracker: Tracker):
    project, worker = made(tracker)
    for _ in range(4):
        assert submit(tracker, worker, project).status_code == 200
    tracker.update(project, name=unique(), public=True, submit_rate=SLOW)
    assert submit(tracker, worker, project).status_code == 200
    for _ in range(8):
        check_limited(submit(tracker, worker, project))


@pytest.mark.parametrize("kind", ["submit", "get"])
def test_of_many_together_one_passes(tracker: Tracker, kind: str):
    project, worker = made(tracker, **{"submit_rate" if kind == "submit" else "assign_rate": SLOW})
    if kind == "get":
        tracker.bulk(worker, project, [{}] * 30)
    ask = submit if kind == "submit" else get
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(tracker, worker, project), range(24)))
    assert sorted(answer.status_code for answer in answers) == [200] + [429] * 23


def test_a_rate_lets_its_tasks_through_in_time(tracker: Tracker):
    project, worker = made(tracker, submit_rate=50)
    begin = time.monotonic()
    for _ in range(11):
        eventually(lambda: submit(tracker, worker, project).status_code == 200, "a turn")
    # One at once, and then one each fiftieth of a second at most.
    assert time.monotonic() - begin >= 10 / 50 - 0.01
