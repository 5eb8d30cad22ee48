"""Jobs that a task started."""

from app.domain.states import JobState, TaskState
from app.domain.submission import Submission
from app.hooks.types import JobSpec, TaskSpec


def starter(**words) -> TaskSpec:
    return TaskSpec(
        name="starter", kind="job", job=JobSpec(name="child", type="scripted", spec={}, **words)
    )


def submit(engine):
    return engine.jobs.submit(Submission(dialect="demo", type="scripted", name="j", spec={}))


def test_a_task_does_not_wait_for_a_job_that_lives_alone(engine, scripted, clock):
    scripted.on_plan = [starter(detached=True)]
    job = submit(engine)
    scripted.on_plan = [TaskSpec(name="work")]
    [task] = engine.jobs.tasks(job.id)
    assert task.state is TaskState.RUNNING
    engine.subjobs.run_once(clock.now())
    [task] = engine.jobs.tasks(job.id)
    assert task.state is TaskState.COMPLETED
    assert engine.jobs.get(job.id).state is JobState.COMPLETED
    child = engine.jobs.get(task.starts_job_id)
    assert child.parent_task_id is None
    assert child.state is JobState.SCHEDULED


def test_a_task_names_the_job_it_waits_for(engine, scripted, clock):
    scripted.on_plan = [starter(delete_after_s=60.0)]
    job = submit(engine)
    scripted.on_plan = []
    engine.subjobs.run_once(clock.now())
    [task] = engine.jobs.tasks(job.id)
    child = engine.jobs.get(task.starts_job_id)
    assert child.parent_task_id == task.id
    assert child.state is JobState.COMPLETED
    assert child.delete_at == child.ended_at + 60_000_000
    assert task.state is TaskState.COMPLETED
