"""Heartbeats and polls."""

import pytest

from tests.acceptance.flamenco.client import NEVER, SHOT, Flamenco, urgent


@pytest.mark.parametrize("word", ["rendering", "enabled", "busy", "disabled"])
def test_only_available_asks_for_work(flamenco: Flamenco, word: str):
    task, worker = flamenco.task(priority=urgent()), flamenco.worker()
    found = flamenco.beat(worker, word)
    shown = {"rendering": "enabled"}.get(word, word)
    assert found == {"task_id": None, "status": shown}
    flamenco.sees(worker, status=shown, current_task=None)
    flamenco.shows(task, status="ready")
    flamenco.delete(task)


@pytest.mark.parametrize("word", ["available", "rendering", "enabled", "busy", "disabled"])
def test_a_worker_that_holds_a_task(flamenco: Flamenco, word: str):
    task, worker = flamenco.rendering()
    other = flamenco.task(priority=urgent())
    found = flamenco.beat(worker, word)
    if word == "disabled":
        assert found == {"task_id": None, "status": "disabled"}
        flamenco.shows(task, status="ready", worker_id=None)
    else:
        status = "busy" if word == "busy" else "rendering"
        assert found == {"task_id": task, "status": status}
        flamenco.shows(task, status="rendering", worker_id=worker.id, attempts=1)
        flamenco.sees(worker, status=status, current_task=task)
    flamenco.shows(other, status="ready")
    flamenco.delete(other)


# before, word -> what is shown; without a task
BUSY = {
    ("enabled", "busy"): "busy",
    ("busy", "busy"): "busy",
    ("busy", "rendering"): "busy",
    ("busy", "enabled"): "enabled",
    ("busy", "disabled"): "disabled",
    ("enabled", "enabled"): "enabled",
    ("enabled", "rendering"): "enabled",
    **{("disabled", word): "disabled" for word in ("available", "rendering", "enabled", "busy", "disabled")},
}  # fmt: skip


@pytest.mark.parametrize(("before", "word"), BUSY)
def test_what_is_shown_afterwards(flamenco: Flamenco, before: str, word: str):
    worker, task = flamenco.worker(), flamenco.task(priority=urgent())
    flamenco.beat(worker, before)
    shown = BUSY[before, word]
    assert flamenco.beat(worker, word) == {"task_id": None, "status": shown}
    flamenco.sees(worker, status=shown)
    flamenco.shows(task, status="ready")
    flamenco.delete(task)


def test_available_ends_busy(flamenco: Flamenco):
    worker = flamenco.worker()
    flamenco.beat(worker, "busy")
    task = flamenco.give(worker)
    flamenco.beat(worker, "busy")
    assert flamenco.beat(worker, "rendering") == {"task_id": task, "status": "busy"}
    assert flamenco.beat(worker, "enabled") == {"task_id": task, "status": "rendering"}
    flamenco.beat(worker, "busy")
    assert flamenco.beat(worker, "available") == {"task_id": task, "status": "rendering"}
    flamenco.beat(worker, "busy")
    flamenco.report(task, worker, "finished")
    flamenco.sees(worker, status="busy", current_task=None)


def test_available_without_work_ends_busy(farm: Flamenco):
    worker = farm.worker()
    farm.beat(worker, "busy")
    assert farm.beat(worker, "available") == {"task_id": None, "status": "enabled"}
    farm.sees(worker, status="enabled")


@pytest.mark.parametrize("who", ["worker", "operator"])
def test_a_disabled_worker_stays_so(flamenco: Flamenco, who: str):
    worker = flamenco.worker()
    if who == "worker":
        flamenco.beat(worker, "disabled")
    else:
        flamenco.switch(worker, "disabled")
    task = flamenco.task(priority=urgent())
    for word in ("available", "rendering", "enabled", "busy", "disabled"):
        assert flamenco.beat(worker, word) == {"task_id": None, "status": "disabled"}
    flamenco.shows(task, status="ready")
    flamenco.switch(worker, "enabled")
    flamenco.sees(worker, status="enabled")
    assert flamenco.poll(worker) == task


def test_a_lost_answer(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    flamenco.task(priority=urgent())
    for _ in range(3):
        assert flamenco.poll(worker) == task
    flamenco.shows(task, attempts=1)
    flamenco.report(task, worker, "finished")


def test_a_task_handed_out_is_seen_by_no_other(farm: Flamenco):
    task = farm.task()
    workers = [farm.worker() for _ in range(3)]
    assert [farm.poll(worker) for worker in workers] == [task, None, None]


# -- which task next ------------------------------------------------------------------------------


def test_the_order(farm: Flamenco):
    priorities = [50, 90, 50, -3, 0, 90, -4, 50]
    made = [(farm.task(priority=priority), priority) for priority in priorities]
    wanted = [task for task, _ in sorted(made, key=lambda each: (-each[1], each[0]))]
    worker, found = farm.worker(), []
    for _ in made:
        task = farm.poll(worker)
        found.append(task)
        farm.report(task, worker, "finished")
    assert found == wanted
    assert farm.poll(worker) is None


def test_an_aborted_one_is_in_order_too(farm: Flamenco):
    low, high = farm.task(priority=1), farm.task(priority=2)
    first, second = farm.worker(), farm.worker()
    assert farm.poll(first) == high
    farm.report(high, first, "aborted")
    middle = farm.task(priority=2)
    assert [farm.poll(first), farm.poll(second)] == [high, middle]
    assert farm.poll(farm.worker()) == low


def test_states_that_are_not_handed_out(farm: Flamenco):
    for state in ("paused", "canceled"):
        farm.patch(farm.task(priority=99), status=state)
    waits = farm.task(
        priority=99, depends_on=[farm.task(settings={**SHOT, "frame_end": 6}, priority=1)]
    )
    worker = farm.worker()
    first = farm.poll(worker)
    assert first != waits
    farm.report(first, worker, "failed")
    assert farm.poll(worker) is None


@pytest.mark.parametrize("kind", ["Linux 6.1", "Windows 7", "Darwin 14.1.0", "", "Plan 9"])
def test_any_worker_gets_any_type(farm: Flamenco, kind: str):
    worker = farm.worker(system=kind)
    made = [
        farm.print(),
        farm.task(),
        farm.task(type="blender_bake_anim_cache", settings={"filepath": "a"}),
    ]
    for task in made:
        assert farm.poll(worker) == task
        farm.report(task, worker, "finished")


def test_an_old_requeued_task_keeps_its_place(farm: Flamenco):
    one, other = farm.task(), farm.task()
    worker = farm.worker()
    assert farm.poll(worker) == one
    farm.switch(worker, "disabled")
    assert farm.poll(farm.worker()) == one
    assert farm.poll(farm.worker()) == other


# -- what is stored -------------------------------------------------------------------------------


def test_what_a_heartbeat_brings(flamenco: Flamenco):
    worker = flamenco.worker()
    found = flamenco.beat(
        worker, "enabled", activity="idle", log="x" * 3000 + "end", time_cost="12", mac_address="m",
        update_frequent='{"a": 1}', update_less_frequent={"b": [2.5]},
    )  # fmt: skip
    assert found == {"task_id": None, "status": "enabled"}
    flamenco.sees(
        worker, activity="idle", log="x" * 1021 + "end", time_cost=12, mac_address="m",
        update_frequent={"a": 1}, update_less_frequent={"b": [2.5]},
    )  # fmt: skip
    flamenco.beat(worker, "enabled", update_frequent={"c": 3})
    flamenco.sees(
        worker, activity="idle", update_frequent={"c": 3}, update_less_frequent={"b": [2.5]}
    )


@pytest.mark.parametrize(
    "fields", [{"activity": "a"}, {"log": "l"}, {"time_cost": 3}, {"mac_address": "m"},
               {"update_frequent": {"a": 1}}, {"update_less_frequent": "{}"}]
)  # fmt: skip
def test_a_heartbeat_without_a_status(flamenco: Flamenco, fields: dict):
    task, worker = flamenco.rendering()
    found = flamenco.good("PATCH", f"/workers/{worker.id}", json=fields)
    assert found == {"task_id": task, "status": "rendering"}
    idle = flamenco.worker()
    other = flamenco.task(priority=urgent())
    found = flamenco.good("PATCH", f"/workers/{idle.id}", json=fields)
    assert found == {"task_id": None, "status": "enabled"}
    flamenco.delete(other)


def test_nothing_told_is_a_400(flamenco: Flamenco):
    worker = flamenco.worker()
    for options in ({}, {"json": {}}, {"json": {"x": 1}}, {"data": {"y": 2}}):
        flamenco.refused(400, "PATCH", f"/workers/{worker.id}", **options)


@pytest.mark.parametrize("word", ["available", "rendering", "nope"])
def test_nobody_polls(flamenco: Flamenco, word: str):
    if word != "nope":
        flamenco.refused(404, "PATCH", f"/workers/{NEVER}", json={"status": word})
    flamenco.refused(404, "PATCH", f"/workers/{2**53}", json={"status": "available"})


def test_a_worker_whose_task_was_taken_sees_another(farm: Flamenco):
    first = farm.task(priority=2)
    second = farm.task(priority=1)
    worker = farm.worker()
    assert farm.poll(worker) == first
    farm.delete(first)
    assert farm.beat(worker, "rendering") == {"task_id": None, "status": "enabled"}
    assert farm.poll(worker) == second
    assert farm.beat(worker, "rendering") == {"task_id": second, "status": "rendering"}
