"""Jobs that are to start at a time, and jobs that are put away."""

import pytest

from app.domain.clock import seconds
from app.domain.errors import IllegalMove, JobNotFound
from app.domain.records import JobFilter
from app.domain.states import JobState
from app.hooks import Fail, TaskSpec
from app.testing import happenings, submit, work_off

QUEUE = "demo/default"


@pytest.fixture(autouse=True)
def one_task(scripted):
    scripted.on_plan = [TaskSpec(name="a")]


def later(engine, clock, delay_s=60.0, **words):
    return submit(engine, start_at=clock.now() + seconds(delay_s), **words)


def state(engine, job):
    return engine.jobs.get(job.id).state


def test_a_job_starts_when_its_time_has_come(engine, clock, scripted):
    scripted.on_plan = Fail("nobody asks yet")
    job = later(engine, clock)
    assert (job.state, job.scheduled_at) == (JobState.WAITING, None)
    scripted.on_plan = [TaskSpec(name="a")]
    clock.advance(59)
    assert engine.jobs.start_due(clock.now()) == 0
    assert work_off(engine, QUEUE) == []
    clock.advance(1)
    assert engine.jobs.start_due(clock.now()) == 1
    assert engine.jobs.start_due(clock.now()) == 0
    assert work_off(engine, QUEUE) == ["a"]
    found = engine.jobs.get(job.id)
    assert (found.state, found.start_at, found.scheduled_at) == (
        JobState.COMPLETED,
        None,
        clock.now(),
    )
    told = [kind for kind in happenings(engine, job_id=job.id) if kind.startswith("job.")]
    assert told == ["job.submitted", "job.waiting", "job.scheduled", "job.started", "job.completed"]


@pytest.mark.parametrize("delay_s", [0.0, -1.0, -1e9])
def test_a_time_that_is_past_is_now(engine, clock, delay_s):
    assert later(engine, clock, delay_s).state is JobState.SCHEDULED


def test_a_delayed_job_can_be_cancelled_and_begun_anew(engine, clock):
    job = later(engine, clock)
    engine.jobs.cancel(job.id)
    clock.advance(61)
    assert engine.jobs.start_due(clock.now()) == 0
    assert state(engine, job) is JobState.CANCELLED
    engine.jobs.restart(job.id)
    assert work_off(engine, QUEUE) == ["a"]


def test_a_pool_is_joined_when_the_time_has_come(engine, clock):
    first = later(engine, clock, pool="p", max_running=1)
    second = later(engine, clock, pool="p", max_running=1)
    early = submit(engine, pool="p", max_running=1)
    assert early.state is JobState.SCHEDULED
    assert [entry.job_id for entry in engine.waiting.entries("p")] == [early.id]
    clock.advance(60)
    assert engine.jobs.start_due(clock.now()) == 2
    assert [state(engine, job) for job in (first, second)] == [JobState.WAITING] * 2
    assert {entry.job_id for entry in engine.waiting.entries("p")} == {
        early.id,
        first.id,
        second.id,
    }
    assert engine.doctor.examine(pause_s=0) == []
    for job in (early, first, second):
        assert work_off(engine, QUEUE) == ["a"], job
        engine.waiting.run_once(clock.now())
    assert state(engine, second) is JobState.COMPLETED


def test_many_start_in_rounds_and_one_that_cannot_holds_up_none(engine, clock, scripted):
    jobs = [later(engine, clock, delay_s) for delay_s in (3, 1, 2)]

    def plan(job):
        if job.id == jobs[1].id:
            raise RuntimeError("no")
        return [TaskSpec(name=job.id)]

    scripted.on_plan = plan
    clock.advance(10)
    assert engine.jobs.start_due(clock.now()) == 3
    assert state(engine, jobs[1]) is JobState.FAILED
    assert work_off(engine, QUEUE) == [jobs[2].id, jobs[0].id]


def test_the_doctor_knows_jobs_that_run_later(engine, clock):
    job = later(engine, clock)
    assert engine.doctor.examine(pause_s=0) == []
    clock.advance(60 + 61)
    [finding] = engine.doctor.examine(pause_s=0)
    assert (finding.kind, finding.job_id) == ("overdue", job.id)


def test_archived_jobs_are_left_out_of_lists_that_want_none(engine):
    job, other = submit(engine, tags=("x",)), submit(engine, tags=("x",))
    with pytest.raises(IllegalMove):
        engine.jobs.archive(job.id)
    work_off(engine, QUEUE)
    for wanted in ({}, {"words": ("completed",)}, {"tags": ("x",)}, {"dialect": "demo"}):
        engine.jobs.archive(job.id)
        engine.jobs.archive(job.id)
        for archived, expected in ((True, [other.id, job.id]), (False, [other.id])):
            page = engine.jobs.find(JobFilter(**wanted, archived=archived))
            assert sorted(one.id for one in page.items) == sorted(expected)
            assert page.total == len(expected)
        assert engine.jobs.get(job.id).archived
        engine.jobs.archive(job.id, archived=False)
        assert engine.jobs.find(JobFilter(**wanted, archived=False)).total == 2
    engine.jobs.archive(job.id)
    engine.jobs.delete(job.id)
    assert engine.jobs.find(JobFilter(archived=False)).total == 1
    with pytest.raises(JobNotFound):
        engine.jobs.archive(job.id)


def test_a_restart_fetches_a_job_back(engine, scripted):
    job = submit(engine)
    engine.jobs.cancel(job.id)
    engine.jobs.archive(job.id)
    assert engine.jobs.restart(job.id).archived is False
    assert engine.jobs.get(job.id).archived is False
