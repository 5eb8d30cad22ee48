"""Watchers of output and the daemon that ships it find each other over the bus."""

import threading

from app.bus.memory import MemoryBus
from app.engine import watching as module
from app.engine.transaction import job_topic
from app.engine.watching import Demand, Watching
from app.hooks import TaskSpec
from app.testing import submit
from tests.yard import eventually


def append(engine, text, *, task_id=1, job_id="j"):
    engine.logs.append(task_id=task_id, job_id=job_id, position=0, task_created_at=0, texts=[text])


def test_a_mark_reaches_the_daemon_of_the_task_and_of_all_tasks_of_the_job(engine):
    mine, sibling = engine.logs.demand(1, "j"), engine.logs.demand(2, "j")
    other = engine.logs.demand(3, "k")
    with engine.logs.watch(task_id=1):
        assert (mine.present(), sibling.present(), other.present()) == (True, False, False)
    with engine.logs.watch(job_id="j"):
        assert (mine.present(), sibling.present(), other.present()) == (True, True, False)
    for demand in (mine, sibling, other):
        demand.close()


def test_what_is_stored_wakes_its_watchers_and_no_others(engine):
    with (
        engine.logs.watch(task_id=1) as task,
        engine.logs.watch(job_id="j") as job,
        engine.logs.watch(task_id=2) as other,
    ):
        append(engine, "a\n")
        assert (task.wait(0), job.wait(0), other.wait(0)) == (True, True, False)
        assert [part.contents for part in engine.logs.after(1, 0)] == ["a\n"]
        append(engine, "b\n", task_id=7)
        assert (task.wait(0), job.wait(0), other.wait(0)) == (False, True, False)


def test_a_watcher_can_wait_for_the_end_as_well(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    with engine.logs.watch(job_id=job.id, also=[job_topic(job.id)]) as watching:
        watching.wait(0)
        engine.jobs.cancel(job.id)
        assert watching.wait(60.0)


def test_a_mark_is_renewed_while_its_watcher_waits_and_forgotten_afterwards(monkeypatch):
    monkeypatch.setattr(module, "MARK_S", 0.01)
    monkeypatch.setattr(module, "KEPT_S", 0.1)
    bus = MemoryBus()
    watching = Watching(bus, ["watched"], bus.subscribe("output"))
    late = Demand(bus.subscribe("watched"))
    assert not late.present()
    waiter = threading.Thread(target=lambda: watching.wait(60.0))
    waiter.start()
    eventually(late.present, "a mark renewed")
    watching.close()
    waiter.join(60.0)
    assert not waiter.is_alive()
    assert watching.closed
    eventually(lambda: not late.present(), "the mark forgotten")
    bus.close()


def test_a_bus_that_closes_ends_the_wait():
    bus = MemoryBus()
    with Watching(bus, ["watched"], bus.subscribe("output")) as watching:
        bus.close()
        assert watching.wait(60.0) is False
        assert watching.closed
