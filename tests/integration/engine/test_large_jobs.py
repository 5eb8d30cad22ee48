"""Jobs of very many tasks: over at once, and no transaction that holds up all others."""

import pytest

from app.data import tasks
from app.domain.errors import IllegalMove, JobNotFound, LeaseLost, StoreUnavailable
from app.domain.states import JobState, TaskState
from app.engine import courses, jobs
from app.hooks import JobSpec, TaskSpec
from app.testing import happenings, new_worker, submit

QUEUE = "demo/default"
TASKS = 12


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch, scripted):
    for module in (courses, jobs):
        monkeypatch.setattr(module, "CLOSED_AT_ONCE", 5)
    scripted.on_plan = [TaskSpec(name=f"t{number}", lease_s=60) for number in range(TASKS)]


@pytest.fixture
def dies(monkeypatch):
    """Let whoever cancels die after the first transaction."""

    def away(_jobs, _job_id):
        raise StoreUnavailable

    monkeypatch.setattr(jobs.Jobs, "close_rest", away)
    return monkeypatch.undo


def open_tasks(engine, job):
    return [task for task in engine.jobs.tasks(job.id) if not task.state.final]


def test_cancelling_cancels_all_tasks_in_several_transactions(engine, worker, monkeypatch):
    sizes = []
    cancel_some = tasks.cancel_some

    def noted(*words):
        cancelled = cancel_some(*words)
        sizes.append(len(cancelled))
        return cancelled

    monkeypatch.setattr(tasks, "cancel_some", noted)
    job = submit(engine)
    assert engine.jobs.cancel(job.id).state is JobState.CANCELLED
    assert sizes == [5, 5, 2]
    assert open_tasks(engine, job) == []
    assert happenings(engine, job_id=job.id).count("task.cancelled") == TASKS
    assert engine.doctor.examine(pause_s=0) == []


def test_what_is_left_of_a_cancelled_job_is_not_handed_out_and_goes(engine, worker, clock, dies):
    job = submit(engine)
    held = engine.claims.claim(worker, QUEUE, limit=2, start=True)
    assert engine.jobs.cancel(job.id).state is JobState.CANCELLED
    assert len(open_tasks(engine, job)) == 5
    assert {engine.tasks.get(one.task_id).state for one in held} == {TaskState.CANCELLED}
    for claim in (engine.claims.claim, engine.claims.claim_lone):
        assert list(claim(worker, QUEUE, limit=9)) == []
    left = open_tasks(engine, job)[0]
    assert engine.tasks.drop(left.id, "dropped") is False
    with pytest.raises(LeaseLost):
        engine.attempts.complete(held[0].lease)
    dies()
    engine.subjobs.run_once(clock.now())
    assert open_tasks(engine, job) == []
    assert happenings(engine, job_id=job.id).count("task.cancelled") == TASKS
    assert engine.subjobs.run_once(clock.now()) == 0


def test_a_failed_task_ends_a_large_job_the_same_way(engine, worker, clock):
    job = submit(engine)
    first, second = engine.claims.claim(worker, QUEUE, limit=2, start=True)
    engine.attempts.fail(first.lease, "no", retry=False)
    assert engine.jobs.get(job.id).state is JobState.FAILED
    assert engine.tasks.get(second.task_id).state is TaskState.CANCELLED
    assert len(open_tasks(engine, job)) == 5
    assert engine.claims.claim(worker, QUEUE, limit=9) == []
    engine.subjobs.run_once(clock.now())
    assert open_tasks(engine, job) == []


def test_a_claim_that_was_under_way_is_cancelled_with_the_rest(engine, worker, clock, dies):
    job = submit(engine)
    engine.jobs.cancel(job.id)
    left = open_tasks(engine, job)[0]
    # As on PostgreSQL a claim does that looked before the cancellation was stored.
    with engine.store.transaction():
        engine.store.run(
            "UPDATE task SET state = 'RUNNING', number = 1, worker_id = ?, leased_until = ?,"
            " started_at = 1 WHERE id = ?",
            (worker, clock.now() + 60_000_000, left.id),
        )
        engine.store.run(
            "INSERT INTO attempt (task_id, number, worker_id, state, leased_at)"
            " VALUES (?, 1, ?, 'RUNNING', 1)",
            (left.id, worker),
        )
    ((lease, _),) = engine.attempts.held(worker).items()
    with pytest.raises(LeaseLost):
        engine.attempts.complete(lease)
    dies()
    engine.subjobs.run_once(clock.now())
    assert engine.attempts.held(worker) == {lease: TaskState.CANCELLED}
    assert engine.attempts.gone(lease) is True
    assert engine.doctor.examine(pause_s=0) == []


def test_a_restart_cancels_what_is_left_before_it_begins_anew(engine, worker, dies, scripted):
    job = submit(engine)
    engine.jobs.cancel(job.id)
    assert open_tasks(engine, job)
    dies()
    scripted.on_plan = [TaskSpec(name="again")]
    assert engine.jobs.restart(job.id).state is JobState.RUNNING
    assert [task.name for task in open_tasks(engine, job)] == ["again"]
    assert [one.name for one in engine.claims.claim(worker, QUEUE, limit=9)] == ["again"]
    assert engine.doctor.examine(pause_s=0) == []


def test_deleting_deletes_in_several_transactions(engine, monkeypatch):
    sizes = []
    delete_some = tasks.delete_some

    def noted(*words):
        sizes.append(delete_some(*words))
        return sizes[-1]

    monkeypatch.setattr(tasks, "delete_some", noted)
    job = submit(engine)
    with pytest.raises(IllegalMove):
        engine.jobs.delete(job.id)
    engine.jobs.cancel(job.id)
    engine.jobs.delete(job.id)
    assert sizes == [5, 5, 2]
    with pytest.raises(JobNotFound):
        engine.jobs.get(job.id)
    with engine.store.session():
        for table in ("task", "attempt", "job"):
            assert engine.store.run(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,)


def test_jobs_that_tasks_started_are_cancelled_with_theirs(engine, scripted, clock):
    child = JobSpec(type="scripted", spec={"child": True}, name="child")
    scripted.on_plan = lambda job: (
        [TaskSpec(name="work")]
        if job.spec
        else [TaskSpec(name=f"s{number}", kind="job", job=child) for number in range(TASKS)]
    )
    parent = submit(engine)
    engine.subjobs.run_once(clock.now())
    assert engine.jobs.counts("demo") == {"RUNNING": 1, "SCHEDULED": TASKS}
    engine.jobs.cancel(parent.id)
    assert engine.jobs.counts("demo") == {}
    assert engine.claims.claim(new_worker(engine), QUEUE, limit=99) == []
    assert engine.doctor.examine(pause_s=0) == []
