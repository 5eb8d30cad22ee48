"""Changes of jobs that go on: wishes, closed tasks, tasks that others than their holders end."""

import pytest

from app.domain.errors import IllegalMove, LeaseLost, PluginFailed, Rejected, TaskNotFound
from app.domain.states import AttemptState, JobState, TaskState
from app.engine.tasks import NewWork
from app.hooks import Advance, Finish, TaskClose, TaskSpec
from app.testing import ScriptedJob, happenings, make_engine, new_worker, submit

QUEUE = "demo/default"


class Changing(ScriptedJob):
    """Does what a wish says, as the test means it."""

    on_change = None

    def change(self, job, wish):
        self.seen = job
        answer = self.on_change(wish)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def scripted():
    return Changing([TaskSpec(name="a", position=1), TaskSpec(name="b", position=2)])


@pytest.fixture
def engine(database_url, clock, scripted):
    with make_engine(scripted, database_url=database_url, clock=clock) as built:
        yield built


def shown(engine, job):
    return {task.name: str(task.state) for task in engine.jobs.tasks(job.id)}


def well(engine):
    assert engine.doctor.examine(pause_s=0) == []


def test_a_wish_makes_and_closes_tasks(engine, scripted, clock):
    job = submit(engine)
    scripted.on_change = lambda wish: Advance(
        tasks=[TaskSpec(name=wish["new"], position=3)],
        closes=[TaskClose(position=1), TaskClose(position=2, error="had enough")],
        state={"told": 1},
    )
    clock.advance(5)
    engine.changes.ask(job.id, {"new": "c"})
    after = engine.jobs.get(job.id)
    assert scripted.seen.at == clock.now() / 1_000_000
    assert shown(engine, job) == {"a": "CANCELLED", "b": "FAILED", "c": "QUEUED"}
    assert (after.state_data, after.tasks_open, after.tasks_failed) == ({"told": 1}, 1, 1)
    assert [task.error for task in engine.jobs.tasks(job.id)] == [None, "had enough", None]
    assert scripted.asked == []
    kinds = happenings(engine, job_id=job.id)
    assert kinds[-3:] == ["task.cancelled", "task.failed", "task.queued"]
    well(engine)


def test_a_wish_may_end_the_job(engine, scripted):
    job = submit(engine)
    scripted.on_change = lambda _wish: Advance(end=Finish("enough"))
    assert engine.changes.ask(job.id, {}).state is JobState.COMPLETED
    assert shown(engine, job) == {"a": "CANCELLED", "b": "CANCELLED"}
    with pytest.raises(IllegalMove):
        engine.changes.ask(job.id, {})


def test_a_wish_that_is_refused_changes_nothing(engine, scripted):
    job = submit(engine)
    scripted.on_change = lambda _wish: ValueError("no such thing")
    with pytest.raises(Rejected, match="no such thing"):
        engine.changes.ask(job.id, {})
    assert engine.jobs.get(job.id).version == job.version


def test_a_plugin_that_breaks_fails_the_wish_alone(engine, scripted):
    job = submit(engine)
    scripted.on_change = lambda _wish: KeyError("what")
    with pytest.raises(PluginFailed, match="change"):
        engine.changes.ask(job.id, {})
    scripted.on_change = lambda _wish: Advance(closes=["nonsense"])
    with pytest.raises(PluginFailed, match="closes"):
        engine.changes.ask(job.id, {})
    assert engine.jobs.get(job.id).state is JobState.SCHEDULED


def test_job_types_refuse_wishes_unless_they_say_otherwise(database_url):
    plain = ScriptedJob([TaskSpec(name="a")])
    with make_engine(plain, database_url=database_url) as engine:
        job = submit(engine)
        with pytest.raises(Rejected, match="cannot be changed"):
            engine.changes.ask(job.id, {})


def test_who_holds_a_closed_task_is_told_and_its_report_counts_no_more(engine, scripted, worker):
    job = submit(engine)
    (held,) = engine.claims.claim(worker, QUEUE, start=True)
    scripted.on_change = lambda _wish: Advance(closes=[TaskClose(position=1)])
    with engine.bus.subscribe(f"worker:{worker}") as bell:
        engine.changes.ask(job.id, {})
        assert bell.wait(60)
    assert engine.attempts.held(worker)[held.lease] is TaskState.CANCELLED
    with pytest.raises(LeaseLost):
        engine.attempts.complete(held.lease)
    assert engine.attempts.gone(held.lease)
    assert engine.attempts.held(worker) == {}
    assert [one.state for one in engine.attempts.history(held.task_id)] == [AttemptState.CANCELLED]
    well(engine)


def test_a_service_that_is_closed_is_waited_for_no_more(engine, scripted, worker):
    scripted.on_plan = [
        TaskSpec(name="a", position=1, service=True),
        TaskSpec(name="b", position=2, service=True),
    ]
    job = submit(engine)
    (first, _) = engine.claims.claim(worker, QUEUE, start=True, limit=2)
    engine.services.ready(first.lease, {})
    scripted.on_change = lambda _wish: Advance(
        closes=[TaskClose(position=2)], tasks=[TaskSpec(name="c", position=3, service=True)]
    )
    assert engine.changes.ask(job.id, {}).unready == 1
    (last,) = engine.claims.claim(worker, QUEUE, start=True)
    well(engine)
    engine.services.ready(last.lease, {})
    assert engine.jobs.get(job.id).state is JobState.RUNNING
    well(engine)


def test_when_a_service_was_ready_is_kept_until_it_begins_anew(engine, scripted, worker, clock):
    scripted.on_plan = [TaskSpec(name="a", service=True), TaskSpec(name="b", service=True)]
    submit(engine)
    (first, _) = engine.claims.claim(worker, QUEUE, start=True, limit=2)
    assert engine.tasks.get(first.task_id).ready_at is None
    at = clock.advance(3)
    engine.services.ready(first.lease, {"x": "127.0.0.1:1"})
    clock.advance(3)
    engine.services.ready(first.lease, {"x": "127.0.0.1:2"})
    assert engine.tasks.get(first.task_id).ready_at == at
    engine.attempts.release(first.lease)
    assert engine.tasks.get(first.task_id).ready_at is None


@pytest.mark.parametrize("error", [None, "said so"])
@pytest.mark.parametrize("held", [False, True])
def test_others_may_end_a_task(engine, scripted, worker, held, error):
    job = submit(engine)
    task = engine.jobs.tasks(job.id)[0]
    if held:
        (claimed,) = engine.claims.claim(worker, QUEUE, start=True)
    scripted.on_advance = lambda _job, task: [TaskSpec(name=f"after {task.name}", position=9)]
    assert engine.changes.end(task.id, error=error)
    word = "COMPLETED" if error is None else "FAILED"
    assert shown(engine, job) == {"a": word, "b": "QUEUED", "after a": "QUEUED"}
    (asked,) = scripted.asked
    assert (asked[1].state, asked[1].error) == (word, error)
    if held:
        with pytest.raises(LeaseLost):
            engine.attempts.fail(claimed.lease, "late")
        assert engine.attempts.held(worker)[claimed.lease] == word
    assert not engine.changes.end(task.id)
    well(engine)


def test_a_task_of_a_job_that_is_over_is_not_ended(engine):
    job = submit(engine)
    task = engine.jobs.tasks(job.id)[0]
    engine.jobs.cancel(job.id)
    assert not engine.changes.end(task.id)
    with pytest.raises(TaskNotFound):
        engine.changes.end(10**9)


def test_only_the_hand_out_that_is_meant_is_ended(engine, worker):
    job = submit(engine)
    task = engine.jobs.tasks(job.id)[0]
    engine.claims.claim(worker, QUEUE, start=True)
    assert not engine.changes.end(task.id, number=2)
    assert engine.changes.end(task.id, number=1)


def test_a_task_without_a_job_is_not_for_this(engine):
    (task_id,) = engine.tasks.add([NewWork(queue=QUEUE, name="lone")])
    with pytest.raises(PluginFailed):
        engine.changes.end(task_id)


def test_a_wish_waits_for_nobody_who_ends_tasks_meanwhile(engine, scripted):
    """What moved the job while its interface was asked makes it asked again."""
    job = submit(engine)
    tasks = engine.jobs.tasks(job.id)
    asked = []

    def change(_wish):
        asked.append(scripted.seen.tasks_open)
        if len(asked) == 1:
            engine.changes.end(tasks[0].id)
        return Advance(closes=[TaskClose(position=2)], tasks=[TaskSpec(name="c", position=3)])

    scripted.on_change = change
    engine.changes.ask(job.id, {})
    assert asked == [2, 1]
    assert shown(engine, job) == {"a": "COMPLETED", "b": "CANCELLED", "c": "QUEUED"}
    new_worker(engine)
    well(engine)
