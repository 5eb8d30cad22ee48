"""What follows what: top-level tasks one after another, retries, results, the end.

What a workflow remembers (`JobView.state`): `tasks`, results by `var`; `next`, by the number of a
composite task, which element of its list comes next; `failed`, by the same, how many of its
children have failed that it tolerates; `secrets`, those that templates made.
"""

from dataclasses import replace

from app.hooks import Advance, Fail, Finish, JobView, Json, TaskSpec, TaskView
from plugins.workflow import composites, making, texts
from plugins.workflow.making import Scope
from plugins.workflow.secrecy import Secrets
from plugins.workflow.texts import Unusable

#: Most characters of results that a job remembers by `var`: every end of a task reads them all.
MOST_REMEMBERED = 16 << 20
_TOO_MUCH = f"the results of its tasks are longer than {MOST_REMEMBERED} characters together"


def plan(job: JobView) -> Advance:
    """Begin the first top-level task or, at a restart, the one it stopped at."""
    return _begin(job, _results(job.state), max(job.position, 1))


def advance(job: JobView, task: TaskView) -> Advance:
    """Follow the end of one task."""
    if task.state == "FAILED":
        return _after_failure(job, task)
    return _go_on(job, task, job.state)


def _go_on(job: JobView, task: TaskView, state: Json) -> Advance:
    """Follow the end of a task that is no reason to stop. state: what is remembered by now."""
    results = _results(job.state)
    var = task.payload.get("var")
    if task.state == "COMPLETED" and var and task.result:
        results[var] = task.result
        if sum(map(len, results.values())) > MOST_REMEMBERED:
            return Advance(end=Fail(_TOO_MUCH))
        state = {**state, "tasks": results}
    if task.parent is not None:
        answer = composites.child_ended(job, task, state)
        # With the results of thousands of tasks it is much to store for one that adds nothing.
        return replace(answer, state=None) if answer.state is job.state else answer
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
    again: TaskSpec | None = making.retry(task.payload, task.error or "", scope)
    if again is not None:
        return Advance(tasks=[again])
    state = composites.tolerating(job, task)
    if state is None:
        return Advance(end=Fail(task.error or "task failed"))
    return replace(_go_on(job, task, state), tolerated=True)


def _results(state: Json) -> dict[str, str]:
    return dict(state.get("tasks") or {})
