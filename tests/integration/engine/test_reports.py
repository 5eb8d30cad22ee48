"""Reports on leases: what each does, and that a stale one does nothing."""

import pytest

from app.domain.errors import LeaseLost, TaskNotFound
from app.domain.records import Lease
from app.domain.states import AttemptState, JobState, TaskState
from app.engine.tasks import NewWork
from app.hooks import TaskSpec
from app.testing import happenings, new_worker, settled, submit

QUEUE = "demo/default"


def held(engine, worker, **words):
    engine.tasks.add([NewWork(queue=QUEUE, name="a", **words)])
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
    return claimed.lease


def test_complete_keeps_the_result(engine, worker, clock):
    lease = held(engine, worker)
    clock.advance(3)
    assert engine.attempts.complete(lease, result="42") is True
    task = engine.tasks.get(lease.task_id)
    assert (task.state, task.result, task.ended_at) == (TaskState.COMPLETED, "42", clock.now())
    assert task.leased_until is None
    assert [one.state for one in engine.attempts.history(lease.task_id)] == [AttemptState.DONE]


def test_fail_tries_again_while_tries_are_left(engine, worker):
    lease = held(engine, worker, max_attempts=2)
    assert engine.attempts.fail(lease, "first") is True
    (second,) = engine.claims.claim(worker, QUEUE)
    assert second.lease == Lease(lease.task_id, 2)
    assert engine.attempts.fail(second.lease, "second") is False
    task = engine.tasks.get(lease.task_id)
    assert (task.state, task.error) == (TaskState.FAILED, "second")
    history = engine.attempts.history(lease.task_id)
    assert [(one.number, one.state, one.error) for one in history] == [
        (1, AttemptState.FAILED, "first"),
        (2, AttemptState.FAILED, "second"),
    ]


def test_a_worker_may_give_up_the_tries_that_are_left(engine, worker):
    lease = held(engine, worker, max_attempts=9)
    assert engine.attempts.fail(lease, "hopeless", retry=False) is False
    assert engine.tasks.get(lease.task_id).state is TaskState.FAILED


def test_a_retry_waits_longer_each_time(engine, worker, clock, scripted):
    scripted.on_plan = [TaskSpec(name="a", max_attempts=4, retry_delay_s=2, retry_factor=3)]
    submit(engine)
    for wait in (2, 6, 18):
        (claimed,) = engine.claims.claim(worker, QUEUE)
        engine.attempts.fail(claimed.lease, "no")
        assert engine.tasks.get(claimed.task_id).state is TaskState.CREATED
        assert engine.due.run_once(clock.advance(wait - 0.000_001)) == 0
        assert list(engine.claims.claim(worker, QUEUE)) == []
        assert engine.due.run_once(clock.advance(0.000_001)) == 1
    assert len(engine.claims.claim(worker, QUEUE)) == 1


def test_released_work_is_unharmed(engine, worker, clock):
    lease = held(engine, worker)
    engine.attempts.release(lease, delay_s=5)
    task = engine.tasks.get(lease.task_id)
    assert (task.state, task.failures, task.losses) == (TaskState.CREATED, 0, 0)
    assert engine.due.run_once(clock.advance(5)) == 1
    assert engine.tasks.get(lease.task_id).state is TaskState.QUEUED
    assert [one.state for one in engine.attempts.history(lease.task_id)] == [AttemptState.RELEASED]


def test_a_lease_that_runs_out_is_taken_back_once(engine, worker, clock):
    lease = held(engine, worker, lease_s=60)
    assert engine.rescue.run_once(clock.advance(60)) == 0
    assert engine.rescue.run_once(clock.advance(0.000_001)) == 1
    assert engine.rescue.run_once(clock.now()) == 0
    assert engine.tasks.get(lease.task_id).state is TaskState.QUEUED
    assert "task.lost" in happenings(engine)
    with pytest.raises(LeaseLost):
        engine.attempts.complete(lease)


def test_a_renewed_lease_begins_anew(engine, worker, clock):
    lease = held(engine, worker, lease_s=60)
    clock.advance(50)
    assert engine.attempts.renew([lease]) == []
    assert engine.rescue.run_once(clock.advance(59)) == 0
    assert engine.rescue.run_once(clock.advance(2)) == 1
    assert engine.attempts.renew([lease]) == [lease]


def test_what_is_lost_too_often_fails(engine, worker, clock, scripted):
    scripted.on_plan = [TaskSpec(name="a", max_losses=2, lease_s=10)]
    job = submit(engine)
    for _ in range(3):
        (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
        assert engine.rescue.run_once(clock.advance(11)) == 1
    task = engine.tasks.get(claimed.task_id)
    assert (task.state, task.losses) == (TaskState.FAILED, 3)
    assert task.error == "task redelivered too many times"
    job = engine.jobs.get(job.id)
    assert (job.state, job.error) == (JobState.FAILED, task.error)
    history = engine.attempts.history(claimed.task_id)
    assert [one.state for one in history] == [AttemptState.LOST] * 3


def test_a_jobless_task_that_is_lost_too_often_fails(engine, worker, clock):
    lease = held(engine, worker, lease_s=1)
    for _ in range(6):
        engine.rescue.run_once(clock.advance(2))
        engine.claims.claim(worker, QUEUE)
    assert engine.tasks.get(lease.task_id).state is TaskState.FAILED


@pytest.mark.parametrize(
    "report",
    [
        lambda attempts, lease: attempts.started(lease),
        lambda attempts, lease: attempts.complete(lease, result="late"),
        lambda attempts, lease: attempts.fail(lease, "late"),
        lambda attempts, lease: attempts.release(lease),
        lambda attempts, lease: attempts.progress(lease, 50),
    ],
    ids=["started", "complete", "fail", "release", "progress"],
)
@pytest.mark.parametrize("since", ["handed out again", "over", "deleted", "never was"])
def test_a_stale_report_changes_nothing(engine, worker, scripted, report, since):
    scripted.on_plan = [TaskSpec(name="a", max_attempts=2)]
    job = submit(engine)
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
    stale = claimed.lease
    if since == "handed out again":
        engine.attempts.release(stale)
        engine.claims.claim(worker, QUEUE, start=True)
    elif since == "never was":
        stale = Lease(stale.task_id, 7)
    else:
        engine.jobs.cancel(job.id)
        if since == "deleted":
            engine.jobs.delete(job.id)
    position = settled(engine)
    before = [engine.jobs.tasks(job.id), engine.attempts.history(stale.task_id)]
    with pytest.raises(LeaseLost) as lost:
        report(engine.attempts, stale)
    assert lost.value.facts == {"task_id": stale.task_id, "number": stale.number}
    assert [engine.jobs.tasks(job.id), engine.attempts.history(stale.task_id)] == before
    assert happenings(engine, after=position) == []


def test_losing_what_is_gone_is_no_error(engine, worker):
    lease = held(engine, worker)
    engine.attempts.complete(lease)
    assert engine.attempts.lose(lease) is False
    assert engine.attempts.lose(Lease(999, 1)) is False


def test_progress_moves_the_task_and_the_job(engine, worker, scripted):
    scripted.on_plan = lambda job: _positioned(4)
    job = submit(engine, task_count=4)
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
    engine.attempts.progress(claimed.lease, 50)
    assert engine.tasks.get(claimed.task_id).progress == 50
    assert engine.jobs.get(job.id).progress == 12.5
    position = settled(engine)
    engine.attempts.progress(claimed.lease, 50)
    assert happenings(engine, after=position) == ["task.progressed"]


def _positioned(count):
    from app.hooks import Advance

    assert count == 4
    return Advance(tasks=[TaskSpec(name="a", position=1)], position=1)


def test_what_a_worker_holds_is_listed_with_what_became_of_it(engine, worker, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    (kept,) = engine.claims.claim(worker, QUEUE, start=True)
    submit(engine)
    (other,) = engine.claims.claim(worker, QUEUE)
    engine.jobs.cancel(job.id)
    assert engine.attempts.held(worker) == {
        kept.lease: TaskState.CANCELLED,
        other.lease: TaskState.LEASED,
    }
    assert engine.attempts.gone(kept.lease) is True
    assert engine.attempts.gone(kept.lease) is False
    assert engine.attempts.held(worker) == {other.lease: TaskState.LEASED}


def test_a_worker_that_leaves_hands_back_what_it_held(engine):
    gone = engine.workers.register(
        dialect="demo", kind="daemon", name="d", instance="seat 1", queues={QUEUE: 2}
    )
    lease = held(engine, gone.id)
    assert engine.workers.succeed("seat 1") == 1
    assert engine.workers.succeed("seat 1") == 0
    assert engine.tasks.get(lease.task_id).state is TaskState.QUEUED
    assert happenings(engine)[-1] == "worker.left"
    assert engine.workers.get(gone.id).active is False


def test_reading_a_task_that_is_not_there(engine):
    with pytest.raises(TaskNotFound):
        engine.tasks.get(1)
    with pytest.raises(TaskNotFound):
        engine.tasks.by_public_id("f" * 32)


def test_a_worker_named_in_history_is_the_one_that_claimed(engine, worker):
    lease = held(engine, worker)
    other = new_worker(engine, name="other")
    engine.attempts.release(lease)
    engine.claims.claim(other, QUEUE)
    assert [one.worker_id for one in engine.attempts.history(lease.task_id)] == [worker, other]
