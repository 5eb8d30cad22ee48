"""Tasks of no job that wait for each other, as those steer them who watch over them."""

import threading

import pytest

from app.data.steering import GivenTask
from app.domain.errors import IllegalMove, TaskNotFound
from app.domain.states import AttemptState, TaskState
from app.testing import new_worker

QUEUE = "demo/farm"
HELD, CANCELLED = TaskState.HELD, TaskState.CANCELLED


@pytest.fixture
def worker(engine):
    return new_worker(engine, QUEUE)


def add(engine, count=1, *, waits_for=(), parent=None, composite=False, priority=0):
    """Store tasks, each waiting for the same others, and give their ids."""
    with engine.transaction():
        ids = engine.steering.reserve(count)
        waits = bool(engine.steering.open_among(waits_for))
        kind = "composite" if composite else "work"
        rows = [
            GivenTask(
                id=one,
                queue=QUEUE,
                name=str(one),
                payload="{}",
                waits=waits,
                parent_id=parent,
                kind=kind,
                priority=priority,
            )
            for one in ids
        ]
        engine.steering.add(rows, [(one, other) for one in ids for other in waits_for])
    return ids


def state(engine, task_id):
    return engine.tasks.get(task_id).state


def place(engine, task_id):
    return engine.steering.place(task_id)


def claim(engine, worker):
    return [one.task_id for one in engine.claims.claim(worker, QUEUE, start=True)]


def complete(engine, worker, task_id):
    """Have a worker claim tasks until it has this one, and complete it."""
    while task_id not in engine.workers_tasks:
        engine.workers_tasks.update(
            {one.task_id: one.lease for one in engine.claims.claim(worker, QUEUE, start=True)}
        )
    with engine.transaction():
        engine.attempts.complete(engine.workers_tasks.pop(task_id))
        parent = place(engine, task_id).parent_id
        engine.steering.follow([task_id, *([parent] if parent else [])])


@pytest.fixture(autouse=True)
def _tasks_of_workers(engine):
    engine.workers_tasks = {}


def test_reserved_ids_rise_and_are_never_given_twice(engine):
    first = add(engine, 3)
    with engine.transaction():
        engine.steering.delete(engine.steering.places(first).values())
    second = add(engine, 3)
    assert first + second == sorted({*first, *second})


def test_what_waits_is_queued_by_the_last_end(engine, worker):
    a, b = add(engine, 2)
    (c,) = add(engine, waits_for=[a, b])
    complete(engine, worker, a)
    assert state(engine, c) is TaskState.CREATED
    complete(engine, worker, b)
    assert state(engine, c) is TaskState.QUEUED


def test_what_waits_for_a_composite_is_queued_when_all_it_holds_is_done(engine, worker):
    (group,) = add(engine, composite=True)
    a, b, c = add(engine, 3, parent=group)
    (after,) = add(engine, waits_for=[group])
    complete(engine, worker, a)
    with engine.transaction():
        engine.steering.stop(place(engine, b), CANCELLED)
    assert state(engine, after) is TaskState.CREATED
    complete(engine, worker, c)
    assert state(engine, after) is TaskState.QUEUED


@pytest.mark.parametrize("end", ["delete", "cancel"])
def test_the_last_open_task_of_a_composite_may_go_otherwise(engine, worker, end):
    (group,) = add(engine, composite=True)
    a, b = add(engine, 2, parent=group)
    (after,) = add(engine, waits_for=[group])
    complete(engine, worker, a)
    with engine.transaction():
        if end == "delete":
            engine.steering.delete([place(engine, b)])
        else:
            engine.steering.stop(place(engine, b), CANCELLED)
    assert state(engine, after) is TaskState.QUEUED


def test_a_composite_without_tasks_is_never_done(engine):
    (group,) = add(engine, composite=True)
    (a,) = add(engine, parent=group)
    (after,) = add(engine, waits_for=[group])
    with engine.transaction():
        engine.steering.delete([place(engine, a)])
    assert state(engine, after) is TaskState.CREATED


def test_what_is_deleted_is_waited_for_in_vain(engine):
    (a,) = add(engine)
    (b,) = add(engine, waits_for=[a])
    with engine.transaction():
        engine.steering.delete([place(engine, a)])
        engine.steering.follow([a])
    assert state(engine, b) is TaskState.CREATED
    assert engine.steering.needs([b]) == {b: [a]}
    (finding,) = engine.doctor.examine(pause_s=0)
    assert (finding.kind, finding.task_id, finding.needs_person) == ("waiting-alone", b, True)
    with engine.transaction():
        assert engine.steering.wait_no_more(place(engine, b))
    assert state(engine, b) is TaskState.QUEUED
    assert engine.steering.needs([b]) == {}


def test_waiting_goes_on_for_what_a_composite_holds(engine):
    (group,) = add(engine, composite=True)
    (inside,) = add(engine, parent=group)
    (outside,) = add(engine)
    (both,) = add(engine, waits_for=[inside, outside], parent=group)
    with engine.transaction():
        assert not engine.steering.wait_no_more(place(engine, both), sparing=group)
    assert engine.steering.needs([both]) == {both: [inside]}
    assert state(engine, both) is TaskState.CREATED


def test_a_ready_task_may_be_made_to_wait(engine, worker):
    (ready,) = add(engine)
    (other,) = add(engine)
    with engine.transaction():
        engine.steering.wait(ready, [other])
    assert state(engine, ready) is TaskState.CREATED
    assert claim(engine, worker) == [other]
    assert claim(engine, worker) == []


@pytest.mark.parametrize("stopped", [HELD, CANCELLED])
def test_a_task_is_taken_from_its_worker(engine, worker, stopped):
    (a,) = add(engine)
    (lease,) = [one.lease for one in engine.claims.claim(worker, QUEUE, start=True)]
    with engine.transaction():
        engine.steering.stop(place(engine, a), stopped)
    assert state(engine, a) is stopped
    assert engine.attempts.held(worker) == {}
    assert [one.state for one in engine.attempts.history(a)] == [AttemptState.CANCELLED]
    assert engine.attempts.renew([lease]) == [lease]
    assert engine.doctor.examine(pause_s=0) == []


def test_a_restart_waits_where_it_must(engine, worker):
    (a,) = add(engine)
    (b,) = add(engine, waits_for=[a])
    complete(engine, worker, a)
    complete(engine, worker, b)
    with engine.transaction():
        engine.steering.restart(place(engine, a))
        engine.steering.restart(place(engine, b))
    assert (state(engine, a), state(engine, b)) == (TaskState.QUEUED, TaskState.CREATED)
    complete(engine, worker, a)
    assert state(engine, b) is TaskState.QUEUED


def test_moves_that_the_states_forbid_are_refused(engine, worker):
    (a,) = add(engine)
    complete(engine, worker, a)
    for stopped in (HELD, CANCELLED):
        with pytest.raises(IllegalMove), engine.transaction():
            engine.steering.stop(place(engine, a), stopped)
    assert state(engine, a) is TaskState.COMPLETED


def test_nobody_steers_a_task_of_a_job(engine, scripted):
    from app.hooks import TaskSpec
    from app.testing import submit

    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    (task,) = engine.jobs.tasks(job.id)
    with pytest.raises(TaskNotFound), engine.transaction():
        place(engine, task.id)


def test_priorities_count_from_the_next_claim_on(engine, worker):
    a, b, c = add(engine, 3)
    engine.steering.prioritise([c], 2**53)
    engine.steering.prioritise([b], 7)
    assert [claim(engine, worker) for _ in range(3)] == [[c], [b], [a]]


def test_a_long_list_is_steered_whole(engine):
    (group,) = add(engine, composite=True)
    ids = add(engine, 2500, parent=group)
    assert engine.steering.members(group) == ids
    with engine.transaction():
        places = engine.steering.places(ids)
        engine.steering.delete(places.values())
    assert engine.steering.members(group) == []
    assert len(places) == 2500


def test_two_ends_at_once_never_leave_what_waits_for_both(engine):
    """Each sees the other's end, or comes after it."""
    for _ in range(10):
        pair = add(engine, 2)
        (after,) = add(engine, waits_for=pair)
        held = [engine.claims.claim(new_worker(engine, QUEUE), QUEUE, start=True)[0] for _ in pair]
        gate = threading.Barrier(2)

        def end(task, gate=gate):
            gate.wait()
            with engine.transaction():
                engine.attempts.complete(task.lease)
                engine.steering.follow([task.task_id])

        threads = [threading.Thread(target=end, args=(one,)) for one in held]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert state(engine, after) is TaskState.QUEUED
        with engine.transaction():
            engine.steering.delete([place(engine, after)])


def test_leases_without_an_end_are_known_by_when_they_were_renewed(engine, clock, worker):
    length = 10**18
    with engine.transaction():
        ids = engine.steering.reserve(2)
        rows = [
            GivenTask(id=one, queue=QUEUE, name="x", payload="{}", lease_us=length) for one in ids
        ]
        engine.steering.add(rows)
    first, second = (engine.claims.claim(worker, QUEUE, start=True)[0] for _ in ids)
    clock.advance(100)
    engine.attempts.renew([second.lease])
    clock.advance(50)
    since = clock.now() - 60_000_000
    assert engine.attempts.silent(length, since) == [first.lease]
    engine.rescue.run_once(clock.now())
    assert len(engine.attempts.held(worker)) == 2
    assert not engine.attempts.lose(second.lease, before=since + length)
    assert engine.attempts.lose(first.lease, before=since + length)
    assert state(engine, first.task_id) is TaskState.QUEUED
