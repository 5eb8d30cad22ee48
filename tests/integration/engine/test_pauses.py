"""Paused jobs: nothing of them is handed out, and all of it afterwards."""

import threading

import pytest

from app.domain.clock import seconds
from app.domain.errors import IllegalMove, JobNotFound
from app.domain.states import JobState, TaskState
from app.hooks import Advance, JobSpec, TaskEnd, TaskSpec
from app.testing import (
    FakeClock,
    ScriptedJob,
    happenings,
    make_engine,
    new_worker,
    submit,
    work_off,
)

QUEUE = "demo/default"


def states(engine, job):
    return [str(task.state) for task in engine.jobs.tasks(job.id)]


def claim(engine, worker, limit=1):
    return engine.claims.claim(worker, QUEUE, limit=limit, start=True)


def test_what_runs_ends_and_the_rest_is_held(engine, scripted, worker):
    scripted.on_plan = [TaskSpec(name=name) for name in "abc"]
    job = submit(engine)
    (running,) = claim(engine, worker)
    engine.pauses.pause(job.id)
    assert states(engine, job) == ["RUNNING", "HELD", "HELD"]
    assert engine.jobs.get(job.id).paused_at is not None
    assert claim(engine, worker) == []
    engine.attempts.complete(running.lease)
    assert engine.jobs.get(job.id).state is JobState.RUNNING
    [finding] = engine.doctor.examine(pause_s=0)
    assert (finding.kind, finding.job_id, finding.needs_person) == ("stuck", job.id, True)
    assert "paused" in finding.text
    engine.pauses.resume(job.id)
    assert engine.doctor.examine(pause_s=0) == []
    assert work_off(engine, QUEUE) == ["b", "c"]
    assert engine.jobs.get(job.id).state is JobState.COMPLETED
    told = happenings(engine, job_id=job.id)
    assert told.count("job.paused") == told.count("job.resumed") == 1
    assert told.count("task.held") == 2
    assert told.count("task.queued") == 5


def test_what_comes_while_it_is_paused_is_held_too(engine, scripted, worker, clock):
    scripted.on_plan = [TaskSpec(name="a")]
    scripted.on_advance = lambda _job, task: (
        Advance(tasks=[TaskSpec(name="b"), TaskSpec(name="c", delay_s=10)])
        if task.name == "a"
        else None
    )
    job = submit(engine)
    (running,) = claim(engine, worker)
    engine.pauses.pause(job.id)
    engine.attempts.complete(running.lease)
    assert claim(engine, worker) == []  # before anybody has seen to it
    clock.advance(11)
    assert engine.due.run_once(clock.now()) == 1
    assert claim(engine, worker) == []
    assert engine.pauses.run_once(clock.now()) == 2
    assert engine.pauses.run_once(clock.now()) == 0
    assert states(engine, job) == ["COMPLETED", "HELD", "HELD"]
    engine.pauses.resume(job.id)
    assert sorted(work_off(engine, QUEUE)) == ["b", "c"]


def test_a_lost_or_given_back_task_stays(engine, scripted, worker, clock):
    scripted.on_plan = [TaskSpec(name="a", lease_s=10)]
    job = submit(engine)
    (running,) = claim(engine, worker)
    engine.pauses.pause(job.id)
    engine.attempts.release(running.lease)
    assert claim(engine, worker) == []
    engine.pauses.run_once(clock.now())
    assert states(engine, job) == ["HELD"]
    engine.jobs.cancel(job.id)
    assert states(engine, job) == ["CANCELLED"]
    assert engine.pauses.run_once(clock.now()) == 0


def test_other_jobs_go_on(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    paused, other = submit(engine), submit(engine)
    engine.pauses.pause(paused.id)
    assert len(work_off(engine, QUEUE)) == 1
    assert engine.jobs.get(other.id).state is JobState.COMPLETED


def test_jobs_that_a_task_waits_for_are_paused_with_it(engine, scripted, clock):
    def starter(**words):
        return TaskSpec(
            name="s", kind="job", job=JobSpec(name="c", type="scripted", spec={}, **words)
        )

    scripted.on_plan = [starter(), starter(detached=True)]
    job = submit(engine)
    scripted.on_plan = [TaskSpec(name="work")]
    attached, detached = (engine.jobs.get(task.starts_job_id) for task in engine.jobs.tasks(job.id))
    engine.pauses.pause(job.id)
    engine.subjobs.run_once(clock.now())
    assert engine.jobs.get(attached.id).paused_at is not None
    assert engine.jobs.get(detached.id).paused_at is None
    assert len(work_off(engine, QUEUE)) == 1
    assert engine.jobs.get(detached.id).state is JobState.COMPLETED
    engine.pauses.resume(job.id)
    assert len(work_off(engine, QUEUE)) == 1
    assert engine.jobs.get(attached.id).state is JobState.COMPLETED


@pytest.mark.parametrize("detached", [False, True])
def test_jobs_that_a_paused_job_starts_are_paused(engine, scripted, worker, clock, detached):
    spec = JobSpec(name="c", type="scripted", spec={}, detached=detached)
    scripted.on_plan = [TaskSpec(name="a")]
    scripted.on_advance = lambda _job, task: (
        Advance(tasks=[TaskSpec(name="s", kind="job", job=spec)]) if task.name == "a" else None
    )
    job = submit(engine)
    (running,) = claim(engine, worker)
    engine.pauses.pause(job.id)
    engine.attempts.complete(running.lease)
    scripted.on_plan = [TaskSpec(name="work")]
    engine.subjobs.run_once(clock.now())
    assert len(claim(engine, worker)) == int(detached)
    if detached:  # nothing is left of the job itself
        assert engine.jobs.get(job.id).state is JobState.COMPLETED
    else:
        engine.pauses.resume(job.id)
        assert len(claim(engine, worker)) == 1


def test_a_composite_releases_children_that_a_pause_holds(engine, scripted, worker, clock):
    children = tuple(TaskSpec(name=name, held=name != "a") for name in "abc")
    scripted.on_plan = [TaskSpec(name="w", kind="composite", children=children)]

    def advance(_job, task):
        if task.parent is None:
            return None
        open_now = task.parent.children_open
        if not open_now:
            return Advance(ends=[TaskEnd(task_id=task.parent.id)])
        return Advance(release={task.parent.id: 1})

    scripted.on_advance = advance
    job = submit(engine)
    (running,) = claim(engine, worker)
    engine.pauses.pause(job.id)
    engine.attempts.complete(running.lease)
    engine.pauses.run_once(clock.now())
    assert states(engine, job) == ["RUNNING", "COMPLETED", "HELD", "CREATED"]
    engine.pauses.resume(job.id)
    assert work_off(engine, QUEUE) == ["b", "c"]
    assert engine.jobs.get(job.id).state is JobState.COMPLETED


def test_a_person_who_holds_a_task_is_not_overruled(engine, scripted, clock):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    job = submit(engine)
    first, second = engine.jobs.tasks(job.id)
    engine.tasks.hold(first.id)
    engine.pauses.pause(job.id)
    engine.tasks.let_go(second.id)
    assert engine.pauses.run_once(clock.now()) == 0
    assert work_off(engine, QUEUE) == []
    engine.pauses.resume(job.id)
    assert work_off(engine, QUEUE) == ["b"]
    engine.tasks.let_go(first.id)
    assert work_off(engine, QUEUE) == ["a"]


def test_what_a_dead_process_left_is_brought_to_its_end(engine, scripted, clock, monkeypatch):
    monkeypatch.setattr("app.engine.pauses.CLOSED_AT_ONCE", 2)
    scripted.on_plan = [TaskSpec(name=f"t{number}") for number in range(5)]
    job = submit(engine)
    with engine.transaction():  # as if the process had died after the first commit
        engine.pauses.pause(job.id)
    assert states(engine, job) == ["QUEUED"] * 5
    assert work_off(engine, QUEUE) == []
    assert engine.pauses.run_once(clock.now()) == 5
    with engine.transaction():
        engine.pauses.resume(job.id)
    assert states(engine, job) == ["HELD"] * 5
    assert engine.pauses.run_once(clock.now()) == 5
    assert len(work_off(engine, QUEUE)) == 5


def test_what_cannot_be_paused(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    with pytest.raises(IllegalMove):
        engine.pauses.resume(job.id)
    engine.pauses.pause(job.id)
    with pytest.raises(IllegalMove):
        engine.pauses.pause(job.id)
    engine.jobs.cancel(job.id)
    for verb in (engine.pauses.pause, engine.pauses.resume):
        with pytest.raises(IllegalMove):
            verb(job.id)
        with pytest.raises(JobNotFound):
            verb("0" * 32)
    engine.jobs.restart(job.id)
    assert work_off(engine, QUEUE) == ["a"]


def test_a_job_that_is_to_run_later_can_be_paused(engine, scripted, clock):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine, start_at=clock.now() + seconds(5))
    engine.pauses.pause(job.id)
    clock.advance(6)
    engine.jobs.start_due(clock.now())
    assert work_off(engine, QUEUE) == []
    engine.pauses.resume(job.id)
    assert work_off(engine, QUEUE) == ["a"]


def test_pauses_and_workers_at_the_same_time_lose_nothing(database_url):
    scripted = ScriptedJob(plan=[TaskSpec(name=f"t{number}") for number in range(60)])
    with make_engine(scripted, database_url=database_url, clock=FakeClock()) as engine:
        job = submit(engine)
        over = threading.Event()
        faults = []

        def work():
            worker = new_worker(engine)
            try:
                while engine.jobs.get(job.id).state is not JobState.COMPLETED:
                    for claimed in claim(engine, worker):
                        engine.attempts.complete(claimed.lease)
            except Exception as fault:  # noqa: BLE001 - reported below
                faults.append(fault)
            over.set()

        workers = [threading.Thread(target=work) for _ in range(3)]
        for thread in workers:
            thread.start()
        while not over.is_set():
            try:
                engine.pauses.pause(job.id)
                engine.pauses.resume(job.id)
            except IllegalMove:
                break
        for thread in workers:
            thread.join(60)
        assert faults == []
        assert engine.jobs.get(job.id).state is JobState.COMPLETED
        assert {task.state for task in engine.jobs.tasks(job.id)} == {TaskState.COMPLETED}
