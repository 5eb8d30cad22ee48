"""Jobs from submit to delete."""

import pytest

from app.domain.errors import AlreadyExists, IllegalMove, JobNotFound, UnknownJobType
from app.domain.records import JobFilter
from app.domain.states import JobState, TaskState
from app.domain.submission import Submission
from app.hooks import Advance, Fail, Finish, TaskSpec
from app.testing import happenings, settled, submit, work_off

QUEUE = "demo/default"


def wanted(**words):
    return Submission(**{"dialect": "demo", "type": "scripted", "name": "j", **words})


def test_a_job_runs_from_submit_to_its_end(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    job = submit(engine)
    assert (job.state, job.tasks_open, job.tasks_total) == (JobState.SCHEDULED, 2, 2)
    assert work_off(engine, QUEUE) == ["a", "b"]
    job = engine.jobs.get(job.id)
    assert (job.state, job.tasks_open, job.progress) == (JobState.COMPLETED, 0, 100.0)
    assert happenings(engine, job_id=job.id) == [
        "job.submitted", "task.queued", "task.queued", "job.scheduled",
        "task.started", "job.started", "task.completed",
        "task.started", "task.completed", "job.completed",
    ]  # fmt: skip


def test_submit_gives_the_job_as_it_was_accepted(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    job = engine.jobs.submit(wanted(tags=("x", "y", "x"), spec={"k": 1}, description="d"))
    assert (job.state, job.version) == (JobState.PENDING, 0)
    stored = engine.jobs.get(job.id)
    assert (stored.tags, stored.spec, stored.description) == (("x", "y", "x"), {"k": 1}, "d")


def test_a_job_without_tasks_is_complete_at_once(engine):
    assert submit(engine).state is JobState.COMPLETED


def test_what_the_interface_decides_holds(engine, scripted):
    scripted.on_plan = Finish("done")
    assert submit(engine).result == "done"
    scripted.on_plan = Fail("no")
    job = submit(engine)
    assert (job.state, job.error) == (JobState.FAILED, "no")


def test_a_failed_task_fails_its_job_and_ends_the_others(engine, scripted, worker):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    job = submit(engine)
    (claimed,) = engine.claims.claim(worker, QUEUE)
    engine.attempts.fail(claimed.lease, "broken")
    job = engine.jobs.get(job.id)
    assert (job.state, job.error, job.tasks_failed) == (JobState.FAILED, "broken", 1)
    states = [task.state for task in engine.jobs.tasks(job.id)]
    assert sorted(states) == [TaskState.CANCELLED, TaskState.FAILED]


def test_an_interface_may_go_on_after_a_failure(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    scripted.on_advance = lambda job, task: (
        [TaskSpec(name="again")] if task.state == "FAILED" else Finish("in the end")
    )
    job = submit(engine)

    def work(task):
        if task.name == "a":
            raise ValueError("first")

    assert work_off(engine, QUEUE, work) == ["a", "again"]
    job = engine.jobs.get(job.id)
    assert (job.state, job.result, job.tasks_failed) == (JobState.COMPLETED, "in the end", 1)


def test_advance_sees_the_counters_without_the_task_that_ended(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    submit(engine)
    work_off(engine, QUEUE, lambda task: f"r{task.name}")
    assert [(job.tasks_open, task.result, task.state) for job, task in scripted.asked] == [
        (1, "ra", "COMPLETED"),
        (0, "rb", "COMPLETED"),
    ]


def test_what_the_interface_remembers_is_kept(engine, scripted):
    scripted.on_plan = Advance(tasks=[TaskSpec(name="a")], state={"seen": 0})
    scripted.on_advance = lambda job, task: (
        Advance(tasks=[TaskSpec(name="a")], state={"seen": job.state["seen"] + 1})
        if job.state["seen"] < 3
        else Finish(str(job.state["seen"]))
    )
    job = submit(engine)
    assert len(work_off(engine, QUEUE)) == 4
    assert engine.jobs.get(job.id).result == "3"


def test_a_task_born_failed_fails_the_job_when_nothing_else_is_open(engine, scripted):
    born = TaskSpec(name="b", state="FAILED", error="could not start")
    scripted.on_plan = [born]
    first = submit(engine)
    assert (first.state, first.error) == (JobState.FAILED, "could not start")
    scripted.on_plan, scripted.on_advance = [TaskSpec(name="a")], [born]
    second = submit(engine)
    work_off(engine, QUEUE)
    second = engine.jobs.get(second.id)
    assert (second.state, second.error) == (JobState.FAILED, "could not start")
    assert second.tasks_failed == 1


def test_a_plugin_that_fails_fails_that_job_alone(engine, scripted):
    scripted.on_plan = lambda job: 1 // 0
    job = submit(engine)
    assert job.state is JobState.FAILED
    assert "plan" in job.error
    assert "division" in job.error
    scripted.on_plan, scripted.on_advance = [TaskSpec(name="a")], lambda job, task: "nonsense"
    job = submit(engine)
    work_off(engine, QUEUE)
    job = engine.jobs.get(job.id)
    assert job.state is JobState.FAILED
    assert "advance" in job.error
    (task,) = engine.jobs.tasks(job.id)
    assert task.state is TaskState.COMPLETED


def test_an_unknown_type_is_refused_at_submit(engine):
    with pytest.raises(UnknownJobType) as refused:
        engine.jobs.submit(wanted(type="nothing"))
    assert refused.value.name == "nothing"
    assert happenings(engine) == []


def test_submit_all_is_all_or_nothing(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    jobs = engine.jobs.submit_all([wanted(name="1"), wanted(name="2")])
    assert len({job.id for job in jobs}) == 2
    with pytest.raises(AlreadyExists):
        engine.jobs.submit_all([wanted(unique_key="k"), wanted(unique_key="k")])
    assert engine.jobs.find(JobFilter(dialect="demo")).total == 2


def test_a_unique_key_is_taken_once_in_each_dialect(engine):
    job = engine.jobs.submit(wanted(unique_key="k"))
    with pytest.raises(AlreadyExists):
        engine.jobs.submit(wanted(unique_key="k"))
    engine.jobs.submit(wanted(unique_key="k", dialect="other"))
    assert engine.jobs.by_unique_key("demo", "k").id == job.id
    with pytest.raises(JobNotFound):
        engine.jobs.by_unique_key("demo", "nobody")


def test_a_refused_submit_leaves_an_outer_transaction_usable(engine):
    """PostgreSQL gives up the whole transaction at a violated key, SQLite does not."""
    engine.jobs.submit(wanted(unique_key="k"))
    with engine.transaction():
        with pytest.raises(AlreadyExists):
            engine.jobs.submit(wanted(unique_key="k"))
        engine.jobs.submit(wanted(unique_key="other"))
    assert engine.jobs.by_unique_key("demo", "other").name == "j"


def test_an_id_chosen_by_the_caller_is_used_and_not_twice(engine):
    chosen = "0123456789abcdef0123456789abcdef"
    assert engine.jobs.submit(wanted(id=chosen)).id == chosen
    with pytest.raises(AlreadyExists):
        engine.jobs.submit(wanted(id=chosen))


def test_cancel_ends_everything_once(engine, scripted, worker):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b"), TaskSpec(name="c", delay_s=9)]
    job = submit(engine)
    engine.claims.claim(worker, QUEUE, start=True)
    cancelled = engine.jobs.cancel(job.id, reason="enough")
    assert (cancelled.state, cancelled.error) == (JobState.CANCELLED, "enough")
    assert {task.state for task in engine.jobs.tasks(job.id)} == {TaskState.CANCELLED}
    with pytest.raises(IllegalMove) as refused:
        engine.jobs.cancel(job.id)
    assert refused.value.facts == {"current": "CANCELLED", "wanted": "CANCELLED"}
    assert list(engine.claims.claim(worker, QUEUE)) == []
    assert happenings(engine, job_id=job.id).count("job.cancelled") == 1


def test_no_retry_follows_a_cancel(engine, scripted, worker, clock):
    scripted.on_plan = [TaskSpec(name="a", max_attempts=9, retry_delay_s=1)]
    job = submit(engine)
    (claimed,) = engine.claims.claim(worker, QUEUE)
    engine.attempts.fail(claimed.lease, "x")
    engine.jobs.cancel(job.id)
    assert engine.due.run_once(clock.advance(100)) == 0
    assert list(engine.claims.claim(worker, QUEUE)) == []


@pytest.mark.parametrize("verb", ["get", "cancel", "restart", "delete", "start"])
def test_a_job_that_is_not_there(engine, verb):
    with pytest.raises(JobNotFound) as missing:
        getattr(engine.jobs, verb)("nobody")
    assert missing.value.job_id == "nobody"


def test_restart_begins_again_where_it_stopped(engine, scripted):
    scripted.on_plan = lambda job: Advance(
        tasks=[TaskSpec(name=f"step {max(job.position, 1)}")], position=max(job.position, 1)
    )
    scripted.on_advance = lambda job, task: (
        Advance(tasks=[TaskSpec(name="step 2")], position=2) if job.position == 1 else None
    )
    job = submit(engine, task_count=2)

    def work(task):
        if task.name == "step 2" and not healed:
            raise ValueError("no")

    healed = []
    assert work_off(engine, QUEUE, work) == ["step 1", "step 2"]
    assert engine.jobs.get(job.id).state is JobState.FAILED
    position = settled(engine)
    restarted = engine.jobs.restart(job.id)
    assert (restarted.state, restarted.error, restarted.ended_at) == (JobState.RUNNING, None, None)
    assert happenings(engine, after=position) == ["task.queued", "job.restarted"]
    healed.append(True)
    assert work_off(engine, QUEUE, work) == ["step 2"]
    assert engine.jobs.get(job.id).state is JobState.COMPLETED


def test_restart_wants_a_job_that_failed_or_was_cancelled(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    with pytest.raises(IllegalMove):
        engine.jobs.restart(job.id)
    work_off(engine, QUEUE)
    with pytest.raises(IllegalMove):
        engine.jobs.restart(job.id)


@pytest.mark.parametrize(
    ("answer", "state", "told"),
    [
        (Finish("ok"), JobState.COMPLETED, "job.completed"),
        (Fail("again"), JobState.FAILED, "job.failed"),
    ],
)
@pytest.mark.parametrize("first", [Fail("first"), [TaskSpec(name="a")]])
def test_a_restart_may_end_at_once(engine, scripted, first, answer, state, told):  # noqa: PLR0917
    scripted.on_plan = first
    job = submit(engine)
    if not job.state.final:
        engine.jobs.cancel(job.id)
    scripted.on_plan = answer
    position = settled(engine)
    assert engine.jobs.restart(job.id).state is state
    assert happenings(engine, after=position) == ["job.restarted", told]


def test_delete_takes_all_of_a_job_that_is_over(engine, scripted, worker):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b", after=("a",))]
    job = submit(engine, tags=("t",))
    with pytest.raises(IllegalMove):
        engine.jobs.delete(job.id)
    (claimed,) = engine.claims.claim(worker, QUEUE)
    engine.logs.append(
        task_id=claimed.task_id, job_id=job.id, position=0, task_created_at=0, texts=["x"]
    )
    engine.jobs.cancel(job.id)
    engine.jobs.delete(job.id)
    with pytest.raises(JobNotFound):
        engine.jobs.get(job.id)
    with engine.store.session():
        for table in ("job", "task", "attempt", "task_need", "waiting"):
            assert engine.store.run(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,), table
    assert engine.logs.last_number(claimed.task_id) == 0
    assert happenings(engine)[-1] == "job.deleted"


def test_jobs_are_found_by_what_they_are(engine, scripted, clock):
    ids = {}
    for name, words in {
        "one": {"tags": ("red",), "description": "Ärger 100%"},
        "two": {"tags": ("red", "blue")},
        "three_x": {"dialect": "other"},
    }.items():
        clock.advance(1)
        ids[name] = submit(engine, name=name, **words).id
    scripted.on_plan = Fail("x")
    clock.advance(1)
    ids["four"] = submit(engine, name="four", group_id=7).id

    def found(**words):
        return [job.name for job in engine.jobs.find(JobFilter(**words)).items]

    assert found() == ["four", "three_x", "two", "one"]
    assert found(dialect="demo") == ["four", "two", "one"]
    assert found(states=(JobState.FAILED,)) == ["four"]
    assert found(tags=("red",)) == ["two", "one"]
    assert found(tags=("blue", "none")) == ["two"]
    assert found(group_id=7) == ["four"]
    assert found(words=("TWO",)) == ["two"]
    assert found(words=("Ärger",)) == ["one"]
    assert found(words=("100%",)) == ["one"]
    assert found(words=("0%x",)) == []
    assert found(words=("three_x",)) == ["three_x"]
    assert found(words=("e_x",)) == []
    assert found(words=("failed",)) == ["four"]
    page = engine.jobs.find(JobFilter(), number=2, size=3)
    assert ([job.name for job in page.items], page.total, page.pages) == (["one"], 4, 2)
    assert engine.jobs.find(JobFilter(), number=9, size=3).items == []


def test_counts_are_of_what_is_not_over(engine, scripted):
    submit(engine)
    scripted.on_plan = [TaskSpec(name="a")]
    submit(engine)
    submit(engine, dialect="other")
    assert engine.jobs.counts("demo") == {"SCHEDULED": 1}


def test_a_job_accepted_and_never_started_is_started_by_the_ticker(engine, scripted, clock):
    scripted.on_plan = [TaskSpec(name="a")]
    job = submit(engine)
    with engine.transaction():  # as a process that died between would leave it
        engine.store.run("UPDATE job SET state = 'PENDING', tasks_open = 0")
        engine.store.run("DELETE FROM task")
    assert engine.subjobs.run_once(clock.now()) == 1
    assert engine.subjobs.run_once(clock.now()) == 0
    assert engine.jobs.get(job.id).state is JobState.SCHEDULED


def test_jobs_of_a_type_no_longer_installed_fail_cleanly(database_url, scripted, clock):
    from app.testing import make_engine, new_worker

    scripted.on_plan = [TaskSpec(name="a")]
    with make_engine(scripted, database_url=database_url, clock=clock) as engine:
        running, waiting = submit(engine), submit(engine, pool="p", max_running=0)
        assert waiting.state is JobState.WAITING
    with make_engine(database_url=database_url, clock=clock) as engine:
        worker = new_worker(engine)
        (claimed,) = engine.claims.claim(worker, QUEUE)
        assert engine.attempts.complete(claimed.lease) is True
        job = engine.jobs.get(running.id)
        assert (job.state, job.error) == (
            JobState.FAILED, "job type scripted is not installed",
        )  # fmt: skip
        engine.waiting.set_limit("p", 1)
        assert engine.jobs.get(waiting.id).state is JobState.FAILED
        assert list(engine.waiting.entries("p")) == []
