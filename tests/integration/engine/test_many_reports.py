"""Many reports in one transaction count exactly as each of them would alone."""

import pytest

from app.domain.states import AttemptState, TaskState
from app.engine.reports import Outcome, Report
from app.engine.tasks import NewWork
from app.hooks import TaskSpec
from app.testing import happenings, new_worker, submit

QUEUE = "demo/default"


@pytest.fixture
def worker(engine):
    return new_worker(engine, QUEUE)


def claim(engine, worker, *works, **words):
    """Store tasks and claim them all; their ids in order."""
    ids = engine.tasks.add([NewWork(queue=QUEUE, name="t", **{**words, **one}) for one in works])
    claimed = engine.claims.claim_lone(worker, QUEUE, limit=100)
    assert [one.task_id for one in claimed] == ids
    return ids


def done(task_id, **more):
    return Report(task_id, Outcome.DONE, **more)


def test_good_ones_are_completed_with_their_history_and_events(engine, worker):
    ids = claim(engine, worker, {}, {}, {})
    assert engine.reports.take(worker, [done(one, verification=one * 10) for one in ids]) == (
        [True] * 3
    )
    for one in ids:
        task = engine.tasks.get(one)
        assert (task.state, task.leased_until) == (TaskState.COMPLETED, None)
        (attempt,) = engine.attempts.history(one)
        assert (attempt.state, attempt.verification) == (AttemptState.DONE, one * 10)
    assert happenings(engine)[-3:] == ["task.completed"] * 3


def test_each_outcome_does_what_it_does_alone(engine, worker):
    good, again, failed, back = claim(engine, worker, {}, {"max_attempts": 2}, {}, {})
    reports = [
        done(good),
        Report(again, Outcome.FAILED, error="once"),
        Report(failed, Outcome.FAILED, error="why"),
        Report(back, Outcome.BACK),
    ]
    assert engine.reports.take(worker, reports) == [True] * 4
    states = [engine.tasks.get(one).state for one in (good, again, failed, back)]
    assert states == [TaskState.COMPLETED, TaskState.QUEUED, TaskState.FAILED, TaskState.QUEUED]
    assert engine.tasks.get(again).failures == 1
    assert engine.tasks.get(failed).error == "why"
    assert engine.attempts.history(back)[0].state is AttemptState.RELEASED


def test_what_is_not_held_changes_nothing(engine, worker):
    mine, stale = claim(engine, worker, {}, {})
    other = new_worker(engine, QUEUE, name="other")
    (theirs,) = claim(engine, other, {})
    engine.attempts.release(engine.attempts.lease_of(worker, stale))
    reports = [done(theirs), done(stale), done(999_999), done(mine), done(mine)]
    assert engine.reports.take(worker, reports) == [False, False, False, True, False]
    assert engine.tasks.get(theirs).state is TaskState.LEASED
    assert engine.tasks.get(stale).state is TaskState.QUEUED


def test_the_first_of_two_on_one_task_counts(engine, worker):
    (task_id,) = claim(engine, worker, {})
    reports = [Report(task_id, Outcome.BACK), done(task_id)]
    assert engine.reports.take(worker, reports) == [True, False]
    assert engine.tasks.get(task_id).state is TaskState.QUEUED


def test_verification_waits_for_others_that_agree(engine, worker):
    (task_id,) = claim(engine, worker, {"verifications": 2})
    assert engine.reports.take(worker, [done(task_id, verification=5)]) == [False]
    assert engine.tasks.get(task_id).state is TaskState.QUEUED
    other = new_worker(engine, QUEUE, name="other")
    (claimed,) = engine.claims.claim_lone(other, QUEUE)
    assert engine.reports.take(other, [done(claimed.task_id, verification=5)]) == [True]
    assert engine.tasks.get(task_id).state is TaskState.COMPLETED


def test_chained_groups_get_their_copies(engine, worker):
    target = engine.groups.create("demo", "target")
    source = engine.groups.create("demo", "source", chain=target.id)
    ids = claim(engine, worker, {"unique_key": "1"}, {"unique_key": "2"}, group_id=source.id)
    assert engine.reports.take(worker, [done(one) for one in ids]) == [True, True]
    assert engine.groups.figures(target).fresh == 2


def test_tasks_of_jobs_are_left_alone(engine, worker, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    submit(engine)
    (claimed,) = engine.claims.claim(worker, QUEUE)
    assert engine.reports.take(worker, [done(claimed.task_id)]) == [False]
    assert engine.tasks.get(claimed.task_id).state is TaskState.LEASED


def test_unique_keys_are_free_again(engine, worker):
    ids = claim(engine, worker, {"unique_key": "1"}, {"unique_key": "2"})
    engine.reports.take(worker, [done(one) for one in ids])
    assert len(engine.tasks.add([NewWork(queue=QUEUE, name="t", unique_key="1")])) == 1


def test_many_claims_of_one_worker_are_in_its_history(engine, worker):
    ids = claim(engine, worker, *[{}] * 5)
    for one in ids:
        (attempt,) = engine.attempts.history(one)
        assert (attempt.number, attempt.worker_id) == (1, worker)


def test_ready_names_the_queues_with_work(engine, worker):
    engine.tasks.add([NewWork(queue="demo/a", name="t"), NewWork(queue="demo/b", name="t")])
    engine.tasks.add([NewWork(queue="demo/later", name="t", delay_s=10)])
    claim(engine, worker, {})
    asked = [QUEUE, "demo/a", "demo/b", "demo/later", *(f"demo/{n}" for n in range(250))]
    assert engine.queues.ready(asked) == {"demo/a", "demo/b"}
    assert engine.queues.ready([]) == set()
