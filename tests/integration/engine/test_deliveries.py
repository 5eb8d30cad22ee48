"""Messages about watched jobs: written with the event, in order, as it then stood, and kept."""

import itertools
import threading

import pytest

from app.data import deliveries as rows
from app.domain.clock import seconds
from app.domain.events import EventKind
from app.domain.records import Watch
from app.domain.states import JobState, TaskState
from app.domain.submission import Submission
from app.engine.deliveries import HELD_S
from app.hooks import Advance, Fail, Finish, JobSpec, TaskSpec
from app.testing import ScriptedJob, make_engine, new_worker, submit, work_off

QUEUE = "demo/default"
STATES = ("job.submitted", "job.started", "job.completed", "job.failed", "job.cancelled",
          "job.restarted")  # fmt: skip
TASKS = ("task.queued", "task.started", "task.completed", "task.failed", "task.skipped",
         "task.cancelled", "task.progressed")  # fmt: skip


class Watched(ScriptedJob):
    """A job type whose jobs are watched as the test says, all its jobs or none."""

    name = "watched"
    wanted = (Watch(STATES),)

    def watches(self, spec):
        return [] if spec.get("quiet") else self.wanted


@pytest.fixture
def watched():
    return Watched([TaskSpec(name="a", payload={"tags": ["x"], "run": "long"})])


@pytest.fixture
def engine(database_url, clock, scripted, watched):
    with make_engine(scripted, watched, database_url=database_url, clock=clock) as built:
        yield built


def take(engine, **wanted):
    return [channel for channel, _ in engine.deliveries.take(**wanted)]


def sent(engine, *, most=10_000):
    """Send all that waits, first come first served in each channel, and give it in that order."""
    found = []
    while channels := take(engine, limit=100, again=False):
        for channel in sorted(channels):
            delivery = engine.deliveries.first(channel)
            found.append(delivery)
            assert engine.deliveries.end(delivery)
            assert len(found) <= most
    return found


def told(engine):
    return [(str(each.kind), str((each.task or each.job).state)) for each in sent(engine)]


def table(engine, name):
    with engine.store.session():
        return engine.store.run(f"SELECT COUNT(*) FROM {name}").fetchone()[0]


def test_each_state_is_told_as_it_was_although_it_is_sent_later(engine, watched):
    job = submit(engine, type="watched", spec={"inputs": {"a": "b"}})
    work_off(engine, QUEUE, lambda _task: "42")
    first, second, third = sent(engine)
    assert [each.kind for each in (first, second, third)] == [
        EventKind.JOB_SUBMITTED,
        EventKind.JOB_STARTED,
        EventKind.JOB_COMPLETED,
    ]
    assert [each.job.state for each in (first, second, third)] == [
        JobState.PENDING,
        JobState.RUNNING,
        JobState.COMPLETED,
    ]
    assert (first.job.started_at, first.job.scheduled_at, first.job.progress) == (None, None, 0.0)
    assert (second.job.ended_at, second.job.progress) == (None, 0.0)
    assert third.job.progress == 100.0
    assert third.job.ended_at is not None
    assert {each.job.id for each in (first, second, third)} == {job.id}
    assert third.job.spec == {"inputs": {"a": "b"}}
    assert engine.deliveries.waiting() == table(engine, "channel") == 0


def test_a_job_that_nobody_watches_costs_no_row_and_no_statement(engine, scripted, monkeypatch):
    scripted.on_plan = [TaskSpec(name="a")]
    asked = []
    real = type(engine.store).run
    monkeypatch.setattr(
        type(engine.store),
        "run",
        lambda self, sql, params=(): asked.append(sql) or real(self, sql, params),
    )
    submit(engine)
    work_off(engine, QUEUE)
    words = ("delivery", "channel", "SELECT watches", "SELECT state, result")
    assert [sql for sql in asked if any(word in sql for word in words)] == []
    assert engine.deliveries.waiting() == 0


def test_the_claim_of_a_watched_job_knows_without_asking_that_the_claimed_task_is_watched(engine):
    submit(engine, type="watched")
    (task,) = engine.claims.claim(new_worker(engine), QUEUE, start=True)
    assert task.watched


def test_tasks_are_told_with_what_is_to_be_kept_of_them_alone(engine, watched):
    watched.wanted = (Watch(TASKS, ("tags", "nope")), Watch(()), Watch(("task.completed",)))
    submit(engine, type="watched")
    worker = new_worker(engine)
    (task,) = engine.claims.claim(worker, QUEUE)
    engine.attempts.started(task.lease)
    engine.attempts.progress(task.lease, 50)
    engine.attempts.complete(task.lease, result="r\0")
    found = sent(engine)
    of_first = [each for each in found if each.watch == 0]
    assert [(str(each.kind), str(each.task.state)) for each in of_first] == [
        ("task.queued", "QUEUED"),
        ("task.started", "RUNNING"),
        ("task.progressed", "RUNNING"),
        ("task.completed", "COMPLETED"),
    ]
    assert [each.task.payload for each in of_first] == [{"tags": ["x"]}] * 4
    assert [each.task.progress for each in of_first] == [0.0, 0.0, 50.0, 50.0]
    assert [each.task.result for each in of_first] == [None, None, None, "r\0"]
    assert [(each.watch, each.kind) for each in found if each.watch != 0] == [
        (2, EventKind.TASK_COMPLETED)
    ]


def test_a_task_that_is_given_back_or_lost_is_told_as_ready_again(engine, watched, clock):
    watched.wanted = (Watch(TASKS),)
    submit(engine, type="watched")
    worker = new_worker(engine)
    (task,) = engine.claims.claim(worker, QUEUE, start=True)
    engine.attempts.release(task.lease)
    engine.claims.claim(worker, QUEUE, start=True)
    engine.rescue.run_once(clock.advance(100))
    assert [kind for kind, _ in told(engine)] == [
        "task.queued", "task.started", "task.queued", "task.started", "task.queued",
    ]  # fmt: skip


def test_a_task_that_waited_is_told_when_it_becomes_ready(engine, watched, clock):
    watched.wanted = (Watch(TASKS),)
    watched.on_plan = [TaskSpec(name="late", delay_s=10)]
    submit(engine, type="watched")
    assert told(engine) == []
    engine.due.run_once(clock.advance(11))
    assert told(engine) == [("task.queued", "QUEUED")]


def test_cancel_and_restart_are_told(engine, watched):
    watched.wanted = (Watch((*STATES, *TASKS)),)
    job = submit(engine, type="watched")
    sent(engine)
    engine.jobs.cancel(job.id)
    assert told(engine) == [("job.cancelled", "CANCELLED"), ("task.cancelled", "CANCELLED")]
    engine.jobs.restart(job.id)
    assert told(engine) == [("task.queued", "QUEUED"), ("job.restarted", "RUNNING")]


def test_a_restart_that_ends_at_once_is_told_as_both(engine, watched):
    job = submit(engine, type="watched")
    engine.jobs.cancel(job.id)
    sent(engine)
    watched.on_plan = Fail("no more")
    engine.jobs.restart(job.id)
    first, second = sent(engine)
    assert (first.kind, first.job.state, first.job.error, first.job.ended_at) == (
        EventKind.JOB_RESTARTED,
        JobState.RUNNING,
        None,
        None,
    )
    assert (second.kind, second.job.state, second.job.error) == (
        EventKind.JOB_FAILED,
        JobState.FAILED,
        "no more",
    )


def test_a_job_that_a_task_starts_is_watched_as_its_spec_says(engine, watched):
    watched.wanted = ()
    watched.on_plan = lambda job: (
        [TaskSpec(name="in child")]
        if job.name == "child"
        else [
            TaskSpec(
                name="starts",
                kind="job",
                job=JobSpec(name="child", type="watched", spec={}, watches=(Watch(STATES),)),
            )
        ]
    )
    submit(engine, type="watched")
    engine.subjobs.run_once(0)
    work_off(engine, QUEUE)
    assert told(engine) == [
        ("job.submitted", "PENDING"),
        ("job.started", "RUNNING"),
        ("job.completed", "COMPLETED"),
    ]


@pytest.mark.parametrize("wanted", ["no list", [1], [Watch(("job.nope",))], [Watch((), (1,))]])
def test_a_job_type_that_cannot_say_what_is_told_fails_its_job(engine, watched, wanted):
    watched.wanted = wanted
    job = submit(engine, type="watched")
    assert job.state is JobState.FAILED
    assert "failed in watches" in job.error
    assert engine.deliveries.waiting() == 0


def test_runs_of_a_schedule_are_watched(engine, watched, clock):
    template = Submission(dialect="demo", type="watched", name="s", spec={})
    schedule = engine.schedules.create(template, cron="@every 10s")
    engine.schedules.run_once(clock.advance(10))
    (first,) = sent(engine)
    assert first.job.schedule_id == schedule.id


def test_nothing_is_told_of_what_was_undone(engine):
    def undone():
        with engine.transaction():
            submit(engine, type="watched")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    assert engine.deliveries.waiting() == table(engine, "channel") == 0


def test_the_bell_rings_for_a_message_and_not_without_one(engine):
    with engine.bus.subscribe("deliveries") as bell:
        submit(engine, type="watched")
        assert bell.wait(60)
        submit(engine, type="watched", spec={"quiet": True})
        assert not bell.wait(0)


def test_a_channel_gives_its_first_message_until_that_is_ended(engine, clock):
    submit(engine, type="watched")
    work_off(engine, QUEUE)
    (channel,) = take(engine, limit=10, again=False)
    first = engine.deliveries.first(channel)
    assert take(engine, limit=10, again=False) == []
    assert engine.deliveries.put_off(first, wait_s=2, host="h")
    assert take(engine, limit=10, again=True) == []
    clock.advance(2)
    assert take(engine, limit=10, again=False) == []
    assert take(engine, limit=10, again=True, without=["a", "h"]) == []
    assert take(engine, limit=0, again=True) == []
    assert take(engine, limit=10, again=True, without=["a"]) == [channel]
    again = engine.deliveries.first(channel)
    assert (again.id, again.attempts, again.kind) == (first.id, 1, first.kind)
    assert engine.deliveries.end(again, host="h")
    assert not engine.deliveries.end(again)
    assert not engine.deliveries.put_off(again, wait_s=2)
    assert take(engine, limit=10, again=False) == [channel]
    following = engine.deliveries.first(channel)
    assert (following.attempts, following.kind) == (0, EventKind.JOB_STARTED)


def test_what_a_dead_sender_had_taken_is_due_again(engine, clock):
    submit(engine, type="watched")
    taken = take(engine, limit=10, again=False)
    clock.advance(HELD_S - 0.001)
    assert take(engine, limit=10, again=False) == []
    clock.advance(0.001)
    assert take(engine, limit=10, again=False) == taken


def test_a_put_off_without_an_attempt_is_due_at_once(engine):
    submit(engine, type="watched")
    (channel,) = take(engine, limit=10, again=False)
    engine.deliveries.put_off(engine.deliveries.first(channel), host="h", tried=False)
    assert take(engine, limit=10, again=False, without=["h"]) == []
    assert take(engine, limit=10, again=False) == [channel]


def test_what_does_not_fit_stays_and_what_is_behind_it_has_its_turn(engine):
    for number in range(6):
        engine.deliveries.post(f"c{number}", url="u", body="x")
    for number in range(4):
        first = engine.deliveries.first(f"c{number}")
        engine.deliveries.put_off(first, host="full", tried=False)
    asked = []

    def fits(_channel, host):
        asked.append(host)
        return host != "full" or asked.count("full") <= 1

    found = engine.deliveries.take(limit=10, again=False, fits=fits)
    assert sorted(host for _, host in found) == ["", "", "full"]
    assert len(take(engine, limit=10, again=False)) == 3


def test_the_longest_waiting_channel_comes_first(engine, clock):
    ids = []
    for _ in range(3):
        ids.append(submit(engine, type="watched").id)
        clock.advance(1)
    taken = [take(engine, limit=1, again=False) for _ in range(4)]
    assert taken == [[f"{ids[0]}/0"], [f"{ids[1]}/0"], [f"{ids[2]}/0"], []]


def test_a_deleted_job_is_told_of_to_the_end_and_then_forgotten(engine, clock):
    job = submit(engine, type="watched", spec={"inputs": {"a": "b"}}, tags=("t",))
    engine.jobs.cancel(job.id)
    engine.jobs.delete(job.id)
    engine.prune.run_once(clock.now())
    assert table(engine, "deleted_job") == 1
    found = sent(engine)
    assert [each.job.state for each in found] == [JobState.PENDING, JobState.CANCELLED]
    last = found[-1].job
    assert (last.id, last.name, last.spec, last.tags) == (
        job.id, "job", {"inputs": {"a": "b"}}, ("t",),
    )  # fmt: skip
    engine.prune.run_once(clock.now())
    assert table(engine, "deleted_job") == 0


def test_of_a_job_that_nobody_watches_nothing_is_kept(engine, watched):
    watched.on_plan = Finish()
    job = submit(engine, type="watched", spec={"quiet": True})
    engine.jobs.delete(job.id)
    assert table(engine, "deleted_job") == 0


def test_ready_messages_go_out_as_they_are_and_with_the_transaction_alone(engine):
    url = "http://127.0.0.1:1/x"
    with engine.transaction():
        engine.deliveries.post("demo/7", url=url, body='{"é": 1}', headers={"A": "b"})
        engine.deliveries.post("demo/7", url=url, body="second")
        assert engine.deliveries.waiting() == 0
    first, second = sent(engine)
    assert (first.post.url, first.post.body, first.post.headers) == (
        url, '{"é": 1}'.encode(), {"A": "b"},
    )  # fmt: skip
    assert (second.post.body, second.post.headers, second.job, second.kind) == (
        b"second", {}, None, None,
    )  # fmt: skip


def test_a_channel_that_gets_a_message_just_when_its_last_is_ended_keeps_it(engine):
    """Many add while one ends: nothing may be left behind without a channel to find it by."""
    writers, each = 4, 25
    done = threading.Event()
    got = []

    def write(number):
        for count in range(each):
            engine.deliveries.post("demo/1", url="u", body=f"{number} {count}")

    def read():
        while not (done.is_set() and engine.deliveries.waiting() == 0):
            for channel in take(engine, limit=10, again=False):
                delivery = engine.deliveries.first(channel)
                got.append(delivery.post.body.decode())
                engine.deliveries.end(delivery)
            if done.is_set() and not table(engine, "channel"):
                return

    reader = threading.Thread(target=read)
    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in (reader, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    reader.join()
    assert engine.deliveries.waiting() == 0
    assert len(got) == len(set(got)) == writers * each
    for number in range(writers):
        assert [one for one in got if one.startswith(f"{number} ")] == [
            f"{number} {count}" for count in range(each)
        ]


def test_what_waits_is_still_there_when_everything_is_started_anew(database_url, clock, watched):
    with make_engine(watched, database_url=database_url, clock=clock) as engine:
        submit(engine, type="watched")
        work_off(engine, QUEUE)
        take(engine, limit=1, again=False)
    clock.advance(HELD_S)
    with make_engine(watched, database_url=database_url, clock=clock) as engine:
        assert [state for _, state in told(engine)] == ["PENDING", "RUNNING", "COMPLETED"]


def test_the_order_of_one_job_is_kept_however_many_report_at_once(engine, watched):
    watched.wanted = (Watch((*STATES, *TASKS)),)
    watched.on_plan = [TaskSpec(name=f"t{number}") for number in range(12)]
    watched.on_advance = lambda job, _task: None if job.tasks_open else Advance(end=Finish())
    submit(engine, type="watched")

    def work():
        work_off(engine, QUEUE)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = sent(engine)
    kinds = [str(each.kind) for each in found]
    assert kinds[0] == "job.submitted"
    assert kinds[-1] == "job.completed"
    assert kinds.count("job.started") == 1
    of_task = itertools.groupby(
        sorted((e for e in found if e.task), key=lambda e: e.task.id), key=lambda e: e.task.id
    )
    for _, each in of_task:
        assert [e.task.state for e in each] == [
            TaskState.QUEUED,
            TaskState.RUNNING,
            TaskState.COMPLETED,
        ]


def test_a_channel_that_others_are_just_writing_to_does_not_hold_up_the_rest(postgres_url, watched):
    """On PostgreSQL an open transaction locks its channel; what is due elsewhere goes out."""
    with make_engine(watched, database_url=postgres_url) as engine:
        engine.deliveries.post("busy", url="u", body="1")
        engine.deliveries.post("free", url="u", body="2")
        entered, leave = threading.Event(), threading.Event()

        def write():
            with engine.store.transaction():
                message = rows.Message(
                    "busy", "", None, 0, rows.about_text(engine.store, {"post": {}})
                )
                rows.insert(engine.store, [message], engine.clock.now())
                entered.set()
                leave.wait(60)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            assert entered.wait(60)
            assert take(engine, limit=10, again=False) == ["free"]
        finally:
            leave.set()
            thread.join()
        assert take(engine, limit=10, again=False) == ["busy"]


def test_instants_of_channels_do_not_round(engine, clock):
    submit(engine, type="watched")
    (channel,) = take(engine, limit=1, again=False)
    engine.deliveries.put_off(engine.deliveries.first(channel), wait_s=0.5)
    clock.set(clock.now() + seconds(0.5) - 1)
    assert take(engine, limit=1, again=True) == []
    clock.set(clock.now() + 1)
    assert take(engine, limit=1, again=True) == [channel]
