"""Job type `workflow`: tasks in order, in parallel, over a list, with expressions between them.

The language is Tork's. The engine's part is only to run tasks and to ask what follows; the order,
the conditions, the retries (each a task of its own) and the results are decided here.

A task's payload is its evaluated definition, with `retry.attempts`, `each.size` and the like, and
under `plan` what only this package needs: `defaulted` (keys that came from the job's defaults),
`unusable` (it could not be evaluated), `values`, `items`, `first` (a list walked in turn).
"""

from app.hooks import (
    Answer,
    Command,
    JobInterface,
    JobView,
    Json,
    TaskView,
    Watch,
    WorkerView,
    hookimpl,
)
from plugins.workflow import commands, language, planner, secrecy, texts, webhooks


class Workflow(JobInterface):
    """Tasks of a definition, one after another."""

    name = "workflow"
    title = "Workflow"
    spec_schema = language.Workflow
    public_task_ids = True

    def task_count(self, spec: Json) -> int:
        """Count top-level tasks; what a composite holds counts as one."""
        return len(spec["tasks"])

    def plan(self, job: JobView) -> Answer:
        """Begin at the first task, or at the one a restart begins again."""
        return planner.plan(job)

    def advance(self, job: JobView, task: TaskView) -> Answer:
        """Keep the result, then retry, release, go on or end."""
        return planner.advance(job, task)

    def secrets(self, spec: Json, state: Json) -> list[str]:
        """Give the values of `secrets` and registry passwords, sub-jobs' and parents' too."""
        return secrecy.values(spec, state)

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Give the evaluated task as a command; it is the same on every worker."""
        del worker
        return commands.command(task.payload)

    def watches(self, spec: Json) -> tuple[Watch, ...]:
        """Give what each of its webhooks wants to be told, in their order."""
        return webhooks.watches(spec)

    def evaluate(self, kind: str, text: str, names: texts.Names) -> object:
        """Evaluate a text of the language, of the same kinds; templates give text."""
        return texts.evaluate(kind, text, names)

    def check(self, kind: str, text: str) -> None:
        """Check a text of the language. kind: `template`, `condition`, `list` or `output`."""
        texts.check(kind, text)


@hookimpl
def job_interfaces() -> list[JobInterface]:
    """Give the one job type of this package."""
    return [Workflow()]
