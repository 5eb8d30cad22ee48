"""What may need a person is said, and nothing is said of what goes well."""

from dataclasses import replace

import pytest

from app.domain.states import JobState
from app.engine.concerns import Kind
from app.engine.tasks import NewWork
from app.hooks import TaskSpec
from app.testing import new_worker, settled, submit, work_off

QUEUE = "demo/default"


@pytest.fixture
def found(engine, clock):
    """Give the concerns of a kind, after the figures were brought up to date."""

    def found(kind=None):
        settled(engine)
        engine.figures.run_once(clock.now())
        engine.leadership.take("ticker", "us", lease_s=30)
        return [one for one in engine.concerns.found() if kind is None or one.kind is kind]

    return found


def fail(_task):
    raise ValueError("no")


def test_nothing_is_said_of_what_goes_well(engine, scripted, clock, found):
    scripted.on_plan = [TaskSpec(name="a")]
    submit(engine)
    submit(engine)
    worker = new_worker(engine)
    (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
    engine.attempts.complete(claimed.lease)
    assert found() == []


def test_that_nobody_leads(engine):
    assert [one.kind for one in engine.concerns.found()] == [Kind.NO_TICKER]


def test_jobs_that_fail(engine, scripted, clock, found):
    scripted.on_plan = [TaskSpec(name="a")]
    for dialect in ("demo", "demo", "other"):
        assert submit(engine, dialect=dialect).state is JobState.SCHEDULED
        work_off(engine, f"{dialect}/default", fail)
    told = [(one.dialect, one.subject, one.count) for one in found(Kind.FAILING_JOBS)]
    assert told == [("demo", "scripted", 2), ("other", "scripted", 1)]
    assert found(Kind.FAILING_TASKS) == []
    clock.advance(3700)
    assert found(Kind.FAILING_JOBS) == []


def test_tasks_of_no_job_that_fail(engine, clock, found):
    engine.tasks.add_many([NewWork(queue="demo/7", name="t")])
    work_off(engine, "demo/7", fail)
    told = [(one.subject, one.count) for one in found(Kind.FAILING_TASKS)]
    assert told == [("demo/7", 1)]


def test_a_queue_that_nobody_works_on(engine, scripted, clock, found):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    submit(engine)
    since = clock.now()
    assert found(Kind.UNTAKEN) == []
    clock.advance(121)
    [told] = found(Kind.UNTAKEN)
    assert (told.subject, told.count, told.since) == (QUEUE, 2, since)
    listening = new_worker(engine)
    assert found(Kind.UNTAKEN) == []
    engine.workers.leave(listening)
    assert len(found(Kind.UNTAKEN)) == 1
    # Somebody who says nothing of where they listen takes from it.
    engine.claims.claim(new_worker(engine, "demo/other"), QUEUE, start=True)
    assert found(Kind.UNTAKEN) == []


def test_a_task_that_runs_much_longer_than_others(engine, scripted, clock, found):
    scripted.on_plan = [TaskSpec(name="a")]
    worker = new_worker(engine)

    def take():
        submit(engine)
        (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
        return claimed

    for _ in range(5):
        claimed = take()
        clock.advance(70)
        engine.attempts.complete(claimed.lease)
    claimed = take()
    since = clock.now()
    clock.advance(690)
    assert found(Kind.LONG) == []
    clock.advance(20)
    [told] = found(Kind.LONG)
    assert (told.subject, told.task_id, told.since) == (QUEUE, claimed.task_id, since)


def test_nothing_is_known_of_a_queue_without_history(engine, scripted, clock, found):
    scripted.on_plan = [TaskSpec(name="a")]
    submit(engine)
    engine.claims.claim(new_worker(engine), QUEUE, start=True)
    clock.advance(86_000)
    assert found(Kind.LONG) == []


def test_a_worker_that_fell_silent(engine, clock, found):
    words = {"dialect": "demo", "queues": {QUEUE: 1}}
    daemon = engine.workers.register(kind="daemon", name="left", **words)
    silent = engine.workers.register(kind="daemon", name="silent", **words)
    engine.workers.register(kind="remote", name="remote", **words)
    clock.advance(91)
    engine.workers.leave(daemon.id)
    [told] = found(Kind.SILENT)
    assert (told.subject, told.worker_id) == ("silent", silent.id)
    engine.workers.heartbeat(silent.id)
    assert found(Kind.SILENT) == []


def test_a_list_that_does_not_move(engine, scripted, clock, found):
    engine.waiting.set_limit("p", 1)
    scripted.on_plan = [TaskSpec(name="a")]
    first, second, _third = (submit(engine, pool="p") for _ in range(3))
    clock.advance(1801)
    [told] = found(Kind.LINE)
    assert (told.subject, told.count, told.job_id) == ("p", 2, second.id)
    engine.jobs.cancel(first.id)
    engine.waiting.run_once(clock.now())
    assert [one.count for one in found(Kind.LINE)] == [1]


def test_what_is_paused(engine, scripted, clock, found):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    engine.pauses.pause(job.id)
    group = engine.groups.create("demo", "cluster")
    engine.groups.update(group.id, lambda one: replace(one, paused=True))
    [of_jobs] = found(Kind.PAUSED_JOBS)
    assert (of_jobs.count, of_jobs.job_id) == (1, job.id)
    [of_groups] = found(Kind.PAUSED_GROUPS)
    assert (of_groups.dialect, of_groups.count) == ("demo", 1)
    engine.pauses.resume(job.id)
    assert found(Kind.PAUSED_JOBS) == []


def test_messages_that_nobody_takes(engine, clock, found):
    with engine.store.transaction():
        engine.store.run(
            "INSERT INTO channel (name, host, attempts, due_at) VALUES ('a', 'example.org', 3, 1)"
        )
        engine.store.run(
            "INSERT INTO channel (name, host, attempts, due_at) VALUES ('b', 'other', 0, 1)"
        )
    [told] = found(Kind.UNSENT)
    assert (told.subject, told.count) == ("example.org", 1)
