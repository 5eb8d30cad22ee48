"""What follows what: top-level tasks one after another, retries, results, the end.

What a workflow remembers (`JobView.state`): `tasks`, results by `var`; `next`, by the number of a
composite task, which element of its list comes next; `secrets`, those that templates made.
"""

from app.hooks import Advance, Fail, Finish, JobView, Json, TaskSpec, TaskView
from plugins.workflow import composites, making, texts
from plugins.workflow.making import Scope
from plugins.workflow.secrecy import Secrets
from plugins.workflow.texts import Unusable


def plan(job: JobView) -> Advance:
    """Begin the first top-level task or, at a restart, the one it stopped at."""
    return _begin(job, _results(job.state), max(job.position, 1))


def advance(job: JobView, task: TaskView) -> Advance:
    """Follow the end of one task."""
    if task.state == "FAILED":
        return _after_failure(job, task)
    results = _results(job.state)
    var = task.payload.get("var")
    if task.state == "COMPLETED" and var and task.result:
        results[var] = task.result
    state: Json = {**job.state, "tasks": results}
    if task.parent is not None:
        return composites.child_ended(job, task, state)
    return _begin(job, results, task.position + 1)


def _begin(job: JobView, results: dict[str, str], position: int) -> Advance:
    """Make the top-level task at a position, or end the job behind the last one.

    One that is over when it is made, being skipped or holding nothing, is followed at once by the
    next: nobody is asked about its end.
    """
    definitions = job.spec["tasks"]
    tasks: list[TaskSpec] = []
    secrets = Secrets(job)
    end: Finish | Fail | None = None
    while end is None:
        scope = Scope(job=job, secrets=secrets, results=results, position=position)
        if position > len(definitions):
            end = _end(job, scope)
            break
        made = composites.make(definitions[position - 1], scope)
        tasks.append(made.task)
        if made.fault is not None:
            end = Fail(made.fault)
        elif made.task.state is None:
            break
        else:
            position += 1
    return Advance(
        tasks=tasks,
        end=end,
        position=position,
        progress=round((position - 1) / len(definitions) * 100, 2),
        state={"tasks": results, **secrets.state},
    )


def _end(job: JobView, scope: Scope) -> Finish | Fail:
    output = job.spec.get("output")
    if not output:
        return Finish()
    try:
        return Finish(texts.rendered(output, scope.names))
    except Unusable as fault:
        return Fail(str(fault))


def _after_failure(job: JobView, task: TaskView) -> Advance:
    scope = Scope(
        job=job,
        secrets=Secrets(job),
        results={},  # the next try is made from what was evaluated for the first
        position=task.position,
        parent=task.parent.id if task.parent else None,
    )
    again: TaskSpec | None = making.retry(task.payload, scope)
    if again is None:
        return Advance(end=Fail(task.error or "task failed"))
    return Advance(tasks=[again])


def _results(state: Json) -> dict[str, str]:
    return dict(state.get("tasks") or {})
