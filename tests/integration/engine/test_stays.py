"""What a waiting list tells: how many are where, how long they stay; and what may change there."""

import threading

import pytest

from app.domain.errors import IllegalMove, JobNotFound
from app.domain.states import JobState
from app.hooks import TaskSpec
from app.testing import ScriptedJob, make_engine, submit

QUEUE = "demo/default"


@pytest.fixture(autouse=True)
def one_task(scripted):
    scripted.on_plan = lambda job: [TaskSpec(name=str(job.spec.get("name", "a")), lease_s=600)]


def enter(engine, limit=1, **words):
    return submit(engine, pool="p", max_running=limit, **words)


def counts(engine):
    return tuple(engine.waiting.counts("p"))


def take(engine, worker):
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
    return claimed


def test_counts_follow_each_job_from_the_list_to_its_end(engine, worker):
    assert counts(engine) == (0, 0, 0)
    for _ in range(3):
        enter(engine)
    submit(engine, pool="another", max_running=0)
    assert counts(engine) == (2, 1, 0)
    claimed = take(engine, worker)
    assert counts(engine) == (2, 0, 1)
    engine.attempts.complete(claimed.lease)
    engine.waiting.admit("p")
    assert counts(engine) == (1, 1, 0)


def test_the_mean_stay_is_that_of_jobs_that_ran_and_ended(engine, worker, clock):
    assert engine.waiting.stay_s("p") is None
    for wait_s, run_s in ((1, 9), (0, 20), (5, 25)):
        enter(engine)
        clock.advance(wait_s)
        claimed = take(engine, worker)
        assert engine.waiting.stay_s("other") is None
        clock.advance(run_s)
        engine.attempts.complete(claimed.lease)
    assert engine.waiting.stay_s("p") == 20.0
    # One that never ran tells nothing, nor does one that came by a clock.
    never = enter(engine)
    clock.advance(500)
    engine.jobs.cancel(never.id)
    enter(engine, unique_key="by the hour")
    claimed = take(engine, worker)
    clock.advance(500)
    engine.attempts.complete(claimed.lease)
    assert engine.waiting.stay_s("p") == 20.0


def test_a_waiting_job_changes_and_keeps_its_place(engine, worker):
    enter(engine)
    first, second = (enter(engine, spec={"name": name}) for name in ("b", "c"))
    changed = engine.jobs.change(first.id, {"name": "other"})
    assert (changed.spec, changed.state) == ({"name": "other"}, JobState.WAITING)
    assert engine.jobs.get(first.id) == changed
    assert [entry.job_id for entry in engine.waiting.entries("p")][1:] == [first.id, second.id]
    for expected in ("a", "other", "c"):
        claimed = take(engine, worker)
        assert claimed.name == expected
        engine.attempts.complete(claimed.lease)
        engine.waiting.admit("p")


@pytest.mark.parametrize("ended", [False, True])
def test_a_job_that_was_started_does_not_change(engine, ended):
    job = enter(engine, spec={"name": "b"})
    if ended:
        engine.jobs.cancel(job.id)
    with pytest.raises(IllegalMove):
        engine.jobs.change(job.id, {"name": "c"})
    assert engine.jobs.get(job.id).spec == {"name": "b"}
    with pytest.raises(JobNotFound):
        engine.jobs.change("nobody", {})


def test_a_job_that_starts_while_it_changes_starts_as_it_was_told_last(engine, database_url):
    """Either the change comes first and counts, or the start does and the change is refused."""
    scripted = ScriptedJob()
    scripted.on_plan = lambda job: [TaskSpec(name=job.spec["name"])]
    with make_engine(scripted, database_url=database_url) as other:
        for _ in range(10):
            first, job = (enter(engine, spec={"name": "old"}) for _ in range(2))
            engine.jobs.cancel(first.id)
            starter = threading.Thread(target=other.waiting.admit, args=("p",))
            starter.start()
            try:
                engine.jobs.change(job.id, {"name": "new"})
                expected = "new"
            except IllegalMove:
                expected = "old"
            starter.join()
            (task,) = engine.jobs.tasks(job.id)
            assert (task.name, engine.jobs.get(job.id).spec["name"]) == (expected, expected)
            engine.jobs.cancel(job.id)
