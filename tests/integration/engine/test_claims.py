"""Taking work: order, number, what a claim hands out."""

import pytest

from app.domain.records import Lease
from app.domain.states import AttemptState, JobState, TaskState
from app.engine.tasks import NewWork
from app.hooks import TaskSpec
from app.testing import happenings, new_worker, settled, submit

QUEUE = "demo/default"


def add(engine, *names, **words):
    return engine.tasks.add([NewWork(queue=QUEUE, name=name, **words) for name in names])


def taken(engine, worker, limit=100):
    return [task.name for task in engine.claims.claim(worker, QUEUE, limit=limit)]


def test_equals_are_handed_out_in_the_order_they_came(engine, worker):
    add(engine, "a", "b", "c")
    assert [taken(engine, worker, 1) for _ in range(4)] == [["a"], ["b"], ["c"], []]


def test_the_urgent_goes_first_and_age_decides_among_equals(engine, worker):
    for name, priority in (("low", -1), ("mid1", 0), ("high1", 9), ("mid2", 0), ("high2", 9)):
        add(engine, name, priority=priority)
    assert taken(engine, worker, 2) == ["high1", "high2"]
    assert taken(engine, worker) == ["mid1", "mid2", "low"]


def test_a_task_that_comes_back_keeps_its_age(engine, worker):
    add(engine, "a", "b")
    (first,) = engine.claims.claim(worker, QUEUE)
    engine.attempts.release(first.lease)
    assert taken(engine, worker) == ["a", "b"]


def test_queues_do_not_mix(engine, worker):
    engine.tasks.add([NewWork(queue="demo/a", name="x"), NewWork(queue="demo/ab", name="y")])
    assert [task.name for task in engine.claims.claim(worker, "demo/a", limit=5)] == ["x"]


def test_a_claim_says_all_that_the_worker_needs(engine, worker, clock):
    (task_id,) = add(engine, "a", payload={"π": [1, None]}, lease_s=7.5)
    (claimed,) = engine.claims.claim(worker, QUEUE)
    assert claimed.lease == Lease(task_id, 1)
    assert claimed.payload == {"π": [1, None]}
    assert (claimed.lease_s, claimed.leased_until) == (7.5, clock.now() + 7_500_000)
    assert (claimed.job_id, claimed.public_id, claimed.queue) == (None, None, QUEUE)


def test_a_claimed_task_is_leased_until_its_start_is_reported(engine, worker):
    (task_id,) = add(engine, "a")
    (claimed,) = engine.claims.claim(worker, QUEUE)
    assert engine.tasks.get(task_id).state is TaskState.LEASED
    engine.attempts.started(claimed.lease)
    engine.attempts.started(claimed.lease)
    assert engine.tasks.get(task_id).state is TaskState.RUNNING
    (attempt,) = engine.attempts.history(task_id)
    assert (attempt.state, attempt.worker_id) == (AttemptState.RUNNING, worker)
    assert happenings(engine).count("task.started") == 1


def test_a_claim_with_start_goes_straight_to_running(engine, worker, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    assert job.state is JobState.SCHEDULED
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
    assert engine.tasks.get(claimed.task_id).state is TaskState.RUNNING
    assert engine.jobs.get(job.id).state is JobState.RUNNING
    (attempt,) = engine.attempts.history(claimed.task_id)
    assert attempt.started_at == attempt.leased_at


def test_nothing_to_claim_is_no_error_and_no_event(engine, worker):
    before = settled(engine)
    assert list(engine.claims.claim(worker, "demo/nobody")) == []
    assert happenings(engine, after=before) == []


@pytest.mark.parametrize("wanted", [1, 3])
def test_several_workers_must_agree(engine, wanted):
    (task_id,) = add(engine, "a", verifications=3)
    workers = [new_worker(engine, name=f"w{n}") for n in range(4)]
    values = [7, 7, 7] if wanted == 3 else [7, 8, 7]
    for index, value in enumerate(values):
        (claimed,) = engine.claims.claim_lone(workers[index], QUEUE)
        # who has done its part is passed over, while the task waits for others
        done = engine.attempts.complete(claimed.lease, verification=value)
        assert list(engine.claims.claim_lone(workers[index], QUEUE)) == []
        assert done is (wanted == 3 and index == 2)
    if wanted == 1:
        (claimed,) = engine.claims.claim_lone(workers[3], QUEUE)
        assert engine.attempts.complete(claimed.lease, verification=7) is True
    assert engine.tasks.get(task_id).state is TaskState.COMPLETED
    assert {attempt.state for attempt in engine.attempts.history(task_id)} == {AttemptState.DONE}


def test_a_worker_whose_try_failed_may_verify_later(engine, worker):
    add(engine, "a", verifications=2, max_attempts=3)
    (claimed,) = engine.claims.claim_lone(worker, QUEUE)
    assert engine.attempts.fail(claimed.lease, "oops") is True
    assert [one.name for one in engine.claims.claim_lone(worker, QUEUE)] == ["a"]
