"""Job type `shell`: one script, run by the shell of a worker."""

from marshmallow import fields, validate

from app.hooks import (
    Answer,
    Command,
    JobInterface,
    JobView,
    Step,
    TaskView,
    WorkerView,
    WorkSchema,
    hookimpl,
    work,
)


class ShellSpec(WorkSchema):
    """What a shell job needs. run: the script."""

    run = fields.String(required=True, validate=validate.Length(min=1))


class Shell(JobInterface):
    """A script in a directory of its own, with nothing of the server's environment."""

    name = "shell"
    title = "Shell script"
    spec_schema = ShellSpec

    def plan(self, job: JobView) -> Answer:
        """Give the one task, again and whole after a restart."""
        return [work(job)]

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Give the script as it was submitted: it is the same on every worker."""
        del worker
        spec = task.payload
        return Command(
            runtime="shell",
            main=Step(name=task.name, run=spec["run"], env=spec["env"], files=spec["files"]),
            timeout_s=spec["timeout_s"],
        )


@hookimpl
def job_interfaces() -> list[JobInterface]:
    """Give the one job type of this package."""
    return [Shell()]
