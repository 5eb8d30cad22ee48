"""What waits for what, given from either side."""

import pytest

from tests.acceptance.flamenco.client import RENDER, SHOT, Flamenco, number, urgent
from tests.acceptance.flamenco.test_tasks_delete import place


@pytest.mark.parametrize(
    "write", [list, lambda ids: [str(each) for each in ids], lambda ids: ",".join(map(str, ids))]
)  # fmt: skip
def test_waiting_for_many(flamenco: Flamenco, write):
    needed = [flamenco.task() for _ in range(3)]
    made = flamenco.create(depends_on=write(needed))
    assert made["status"] == "waiting"
    found = flamenco.long(made["id"])
    assert sorted(found["depends_on"]) == needed
    for task in needed:
        flamenco.shows(task, status="ready", child_id=None)


def test_waiting_for_many_in_a_form(flamenco: Flamenco):
    needed = [flamenco.task() for _ in range(2)]
    body = {
        "type": "print_string",
        "settings": '{"text": "a"}',
        "depends_on": f"{needed[0]},{needed[1]}",
    }
    made = flamenco.good("POST", "/tasks", 202, data=body)
    assert sorted(flamenco.long(made["id"])["depends_on"]) == needed


@pytest.mark.parametrize("nothing", [[], "", None])
def test_waiting_for_nothing(flamenco: Flamenco, nothing):
    flamenco.shows(flamenco.task(depends_on=nothing), status="ready", depends_on=[])


def test_naming_one_twice(flamenco: Flamenco):
    needed, worker = flamenco.rendering()
    task = flamenco.task(depends_on=[needed, needed])
    flamenco.shows(task, status="waiting", depends_on=[needed])
    flamenco.report(needed, worker, "finished")
    flamenco.shows(task, status="ready")


@pytest.mark.parametrize(
    "state", ["waiting", "ready", "rendering", "paused", "failed", "aborted", "canceled"]
)
def test_only_a_completed_one_lets_go(flamenco: Flamenco, state: str):
    needed, _ = place(flamenco, state)
    flamenco.shows(flamenco.task(depends_on=[needed]), status="waiting")
    done, _ = place(flamenco, "completed")
    flamenco.shows(flamenco.task(depends_on=[done]), status="ready", depends_on=[done])
    flamenco.shows(flamenco.task(depends_on=[done, needed]), status="waiting")


def test_the_last_one_lets_go(flamenco: Flamenco):
    places = [flamenco.rendering() for _ in range(3)]
    task = flamenco.task(depends_on=[needed for needed, _ in places])
    for needed, worker in places:
        flamenco.shows(task, status="waiting")
        flamenco.report(needed, worker, "finished")
    flamenco.shows(task, status="ready")
    flamenco.patch(task, priority=urgent())
    assert flamenco.poll(flamenco.worker()) == task


@pytest.mark.parametrize("end", ["failed", "canceled"])
def test_who_waits_for_a_failure_waits_on(flamenco: Flamenco, end: str):
    needed, worker = flamenco.rendering()
    task = flamenco.task(depends_on=[needed])
    flamenco.patch(needed, status=end)
    flamenco.shows(task, status="waiting")
    flamenco.patch(needed, status="ready", priority=urgent())
    assert flamenco.poll(worker) == needed
    flamenco.shows(task, status="waiting")
    flamenco.report(needed, worker, "finished")
    flamenco.shows(task, status="ready")


def test_an_operator_drops_what_is_open(flamenco: Flamenco):
    needed, worker = flamenco.rendering()
    task = flamenco.task(depends_on=[needed])
    flamenco.patch(task, status="ready", priority=urgent())
    flamenco.shows(task, status="ready")
    other = flamenco.worker()
    assert flamenco.poll(other) == task
    flamenco.report(needed, worker, "finished")
    flamenco.shows(task, status="rendering", worker_id=other.id)


def test_a_chain(farm: Flamenco):
    first = farm.task()
    second = farm.task(depends_on=[first], priority=99)
    third = farm.task(depends_on=[second], priority=999)
    worker = farm.worker()
    for task in (first, second, third):
        assert farm.poll(worker) == task
        farm.report(task, worker, "finished")
    assert farm.poll(worker) is None


def test_a_rerun_keeps_those_that_were_let_go(flamenco: Flamenco):
    needed, worker = flamenco.rendering()
    task = flamenco.task(depends_on=[needed])
    flamenco.report(needed, worker, "finished")
    flamenco.shows(task, status="ready")
    flamenco.patch(needed, status="ready")
    assert flamenco.status(task) in ("ready", "waiting")


# -- child_id ------------------------------------------------------------------------------------


def test_a_child_waits(flamenco: Flamenco):
    child = flamenco.task(priority=urgent())
    flamenco.shows(child, status="ready")
    parent = flamenco.task(child_id=child, priority=urgent())
    flamenco.shows(parent, status="ready", child_id=child, depends_on=[])
    flamenco.shows(child, status="waiting", depends_on=[parent])
    second = flamenco.task(child_id=str(child), priority=urgent())
    found = flamenco.shows(child, status="waiting")
    assert sorted(found["depends_on"]) == [parent, second]
    workers = [flamenco.worker(), flamenco.worker()]
    assert [flamenco.poll(worker) for worker in workers] == [second, parent]
    flamenco.report(parent, workers[1], "finished")
    flamenco.shows(child, status="waiting")
    flamenco.report(second, workers[0], "finished")
    flamenco.shows(child, status="ready")
    assert flamenco.poll(workers[0]) == child


def test_both_sources_count(flamenco: Flamenco):
    needed, worker = flamenco.rendering()
    task = flamenco.task(depends_on=[needed])
    other = flamenco.give(flamenco.worker(), child_id=task)
    assert sorted(flamenco.long(task)["depends_on"]) == sorted([needed, other])
    flamenco.report(needed, worker, "finished")
    flamenco.shows(task, status="waiting")
    flamenco.patch(other, status="completed")
    flamenco.shows(task, status="ready")


@pytest.mark.parametrize(
    "state", ["rendering", "paused", "completed", "failed", "aborted", "canceled"]
)
def test_a_child_that_is_neither_waiting_nor_ready(flamenco: Flamenco, state: str):
    child, _ = place(flamenco, state)
    mark = number()
    before = flamenco.long(child)
    body = {"type": RENDER, "settings": SHOT, "child_id": child, "task_id": mark}
    flamenco.refused(400, "POST", "/tasks", blamed="child_id", json=body)
    assert flamenco.listed(task_id=mark) == []
    assert flamenco.long(child) == before


def test_a_refused_parent_leaves_the_child_ready(flamenco: Flamenco):
    child = flamenco.task()
    body = {"type": RENDER, "settings": {**SHOT, "frame_end": 1}, "child_id": child}
    flamenco.refused(400, "POST", "/tasks", json=body)
    flamenco.shows(child, status="ready", depends_on=[])


def test_a_task_between_two(flamenco: Flamenco):
    first, last = flamenco.task(), flamenco.task()
    task = flamenco.task(depends_on=[first], child_id=last)
    flamenco.shows(task, status="waiting", child_id=last)
    flamenco.shows(last, status="waiting", depends_on=[task])


# -- groups --------------------------------------------------------------------------------------


def test_a_group_is_waited_for(flamenco: Flamenco):
    group = flamenco.task(settings={**SHOT, "chunk_size": 3}, priority=urgent())
    task = flamenco.task(depends_on=[group])
    flamenco.shows(task, status="waiting", depends_on=[group])
    worker = flamenco.worker()
    for part in flamenco.long(group)["children"]:
        flamenco.shows(task, status="waiting")
        assert flamenco.poll(worker) == part
        flamenco.report(part, worker, "finished")
    flamenco.shows(group, status="completed")
    flamenco.shows(task, status="ready")


def test_a_completed_group_is_no_hindrance(flamenco: Flamenco):
    group = flamenco.task(settings={**SHOT, "chunk_size": 3}, priority=urgent())
    worker = flamenco.worker()
    for part in flamenco.long(group)["children"]:
        assert flamenco.poll(worker) == part
        flamenco.report(part, worker, "finished")
    flamenco.shows(flamenco.task(depends_on=f"{group}"), status="ready")


def test_a_group_that_is_canceled_keeps_others_waiting(flamenco: Flamenco):
    group = flamenco.task(settings={**SHOT, "chunk_size": 3})
    task = flamenco.task(depends_on=[group])
    flamenco.patch(group, status="canceled")
    flamenco.shows(group, status="canceled")
    flamenco.shows(task, status="waiting")
    flamenco.delete(group)
    flamenco.shows(task, status="waiting")


def test_a_group_waits(flamenco: Flamenco):
    needed, worker = flamenco.rendering()
    made = flamenco.create(
        settings={**SHOT, "chunk_size": 3}, depends_on=[needed], priority=urgent()
    )
    assert made["status"] == "waiting"
    parts = flamenco.long(made["id"])["children"]
    assert [flamenco.status(part) for part in parts] == ["waiting", "waiting"]
    flamenco.report(needed, worker, "finished")
    flamenco.shows(made["id"], status="ready")
    assert flamenco.poll(worker) == parts[0]


def test_a_group_as_a_parent(flamenco: Flamenco):
    child = flamenco.task()
    group = flamenco.task(settings={**SHOT, "chunk_size": 3}, child_id=child, priority=urgent())
    flamenco.shows(child, status="waiting")
    worker = flamenco.worker()
    for part in flamenco.long(group)["children"]:
        flamenco.shows(child, status="waiting")
        assert flamenco.poll(worker) == part
        flamenco.report(part, worker, "finished")
    flamenco.shows(child, status="ready")


def test_a_ring_waits_until_an_operator_breaks_it(flamenco: Flamenco):
    one = flamenco.task()
    body = {"type": RENDER, "settings": SHOT, "depends_on": [one], "child_id": one}
    answer = flamenco.ask("POST", "/tasks", json=body)
    assert answer.status_code in (202, 400)
    if answer.status_code == 202:
        other = answer.json()["id"]
        flamenco.shows(other, status="waiting")
        flamenco.patch(one, status="ready", priority=urgent())
        worker = flamenco.worker()
        assert flamenco.poll(worker) == one
        flamenco.report(one, worker, "finished")
        flamenco.shows(other, status="ready")
