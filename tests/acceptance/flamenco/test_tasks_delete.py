"""Deleting tasks, one and many."""

import pytest

from tests.acceptance.flamenco.client import NEVER, SHOT, Flamenco, check_short, number, urgent


def place(flamenco: Flamenco, state: str) -> tuple[int, object]:
    """Bring a new task into a state; give the worker that has or had it as well."""
    if state in ("waiting", "ready", "paused", "canceled"):
        needed = {"depends_on": [flamenco.task()]} if state == "waiting" else {}
        task = flamenco.task(**needed)
        if state in ("paused", "canceled"):
            flamenco.patch(task, status=state)
        worker = None
    else:
        task, worker = flamenco.rendering()
        if state != "rendering":
            flamenco.report(task, worker, state)
    assert flamenco.status(task) == state
    return task, worker


ROUTES = [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/log"), ("GET", "/output"),
          ("GET", "/thumbnail")]  # fmt: skip


@pytest.mark.parametrize(
    "state", ["waiting", "ready", "rendering", "paused", "completed", "failed", "aborted", "canceled"]
)  # fmt: skip
def test_a_task_goes_in_whatever_state(flamenco: Flamenco, state: str):
    task, worker = place(flamenco, state)
    found = flamenco.delete(task)
    check_short(found)
    assert found["id"] == task
    ended = state in ("completed", "failed", "canceled")
    assert found["status"] == (state if ended else "canceled")
    done = state in ("completed", "failed")
    assert found["worker_id"] == (worker.id if done else None)
    for method, tail in ROUTES:
        flamenco.refused(404, method, f"/tasks/{task}{tail}")
    flamenco.refused(404, "GET", f"/tasks/compiled/{task}")
    flamenco.refused(404, "GET", f"/tasks/zip/dep/{task}")
    if worker:
        flamenco.sees(worker, status="enabled", current_task=None)
        body = {"worker_id": worker.id, "status": "running"}
        flamenco.refused(404, "PATCH", f"/tasks/{task}", json=body)
        query = {"worker_id": worker.id}
        flamenco.refused(404, "GET", f"/tasks/compiled/{task}", params=query)


def test_a_busy_worker_stays_busy_when_its_task_goes(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.beat(worker, "busy")
    flamenco.delete(task)
    flamenco.sees(worker, status="busy", current_task=None)


def test_the_freed_worker_gets_the_next_task(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.delete(task)
    other = flamenco.give(worker)
    assert other != task
    flamenco.report(other, worker, "finished")


def test_who_waits_for_the_deleted_keeps_waiting(flamenco: Flamenco):
    needed, other = flamenco.task(), flamenco.task()
    waits = flamenco.task(depends_on=[needed, other], priority=urgent())
    flamenco.delete(needed)
    flamenco.shows(waits, status="waiting")
    worker = flamenco.worker()
    flamenco.patch(other, priority=urgent())
    assert flamenco.poll(worker) == other
    flamenco.report(other, worker, "finished")
    flamenco.shows(waits, status="waiting")
    flamenco.patch(waits, status="ready")
    flamenco.shows(waits, status="ready")
    flamenco.patch(waits, priority=urgent())
    assert flamenco.poll(worker) == waits


def test_a_deleted_dependency_is_open_for_good(flamenco: Flamenco):
    done, _ = flamenco.ended()
    waits = flamenco.task(depends_on=[done])
    assert flamenco.status(waits) == "ready"
    flamenco.refused(400, "POST", "/tasks", blamed="depends_on", json={
        "type": "simple_blender_render", "settings": SHOT, "depends_on": [done, NEVER],
    })  # fmt: skip
    flamenco.delete(done)
    flamenco.refused(400, "POST", "/tasks", blamed="depends_on", json={
        "type": "simple_blender_render", "settings": SHOT, "depends_on": [done],
    })  # fmt: skip


def test_deleting_the_waiting_one_frees_nobody(flamenco: Flamenco):
    needed = flamenco.task()
    waits = flamenco.task(depends_on=[needed])
    flamenco.delete(waits)
    assert flamenco.status(needed) == "ready"


def test_a_group_takes_its_tasks_with_it(flamenco: Flamenco):
    group = flamenco.task(settings={**SHOT, "chunk_size": 2})
    children = flamenco.long(group)["children"]
    found = flamenco.delete(group)
    assert (found["id"], found["status"]) == (group, "canceled")
    for task in [group, *children]:
        flamenco.refused(404, "GET", f"/tasks/{task}")
    assert flamenco.listed(parent_id=group) == []


def test_a_task_of_a_group_goes_alone(flamenco: Flamenco):
    group = flamenco.task(settings={**SHOT, "chunk_size": 3})
    one, other = flamenco.long(group)["children"]
    flamenco.delete(one)
    flamenco.shows(group, children=[other], status="ready")
    flamenco.delete(other)
    flamenco.shows(group, children=[], status="canceled")


# -- many ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "send",
    [
        lambda ids: {"json": {"tasks": ids}},
        lambda ids: {"json": {"tasks": [str(each) for each in ids]}},
        lambda ids: {"json": {"tasks": ",".join(map(str, ids))}},
        lambda ids: {"data": {"tasks": ids}},
        lambda ids: {"data": {"tasks": ",".join(map(str, ids))}},
        lambda ids: {"data": {"tasks": str(ids)}},
        lambda ids: {"params": {"tasks": ids}},
        lambda ids: {"params": {"tasks": ",".join(map(str, ids))}},
        lambda ids: {"params": {"tasks": str(ids)}},
        lambda ids: {"files": [("tasks", (None, str(each))) for each in ids]},
    ],
    ids=["json", "json of text", "json, commas", "form, repeated", "form, commas", "form, list",
         "query, repeated", "query, commas", "query, list", "multipart, repeated"],
)  # fmt: skip
def test_many_at_once(flamenco: Flamenco, send):
    ids = [flamenco.task() for _ in range(3)]
    kept = flamenco.task()
    unknown = [NEVER, 0, -1]
    found = flamenco.good("DELETE", "/tasks", 202, **send([*ids, *unknown]))
    assert set(found) == {"tasks"}
    assert sorted(found["tasks"]) == ids
    for task in ids:
        flamenco.refused(404, "GET", f"/tasks/{task}")
    assert flamenco.status(kept) == "ready"
    assert flamenco.good("DELETE", "/tasks", 202, **send(ids)) == {"tasks": []}


def test_one_named_twice_goes_once(flamenco: Flamenco):
    task = flamenco.task()
    found = flamenco.good("DELETE", "/tasks", 202, json={"tasks": [task, task, str(task)]})
    assert found == {"tasks": [task]}


def test_many_in_many_states(flamenco: Flamenco):
    states = ["waiting", "ready", "rendering", "completed", "failed"]
    places = [place(flamenco, state) for state in states]
    ids = [task for task, _ in places]
    found = flamenco.good("DELETE", "/tasks", 202, json={"tasks": ids})
    assert sorted(found["tasks"]) == sorted(ids)
    for _, worker in places:
        if worker:
            flamenco.sees(worker, status="enabled", current_task=None)


def test_an_entry_that_is_no_integer_keeps_all(flamenco: Flamenco):
    task = flamenco.task()
    for bad in (f"{task},x", f"{task},1.5", [task, "x"], [task, None], [task, True], f"{task},,"):
        flamenco.refused(400, "DELETE", "/tasks", blamed="tasks", json={"tasks": bad})
    flamenco.refused(400, "DELETE", "/tasks", blamed="tasks", data={"tasks": [task, "x"]})
    flamenco.refused(400, "DELETE", "/tasks", blamed="tasks")
    assert flamenco.status(task) == "ready"


def test_a_group_and_one_of_its_tasks(flamenco: Flamenco):
    mark = number()
    group = flamenco.task(settings={**SHOT, "chunk_size": 3}, task_id=mark)
    one, other = flamenco.long(group)["children"]
    found = flamenco.good("DELETE", "/tasks", 202, json={"tasks": [one, group]})
    assert {one, group} <= set(found["tasks"]) <= {one, other, group}
    for task in (group, one, other):
        flamenco.refused(404, "GET", f"/tasks/{task}")


def test_a_group_that_had_ended(flamenco: Flamenco):
    group = flamenco.task(settings={**SHOT, "chunk_size": 3}, priority=urgent())
    worker = flamenco.worker()
    for task in flamenco.long(group)["children"]:
        assert flamenco.poll(worker) == task
        flamenco.report(task, worker, "finished")
    found = flamenco.delete(group)
    assert (found["status"], found["frame_current"]) == ("completed", 10)
