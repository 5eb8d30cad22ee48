"""Waiting lists: positions, admission, and slots that are free when processes are gone."""

import threading

import pytest

from app.domain.errors import EntryNotFound, IllegalMove, JobNotFound
from app.domain.records import JobFilter
from app.domain.states import JobState, TaskState
from app.hooks import Fail, TaskSpec
from app.testing import ScriptedJob, happenings, make_engine, new_worker, submit

QUEUE = "demo/default"


@pytest.fixture(autouse=True)
def one_task(scripted):
    scripted.on_plan = [TaskSpec(name="a", lease_s=60)]


def enter(engine, limit=1):
    return submit(engine, pool="p", max_running=limit)


def state(engine, job):
    return engine.jobs.get(job.id).state


def order(engine):
    entries = engine.waiting.entries("p")
    assert [entry.position for entry in entries] == list(range(len(entries)))
    for entry in entries:
        assert engine.waiting.entry(entry.job_id) == entry
    return [entry.job_id for entry in entries]


def run(engine, job):
    """Let the worker take and end the job's task."""
    worker = new_worker(engine)
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
    assert claimed.job_id == job.id
    engine.attempts.complete(claimed.lease)


def test_those_without_a_slot_wait_in_the_order_they_came(engine):
    jobs = [enter(engine) for _ in range(4)]
    assert [state(engine, job) for job in jobs] == [JobState.SCHEDULED] + [JobState.WAITING] * 3
    # a starting one keeps its place until it runs
    assert order(engine) == [job.id for job in jobs]
    assert engine.waiting.entry(jobs[0].id).admitted is True
    run(engine, jobs[0])
    assert order(engine) == [job.id for job in jobs[1:]]
    assert engine.waiting.admit("p") == 1
    assert [state(engine, job) for job in jobs[1:3]] == [JobState.SCHEDULED, JobState.WAITING]


def test_nobody_overtakes_the_line(engine):
    first, second = enter(engine), enter(engine)
    engine.jobs.cancel(first.id)
    third = enter(engine)
    assert state(engine, third) is JobState.WAITING
    assert engine.waiting.run_once(0) == 1
    assert state(engine, second) is JobState.SCHEDULED


def test_who_leaves_the_line_closes_the_gap(engine):
    jobs = [enter(engine) for _ in range(4)]
    engine.jobs.cancel(jobs[2].id)
    assert order(engine) == [jobs[0].id, jobs[1].id, jobs[3].id]
    assert engine.waiting.entry(jobs[3].id).position == 2
    with pytest.raises(EntryNotFound):
        engine.waiting.entry(jobs[2].id)


def test_a_slot_is_free_when_the_processes_are_gone_not_when_the_job_is_over(engine):
    worker = new_worker(engine)
    first, second = enter(engine), enter(engine)
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
    engine.jobs.cancel(first.id)
    assert engine.waiting.run_once(0) == 0
    assert state(engine, second) is JobState.WAITING
    engine.attempts.gone(claimed.lease)
    assert engine.waiting.run_once(0) == 1
    assert state(engine, second) is JobState.SCHEDULED


def test_a_slot_is_free_when_the_lease_of_a_vanished_worker_ends(engine, clock):
    worker = new_worker(engine)
    first, second = enter(engine), enter(engine)
    engine.claims.claim(worker, QUEUE, start=True)
    engine.jobs.cancel(first.id)
    engine.rescue.run_once(clock.advance(59))
    assert engine.waiting.run_once(clock.now()) == 0
    engine.rescue.run_once(clock.advance(2))
    assert engine.waiting.run_once(clock.now()) == 1
    assert state(engine, second) is JobState.SCHEDULED


def test_a_job_with_several_processes_frees_its_slot_with_the_last(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    worker = new_worker(engine)
    first, second = enter(engine), enter(engine)
    held = engine.claims.claim(worker, QUEUE, limit=2, start=True)
    engine.jobs.cancel(first.id)
    for claimed, started in zip(held, (0, 1), strict=True):
        engine.attempts.gone(claimed.lease)
        assert engine.waiting.run_once(0) == started
    assert state(engine, second) is JobState.SCHEDULED


def test_a_greater_limit_lets_those_in_that_fit(engine):
    jobs = [enter(engine) for _ in range(4)]
    engine.waiting.set_limit("p", 3)
    assert [state(engine, job) for job in jobs].count(JobState.SCHEDULED) == 3
    engine.waiting.set_limit("p", 1)
    assert [state(engine, job) for job in jobs].count(JobState.SCHEDULED) == 3


def test_a_job_that_fails_at_its_start_leaves_the_line_and_the_slot(engine, scripted):
    scripted.on_plan = Fail("no")
    assert state(engine, enter(engine)) is JobState.FAILED
    assert order(engine) == []
    scripted.on_plan = [TaskSpec(name="a")]
    assert state(engine, enter(engine)) is JobState.SCHEDULED


def test_starting_by_hand_wants_a_free_slot(engine):
    enter(engine)
    waiting = enter(engine)
    with pytest.raises(IllegalMove):
        engine.jobs.start(waiting.id)
    assert state(engine, waiting) is JobState.WAITING


def test_a_restart_takes_a_slot_or_is_refused(engine):
    first = enter(engine)
    engine.jobs.cancel(first.id)
    second = enter(engine)
    with pytest.raises(IllegalMove):
        engine.jobs.restart(first.id)
    engine.jobs.cancel(second.id)
    assert engine.jobs.restart(first.id).state is JobState.RUNNING
    assert state(engine, enter(engine)) is JobState.WAITING


def test_a_job_type_may_have_a_limit_of_its_own(database_url, clock):
    class Limited(ScriptedJob):
        name = "limited"
        max_running = 2

    with make_engine(Limited([TaskSpec(name="a")]), database_url=database_url) as engine:
        jobs = [submit(engine, type="limited") for _ in range(3)]
        assert [job.state for job in jobs] == [JobState.SCHEDULED] * 2 + [JobState.WAITING]
        assert {job.pool for job in jobs} == {"type/limited"}


def test_admission_from_several_threads_never_overshoots(engine):
    jobs = [enter(engine, limit=0) for _ in range(20)]
    with engine.transaction():
        engine.store.run("UPDATE pool SET max_running = 7 WHERE name = 'p'")
    start = threading.Barrier(4)

    def admit():
        start.wait(60)
        engine.waiting.admit("p")

    threads = [threading.Thread(target=admit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    engine.waiting.admit("p")
    started = [job.id for job in jobs if state(engine, job) is JobState.SCHEDULED]
    assert started == [job.id for job in jobs[:7]]
    assert order(engine) == [job.id for job in jobs]


@pytest.mark.parametrize("end", ["gone", "expired"])
def test_a_deleted_job_keeps_its_slot_until_its_processes_are_gone(engine, clock, end):
    job = enter(engine)
    worker = new_worker(engine)
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
    following = enter(engine)
    engine.jobs.cancel(job.id)
    engine.jobs.delete(job.id)
    with pytest.raises(JobNotFound):
        engine.jobs.get(job.id)
    assert engine.jobs.find(JobFilter(dialect="demo")).total == 1
    engine.prune.run_once(clock.now())
    engine.waiting.run_once(clock.now())
    assert state(engine, following) is JobState.WAITING
    assert engine.attempts.held(worker) == {claimed.lease: TaskState.CANCELLED}
    if end == "gone":
        assert engine.attempts.gone(claimed.lease) is True
    else:
        clock.advance(61)
        assert engine.rescue.run_once(clock.now()) == 1
    engine.waiting.run_once(clock.now())
    assert state(engine, following) is JobState.SCHEDULED
    assert engine.prune.run_once(clock.now()) == 1
    assert engine.jobs.find(JobFilter()).total == 1
    assert engine.doctor.examine(pause_s=0) == []
    assert happenings(engine).count("job.deleted") == 1


def test_a_deleted_job_without_a_pool_leaves_nothing_behind(engine):
    job = submit(engine)
    engine.claims.claim(new_worker(engine), QUEUE, start=True)
    engine.jobs.cancel(job.id)
    engine.jobs.delete(job.id)
    assert engine.jobs.find(JobFilter()).total == 0
