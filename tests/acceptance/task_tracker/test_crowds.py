"""What holds however many ask at once, and whichever process answers them."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.task_tracker.client import (
    DUPLICATE,
    FAIL,
    OK,
    PASSWORD,
    SKIP,
    Tracker,
    Worker,
    unique,
)
from tests.yard import Yard

CROWD = 12


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call all of them at once, and give what they gave."""
    gate = threading.Barrier(len(calls))

    def after(call: Callable[[], Any]) -> Any:
        gate.wait(60)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(after, calls))


def test_each_task_is_handed_out_once(tracker: Tracker):
    project = tracker.project()
    workers = [tracker.member(project) for _ in range(CROWD)]
    count = 240
    tracker.bulk(workers[0], project, [{"recipe": str(n)} for n in range(count)])

    def drain(worker: Worker) -> list[int]:
        found = []
        while task := tracker.take(worker, project):
            found.append(task["id"])
            if len(found) % 2:
                assert tracker.release(worker, task)
        return found

    taken = together([lambda worker=worker: drain(worker) for worker in workers])
    handed = [task for each in taken for task in each]
    assert len(handed) == len(set(handed)) == count
    wanted = sum((len(each) + 1) // 2 for each in taken)
    assert sum(map(tracker.closed_by, workers)) == wanted
    found = tracker.post(f"/project/reclaim_assigned_tasks/{project}", tracker.admin)
    assert found == {"affected_tasks": count - wanted}


@pytest.mark.parametrize("form", ["one", "many", "both"])
def test_of_equal_submissions_one_wins(tracker: Tracker, form: str):
    project = tracker.project()
    worker = tracker.member(project)
    fields = itertools.cycle([{"hash64": 5158252350249958646}, {"unique_string": "a"}])

    def submit(place: int, given: dict) -> tuple[int, str]:
        if form == "one" or (form == "both" and place % 2):
            body = {"project": project, "recipe": "r", **given}
            answer = tracker.ask("POST", "/task/submit", worker, json=body)
        else:
            answer = tracker.bulk(worker, project, [given, given])
        return answer.status_code, answer.json().get("message", "")

    pairs = zip(range(CROWD), fields, strict=False)
    answers = together([lambda pair=pair: submit(*pair) for pair in pairs])
    assert Counter(answers) == {(200, ""): 1, (400, DUPLICATE): CROWD - 1}
    assert len(tracker.drain(worker, project)) == 1


@pytest.mark.parametrize("result", [OK, FAIL, SKIP])
def test_of_releases_of_one_task_one_counts(tracker: Tracker, result: int):
    target = tracker.project()
    project = tracker.project(chain=target)
    worker = tracker.member(project)
    for _ in range(4):
        tracker.submit(worker, project, max_retries=2)
        task = tracker.must_take(worker, project)
        updated = together([lambda t=task: tracker.release(worker, t, result)] * CROWD)
        assert updated.count(True) == 1
        assert (tracker.closed_by(worker) == 0) is (result != OK)
        tracker.post(f"/project/hard_reset/{project}", tracker.admin)
    assert tracker.closed_by(worker) == (4 if result == OK else 0)
    assert len(tracker.drain(worker, target)) == (4 if result == OK else 0)


def test_verification_by_a_crowd(tracker: Tracker):
    project = tracker.project()
    workers = [tracker.member(project) for _ in range(CROWD)]
    tasks, need = 10, 3
    tracker.bulk(workers[0], project, [{"verification_count": need}] * tasks)
    closed: list[int] = []
    given: Counter[tuple[int, int]] = Counter()

    def work(worker: Worker) -> None:
        while len(closed) < tasks:
            task = tracker.take(worker, project)
            if task is None:
                if given_by(worker) == tasks:
                    return
                continue
            given[task["id"], worker.id] += 1
            if tracker.release(worker, task, OK, 5):
                closed.append(task["id"])

    def given_by(worker: Worker) -> int:
        return sum(1 for _, who in list(given) if who == worker.id)

    together([lambda worker=worker: work(worker) for worker in workers])
    assert len(closed) == len(set(closed)) == tasks
    assert set(given.values()) == {1}
    assert Counter(task for task, _ in given) == dict.fromkeys(closed, need)
    assert sum(map(tracker.closed_by, workers)) == tasks


def test_many_may_submit_and_get_at_once(tracker: Tracker):
    project = tracker.project()
    workers = [tracker.member(project) for _ in range(CROWD)]
    each = 15

    def submit(worker: Worker) -> int:
        for _ in range(each):
            tracker.submit(worker, project)
        return 0

    def close(worker: Worker) -> int:
        done = 0
        while done < each:
            task = tracker.take(worker, project)
            if task is not None:
                assert tracker.release(worker, task)
                done += 1
        return done

    half = CROWD // 2
    calls = [lambda w=w: submit(w) for w in workers[:half]]
    calls += [lambda w=w: close(w) for w in workers[half:]]
    assert sum(together(calls)) == half * each
    assert tracker.take(workers[0], project) is None


def test_names_and_requests_are_given_once(tracker: Tracker):
    name, worker, project = unique(), tracker.worker(), tracker.project()
    create = {"json": {"name": name}}
    answers = together(
        [lambda: tracker.ask("POST", "/project/create", tracker.admin, **create)] * CROWD
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (CROWD - 1)
    ask = {"json": {"project": project, "assign": True}}
    answers = together(
        [lambda: tracker.ask("POST", "/project/request_access", worker, **ask)] * CROWD
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (CROWD - 1)
    register = {"json": {"username": unique("r")[:16], "password": PASSWORD}}
    answers = together([lambda: tracker.ask("POST", "/register", **register)] * 6)
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 5


def test_updates_of_one_project_at_once(tracker: Tracker):
    project, name = tracker.project(), unique()
    fields = [{"motd": f"m{n}", "version": f"m{n}", "priority": n} for n in range(CROWD)]
    together([lambda f=f: tracker.update(project, name=name, public=True, **f) for f in fields])
    shown = tracker.good("GET", f"/project/get/{project}")
    assert shown["motd"] == shown["version"] == f"m{shown['priority']}"


def test_one_of_the_first_managers_is_admin(data_dir):
    yard = Yard(data_dir, JOBYARD_WEB_PROCESSES="2")
    try:
        tracker = Tracker(yard.start())
        managers = together([lambda: tracker.manager("first")] * 8)
        shown = tracker.good("GET", "/manager/list", managers[0])["managers"]
        assert sorted(one["tracker_admin"] for one in shown) == [False] * 7 + [True]
        (admin,) = [one["id"] for one in shown if one["tracker_admin"]]
        assert admin == min(one["id"] for one in shown)
    finally:
        yard.end()
