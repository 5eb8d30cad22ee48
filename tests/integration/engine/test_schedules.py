"""Schedules fire once, on time, or not at all."""

import threading
from dataclasses import replace

import pytest

from app.domain.cron import CronInvalid
from app.domain.errors import EngineError, IllegalMove, Rejected, ScheduleNotFound
from app.domain.records import JobFilter
from app.domain.submission import Submission
from app.hooks import TaskSpec
from app.testing import make_engine

TEMPLATE = Submission(dialect="demo", type="scripted", name="nightly", tags=("t",), spec={"a": 1})


def jobs(engine):
    return engine.jobs.find(JobFilter(), size=100).items


@pytest.fixture
def schedule(engine):
    return engine.schedules.create(TEMPLATE, cron="0 * * * *")


def test_it_fires_at_its_time_and_once(engine, schedule, clock):
    assert schedule.next_fire_at == clock.now() + 3600 * 1_000_000
    assert engine.schedules.run_once(clock.advance(3599)) == 0
    assert engine.schedules.run_once(clock.advance(1)) == 1
    assert engine.schedules.run_once(clock.now()) == 0
    (job,) = jobs(engine)
    assert (job.name, job.tags, job.spec) == ("nightly", ("t",), {"a": 1})
    assert (job.schedule_id, job.fire_at) == (schedule.id, schedule.next_fire_at)
    stored = engine.schedules.get(schedule.id)
    assert stored.last_fire_at == schedule.next_fire_at
    assert stored.next_fire_at == schedule.next_fire_at + 3600 * 1_000_000


def test_two_tickers_that_race_fire_it_once(engine, schedule, clock):
    for _ in range(10):
        now = clock.advance(3600)
        start = threading.Barrier(2)
        fired = []

        def tick(start=start, fired=fired, now=now):
            start.wait(60)
            fired.append(engine.schedules.run_once(now))

        threads = [threading.Thread(target=tick) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(fired) == [0, 1]
    assert len(jobs(engine)) == 10


def test_what_was_missed_is_skipped(engine, schedule, clock):
    assert engine.schedules.run_once(clock.advance(5 * 3600 + 60)) == 0
    assert jobs(engine) == []
    assert engine.schedules.get(schedule.id).next_fire_at == schedule.created_at + 6 * 3600 * 10**6


def test_a_little_late_is_not_missed(engine, schedule, clock):
    assert engine.schedules.run_once(clock.advance(3615)) == 1


def test_what_was_missed_may_be_caught_up_once(engine, clock):
    engine.schedules.create(TEMPLATE, cron="0 * * * *", missed="once")
    assert engine.schedules.run_once(clock.advance(5 * 3600 + 60)) == 1
    assert engine.schedules.run_once(clock.now()) == 0


def test_pause_and_resume(engine, schedule, clock):
    engine.schedules.pause(schedule.id)
    with pytest.raises(IllegalMove):
        engine.schedules.pause(schedule.id)
    assert engine.schedules.get(schedule.id).next_fire_at is None
    assert engine.schedules.run_once(clock.advance(7200)) == 0
    engine.schedules.resume(schedule.id)
    with pytest.raises(IllegalMove):
        engine.schedules.resume(schedule.id)
    assert engine.schedules.run_once(clock.now()) == 0
    assert engine.schedules.run_once(clock.advance(3600)) == 1


def test_delete_leaves_the_jobs(engine, schedule, clock):
    engine.schedules.run_once(clock.advance(3600))
    engine.schedules.delete(schedule.id)
    assert len(jobs(engine)) == 1
    for verb in ("get", "delete", "pause"):
        with pytest.raises(ScheduleNotFound):
            getattr(engine.schedules, verb)(schedule.id)


def test_bad_text_and_bad_zones_are_refused(engine):
    with pytest.raises(CronInvalid):
        engine.schedules.create(TEMPLATE, cron="61 * * * *")
    for zone in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(Rejected):
            engine.schedules.create(TEMPLATE, cron="0 * * * *", zone=zone)


def test_it_fires_in_its_zone(engine, clock):
    berlin = engine.schedules.create(TEMPLATE, cron="30 6 * * *", zone="Europe/Berlin")
    assert berlin.next_fire_at == clock.now() + (5 * 60 + 30) * 60 * 10**6


def test_a_template_that_can_no_longer_be_submitted_stops_nobody_else(
    database_url, scripted, clock
):
    scripted.on_plan = [TaskSpec(name="a")]
    with make_engine(scripted, database_url=database_url, clock=clock) as engine:
        gone = Submission(dialect="demo", type="scripted", name="gone")
        bad = engine.schedules.create(gone, cron="0 * * * *")
        with engine.transaction():
            engine.store.run(
                "UPDATE schedule SET template = ?",
                ('{"dialect": "demo", "type": "uninstalled", "name": "gone"}',),
            )
        good = engine.schedules.create(TEMPLATE, cron="0 * * * *")
        with pytest.raises(EngineError):
            engine.schedules.run_once(clock.advance(3600))
        assert [job.schedule_id for job in jobs(engine)] == [good.id]
        assert engine.schedules.get(bad.id).next_fire_at > clock.now()
        assert engine.schedules.run_once(clock.now()) == 0


def test_a_template_with_a_key_of_its_own_fires_once_and_goes_on(engine, clock):
    keyed = Submission(dialect="demo", type="scripted", name="k", unique_key="only one")
    schedule = engine.schedules.create(keyed, cron="0 * * * *")
    assert engine.schedules.run_once(clock.advance(3600)) == 1
    assert engine.schedules.run_once(clock.advance(3600)) == 0
    assert engine.schedules.get(schedule.id).next_fire_at > clock.now()


@pytest.mark.parametrize(("overlap", "running"), [("allow", 2), ("keep", 1), ("replace", 1)])
def test_what_becomes_of_the_job_before(engine, clock, scripted, overlap, running):
    scripted.on_plan = [TaskSpec(name="a")]
    engine.schedules.create(TEMPLATE, cron="0 * * * *", overlap=overlap)
    engine.schedules.run_once(clock.advance(3600))
    (first,) = jobs(engine)
    engine.schedules.run_once(clock.advance(3600))
    assert engine.jobs.counts("demo") == {"SCHEDULED": running}
    kept = engine.jobs.get(first.id).state.final is False
    assert kept is (overlap != "replace")
    assert len(jobs(engine)) == (1 if overlap == "keep" else 2)


def test_schedules_are_listed_newest_first(engine, clock):
    made = []
    for _ in range(3):
        made.append(engine.schedules.create(TEMPLATE, cron="0 * * * *").id)
        clock.advance(1)
    page = engine.schedules.find("demo", size=2)
    assert [one.id for one in page.items] == [made[2], made[1]]
    assert (page.total, page.pages) == (3, 2)


def test_runs_that_wait_for_each_other_are_bounded(engine, scripted, clock, monkeypatch):
    monkeypatch.setattr("app.engine.schedules.MOST_QUEUED", 2)
    scripted.on_plan = [TaskSpec(name="a")]
    schedule = engine.schedules.create(TEMPLATE, cron="0 * * * *", overlap="queue")
    for _ in range(4):
        engine.schedules.run_once(clock.advance(3600))
    assert [str(job.state) for job in jobs(engine)] == ["WAITING", "SCHEDULED"]
    by_hand = engine.schedules.fire(schedule.id)
    assert engine.jobs.get(by_hand.id).state == "WAITING"


def test_a_changed_schedule_fires_what_it_says_now(engine, scripted, schedule, clock):
    scripted.on_plan = [TaskSpec(name="a")]
    other = replace(TEMPLATE, name="hourly", spec={"b": 2})
    changed = engine.schedules.change(schedule.id, other, cron="30 * * * *", zone="Asia/Kolkata")
    assert engine.schedules.get(schedule.id) == changed
    assert engine.schedules.run_once(clock.advance(3600)) == 1
    (job,) = jobs(engine)
    assert (job.name, job.spec) == ("hourly", {"b": 2})
    with pytest.raises(Rejected):
        engine.schedules.change(schedule.id, other, cron="30 * * * *", zone="Nowhere")
    with pytest.raises(CronInvalid):
        engine.schedules.change(schedule.id, other, cron="x")
    with pytest.raises(ScheduleNotFound):
        engine.schedules.change("0" * 32, other, cron="30 * * * *")
    with pytest.raises(ScheduleNotFound):
        engine.schedules.fire("0" * 32)
