"""Handing tasks out and taking them back: order, releases, retries, verification, chains."""

import pytest

from tests.acceptance.task_tracker.client import (
    FAIL,
    NO_TASK,
    OK,
    SKIP,
    UNREADABLE,
    Tracker,
    now,
    unique,
)

RELEASE = "/task/release"


def test_a_task_in_full(tracker: Tracker):
    project = tracker.project(priority=7)
    worker = tracker.member(project)
    tracker.submit(worker, project, "test recipe", priority=1, max_retries=3, max_assign_time=3600,
                   verification_count=2)  # fmt: skip
    before = now()
    task = tracker.must_take(worker, project)
    assert before <= task.pop("assign_time") <= now() + 1
    assert task.pop("id") > 0
    assert task == {
        "priority": 1,
        "assignee": worker.id,
        "retries": 0,
        "max_retries": 3,
        "status": 1,
        "recipe": "test recipe",
        "max_assign_time": 3600,
        "verification_count": 2,
        "project": tracker.good("GET", f"/project/get/{project}")["project"],
    }


def test_none(tracker: Tracker):
    project = tracker.project()
    answer = tracker.ask("GET", f"/task/get/{project}", tracker.worker())
    assert answer.status_code == 200
    assert answer.json() == {"ok": False, "message": NO_TASK}


def test_which_projects_there_are_not(tracker: Tracker):
    worker = tracker.worker()
    for word in ("0", "-1", "x", "1.5", "9" * 30, "%20"):
        tracker.refused(400, "Invalid project id", "GET", f"/task/get/{word}", worker)
        tracker.refused(403, "worker id not specified", "GET", f"/task/get/{word}")
    tracker.refused(404, "Project not found", "GET", "/task/get/99999999", worker)


def test_the_most_urgent_comes_first_and_then_the_oldest(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    priorities = [0, 5, -3, 5, 32767, 0, -32768, 1]
    for place, priority in enumerate(priorities):
        tracker.submit(worker, project, f"{priority}/{place}", priority=priority)
    wanted = sorted(range(len(priorities)), key=lambda place: (-priorities[place], place))
    assert tracker.drain(worker, project) == [f"{priorities[n]}/{n}" for n in wanted]


def test_what_was_given_back_is_the_oldest_again(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.bulk(worker, project, [{"recipe": str(n)} for n in range(4)])
    held = [tracker.must_take(worker, project) for _ in range(3)]
    assert [task["recipe"] for task in held] == ["0", "1", "2"]
    assert tracker.release(worker, held[1], SKIP)
    assert tracker.must_take(worker, project)["id"] == held[1]["id"]
    assert tracker.must_take(worker, project)["recipe"] == "3"
    assert tracker.take(worker, project) is None


# -- releasing --------------------------------------------------------------------------------


def test_a_release_word_for_word(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project)
    body = {"task_id": tracker.must_take(worker, project)["id"], "result": 0, "verification": -3}
    answer = tracker.ask("POST", RELEASE, worker, json=body)
    assert answer.json() == {"ok": True, "content": {"updated": True}}
    again = tracker.ask("POST", RELEASE, worker, json=body)
    assert again.status_code == 200
    assert again.json() == {
        "ok": True,
        "message": "Task was not marked as closed",
        "content": {"updated": False},
    }


@pytest.mark.parametrize("result", [-1, 3, 4, 255, 2**40, -(2**63)])
def test_another_result_changes_nothing(tracker: Tracker, result: int):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project)
    task = tracker.must_take(worker, project)
    assert not tracker.release(worker, task, result)
    assert tracker.take(worker, project) is None
    assert tracker.release(worker, task)


def test_what_is_no_release(tracker: Tracker):
    worker = tracker.worker()
    for body in ({}, {"task_id": 0}, {"task_id": None, "result": 0}):
        tracker.refused(400, "Invalid request", "POST", RELEASE, worker, json=body)
        tracker.refused(403, "worker id not specified", "POST", RELEASE, json=body)
    for body in ({"task_id": "1"}, {"task_id": 1.0}, {"task_id": 1, "verification": 2**63}):
        tracker.refused(400, UNREADABLE, "POST", RELEASE, worker, json=body)
    for unknown in (-1, 99999999, 2**63 - 1, -(2**63)):
        assert not tracker.release(worker, unknown)


@pytest.mark.parametrize("result", [OK, FAIL, SKIP])
def test_releases_of_others_late_ones_and_double_ones(tracker: Tracker, result: int):
    project = tracker.project()
    worker, other = tracker.member(project), tracker.member(project)
    tracker.submit(worker, project, max_retries=5)
    task = tracker.must_take(worker, project)
    assert not tracker.release(other, task, result)
    assert tracker.release(worker, task, SKIP)
    assert not tracker.release(worker, task, result)  # no longer in hand
    again = tracker.must_take(other, project)
    assert again["id"] == task["id"]
    assert again["retries"] == 0
    assert not tracker.release(worker, task, result)  # in another's hand
    assert tracker.release(other, again, result)
    for late in (OK, FAIL, SKIP):
        assert not tracker.release(other, again, late)
        assert not tracker.release(worker, again, late)
    assert tracker.closed_by(worker) == 0
    assert tracker.closed_by(other) == (1 if result == OK else 0)


@pytest.mark.parametrize(("max_retries", "tries"), [(0, 1), (1, 1), (2, 2), (3, 3), (5, 5)])
def test_failures_are_counted(tracker: Tracker, max_retries: int, tries: int):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project, max_retries=max_retries)
    for count in range(tries):
        task = tracker.must_take(worker, project)
        assert (task["retries"], task["max_retries"], task["status"]) == (count, max_retries, 1)
        assert tracker.release(worker, task, FAIL)
    assert tracker.take(worker, project) is None
    assert tracker.take(tracker.member(project), project) is None
    found = tracker.post(f"/project/reset_failed_tasks/{project}", tracker.admin)
    assert found == {"affected_tasks": 1}
    assert tracker.must_take(worker, project)["retries"] == 0
    assert tracker.closed_by(worker) == 0


def test_giving_back_is_no_failure(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project, max_retries=2)
    for result, retries in ((SKIP, 0), (SKIP, 0), (FAIL, 0), (SKIP, 1), (OK, 1)):
        task = tracker.must_take(worker, project)
        assert task["retries"] == retries
        assert tracker.release(worker, task, result)
    assert tracker.take(worker, project) is None


# -- verification -----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("value", [0, 5, -32315129, 2**63 - 1, -(2**63)])
def test_one_is_enough(tracker: Tracker, count: int, value: int):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.submit(worker, project, verification_count=count)
    task = tracker.must_take(worker, project)
    assert task["verification_count"] == 1
    assert tracker.release(worker, task, OK, value)
    assert tracker.take(worker, project) is None


VERIFICATIONS = [
    (2, [123, 123], 1),
    (2, [123, 1, 123], 2),
    (2, [0, 0], 1),
    (2, [1, 2, 3, 4, 2], 4),
    (3, [1, 2, 1, 2, 2], 4),
    (3, [-(2**63), 2**63 - 1, -(2**63), 2**63 - 1, -(2**63)], 4),
    (4, [7, 7, 7, 7], 3),
]


@pytest.mark.parametrize(("count", "values", "closes"), VERIFICATIONS)
def test_so_many_must_agree(tracker: Tracker, count: int, values: list[int], closes: int):
    project = tracker.project()
    tracker.submit(tracker.member(project), project, verification_count=count)
    workers = [tracker.member(project, submit=False) for _ in values]
    for place, (worker, value) in enumerate(zip(workers, values, strict=True)):
        task = tracker.must_take(worker, project)
        assert task["retries"] == 0
        assert tracker.release(worker, task, OK, value) is (place == closes)
        assert tracker.take(worker, project) is None  # never again for this one
        assert not tracker.release(worker, task, OK, value)
    # The last one alone is said to have closed it.
    assert [tracker.closed_by(each) for each in workers] == [0] * closes + [1]
    assert tracker.take(tracker.member(project), project) is None


def test_one_at_a_time_verifies(tracker: Tracker):
    project = tracker.project()
    one, two = tracker.member(project), tracker.member(project)
    tracker.submit(one, project, verification_count=2)
    task = tracker.must_take(one, project)
    assert tracker.take(two, project) is None
    assert not tracker.release(one, task, OK, 5)
    assert tracker.release(two, tracker.must_take(two, project), OK, 5)


def test_who_did_not_verify_may_have_it_again(tracker: Tracker):
    project = tracker.project()
    one, two = tracker.member(project), tracker.member(project)
    tracker.submit(one, project, verification_count=2, max_retries=9)
    for result in (SKIP, FAIL, SKIP):
        assert tracker.release(one, tracker.must_take(one, project), result)
    assert not tracker.release(one, tracker.must_take(one, project), OK, 1)
    assert tracker.take(one, project) is None
    for result in (SKIP, FAIL):
        assert tracker.release(two, tracker.must_take(two, project), result)
        assert tracker.take(one, project) is None
    assert tracker.release(two, tracker.must_take(two, project), OK, 1)


def test_verifications_outlive_failing_for_good(tracker: Tracker):
    project = tracker.project()
    one, two = tracker.member(project), tracker.member(project)
    tracker.submit(one, project, verification_count=2, max_retries=1)
    assert not tracker.release(one, tracker.must_take(one, project), OK, 1)
    assert tracker.release(two, tracker.must_take(two, project), FAIL)
    tracker.post(f"/project/reset_failed_tasks/{project}", tracker.admin)
    assert tracker.take(one, project) is None
    assert tracker.release(two, tracker.must_take(two, project), OK, 1)


def test_a_task_verified_by_one_passes_to_the_next_in_order(tracker: Tracker):
    project = tracker.project()
    one, two = tracker.member(project), tracker.member(project)
    tracker.bulk(one, project, [{"recipe": r, "verification_count": 2} for r in "ab"])
    assert not tracker.release(one, tracker.must_take(one, project), OK, 1)
    assert tracker.must_take(one, project)["recipe"] == "b"
    assert tracker.must_take(two, project)["recipe"] == "a"


# -- chains -----------------------------------------------------------------------------------


def test_a_closed_task_is_copied_along_the_chain(tracker: Tracker):
    target = tracker.project(public=False)
    project = tracker.project(chain=target)
    worker, next_ = tracker.member(project), tracker.member(target)
    tracker.submit(worker, project, "recipe", priority=4, max_retries=3, max_assign_time=77,
                   verification_count=2, hash64=123)  # fmt: skip
    second = tracker.member(project)
    assert tracker.release(worker, tracker.must_take(worker, project), FAIL)
    assert not tracker.release(worker, tracker.must_take(worker, project), OK, 5)
    assert tracker.take(next_, target) is None
    task = tracker.must_take(second, project)
    assert tracker.release(second, task, OK, 5)
    copy = tracker.must_take(next_, target)
    assert copy["id"] != task["id"]
    for name in ("recipe", "priority", "max_retries", "max_assign_time", "verification_count"):
        assert copy[name] == task[name]
    assert (copy["retries"], copy["status"], copy["project"]["id"]) == (0, 1, target)
    # Its hash went along, its verifications did not.
    body = {"project": target, "recipe": "r", "hash64": 123}
    assert tracker.ask("POST", "/task/submit", next_, json=body).status_code == 400
    assert not tracker.release(next_, copy, OK, 5)
    tracker.submit(worker, project, hash64=123)


def test_a_hash_that_is_there_already_is_not_copied(tracker: Tracker):
    target = tracker.project()
    project = tracker.project(chain=target)
    worker = tracker.member(project)
    tracker.grant(worker, target, assign=True, submit=True)
    tracker.submit(worker, target, "there", hash64=5)
    tracker.submit(worker, project, "copy", hash64=5)
    assert tracker.release(worker, tracker.must_take(worker, project))
    assert tracker.drain(worker, target) == ["there"]


def test_what_does_not_chain(tracker: Tracker):
    target = tracker.project()
    project = tracker.project(chain=target)
    worker = tracker.member(project)
    for _ in range(3):
        tracker.submit(worker, project, max_retries=1)
    assert tracker.release(worker, tracker.must_take(worker, project), FAIL)
    assert tracker.release(worker, tracker.must_take(worker, project), SKIP)
    tracker.post(f"/project/hard_reset/{project}", tracker.admin)
    assert tracker.take(worker, target) is None


def test_a_chain_may_go_in_a_circle(tracker: Tracker):
    one = tracker.project()
    two = tracker.project(chain=one)
    tracker.update(one, name=unique(), public=True, chain=two)
    worker = tracker.member(one)
    tracker.submit(worker, one, "round", hash64=5)
    for project in (one, two, one, two):
        assert tracker.release(worker, tracker.must_take(worker, project))
    assert tracker.closed_by(worker) == 4


def test_a_chain_that_was_taken_off(tracker: Tracker):
    target = tracker.project()
    project = tracker.project(chain=target)
    worker = tracker.member(project)
    tracker.submit(worker, project)
    tracker.submit(worker, project)
    assert tracker.release(worker, tracker.must_take(worker, project))
    tracker.update(project, name=unique(), public=True)
    assert tracker.release(worker, tracker.must_take(worker, project))
    assert len(tracker.drain(worker, target)) == 1
