"""Reads for whoever looks around are bounded, and leave nothing out."""

import pytest

from app.data import browse
from app.domain.clock import SECOND
from app.domain.states import AttemptState, TaskState
from app.engine.tasks import NewWork
from app.hooks import TaskSpec
from app.testing import submit
from tests.yard import eventually


def lone(engine, count, queue="lone/a"):
    return engine.tasks.add([NewWork(queue=queue, name=f"task {n}") for n in range(count)])


def walked(engine, **wanted):
    """Give all tasks that a reader finds who goes on to the end, and how many steps that took."""
    found, before, steps = [], None, 0
    while True:
        some, before = engine.browse.tasks(before=before, **wanted)
        found += [task.id for task in some]
        steps += 1
        if before is None:
            return found, steps


def test_tasks_come_newest_first_behind_a_cursor(engine):
    ids = lone(engine, 7)
    assert walked(engine, limit=3) == (ids[::-1], 3)
    assert walked(engine, limit=7) == (ids[::-1], 1)
    assert walked(engine, limit=50) == (ids[::-1], 1)


def test_there_may_be_no_tasks(engine):
    assert engine.browse.tasks() == ([], None)
    assert engine.browse.attempts([]) == []
    assert engine.browse.needs([]) == []
    assert engine.browse.worker_names([]) == {}


def test_tasks_of_some_states_and_a_queue(engine, worker):
    first, second = lone(engine, 2)
    other = lone(engine, 1, "lone/b")[0]
    [claimed] = engine.claims.claim(worker, "lone/a", limit=1)
    engine.attempts.fail(claimed.lease, "no", retry=False)
    assert walked(engine, states=(TaskState.FAILED,))[0] == [first]
    assert walked(engine, states=(TaskState.FAILED, TaskState.QUEUED))[0] == [other, second, first]
    assert walked(engine, queue="lone/b")[0] == [other]
    assert walked(engine, queue="lone/a", states=(TaskState.QUEUED,))[0] == [second]
    assert walked(engine, queue="lone")[0] == []


def test_a_look_goes_only_so_far_and_the_next_goes_on(engine, monkeypatch):
    monkeypatch.setattr(browse, "STRETCH", 3)
    monkeypatch.setattr(browse, "STRETCHES", 2)
    old = lone(engine, 2, "lone/old")
    lone(engine, 20)
    found, before = engine.browse.tasks(queue="lone/old")
    assert (found, before is not None) == ([], True)
    everything, steps = walked(engine, queue="lone/old")
    assert everything == old[::-1]
    assert steps == 5


def test_a_gap_costs_no_look(engine, monkeypatch):
    monkeypatch.setattr(browse, "STRETCH", 3)
    monkeypatch.setattr(browse, "STRETCHES", 2)
    old = lone(engine, 1, "lone/old")
    gap = lone(engine, 50)
    lone(engine, 1)
    with engine.store.transaction():
        engine.store.run(f"DELETE FROM task WHERE id IN ({', '.join(map(str, gap))})")
    found, before = engine.browse.tasks(queue="lone/old")
    assert [task.id for task in found] == old
    assert engine.browse.tasks(before=old[0]) == ([], None)
    assert before is not None


def test_attempts_of_several_tasks_with_their_workers(engine, worker):
    ids = lone(engine, 3)
    for _ in range(2):
        [claimed] = engine.claims.claim(worker, "lone/a", limit=1)
        engine.attempts.fail(claimed.lease, "no", retry=False)
    found = engine.browse.attempts(ids)
    assert [(one.task_id, one.number, one.state, one.error) for one in found] == [
        (ids[0], 1, AttemptState.FAILED, "no"),
        (ids[1], 1, AttemptState.FAILED, "no"),
    ]
    assert len(engine.browse.attempts(ids, limit=1)) == 1
    name = engine.workers.get(worker).name
    assert engine.browse.worker_names([worker, worker, 10**9]) == {worker: name}


def test_needs_of_tasks(engine, scripted):
    scripted.on_plan = [
        TaskSpec(name="first"),
        TaskSpec(name="second", after=("first",)),
        TaskSpec(name="third", after=("first", "second")),
    ]
    job = submit(engine)
    first, second, third = (task.id for task in engine.jobs.tasks(job.id))
    needs = engine.browse.needs([first, second, third])
    assert needs == [(second, first), (third, first), (third, second)]


def test_jobs_are_counted_without_looking(engine):
    submit(engine)
    submit(engine, dialect="other")
    assert engine.browse.job_count() == 2
    assert engine.browse.job_count("other") == 1
    assert engine.browse.job_count("nobody") == 0


@pytest.mark.parametrize("busy", [0, 40])
def test_events_of_a_job_are_found_among_others(engine, scripted, clock, busy):
    scripted.on_plan = [TaskSpec(name="one")]
    for _ in range(busy):
        submit(engine)
        clock.advance(1)
    job = submit(engine)
    clock.advance(1)
    engine.jobs.cancel(job.id)
    for _ in range(busy):
        clock.advance(1)
        submit(engine)
    happened, is_all = engine.browse.events(engine.jobs.get(job.id))
    assert is_all
    assert [event.kind for event in happened][:1] == ["job.submitted"]
    assert "job.cancelled" in [event.kind for event in happened]
    assert {event.job_id for event in happened} == {job.id}


def test_of_many_events_the_first_and_last_are_found(engine, scripted, clock, monkeypatch):
    scripted.on_plan = [TaskSpec(name="one")]
    monkeypatch.setattr(browse, "EVENTS_LOOKED_AT", 10)
    job = submit(engine)
    for _ in range(20):
        clock.advance(1)
        submit(engine)
    engine.jobs.cancel(job.id)
    happened, is_all = engine.browse.events(engine.jobs.get(job.id))
    assert not is_all
    assert happened[0].kind == "job.submitted"
    assert "job.cancelled" in [event.kind for event in happened]
    some, is_all = engine.browse.events(engine.jobs.get(job.id), limit=1)
    assert len(some) == 2
    assert not is_all


def test_nothing_is_kept_of_an_old_job(engine, clock):
    job = submit(engine)
    with engine.store.transaction():
        engine.store.run("DELETE FROM event")
    assert engine.browse.events(job) == ([], True)
    clock.advance(30 * SECOND)
    submit(engine)
    assert engine.browse.events(engine.jobs.get(job.id)) == ([], True)


def append(engine, task, *texts):
    engine.logs.append(
        task_id=task.id,
        job_id=task.job_id,
        position=task.position,
        task_created_at=task.created_at,
        texts=texts,
    )


def test_output_is_read_backwards(engine, scripted):
    scripted.on_plan = [TaskSpec(name="one"), TaskSpec(name="two")]
    job = submit(engine)
    one, two = engine.jobs.tasks(job.id)
    append(engine, one, "a", "b")
    append(engine, two, "c")
    append(engine, one, "d")
    # On PostgreSQL transactions of other databases keep back what was stored.
    eventually(lambda: len(engine.logs.last_in_job(job.id)) == 4, "all parts")
    last = engine.logs.last_in_job(job.id, limit=2)
    assert [part.contents for part in last] == ["d", "c"]
    rest = engine.logs.last_in_job(job.id, last[-1].position)
    assert [part.contents for part in rest] == ["b", "a"]
    assert engine.logs.last_in_job(job.id, rest[-1].position) == []
    assert [part.contents for part in engine.logs.last(one.id, limit=2)] == ["d", "b"]
    assert [part.contents for part in engine.logs.last(one.id, 2)] == ["a"]
    with pytest.raises(ValueError, match="not a position"):
        engine.logs.last_in_job(job.id, "nowhere")
