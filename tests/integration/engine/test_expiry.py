"""Tasks without a job that are given up when nobody takes them in time."""

import pytest

from app.domain.states import TaskState
from app.engine.tasks import EXPIRED, NewWork
from app.testing import happenings, new_worker

QUEUE = "demo/default"
SHORT_S = 10.0


@pytest.fixture
def worker(engine):
    return new_worker(engine, QUEUE)


def expired(engine, clock):
    return engine.tasks.expire(clock.now())


@pytest.mark.parametrize("delay_s", [0.0, 100.0])
@pytest.mark.parametrize("many", [False, True])
def test_what_nobody_takes_fails_in_its_time(engine, clock, delay_s, many):
    work = NewWork(queue=QUEUE, name="a", expires_s=SHORT_S, delay_s=delay_s)
    stays = NewWork(queue=QUEUE, name="b", delay_s=delay_s)
    if many:
        assert engine.tasks.add_many([work, stays]) == []
        first, second = 1, 2
    else:
        first, second = engine.tasks.add([work, stays])
    clock.advance(SHORT_S - 0.001)
    assert expired(engine, clock) == 0
    clock.advance(0.001)
    assert expired(engine, clock) == 1
    assert expired(engine, clock) == 0
    task = engine.tasks.get(first)
    assert (task.state, task.error, task.ended_at) == (TaskState.FAILED, EXPIRED, clock.now())
    assert engine.tasks.get(second).state in (TaskState.QUEUED, TaskState.CREATED)
    assert happenings(engine)[-1] == "task.failed"


def test_what_is_in_hand_does_not_expire_but_what_comes_back_does(engine, clock, worker):
    (task_id,) = engine.tasks.add([NewWork(queue=QUEUE, name="a", expires_s=SHORT_S)])
    (claimed,) = engine.claims.claim(worker, QUEUE)
    clock.advance(SHORT_S)
    assert expired(engine, clock) == 0
    engine.attempts.release(claimed.lease)
    assert expired(engine, clock) == 1
    assert engine.tasks.get(task_id).state is TaskState.FAILED


def test_one_that_is_reset_stays_for_good(engine, clock, worker):
    group = engine.groups.create(dialect="demo", name="g")
    work = NewWork(queue=f"demo/{group.id}", name="a", group_id=group.id, expires_s=SHORT_S)
    (task_id,) = engine.tasks.add([work])
    clock.advance(SHORT_S)
    assert expired(engine, clock) == 1
    assert engine.groups.reset_failed(group) == 1
    assert expired(engine, clock) == 0
    assert engine.tasks.get(task_id).state is TaskState.QUEUED
