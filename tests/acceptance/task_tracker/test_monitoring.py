"""Snapshots, assignees, and what managers do to all tasks at once."""

import pytest

from tests.acceptance.task_tracker.client import (
    FAIL,
    OK,
    UNAUTHORIZED,
    Tracker,
    Worker,
    now,
    unique,
)
from tests.yard import eventually

FIELDS = {
    "new_task_count", "failed_task_count", "closed_task_count", "worker_access_count",
    "awaiting_verification_count", "time_stamp",
}  # fmt: skip
LATEST = 2_147_483_646


def snapshots(tracker: Tracker, project: int, count: int = 999) -> list[dict]:
    path = f"/project/monitoring/{project}?count={count}"
    content = tracker.good("GET", path, tracker.admin)
    assert list(content) == ["snapshots"]
    assert all(set(one) == FIELDS for one in content["snapshots"])
    assert all(type(value) is int for one in content["snapshots"] for value in one.values())
    return content["snapshots"]


def newest(tracker: Tracker, project: int, **wanted: int) -> dict:
    """Wait for a snapshot with these figures."""

    def there() -> dict | None:
        found = snapshots(tracker, project, 1)
        return found[0] if found and wanted.items() <= found[0].items() else None

    return eventually(there, f"a snapshot with {wanted}")


def test_what_a_snapshot_counts(restless: Tracker):
    project = restless.project()
    newest(
        restless,
        project,
        new_task_count=0,
        failed_task_count=0,
        closed_task_count=0,
        worker_access_count=0,
        awaiting_verification_count=0,
    )
    worker, other = restless.member(project), restless.member(project, approved=False)
    assert other.id != worker.id
    restless.bulk(worker, project, [{"max_retries": 1, "priority": 9}] * 6)
    restless.bulk(worker, project, [{"verification_count": 2}] * 3)
    assert restless.release(worker, restless.must_take(worker, project), FAIL)
    for _ in range(2):
        assert restless.release(worker, restless.must_take(worker, project), OK)
    for _ in range(2):
        restless.must_take(worker, project)
    restless.must_take(worker, project)
    held = restless.must_take(worker, project)
    assert not restless.release(worker, held, OK, 1)
    found = newest(restless, project, closed_task_count=2, awaiting_verification_count=1)
    found = newest(
        restless,
        project,
        new_task_count=5,
        failed_task_count=1,
        closed_task_count=2,
        worker_access_count=2,
        awaiting_verification_count=1,
    )
    assert abs(found["time_stamp"] - now()) < 90
    restless.post(f"/project/hard_reset/{project}", restless.admin)
    newest(
        restless,
        project,
        new_task_count=0,
        failed_task_count=0,
        closed_task_count=2,
        awaiting_verification_count=0,
    )


def test_snapshots_come_again_and_are_newest_first(restless: Tracker):
    project = restless.project()
    found = eventually(
        lambda: (each := snapshots(restless, project)) and len(each) >= 4 and each, "four"
    )
    times = [one["time_stamp"] for one in found]
    assert times == sorted(set(times), reverse=True)
    assert snapshots(restless, project, 2)[0]["time_stamp"] >= times[0]
    assert len(snapshots(restless, project, 2)) == 2

    def between(begin: int, end: int) -> list[int]:
        path = f"/project/monitoring-between/{project}?from={begin}&to={end}"
        return [one["time_stamp"] for one in restless.good("GET", path)["snapshots"]]

    assert between(times[2], times[0]) == times[:3]
    assert between(times[1], times[1]) == [times[1]]
    assert between(times[0], times[1]) == []
    assert between(1, times[-1] - 1) == []
    assert between(1, LATEST)[-len(times) :] == times


def test_nothing_to_show(tracker: Tracker):
    project = tracker.project()
    path = f"/project/monitoring-between/{project}?from=1&to=2"
    assert tracker.good("GET", path) == {"snapshots": []}
    assert tracker.good("GET", f"/project/assignees/{project}") == {"assignees": []}


@pytest.mark.parametrize(
    "word", ["", "0", "1000", "-1", "x", "1.0", "1e2", " 1", "9" * 30, "%00", None]
)
def test_what_is_no_count(tracker: Tracker, word: str | None):
    project = tracker.project()
    query = "" if word is None else f"?count={word}"
    tracker.refused(400, "Invalid request", "GET", f"/project/monitoring/{project}{query}")


@pytest.mark.parametrize("count", [1, 60, 999])
def test_counts(tracker: Tracker, count: int):
    tracker.good("GET", f"/project/monitoring/{tracker.project()}?count={count}")


@pytest.mark.parametrize(
    "query",
    ["", "from=1", "to=1", "from=0&to=1", "from=1&to=0", "from=1&to=2147483647", "from=x&to=1",
     "from=1&to=x", "from=-1&to=1", "from=2147483647&to=2147483646", "from=1.5&to=2", "From=1&To=2"],
)  # fmt: skip
def test_what_is_no_time(tracker: Tracker, query: str):
    path = f"/project/monitoring-between/{tracker.project()}?{query}"
    tracker.refused(400, "Invalid request", "GET", path)


@pytest.mark.parametrize("word", ["0", "-1", "x", "1.5", "9" * 30])
def test_ids(tracker: Tracker, word: str):
    tracker.refused(400, "Invalid request", "GET", f"/project/monitoring/{word}?count=1")
    path = f"/project/monitoring-between/{word}?from=1&to=2"
    tracker.refused(400, "Invalid request", "GET", path)
    tracker.refused(400, "Invalid project id", "GET", f"/project/assignees/{word}")


@pytest.mark.parametrize(
    "path", ["monitoring/{}?count=1", "monitoring-between/{}?from=1&to=2", "assignees/{}"]
)
def test_hidden_and_unknown_projects(tracker: Tracker, path: str):
    hidden = f"/project/{path.format(tracker.project(hidden=True))}"
    tracker.refused(403, UNAUTHORIZED, "GET", hidden)
    tracker.refused(403, UNAUTHORIZED, "GET", hidden, tracker.manager())
    tracker.good("GET", hidden, tracker.admin)
    unknown = f"/project/{path.format(99999999)}"
    tracker.refused(404, "Project not found", "GET", unknown)


# -- who holds what ---------------------------------------------------------------------------


def assignees(tracker: Tracker, project: int) -> list[tuple[str, int]]:
    found = tracker.good("GET", f"/project/assignees/{project}")["assignees"]
    assert all(set(one) == {"assignee", "task_count"} for one in found)
    return [(one["assignee"], one["task_count"]) for one in found]


def holding(tracker: Tracker, project: int, count: int, alias: str) -> Worker:
    worker = tracker.member(project, alias=alias)
    for _ in range(count):
        tracker.must_take(worker, project)
    return worker


def test_assignees(tracker: Tracker):
    project, one, two = tracker.project(), unique("one"), unique("two")
    worker = tracker.member(project)
    tracker.bulk(worker, project, [{"max_retries": 1}] * 12)
    assert assignees(tracker, project) == [("unassigned", 12)]
    holding(tracker, project, 3, one)
    holding(tracker, project, 5, two)
    holding(tracker, project, 1, one)
    assert assignees(tracker, project) == [(two, 5), (one, 3), ("unassigned", 3), (one, 1)] or (
        assignees(tracker, project) == [(two, 5), ("unassigned", 3), (one, 3), (one, 1)]
    )
    for _ in range(3):
        assert tracker.release(worker, tracker.must_take(worker, project), FAIL)
    # Failed ones are nobody's, and are still counted.
    assert ("unassigned", 3) in assignees(tracker, project)
    assert sum(count for _, count in assignees(tracker, project)) == 12


def test_at_most_sixteen_assignees(tracker: Tracker):
    project = tracker.project()
    tracker.bulk(tracker.member(project), project, [{}] * 40)
    for _ in range(18):
        holding(tracker, project, 2, unique())
    found = assignees(tracker, project)
    assert len(found) == 16
    assert found[0] == ("unassigned", 4)
    assert [count for _, count in found[1:]] == [2] * 15


# -- all tasks at once ------------------------------------------------------------------------


def maintain(tracker: Tracker, verb: str, project: int, **options) -> int:
    path = f"/project/{verb}/{project}"
    content = tracker.good("POST", path, tracker.admin, **options)
    assert list(content) == ["affected_tasks"]
    return content["affected_tasks"]


@pytest.mark.parametrize("body", [None, b"null", b"{}", b"nonsense"])
@pytest.mark.parametrize("verb", ["reset_failed_tasks", "hard_reset", "reclaim_assigned_tasks"])
def test_no_body_is_needed(tracker: Tracker, verb: str, body: bytes | None):
    assert maintain(tracker, verb, tracker.project(), data=body) == 0


def test_resetting_what_failed(tracker: Tracker):
    project = tracker.project()
    worker = tracker.member(project)
    tracker.bulk(worker, project, [{"max_retries": 1}] * 5)
    for _ in range(3):
        assert tracker.release(worker, tracker.must_take(worker, project), FAIL)
    held = tracker.must_take(worker, project)
    assert maintain(tracker, "reset_failed_tasks", project) == 3
    assert maintain(tracker, "reset_failed_tasks", project) == 0
    again = [tracker.must_take(worker, project) for _ in range(4)]
    assert [task["retries"] for task in again] == [0] * 4
    assert tracker.release(worker, held)
    assert all(tracker.release(worker, task) for task in again)


def test_deleting_everything(tracker: Tracker):
    target = tracker.project()
    project = tracker.project(chain=target)
    worker = tracker.member(project)
    tracker.bulk(worker, project, [{"max_retries": 1, "hash64": n} for n in range(1, 7)])
    assert tracker.release(worker, tracker.must_take(worker, project), FAIL)
    assert tracker.release(worker, tracker.must_take(worker, project), OK)
    held = tracker.must_take(worker, project)
    assert maintain(tracker, "hard_reset", project) == 5
    for result in (OK, FAIL, 2):
        assert not tracker.release(worker, held, result)
    assert tracker.take(worker, project) is None
    assert tracker.closed_by(worker) == 1
    assert len(tracker.drain(worker, target)) == 1  # of the one that was closed before
    assert tracker.bulk(worker, project, [{"hash64": n} for n in range(1, 7)]).status_code == 200


def test_taking_back_what_is_held(tracker: Tracker):
    project = tracker.project()
    worker, other = tracker.member(project), tracker.member(project)
    tracker.bulk(worker, project, [{"max_retries": 3}] * 6)
    assert tracker.release(worker, tracker.must_take(worker, project), FAIL)
    held = [tracker.must_take(worker, project) for _ in range(4)]
    assert maintain(tracker, "reclaim_assigned_tasks", project) == 4
    for task, result in zip(held, (OK, FAIL, 2, OK), strict=True):
        assert not tracker.release(worker, task, result)
    again = [tracker.must_take(other, project) for _ in range(6)]
    assert sorted(task["retries"] for task in again) == [0] * 5 + [1]
    assert all(tracker.release(other, task) for task in again)
    assert maintain(tracker, "reclaim_assigned_tasks", project) == 0
