"""Composites with many children: who is let go next, and many that end at once."""

import threading

from app.data import tasks
from app.domain.states import JobState
from app.hooks import Advance, TaskEnd, TaskSpec
from app.testing import submit, work_off

QUEUE = "demo/default"


def held(count):
    first = TaskSpec(name="c0")
    rest = [TaskSpec(name=f"c{n}", held=True) for n in range(1, count)]
    return TaskSpec(name="all", kind="composite", children=(first, *rest))


def lets_go(job, task):
    """Let the next one go as one ends, and end the composite behind the last."""
    if task.parent is None:
        return None
    if task.parent.children_open == 0:
        return Advance(ends=[TaskEnd(task_id=task.parent.id)])
    return Advance(release={task.parent.id: 1})


def names(engine, job):
    return {task.name: task for task in engine.jobs.tasks(job.id)}


def test_each_composite_lets_go_of_its_own_in_their_order(engine, scripted):
    scripted.on_plan, scripted.on_advance = [held(4)], lets_go
    jobs = [submit(engine), submit(engine)]
    assert work_off(engine, QUEUE) == ["c0", "c1", "c2", "c3"] * 2
    assert {engine.jobs.get(job.id).state for job in jobs} == {JobState.COMPLETED}


def test_what_a_person_holds_is_let_go_of_behind_the_others(engine, scripted):
    scripted.on_plan, scripted.on_advance = [held(4)], lets_go
    job = submit(engine)
    engine.tasks.hold(names(engine, job)["c1"].id)
    assert work_off(engine, QUEUE) == ["c0", "c2", "c3"]
    assert names(engine, job)["c1"].state == "HELD"
    engine.tasks.let_go(names(engine, job)["c1"].id)
    assert work_off(engine, QUEUE) == ["c1"]
    assert engine.jobs.get(job.id).state is JobState.COMPLETED


def test_what_an_older_release_held_back_is_let_go(engine, scripted):
    scripted.on_plan, scripted.on_advance = [held(3)], lets_go
    job = submit(engine)
    with engine.store.transaction():
        engine.store.run("UPDATE task SET due_at = ? WHERE due_at > ?", (tasks.NEVER, tasks.NEVER))
    assert {task.due_at for task in engine.jobs.tasks(job.id)} == {None}
    assert work_off(engine, QUEUE) == ["c0", "c1", "c2"]


def test_ends_at_the_same_time_are_each_decided_once(engine, scripted, worker):
    asked = []

    def advance(job, task):
        asked.append(task.id)
        if task.parent is not None and task.parent.children_open == 0:
            return Advance(ends=[TaskEnd(task_id=task.parent.id)])
        return None

    children = tuple(TaskSpec(name=f"c{n}") for n in range(24))
    scripted.on_plan = [TaskSpec(name="all", kind="composite", children=children)]
    scripted.on_advance = advance
    job = submit(engine)
    claimed = engine.claims.claim(worker, QUEUE, limit=24, start=True)
    together = threading.Barrier(8)

    def end(share):
        together.wait()
        for task in share:
            engine.attempts.complete(task.lease)

    threads = [threading.Thread(target=end, args=(claimed[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engine.jobs.get(job.id).state is JobState.COMPLETED
    assert len(asked) == len(set(asked)) == 25
