"""What an answer of a job interface makes: tasks that wait, composites, ends."""

import pytest

from app.domain.states import JobState, TaskState
from app.hooks import Advance, Fail, TaskEnd, TaskSpec
from app.testing import happenings, settled, submit, work_off

QUEUE = "demo/default"


def by_name(engine, job):
    return {task.name: task for task in engine.jobs.tasks(job.id)}


def states(engine, job):
    return {name: str(task.state) for name, task in by_name(engine, job).items()}


def composite(*children, **words):
    return TaskSpec(name="all", kind="composite", children=children, **words)


def ends_with_its_children(job, task):
    if task.parent is not None and task.parent.children_open == 0:
        return Advance(ends=[TaskEnd(task_id=task.parent.id)])
    return None


def test_a_task_waits_for_all_it_comes_after(engine, scripted):
    scripted.on_plan = [
        TaskSpec(name="a"),
        TaskSpec(name="b", after=("a",)),
        TaskSpec(name="c", after=("a", "b"), priority=9),
    ]
    job = submit(engine)
    assert states(engine, job) == {"a": "QUEUED", "b": "CREATED", "c": "CREATED"}
    assert by_name(engine, job)["c"].needs == 2
    assert work_off(engine, QUEUE) == ["a", "b", "c"]
    assert engine.jobs.get(job.id).state is JobState.COMPLETED


def test_a_job_goes_on_without_a_failure_that_is_tolerated(engine, scripted):
    def tolerant(job, task):
        if task.state == "FAILED":
            return Advance(tolerated=True, state={"borne": task.name})
        return ends_with_its_children(job, task)

    def work(task):
        if task.name in ("a", "d"):
            raise ValueError("broke")

    scripted.on_plan = [composite(TaskSpec(name="a"), TaskSpec(name="b")), TaskSpec(name="d")]
    scripted.on_advance = tolerant
    job = submit(engine)
    work_off(engine, QUEUE, work)
    assert states(engine, job) == {
        "all": "COMPLETED", "a": "FAILED", "b": "COMPLETED", "d": "FAILED",
    }  # fmt: skip
    over = engine.jobs.get(job.id)
    assert (over.state, over.error) == (JobState.COMPLETED, None)
    assert engine.doctor.examine(pause_s=0) == []


def test_what_is_skipped_holds_nobody_up(engine, scripted):
    scripted.on_plan = [
        TaskSpec(name="a", state="SKIPPED"),
        TaskSpec(name="b", after=("a",)),
        TaskSpec(name="c", after=("a", "b")),
    ]
    job = submit(engine)
    assert states(engine, job) == {"a": "SKIPPED", "b": "QUEUED", "c": "CREATED"}
    assert work_off(engine, QUEUE) == ["b", "c"]
    assert engine.jobs.get(job.id).state is JobState.COMPLETED


def test_a_task_that_waits_for_another_and_a_time_waits_for_both(engine, scripted, clock):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b", after=("a",), delay_s=60)]
    job = submit(engine)
    clock.advance(30)
    assert work_off(engine, QUEUE) == ["a"]
    assert states(engine, job)["b"] == "CREATED"
    assert engine.due.run_once(clock.advance(29)) == 0
    assert engine.due.run_once(clock.advance(1)) == 1
    assert work_off(engine, QUEUE) == ["b"]
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b", after=("a",), delay_s=60)]
    submit(engine)
    assert engine.due.run_once(clock.advance(100)) == 0
    assert work_off(engine, QUEUE) == ["a", "b"]


def test_those_that_wait_for_a_failed_task_stay(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b", after=("a",)), TaskSpec(name="c")]
    scripted.on_advance = lambda job, task: [TaskSpec(name="d")] if task.state == "FAILED" else None
    job = submit(engine)

    def work(task):
        if task.name == "a":
            raise ValueError("no")

    assert work_off(engine, QUEUE, work) == ["a", "c", "d"]
    assert states(engine, job)["b"] == "CREATED"
    assert engine.jobs.get(job.id).tasks_open == 1


def test_a_composite_begins_by_itself_and_ends_with_its_children(engine, scripted):
    scripted.on_plan = [composite(TaskSpec(name="a"), TaskSpec(name="b"))]
    scripted.on_advance = ends_with_its_children
    job = submit(engine)
    assert job.state is JobState.RUNNING
    whole = by_name(engine, job)["all"]
    assert (whole.state, whole.children, whole.children_open) == (TaskState.RUNNING, 2, 2)
    assert work_off(engine, QUEUE) == ["a", "b"]
    whole = by_name(engine, job)["all"]
    assert (whole.state, whole.children_open) == (TaskState.COMPLETED, 0)
    job = engine.jobs.get(job.id)
    assert (job.state, job.tasks_total, job.tasks_open) == (JobState.COMPLETED, 3, 0)
    assert [task.name for _, task in scripted.asked] == ["a", "b", "all"]


def test_a_composite_counts_its_own_children_alone(engine, scripted):
    scripted.on_plan = [
        composite(
            TaskSpec(
                name="inner",
                kind="composite",
                children=(TaskSpec(name="a"), TaskSpec(name="b")),
            ),
            TaskSpec(name="c"),
            TaskSpec(name="d", state="SKIPPED"),
        )
    ]
    scripted.on_advance = ends_with_its_children
    job = submit(engine)
    assert by_name(engine, job)["all"].children_open == 2
    assert by_name(engine, job)["inner"].children_open == 2
    assert len(work_off(engine, QUEUE)) == 3
    assert engine.jobs.get(job.id).state is JobState.COMPLETED
    assert by_name(engine, job)["all"].children_open == 0


def test_children_may_be_added_to_a_composite(engine, scripted):
    scripted.on_plan = [composite(TaskSpec(name="a"))]

    def follow(job, task):
        if task.name == "a":
            return [
                TaskSpec(name="skipped", parent=task.parent.id, state="SKIPPED"),
                TaskSpec(name="b", parent=task.parent.id),
            ]
        return ends_with_its_children(job, task)

    scripted.on_advance = follow
    job = submit(engine)
    assert work_off(engine, QUEUE) == ["a", "b"]
    whole = by_name(engine, job)["all"]
    assert (whole.state, whole.children, whole.children_open) == (TaskState.COMPLETED, 3, 0)
    assert engine.jobs.get(job.id).state is JobState.COMPLETED


def test_held_children_are_released_in_order(engine, scripted):
    names = ["a", "b", "c", "d"]
    scripted.on_plan = [composite(*(TaskSpec(name=name, held=name > "b") for name in names))]

    def follow(job, task):
        if task.parent is None or task.parent.children_open == 0:
            return ends_with_its_children(job, task)
        return Advance(release={task.parent.id: 1})

    scripted.on_advance = follow
    job = submit(engine)
    assert states(engine, job)["c"] == states(engine, job)["d"] == "CREATED"
    assert by_name(engine, job)["c"].due_at is None
    assert work_off(engine, QUEUE) == names
    assert engine.jobs.get(job.id).state is JobState.COMPLETED


def test_what_is_held_and_waits_needs_both_to_come(engine, scripted):
    scripted.on_plan = [composite(TaskSpec(name="a"), TaskSpec(name="b", after=("a",), held=True))]
    job = submit(engine)
    assert work_off(engine, QUEUE) == ["a"]
    assert states(engine, job)["b"] == "CREATED"
    scripted.on_plan = [
        composite(
            TaskSpec(name="x"), TaskSpec(name="a"), TaskSpec(name="b", after=("a",), held=True)
        )
    ]
    scripted.on_advance = lambda job, task: (
        Advance(release={task.parent.id: 5}) if task.name == "x" else None
    )
    submit(engine)
    assert work_off(engine, QUEUE) == ["x", "a", "b"]


def test_a_composite_that_waits_keeps_what_it_holds_waiting(engine, scripted, worker):
    """And is never handed to a worker: it needs none."""
    inner = TaskSpec(name="inner", kind="composite", children=(TaskSpec(name="deep"),))
    scripted.on_plan = [
        TaskSpec(name="first"),
        composite(
            TaskSpec(name="a"),
            TaskSpec(name="b", after=("a",)),
            TaskSpec(name="h", held=True),
            inner,
            after=("first",),
        ),
    ]
    job = submit(engine)
    waiting = {name for name, state in states(engine, job).items() if state == "CREATED"}
    assert waiting == {"all", "a", "b", "h", "inner", "deep"}
    assert work_off(engine, QUEUE) == ["first", "a", "b", "deep"]
    assert {name for name, state in states(engine, job).items() if state == "RUNNING"} == {
        "all",
        "inner",
    }
    assert states(engine, job)["h"] == "CREATED"


def test_a_composite_may_wait_for_a_time_or_be_held(engine, scripted, clock):
    scripted.on_plan = [
        TaskSpec(
            name="outer",
            kind="composite",
            children=(
                TaskSpec(name="a"),
                TaskSpec(name="later", kind="composite", delay_s=5, children=(TaskSpec(name="b"),)),
                TaskSpec(name="held", kind="composite", held=True, children=(TaskSpec(name="c"),)),
            ),
        )
    ]
    scripted.on_advance = lambda job, task: (
        Advance(release={task.parent.id: 1}) if task.name == "a" else None
    )
    job = submit(engine)
    assert work_off(engine, QUEUE) == ["a", "c"]
    assert engine.due.run_once(clock.advance(5)) == 1
    assert states(engine, job)["later"] == "RUNNING"
    assert work_off(engine, QUEUE) == ["b"]


def test_a_failing_composite_fails_the_job_unless_somebody_goes_on(engine, scripted):
    scripted.on_plan = [composite(TaskSpec(name="a"))]

    def follow(job, task):
        if task.name == "a":
            return Advance(ends=[TaskEnd(task_id=task.parent.id, error="child failed")])
        return [TaskSpec(name="rescue")] if rescued and task.name == "all" else None

    scripted.on_advance = follow
    rescued = []
    job = submit(engine)
    work_off(engine, QUEUE)
    job = engine.jobs.get(job.id)
    assert (job.state, job.error, job.tasks_failed) == (JobState.FAILED, "child failed", 1)
    rescued.append(True)
    job = submit(engine)
    assert work_off(engine, QUEUE) == ["a", "rescue"]
    assert engine.jobs.get(job.id).state is JobState.COMPLETED


def test_ends_may_follow_each_other_upwards_in_one_transaction(engine, scripted):
    spec = TaskSpec(name="leaf")
    for level in range(5):
        spec = TaskSpec(name=f"level {level}", kind="composite", children=(spec,))
    scripted.on_plan = [spec]
    scripted.on_advance = ends_with_its_children
    job = submit(engine)
    position = settled(engine)
    assert work_off(engine, QUEUE) == ["leaf"]
    assert engine.jobs.get(job.id).state is JobState.COMPLETED
    assert happenings(engine, after=position).count("task.completed") == 6


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (lambda task: Advance(ends=[TaskEnd(task_id=999_999)]), "no such task"),
        (lambda task: Advance(ends=[TaskEnd(task_id=task.id)]), "no composite"),
        (lambda task: [TaskSpec(name="x", parent=999_999)], "no such task"),
        (
            lambda task: Advance(
                ends=[TaskEnd(task_id=task.parent.id), TaskEnd(task_id=task.parent.id)]
            ),
            "is over",
        ),
    ],
    ids=["unknown", "work", "unknown parent", "twice"],
)
def test_an_answer_that_names_a_wrong_task_fails_the_job(engine, scripted, answer, word):
    scripted.on_plan = [composite(TaskSpec(name="a"), TaskSpec(name="b"))]
    scripted.on_advance = lambda job, task: answer(task) if task.name == "a" else None
    job = submit(engine)
    work_off(engine, QUEUE)
    job = engine.jobs.get(job.id)
    assert job.state is JobState.FAILED
    assert word in job.error


def test_an_answer_cannot_touch_another_job(engine, scripted):
    scripted.on_plan = [composite(TaskSpec(name="a"))]
    other = submit(engine)
    foreign = by_name(engine, other)["all"].id
    scripted.on_plan = [TaskSpec(name="b", priority=1)]
    scripted.on_advance = lambda job, task: Advance(ends=[TaskEnd(task_id=foreign)])
    job = submit(engine)
    work_off(engine, QUEUE, limit=10_000)
    assert "no such task" in engine.jobs.get(job.id).error


def test_what_a_job_holds_when_it_fails_is_cancelled(engine, scripted):
    scripted.on_plan = [
        composite(TaskSpec(name="a"), TaskSpec(name="b", after=("a",)), TaskSpec(name="c")),
    ]
    scripted.on_advance = Fail("at once")
    job = submit(engine)
    assert work_off(engine, QUEUE) == ["a"]
    assert states(engine, job) == {
        "all": "CANCELLED", "a": "COMPLETED", "b": "CANCELLED", "c": "CANCELLED",
    }  # fmt: skip
    assert engine.jobs.get(job.id).tasks_open == 0


def test_tasks_are_listed_by_position_then_start(engine, scripted, worker, clock):
    scripted.on_plan = [
        TaskSpec(name="late", position=1),
        TaskSpec(name="early", position=1, priority=5),
        TaskSpec(name="second", position=2, priority=9),
    ]
    job = submit(engine)
    for _ in range(2):
        clock.advance(1)
        engine.claims.claim(worker, QUEUE, start=True)
    names = [task.name for task in engine.jobs.tasks(job.id)]
    assert names == ["early", "late", "second"]


def test_public_ids_are_given_where_the_type_wants_them(database_url, clock):
    from app.testing import ScriptedJob, make_engine

    class Public(ScriptedJob):
        name = "public"
        public_task_ids = True

    with make_engine(Public([TaskSpec(name="a")]), database_url=database_url) as engine:
        job = submit(engine, type="public")
        (task,) = engine.jobs.tasks(job.id)
        assert len(task.public_id) == 32
        assert engine.tasks.by_public_id(task.public_id).id == task.id


def test_hold_and_let_go(engine, scripted, worker, clock):
    from app.domain.errors import IllegalMove

    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b", after=("a",))]
    job = submit(engine)
    ids = {name: task.id for name, task in by_name(engine, job).items()}
    for name in ("a", "b"):
        engine.tasks.hold(ids[name])
    assert list(engine.claims.claim(worker, QUEUE)) == []
    with pytest.raises(IllegalMove):
        engine.tasks.hold(ids["a"])
    position = settled(engine)
    engine.tasks.let_go(ids["b"])
    engine.tasks.let_go(ids["a"])
    assert happenings(engine, after=position) == ["task.created", "task.queued"]
    assert states(engine, job) == {"a": "QUEUED", "b": "CREATED"}
    with pytest.raises(IllegalMove):
        engine.tasks.let_go(ids["a"])
    assert work_off(engine, QUEUE) == ["a", "b"]


def test_a_held_task_whose_need_is_met_goes_on_when_let_go(engine, scripted):
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b", after=("a",))]
    job = submit(engine)
    waiting = by_name(engine, job)["b"].id
    engine.tasks.hold(waiting)
    assert work_off(engine, QUEUE) == ["a"]
    engine.tasks.let_go(waiting)
    assert work_off(engine, QUEUE) == ["b"]
    assert engine.jobs.get(job.id).state is JobState.COMPLETED
