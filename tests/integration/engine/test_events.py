"""Events: all of them told, in commit order, nothing stepped over."""

import threading

import pytest

from app.data import events
from app.domain.errors import EventsPruned, JobNotFound
from app.domain.events import Event, EventKind
from app.engine.tasks import NewWork
from app.hooks import Advance, Fail, TaskSpec
from app.testing import happenings, make_engine, new_worker, settled, submit, work_off
from app.ticker.duties import PUBLISHED, Publisher

QUEUE = "demo/default"


def note(engine, name):
    with engine.transaction() as tx:
        tx.note(EventKind.JOB_SUBMITTED, "demo", job_id=name)


def seen(engine, position=""):
    settled(engine)
    return [event.job_id for event in engine.events.after(position)]


def test_a_reader_goes_on_where_it_stopped(engine):
    assert engine.events.last_position() == ""
    for name in "abcde":
        note(engine, name)
    settled(engine)
    first = engine.events.after("", limit=2)
    assert [event.job_id for event in first] == ["a", "b"]
    assert seen(engine, first[-1].position) == ["c", "d", "e"]
    assert seen(engine, settled(engine)) == []


def prune(engine, clock):
    """Let all events so far but the newest be forgotten."""
    settled(engine)
    with engine.store.transaction():
        return events.delete_before(engine.store, clock.now() + 1, 1000)


def test_a_reader_that_missed_pruned_events_is_told(engine, clock):
    positions = []
    for name in "abc":
        note(engine, name)
        positions.append(settled(engine))
    assert prune(engine, clock) == 2
    with pytest.raises(EventsPruned):
        engine.events.after(positions[0])  # b is gone
    assert seen(engine, positions[1]) == ["c"]
    assert seen(engine, positions[2]) == []
    assert seen(engine) == ["c"]
    assert prune(engine, clock) == 0
    assert seen(engine, positions[1]) == ["c"]


def test_a_reader_that_was_last_is_told_when_later_ones_came_and_went(engine, clock):
    note(engine, "a")
    there = settled(engine)
    assert prune(engine, clock) == 0
    note(engine, "b")
    assert prune(engine, clock) == 1
    assert seen(engine, there) == ["b"]
    note(engine, "c")
    assert prune(engine, clock) == 1
    with pytest.raises(EventsPruned):
        engine.events.after(there)


def test_a_position_of_another_database_is_not_waited_for(engine):
    note(engine, "a")
    settled(engine)
    with pytest.raises(EventsPruned):
        engine.events.after(f"{2**60}-{2**60}" if engine.store.backend == "postgres" else "0-9999")


class Told:
    """A plugin manager with somebody who wants events."""

    wants_events = True

    def __init__(self):
        self.jobs = []

    def event_published(self, event):
        self.jobs.append(event.job_id)


def test_plugins_that_missed_events_are_told_of_those_that_are_left(engine, clock):
    told = Told()
    publisher = Publisher(engine, told)
    note(engine, "a")
    settled(engine)
    publisher.run_once(clock.now())
    for name in "bcd":
        note(engine, name)
    prune(engine, clock)
    assert publisher.run_once(clock.now()) == 1
    assert told.jobs == ["a", "d"]
    assert engine.leadership.mark(PUBLISHED) == engine.events.last_position()


def test_the_newest_events_of_a_job_are_given_oldest_first(engine, scripted):
    jobs = [submit(engine), submit(engine)]
    for number in range(5):
        for job in jobs:
            engine.events.note(job.id, number=number)
    end = settled(engine)
    engine.events.note(jobs[0].id, number=9)

    def numbers(**words):
        found = engine.events.last_of_job(jobs[0].id, dialect="demo", up_to=end, **words)
        return [event.data["number"] for event in found if event.kind == EventKind.JOB_NOTED]

    assert numbers() == [0, 1, 2, 3, 4]
    assert numbers(limit=2) == [3, 4]
    assert engine.events.last_of_job(jobs[0].id, dialect="other", up_to=end) == []
    with pytest.raises(JobNotFound):
        engine.events.note("nobody's")


@pytest.mark.parametrize("bad", ["x", "1", "1-", "-1-2", "1-2-3", "²-1", "9" * 50 + "-1"])
def test_a_bad_position_is_refused(engine, bad):
    with pytest.raises(ValueError, match="not a position"):
        engine.events.after(bad)


def test_an_event_comes_back_as_it_was_noted(engine, clock):
    with engine.transaction() as tx:
        tx.note(EventKind.TASK_PROGRESSED, "demo", job_id="j", task_id=3, progress=1.5, n="π")
    settled(engine)
    (event,) = engine.events.after("")
    assert event == Event(
        kind=EventKind.TASK_PROGRESSED,
        dialect="demo",
        at=clock.now(),
        job_id="j",
        task_id=3,
        data={"progress": 1.5, "n": "π"},
        position=event.position,
    )


def test_what_is_rolled_back_was_never_told(engine):
    subscription = engine.bus.subscribe("events")

    def fails():
        with engine.transaction() as tx:
            tx.note(EventKind.JOB_SUBMITTED, "demo", job_id="x")
            note(engine, "inner")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert seen(engine) == []
    assert subscription.wait(0) is False


def test_the_bell_rings_after_the_outermost_commit(engine):
    subscription = engine.bus.subscribe("job:x")
    with engine.transaction():
        note(engine, "x")
        assert subscription.wait(0) is False
    assert subscription.wait(60) is True


def test_an_open_transaction_is_waited_for_and_not_stepped_over(postgres_url, scripted):
    """The first to begin commits last; its row has the lower id and must not be missed."""
    with make_engine(scripted, database_url=postgres_url) as engine:
        note(engine, "before")
        settled(engine)
        noted, release = threading.Event(), threading.Event()

        def held_open():
            with engine.transaction() as tx:
                # at once, so that the id is given out while the transaction stays open
                events.insert(
                    engine.store,
                    [Event(kind=EventKind.JOB_SUBMITTED, dialect="d", at=tx.now, job_id="slow")],
                )
                noted.set()
                release.wait(60)

        thread = threading.Thread(target=held_open)
        thread.start()
        try:
            assert noted.wait(60)
            note(engine, "fast")
            early = engine.events.after("")
            assert [event.job_id for event in early] == ["before"]
            assert engine.events.last_position() == early[-1].position
        finally:
            release.set()
            thread.join(60)
        settled(engine)
        rest = engine.events.after(early[-1].position)
        assert sorted(event.job_id for event in rest) == ["fast", "slow"]
        assert [event.position for event in engine.events.after("")] == [
            event.position for event in [*early, *rest]
        ]


def test_readers_beside_many_writers_miss_nothing_and_see_nothing_twice(engine):
    writers, each = 4, 40
    threads = [
        threading.Thread(
            target=lambda who=who: [note(engine, f"{who}-{number}") for number in range(each)]
        )
        for who in range(writers)
    ]
    for thread in threads:
        thread.start()
    position, found = "", []

    def read_on():
        nonlocal position
        for event in engine.events.after(position, limit=7):
            found.append(event.job_id)
            position = event.position

    while any(thread.is_alive() for thread in threads):
        read_on()
    for thread in threads:
        thread.join()
    end = settled(engine)
    while position != end:
        read_on()
    assert len(found) == len(set(found)) == writers * each
    for who in range(writers):
        mine = [int(name.partition("-")[2]) for name in found if name.startswith(f"{who}-")]
        assert mine == sorted(mine)


def wait_in_vain(engine):
    """Submit a job to the full pool, move it in its list, and remove it."""
    moved = submit(engine, pool="p")
    engine.waiting.move(moved.id, "up")
    engine.waiting.remove(moved.id, "no")


def test_every_kind_of_event_is_told_by_some_verb(engine, scripted, clock):
    """The list of kinds is no wish list: each has a way to happen."""
    worker, other = new_worker(engine), new_worker(engine, name="other")
    scripted.on_plan = [
        TaskSpec(name="a", max_attempts=2, retry_delay_s=1, lease_s=9),
        TaskSpec(name="s", state="SKIPPED"),
    ]
    job = submit(engine, pool="p", max_running=1, task_count=2)
    waiting = submit(engine, pool="p", max_running=1)
    wait_in_vain(engine)
    (task,) = engine.claims.claim(worker, QUEUE)
    engine.attempts.started(task.lease)
    engine.attempts.progress(task.lease, 10)
    engine.attempts.fail(task.lease, "once")
    engine.due.run_once(clock.advance(1))
    (task,) = engine.claims.claim(worker, QUEUE)
    engine.attempts.release(task.lease)
    (task,) = engine.claims.claim(worker, QUEUE)
    engine.rescue.run_once(clock.advance(10))
    engine.tasks.hold(task.task_id)
    engine.tasks.let_go(task.task_id)
    scripted.on_advance = Fail("x")
    work_off(engine, QUEUE)
    engine.waiting.run_once(0)
    engine.jobs.cancel(waiting.id)
    scripted.on_plan = lambda job: Advance(tasks=[TaskSpec(name="b")], position=1)
    scripted.on_advance = None
    engine.jobs.restart(job.id)

    def fails(_task):
        raise ValueError("no")

    work_off(engine, QUEUE, fails)
    engine.jobs.delete(job.id)
    engine.tasks.add([NewWork(queue="demo/v", name="v", verifications=2)])
    (task,) = engine.claims.claim_lone(worker, "demo/v")
    engine.attempts.complete(task.lease)
    engine.workers.leave(other)
    engine.groups.create("demo", "g")
    scripted.on_plan = [TaskSpec(name="p")]
    paused = submit(engine)
    engine.pauses.pause(paused.id)
    engine.pauses.resume(paused.id)
    engine.events.note(paused.id, text="hello")
    scripted.on_plan = [TaskSpec(name="s", service=True, queue="served")]
    submit(engine)
    (service,) = engine.claims.claim(worker, "demo/served", start=True)
    engine.services.ready(service.lease, {"http": "127.0.0.1:1"})
    scripted.on_plan = [TaskSpec(name="i", queue="unused")]
    submit(engine, idle_s=10, idle_warning_s=4)
    engine.claims.claim(worker, "demo/unused", start=True)
    engine.idle.run_once(clock.now())
    engine.idle.run_once(clock.advance(7))
    scripted.on_plan = None
    submit(engine)
    assert set(happenings(engine)) == {str(kind) for kind in EventKind}
