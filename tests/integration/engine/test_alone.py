"""The shorter way for tasks that belong to no job changes nothing but the way."""

import pytest

from app.domain.errors import LeaseLost, WorkerNotActive
from app.domain.states import AttemptState, JobState, TaskState
from app.engine.tasks import NewWork
from app.hooks import TaskSpec
from app.testing import happenings, new_worker, settled, submit

QUEUE = "demo/default"


@pytest.fixture
def worker(engine):
    return new_worker(engine, QUEUE)


def test_a_task_without_a_job_is_completed_once(engine, worker):
    (task_id,) = engine.tasks.add([NewWork(queue=QUEUE, name="a")])
    (claimed,) = engine.claims.claim_lone(worker, QUEUE)
    assert (claimed.task_id, claimed.number) == (task_id, 1)
    assert engine.reports.complete(worker, task_id, verification=7)
    task = engine.tasks.get(task_id)
    assert (task.state, task.leased_until) == (TaskState.COMPLETED, None)
    (attempt,) = engine.attempts.history(task_id)
    assert (attempt.state, attempt.verification) == (AttemptState.DONE, 7)
    settled(engine)
    claim, end = list(engine.events.after(""))[-2:]
    assert (claim.kind, claim.dialect, claim.task_id) == ("task.claimed", "demo", task_id)
    assert claim.data == {"worker": worker, "number": 1}
    assert (end.kind, end.dialect, end.task_id, end.data) == ("task.completed", "demo", task_id, {})
    with pytest.raises(LeaseLost):
        engine.reports.complete(worker, task_id)


def test_what_another_holds_is_not_changed(engine, worker):
    (task_id,) = engine.tasks.add([NewWork(queue=QUEUE, name="a")])
    (old,) = engine.claims.claim_lone(worker, QUEUE)
    engine.attempts.release(old.lease)
    other = new_worker(engine, QUEUE)
    engine.claims.claim_lone(other, QUEUE)
    with pytest.raises(LeaseLost):
        engine.reports.complete(worker, task_id)
    assert engine.tasks.get(task_id).state is TaskState.LEASED
    assert engine.reports.complete(other, task_id)


def test_claims_go_by_priority_then_age_and_pass_over_what_is_of_a_job(engine, worker, scripted):
    scripted.on_plan = [TaskSpec(name="of-a-job")]
    submit(engine)
    ids = engine.tasks.add(
        [NewWork(queue=QUEUE, name="t", priority=priority) for priority in (0, 1, 0, 1)]
    )
    first = engine.claims.claim_lone(worker, QUEUE, limit=3)
    assert [one.task_id for one in first] == [ids[1], ids[3], ids[0]]
    assert [one.task_id for one in engine.claims.claim_lone(worker, QUEUE, limit=3)] == [ids[2]]
    assert list(engine.claims.claim_lone(worker, QUEUE)) == []


def test_who_is_not_there_claims_nothing(engine, worker):
    engine.tasks.add([NewWork(queue=QUEUE, name="a")])
    engine.workers.leave(worker)
    with pytest.raises(WorkerNotActive):
        engine.claims.claim_lone(worker, QUEUE)
    assert "task.claimed" not in happenings(engine)


def test_within_a_transaction_that_fails_nothing_is_claimed_nor_completed(engine, worker):
    held, ready = engine.tasks.add([NewWork(queue=QUEUE, name="a"), NewWork(queue=QUEUE, name="b")])
    engine.claims.claim_lone(worker, QUEUE)

    def do_both_and_fail():
        with engine.transaction():
            assert engine.reports.complete(worker, held)
            assert engine.claims.claim_lone(worker, QUEUE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        do_both_and_fail()
    assert engine.tasks.get(held).state is TaskState.LEASED
    assert engine.tasks.get(ready).state is TaskState.QUEUED
    assert happenings(engine).count("task.claimed") == 1


def test_what_is_not_alone_takes_the_longer_way(engine, worker, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    (claimed,) = engine.claims.claim(worker, QUEUE)
    assert engine.reports.complete(worker, claimed.task_id)
    assert engine.jobs.get(job.id).state is JobState.COMPLETED
    engine.tasks.add([NewWork(queue=QUEUE, name="twice", verifications=2)])
    (first,) = engine.claims.claim_lone(worker, QUEUE)
    assert not engine.reports.complete(worker, first.task_id, verification=1)
    assert list(engine.claims.claim_lone(worker, QUEUE)) == []
