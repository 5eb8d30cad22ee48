"""Assignments end: never early, and soon after their time."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.task_tracker.client import FAIL, OK, SKIP, Tracker
from tests.yard import eventually


@pytest.mark.parametrize("seconds", [1, 2, 3])
def test_an_assignment_ends_and_never_early(tracker: Tracker, seconds: int):
    project = tracker.project()
    worker, other = tracker.member(project), tracker.member(project)
    tracker.submit(worker, project, max_assign_time=seconds, max_retries=3)
    before = time.monotonic()
    task = tracker.must_take(worker, project)
    again = eventually(lambda: tracker.take(other, project), "the task to be free again")
    # How soon it is depends on how busy the machine is; how early it must not be does not.
    assert time.monotonic() - before >= seconds
    assert (again["id"], again["retries"], again["assignee"]) == (task["id"], 0, other.id)
    for result in (OK, FAIL, SKIP):
        assert not tracker.release(worker, task, result)


def test_it_ends_as_often_as_it_must(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project, max_assign_time=1, max_retries=1)
    # More often than the engine's own tasks would bear.
    for _ in range(7):
        task = eventually(lambda: tracker.take(worker, project), "the task")
        assert task["retries"] == 0

    def done() -> bool:
        found = tracker.take(worker, project)
        return bool(found) and tracker.release(worker, found)

    eventually(done, "a release in time")


def test_a_release_in_time_is_counted(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project, max_assign_time=60)
    assert tracker.release(worker, tracker.must_take(worker, project))


def test_a_verification_outlives_an_assignment_that_ended(tracker: Tracker):
    project = tracker.project()
    one, two, three = (tracker.member(project) for _ in range(3))
    tracker.submit(one, project, max_assign_time=5, verification_count=2)
    task = tracker.must_take(one, project)
    assert not tracker.release(one, task, OK, 5)
    tracker.must_take(two, project)
    again = eventually(lambda: tracker.take(three, project), "the task to be free again")
    assert tracker.take(one, project) is None
    assert tracker.release(three, again, OK, 5)


def test_a_huge_time_stops_no_other(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project, "long", max_assign_time=2**31 - 1, priority=1)
    tracker.submit(worker, project, "short", max_assign_time=1)
    assert tracker.must_take(worker, project)["recipe"] == "long"
    assert tracker.must_take(worker, project)["recipe"] == "short"
    again = eventually(lambda: tracker.take(worker, project), "the short one")
    assert again["recipe"] == "short"


def test_many_end_together_and_each_is_handed_out_once(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    count = 40
    tracker.bulk(worker, project, [{"max_assign_time": 1} for _ in range(count)])
    # Held first, and for long: all the others come back.
    tracker.submit(worker, project, "long", priority=1)
    for _ in range(count + 1):
        tracker.must_take(worker, project)
    workers = [tracker.member(project) for _ in range(4)]

    def closed(each) -> list[int]:
        found = []
        while task := eventually(
            lambda: tracker.take(each, project) or len(counted) + len(found) >= count, "tasks"
        ):
            if task is True:
                return found
            if tracker.release(each, task):
                found.append(task["id"])
                counted.append(task["id"])
        return found

    counted: list[int] = []
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(closed, workers))
    assert len(counted) == len(set(counted)) == count
    assert sum(map(tracker.closed_by, workers)) == count
