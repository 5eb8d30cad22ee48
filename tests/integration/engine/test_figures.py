"""Samples: what happened counts once, whoever counts and however often; and what there is now."""

import threading

import pytest

from app.data.samples import MINUTE
from app.domain.clock import SECOND
from app.engine import figures as figures_module
from app.engine.figures import Span
from app.engine.groups import queue_of
from app.engine.tasks import NewWork
from app.hooks import TaskSpec
from app.testing import new_worker, settled, submit, work_off

QUEUE = "demo/default"


@pytest.fixture
def sampled(engine, clock):
    """Let the duty run now; gives the series of the hour until the end of this minute."""

    def sampled(*, dialect=""):
        settled(engine)
        engine.figures.run_once(clock.now())
        clock.set((clock.now() // MINUTE + 1) * MINUTE)
        return engine.figures.series(Span.HOUR, dialect=dialect)

    return sampled


def total(points, name):
    return sum(getattr(point, name) for point in points)


def fail(_task):
    raise ValueError("no")


def test_what_ended_in_a_minute_is_in_its_bucket(engine, scripted, clock, sampled):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    submit(engine)
    clock.advance(4)
    work_off(engine, QUEUE)
    scripted.on_plan = [TaskSpec(name="c")]
    submit(engine)
    work_off(engine, QUEUE, fail)
    submit(engine)
    last = sampled()[-1]
    assert (last.completed, last.failed, last.ready, last.running) == (2.0, 1.0, 1.0, 0.0)
    assert last.wait_s == pytest.approx(8 / 3)
    assert last.at == clock.now() - MINUTE
    assert sampled()[-2:][0] == last
    after = sampled()[-1]
    assert (after.completed, after.failed, after.ready, after.wait_s) == (0.0, 0.0, 1.0, None)


def test_a_second_count_of_the_same_changes_nothing(engine, scripted, sampled, clock):
    scripted.on_plan = [TaskSpec(name="a")]
    submit(engine)
    work_off(engine, QUEUE)
    settled(engine)
    now = clock.now()
    assert engine.figures.run_once(now) > 0
    submit(engine)
    engine.figures.run_once(now)
    engine.figures.run_once(now)
    last = sampled()[-1]
    # What there is was counted before the second job came.
    assert (last.completed, last.ready) == (1.0, 0.0)


def test_two_that_count_at_the_same_time_count_once(engine, scripted, sampled, clock, monkeypatch):
    monkeypatch.setattr(figures_module, "EVENTS_AT_ONCE", 3)
    scripted.on_plan = [TaskSpec(name="a")]
    for _ in range(10):
        submit(engine)
    work_off(engine, QUEUE)
    settled(engine)
    threads = [
        threading.Thread(target=engine.figures.run_once, args=(clock.now(),)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while engine.figures.run_once(clock.now()):
        pass
    assert sampled()[-1].completed == 10.0


def test_tasks_of_groups_count_before_and_after_they_are_folded(engine, clock, sampled):
    group = engine.groups.create("demo", "a")
    queue = queue_of(group)
    work = [NewWork(queue=queue, group_id=group.id, name="t") for _ in range(4)]
    assert engine.tasks.add_many(work) == []
    worker = new_worker(engine, queue)
    clock.advance(2)
    for number in range(3):
        (claimed,) = engine.claims.claim(worker, queue, start=True)
        engine.attempts.complete(claimed.lease)
        if number < 2:
            settled(engine)
            engine.figures.run_once(clock.now())
            engine.groups.run_once(clock.now())
    (claimed,) = engine.claims.claim(worker, queue, start=True)
    engine.attempts.fail(claimed.lease, "no")
    engine.groups.run_once(clock.now())
    last = sampled()[-1]
    assert (last.completed, last.failed, last.wait_s) == (3.0, 1.0, 2.0)
    present = engine.figures.present()
    [lane] = present.queues
    assert (lane.name, lane.completed, lane.failed, lane.ready) == (queue, 3, 1, 0)


def test_what_happened_while_nobody_counted_is_in_its_own_minute(engine, scripted, clock, sampled):
    scripted.on_plan = [TaskSpec(name="a")]
    submit(engine)
    work_off(engine, QUEUE)
    clock.advance(600)
    points = sampled()
    assert [point.completed for point in points if point.completed] == [1.0]
    assert points[-11].completed == 1.0
    assert points[-11].ready is None
    assert points[-1].ready == 0.0


def test_a_dialect_has_a_series_of_its_own(engine, scripted, clock, sampled):
    scripted.on_plan = [TaskSpec(name="a")]
    submit(engine)
    submit(engine, dialect="other")
    work_off(engine, QUEUE)
    sampled()
    assert total(engine.figures.series(Span.HOUR, dialect="demo"), "completed") == 1.0
    other = engine.figures.series(Span.HOUR, dialect="other")[-1]
    assert (other.completed, other.ready) == (0.0, 1.0)
    assert engine.figures.series(Span.HOUR, dialect="none")[-1].ready == 0.0


def test_long_spans_have_few_buckets_that_are_means(engine, scripted, clock, sampled):
    scripted.on_plan = [TaskSpec(name="a")]
    clock.set((clock.now() // (60 * MINUTE) + 1) * 60 * MINUTE)
    for _ in range(10):
        submit(engine)
        sampled()
    day = engine.figures.series(Span.DAY)
    assert len(day) == 144
    assert day[-1].ready == pytest.approx(5.5)
    clock.advance(3600)
    week = engine.figures.series(Span.WEEK)
    assert len(week) == 168
    assert week[-1].ready == pytest.approx(5.5)
    assert week[0].ready is None


def test_old_samples_are_forgotten(engine, scripted, clock, sampled):
    scripted.on_plan = [TaskSpec(name="a")]
    submit(engine)
    sampled()
    clock.advance(figures_module.KEPT_S + 60)
    sampled()
    with engine.store.session():
        (oldest,) = engine.store.run("SELECT MIN(minute) FROM sample").fetchone()
    assert oldest == clock.now() // MINUTE - 1


def test_very_many_queues_are_counted_for_their_dialect(engine, clock, sampled, monkeypatch):
    monkeypatch.setattr(figures_module, "MOST_QUEUES", 3)
    worker = new_worker(engine)
    for number in range(5):
        engine.tasks.add_many([NewWork(queue=f"demo/{number}", name="t")])
        (claimed,) = engine.claims.claim(worker, f"demo/{number}", start=True)
        engine.attempts.complete(claimed.lease)
        engine.tasks.add_many([NewWork(queue=f"demo/{number}", name="t")])
    last = sampled(dialect="demo")[-1]
    assert (last.completed, last.ready) == (5.0, 5.0)
    with engine.store.session():
        (rows,) = engine.store.run(
            "SELECT COUNT(*) FROM sample WHERE queue NOT IN ('', '*') AND ready IS NOT NULL"
        ).fetchone()
    assert rows == 3


def test_what_there_is_now(engine, scripted, clock, sampled):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    submit(engine)
    submit(engine, dialect="other")
    new_worker(engine, "demo/default")
    worker = new_worker(engine, "demo/default")
    engine.claims.claim(worker, QUEUE, start=True)
    present = engine.figures.present()
    assert [(one.dialect, one.total, one.running, one.scheduled) for one in present.jobs] == [
        ("demo", 1, 1, 0),
        ("other", 1, 0, 1),
    ]
    assert [(one.name, one.ready, one.running) for one in present.queues] == [
        ("demo/default", 1, 1),
        ("other/default", 2, 0),
    ]
    assert [(one.name, one.ready) for one in present.tasks] == [("demo", 1), ("other", 2)]
    assert present.workers == {"remote": 2}
    assert present.listeners == {"demo/default": 2}
    assert len(engine.figures.present(queues=1).queues) == 1
    clock.advance(301)
    assert engine.figures.present().workers == {}


def test_very_much_is_told_as_of_the_last_minute(engine, scripted, clock, sampled, monkeypatch):
    scripted.on_plan = [TaskSpec(name=name) for name in "abcd"]
    for _ in range(4):
        submit(engine)
    sampled()
    monkeypatch.setattr(figures_module, "COUNTED_UP_TO", 3)
    submit(engine)
    present = engine.figures.present()
    [lane] = present.queues
    assert (lane.ready, lane.about) == (16, True)
    [standing] = present.jobs
    assert (standing.scheduled, standing.about, standing.total) == (4, True, 5)
    monkeypatch.setattr(figures_module, "QUEUES_ASKED", 1)
    [of_dialect] = engine.figures.present().tasks
    assert of_dialect.about


def test_waits_are_given_in_seconds(engine, scripted, clock, sampled):
    scripted.on_plan = [TaskSpec(name="a")]
    submit(engine)
    clock.advance(0.25)
    work_off(engine, QUEUE)
    assert sampled()[-1].wait_s == 0.25
    [lane] = engine.figures.present().queues
    assert lane.wait_s == 0.25
    assert MINUTE == 60 * SECOND
