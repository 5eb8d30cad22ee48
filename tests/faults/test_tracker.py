"""Remote workers of the tracker, while the processes that answer them are killed."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import psutil
import pytest
import requests

from tests.acceptance.task_tracker.client import Tracker, Worker
from tests.faults.claimant import FAIL, OK
from tests.faults.test_kill import findings
from tests.yard import Yard, eventually, with_suppressed

TASKS = 320
CLAIMANTS = 8
FAILS = 3
"""A task fails so many times less one at most."""

pytestmark = pytest.mark.slow


def begin(yard: Yard, project: int, workers: Sequence[Worker]) -> list[subprocess.Popen[str]]:
    """Start a process for each worker."""
    return [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.claimant", yard.url, str(project), str(one.id),
             one.secret],
            stdout=subprocess.PIPE,
            text=True,
        )
        for one in workers
    ]  # fmt: skip


def handed(claimants: Sequence[subprocess.Popen[str]]) -> list[list[tuple[int, int, int]]]:
    """Wait for the processes, and give what each was handed."""
    found = []
    for claimant in claimants:
        output, _ = claimant.communicate(timeout=300)
        assert claimant.returncode == 0
        found.append([tuple(each) for each in json.loads(output)])
    return found


def closed(tracker: Tracker) -> int:
    """Count what is closed; 0 when nobody answers."""
    try:
        stats = requests.get(f"{tracker.yard.url}/worker/stats", timeout=30).json()["content"]
    except (requests.RequestException, ValueError, KeyError):
        return 0
    return sum(one["closed_task_count"] for one in stats["stats"])


def kill_one_that_answers(yard: Yard) -> None:
    """`kill -9` one of the processes that answer requests."""
    web = eventually(lambda: yard.part("web"), "the web part")

    def child() -> psutil.Process | None:
        try:
            return next(iter(web.children()), None)
        except psutil.NoSuchProcess:
            return None

    found = eventually(child, "a process that answers")
    with_suppressed(found.kill)


def test_every_task_is_handed_out_and_counted_once_whoever_is_killed(yards, database_url):
    yard = yards(
        JOBYARD_DATABASE_URL=database_url,
        JOBYARD_WEB_PROCESSES="2",
        TT_MONITORING_SNAPSHOT_INTERVAL="1s",
    ).start()
    tracker = Tracker(yard)
    project = tracker.project(public=False)
    workers = [tracker.member(project) for _ in range(CLAIMANTS)]
    items = [{"recipe": str(n % FAILS), "max_retries": 100} for n in range(TASKS)]
    assert tracker.bulk(workers[0], project, items).status_code == 200

    claimants = begin(yard, project, workers)
    try:
        for share in (0.1, 0.25, 0.4, 0.55, 0.7):
            eventually(lambda share=share: closed(tracker) > share * TASKS, "tasks to be closed")
            if share == 0.4:
                yard.kill("web")
            else:
                kill_one_that_answers(yard)
        first = handed(claimants)
        eventually(yard.answers, "an answer of /health")
        # Of an answer that was lost nobody knows which task it handed out.
        path = f"/project/reclaim_assigned_tasks/{project}"
        eventually(lambda: tracker.ask("POST", path, tracker.admin).status_code == 200, "reclaim")
        claimants = begin(yard, project, workers)
        second = handed(claimants)
    finally:
        for claimant in claimants:
            claimant.kill()
            claimant.wait()

    all_handed = [one + two for one, two in zip(first, second, strict=True)]
    counts = Counter(each for one in all_handed for each in one)
    # Each task once for each of its tries, whoever died: no try is lost, none is made twice.
    assert set(counts.values()) == {1}
    tasks = {task for task, _, _ in counts}
    assert len(tasks) == TASKS
    tries = Counter(task for task, _, _ in counts)
    assert Counter(tries.values()) == Counter(n % FAILS + 1 for n in range(TASKS))
    for task, retries, result in counts:
        assert result == (OK if retries + 1 == tries[task] else FAIL)
    # Each release counted once, for who made it.
    done = [sum(1 for _, _, result in one if result == OK) for one in all_handed]
    assert [tracker.closed_by(worker) for worker in workers] == done
    assert sum(done) == TASKS
    eventually(lambda: figures(tracker, project) == (0, 0, TASKS, CLAIMANTS), "the last snapshot")
    assert findings(yard) == []


def figures(tracker: Tracker, project: int) -> tuple[int, ...] | None:
    """Give what the newest snapshot says."""
    path = f"/project/monitoring/{project}?count=1"
    found = tracker.good("GET", path, tracker.admin)["snapshots"]
    names = ("new_task_count", "failed_task_count", "closed_task_count", "worker_access_count")
    return tuple(found[0][name] for name in names) if found else None
