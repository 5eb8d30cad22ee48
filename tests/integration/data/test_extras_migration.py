"""Jobs of a database from before there were pauses and archives go on as they were."""

from app.data import schema
from app.hooks import TaskSpec
from app.testing import ScriptedJob, make_engine, work_off

STEP = "0014_extras"
JOB = (
    "INSERT INTO job (id, dialect, type, name, state, spec, tasks_open, created_at)"
    " VALUES (?, 'demo', 'scripted', 'n', ?, '{}', ?, ?)"
)
TASK = (
    "INSERT INTO task (queue, name, state, job_id, created_at, queued_at, due_at)"
    " VALUES ('demo/default', ?, ?, ?, 1, ?, ?)"
)


def test_work_goes_on_after_the_step(old, database_url):
    running, waiting = "a" * 32, "b" * 32
    with old.transaction():
        old.run(JOB, (running, "SCHEDULED", 2, 1))
        old.run(JOB, (waiting, "WAITING", 0, 2))
        old.run(TASK, ("ready", "QUEUED", running, 1, None))
        old.run(TASK, ("held", "HELD", running, None, 2**62))
    assert schema.migrate(old, old) == [f"engine/{STEP}"]
    scripted = ScriptedJob(plan=[TaskSpec(name="a")])
    with make_engine(scripted, database_url=database_url) as engine:
        job = engine.jobs.get(running)
        assert (job.start_at, job.paused_at, job.archived) == (None, None, False)
        assert engine.jobs.start_due(2**61) == 0
        assert engine.pauses.run_once(1) == 0
        assert work_off(engine, "demo/default") == ["ready"]
        engine.pauses.pause(running)
        engine.pauses.resume(running)
        assert [str(task.state) for task in engine.jobs.tasks(running)] == ["COMPLETED", "HELD"]
