"""Idle limits: counted while a job runs, begun anew by a touch, kept over restarts."""

import pytest

from app.domain.clock import seconds
from app.domain.errors import EntryNotFound
from app.domain.states import JobState
from app.hooks import TaskSpec
from app.testing import happenings, new_worker, submit

QUEUE = "demo/default"


@pytest.fixture
def running(engine, scripted):
    """A job with a limit of 10 s that a worker has started."""
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine, idle_s=10)
    engine.claims.claim(new_worker(engine, QUEUE), QUEUE, start=True)
    assert engine.jobs.get(job.id).state is JobState.RUNNING
    return job.id


def test_a_job_that_nobody_touches_is_cancelled_once_its_time_has_passed(engine, clock, running):
    assert engine.idle.run_once(clock.now()) == 0
    assert engine.idle.deadline(running) == clock.now() + seconds(10)
    assert engine.idle.run_once(clock.advance(9.999)) == 0
    assert engine.idle.run_once(clock.advance(0.001)) == 1
    job = engine.jobs.get(running)
    assert (job.state, job.error) == (JobState.CANCELLED, "idle for too long")
    assert engine.idle.run_once(clock.advance(1)) == 0


def test_a_touch_lets_the_time_begin_anew(engine, clock, running):
    engine.idle.run_once(clock.now())
    clock.advance(9)
    assert engine.idle.touch(running) == clock.now() + seconds(10)
    assert engine.idle.run_once(clock.advance(9)) == 0
    assert engine.idle.run_once(clock.advance(1)) == 1


def test_time_is_not_counted_before_a_job_runs_nor_after(engine, clock, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine, idle_s=10)
    engine.idle.run_once(clock.now())
    assert engine.idle.run_once(clock.advance(100)) == 0
    with pytest.raises(EntryNotFound):
        engine.idle.touch(job.id)
    engine.jobs.cancel(job.id)
    assert engine.idle.run_once(clock.advance(100)) == 0


def test_a_restart_counts_anew(engine, clock, running):
    engine.idle.run_once(clock.now())
    engine.idle.run_once(clock.advance(10))
    engine.jobs.restart(running)
    assert engine.idle.run_once(clock.advance(5)) == 0
    assert engine.idle.deadline(running) == clock.now() + seconds(10)
    assert engine.idle.run_once(clock.advance(10)) == 1


def test_a_job_without_a_limit_may_rest_for_ever(engine, clock, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    engine.claims.claim(new_worker(engine, QUEUE), QUEUE, start=True)
    assert engine.idle.run_once(clock.advance(1e9)) == 0
    assert engine.jobs.get(job.id).state is JobState.RUNNING


def test_the_limit_goes_with_the_job(engine, clock, running):
    engine.jobs.cancel(running)
    (lease,) = engine.attempts.held(1)
    engine.attempts.gone(lease)
    engine.jobs.delete(running)
    with engine.store.session():
        assert engine.store.run("SELECT COUNT(*) FROM idle_limit").fetchone() == (0,)


def test_a_warning_comes_before_the_end_and_its_time_is_given_in_full(engine, clock, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine, idle_s=10, idle_warning_s=4)
    engine.claims.claim(new_worker(engine, QUEUE), QUEUE, start=True)
    engine.idle.run_once(clock.now())
    engine.idle.run_once(clock.advance(5.9))
    assert "job.idle" not in happenings(engine, job_id=job.id)
    assert engine.idle.run_once(clock.advance(0.6)) == 0
    assert engine.idle.deadline(job.id) == clock.now() + seconds(4)
    assert engine.idle.run_once(clock.advance(3.9)) == 0
    assert happenings(engine, job_id=job.id).count("job.idle") == 1
    assert engine.idle.run_once(clock.advance(0.1)) == 1


def test_a_touch_takes_a_warning_back(engine, clock, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine, idle_s=10, idle_warning_s=4)
    engine.claims.claim(new_worker(engine, QUEUE), QUEUE, start=True)
    engine.idle.run_once(clock.now())
    engine.idle.run_once(clock.advance(6))
    engine.idle.touch(job.id)
    assert engine.idle.run_once(clock.advance(5)) == 0
    assert engine.idle.run_once(clock.advance(1)) == 0
    assert happenings(engine, job_id=job.id).count("job.idle") == 2
    assert engine.idle.run_once(clock.advance(4)) == 1
