"""The shorter way for tasks that belong to no job changes nothing but the way."""

import pytest

from app.domain.errors import LeaseLost
from app.domain.states import AttemptState, JobState, TaskState
from app.engine.tasks import NewWork
from app.hooks import TaskSpec
from app.testing import happenings, new_worker, submit

QUEUE = "demo/default"


@pytest.fixture
def worker(engine):
    return new_worker(engine, QUEUE)


def test_a_task_without_a_job_is_completed_once(engine, worker):
    (task_id,) = engine.tasks.add([NewWork(queue=QUEUE, name="a")])
    (claimed,) = engine.claims.claim(worker, QUEUE)
    assert engine.attempts.complete(claimed.lease, result="r\0", verification=7, alone=True)
    task = engine.tasks.get(task_id)
    assert (task.state, task.result, task.leased_until) == (TaskState.COMPLETED, "r\0", None)
    (attempt,) = engine.attempts.history(task_id)
    assert (attempt.state, attempt.verification) == (AttemptState.DONE, 7)
    assert happenings(engine)[-1] == "task.completed"
    with pytest.raises(LeaseLost):
        engine.attempts.complete(claimed.lease, alone=True)


def test_a_stale_lease_changes_nothing(engine, worker):
    (task_id,) = engine.tasks.add([NewWork(queue=QUEUE, name="a")])
    (old,) = engine.claims.claim(worker, QUEUE)
    engine.attempts.release(old.lease)
    (new,) = engine.claims.claim(worker, QUEUE)
    with pytest.raises(LeaseLost):
        engine.attempts.complete(old.lease, alone=True)
    assert engine.tasks.get(task_id).state is TaskState.LEASED
    assert engine.attempts.complete(new.lease, alone=True)


def test_what_is_not_alone_takes_the_longer_way(engine, worker, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    (claimed,) = engine.claims.claim(worker, QUEUE)
    assert engine.attempts.complete(claimed.lease, alone=True)
    assert engine.jobs.get(job.id).state is JobState.COMPLETED
    engine.tasks.add([NewWork(queue=QUEUE, name="twice", verifications=2)])
    (first,) = engine.claims.claim(worker, QUEUE, verified=True)
    assert not engine.attempts.complete(first.lease, verification=1, alone=True)
