"""From a task of the definition to a task of the engine: templates, conditions, defaults.

Every template is evaluated once, when its task is made, so text that came in through a value is
never looked at for braces again. What cannot be evaluated makes a task that has failed already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.hooks import JobView, Json, TaskSpec
from plugins.workflow import texts
from plugins.workflow.commands import command
from plugins.workflow.quantities import seconds
from plugins.workflow.secrecy import Secrets
from plugins.workflow.texts import Names, Unusable

QUEUE = "default"

#: Queues that belong to the server or to one worker; no worker takes tasks from them.
RESERVED_QUEUES = frozenset(
    {
        "completed",
        "error",
        "heartbeat",
        "jobs",
        "logs",
        "pending",
        "progress",
        "redeliveries",
        "started",
    }
)

#: Most elements of a list to run over.
MOST_ITEMS = 10_000

#: Most tasks that one answer may hold: the longest list with room for what is around it.
MOST_TASKS = MOST_ITEMS + 1_000

#: Most elements of one list that are open at a time; the next are made as those end.
AHEAD = 1_000

#: Elements that are made together then.
STEP = 100

#: Tasks after which an answer makes no more elements of lists than it must.
ENOUGH_TASKS = AHEAD + 100

#: Longest wait before a retry, in seconds, however large its factor.
LONGEST_DELAY_S = 30 * 86_400.0

_TEMPLATES = ("name", "var", "image", "queue")
_AUXILIARY = ("pre", "post", "sidecars")
_UNSET: tuple[Any, ...] = (None, "", {})  # a priority of 0 is said
_DEFAULTED = ("retry", "timeout", "queue", "priority")


@dataclass(slots=True)
class Budget:
    """How many more tasks this answer may hold."""

    left: int = field(default_factory=lambda: MOST_TASKS)

    @property
    def spent(self) -> bool:
        """Whether there are enough tasks in this answer, and the next one can make the others."""
        return self.left <= MOST_TASKS - ENOUGH_TASKS

    def take(self) -> None:
        """Count one task. Raises Unusable when there are too many."""
        if self.left <= 0:
            raise Unusable(f"more than {MOST_TASKS} tasks at once")
        self.left -= 1


@dataclass(frozen=True, slots=True)
class Scope:
    """What the templates of a task can see, and where it belongs.

    results: of finished tasks, by `var`. items: of the loops around it, by name. secrets: what
    must not show.
    """

    job: JobView
    secrets: Secrets
    results: Mapping[str, str]
    position: int
    items: Mapping[str, Any] = field(default_factory=dict)
    parent: int | None = None
    budget: Budget = field(default_factory=Budget)

    @property
    def names(self) -> Names:
        """The top-level names of expressions; an inner loop's item hides whatever has its name."""
        spec = self.job.spec
        return {
            "inputs": spec.get("inputs") or {},
            "secrets": spec.get("secrets") or {},
            "tasks": self.results,
            "job": {"id": self.job.id, "name": spec.get("name") or self.job.name},
            **self.items,
        }


@dataclass(frozen=True, slots=True)
class Made:
    """A task to create; fault: why it could not be made, which fails the job."""

    task: TaskSpec
    fault: str | None = None


def regular(definition: Json, scope: Scope) -> Made:
    """Make a task that runs something."""
    names = scope.names
    try:
        scope.budget.take()
        wanted = condition(definition, names)
        if wanted == "false":
            return skipped(definition, scope, wanted)
        payload = evaluated(definition, names)
        if wanted is not None:
            payload["if"] = wanted
        _fill(payload, scope.job.spec.get("defaults") or {})
        _check_queue(payload["queue"])
        # What a worker could not read is this task's error here, and not the plugin's there.
        command(payload)
    except Unusable as fault:
        return failed(definition, scope, str(fault))
    return Made(task(payload, scope))


def _check_queue(name: str) -> None:
    """Refuse what a template made of the queue; a plain name was looked at when it came in."""
    if name in RESERVED_QUEUES or name.startswith("x-"):
        raise Unusable(f"queue {name} is not a task queue")


def condition(definition: Json, names: Names) -> str | None:
    """Evaluate `if`; None when there is none, `false` when the task is skipped. Raises Unusable."""
    text = definition.get("if")
    return texts.condition(text, names) if text else None


def skipped(definition: Json, scope: Scope, wanted: str) -> Made:
    """Make a task whose condition is false; templates that then make no sense stay as they are."""
    try:
        payload = evaluated(definition, scope.names)
    except Unusable:
        payload = dict(definition)
    payload["if"] = wanted
    return Made(task(payload, scope, state="SKIPPED"))


def failed(definition: Json, scope: Scope, error: str) -> Made:
    """Make a task that cannot even start. It is not retried: it would fail again."""
    payload = {**definition, "plan": {"unusable": True}}
    return Made(task(payload, scope, state="FAILED", error=error), error)


def retry(payload: Json, scope: Scope) -> TaskSpec | None:
    """Make the next try of a failed task from its payload; None when none is left."""
    rule = payload.get("retry") or {}
    made = rule.get("attempts", 0)
    if payload.get("plan", {}).get("unusable") or made >= rule.get("limit", 0):
        return None
    again = {**payload, "retry": {**rule, "attempts": made + 1}}
    return replace(task(again, scope), delay_s=_delay_s(rule, made))


def evaluated(definition: Json, names: Names) -> Json:
    """Evaluate the templates of a task, or of one beside it, in a copy. Raises Unusable."""
    done = dict(definition)
    for key in _TEMPLATES:
        if done.get(key):
            done[key] = texts.rendered(done[key], names)
    for key in ("env", "registry"):
        if done.get(key):
            done[key] = rendered_values(done[key], names)
    if done.get("cmd"):
        done["cmd"] = [texts.rendered(word, names) for word in done["cmd"]]
    for key in _AUXILIARY:
        if done.get(key):
            done[key] = [evaluated(one, names) for one in done[key]]
    return done


def rendered_values(given: Mapping[str, str], names: Names) -> dict[str, str]:
    """Evaluate the values of a mapping, whose keys are no templates. Raises Unusable."""
    return {key: texts.rendered(text, names) for key, text in given.items()}


def _fill(payload: Json, defaults: Json) -> None:
    """Take from the job's defaults what the task does not say itself."""
    for key in _DEFAULTED:
        if payload.get(key) in _UNSET and defaults.get(key):
            payload[key] = defaults[key]
    payload["queue"] = payload.get("queue") or QUEUE
    limits = defaults.get("limits")
    if limits:
        if not payload.get("limits"):
            payload["plan"] = {"defaulted": ["limits"]}
        payload["limits"] = {**limits, **(payload.get("limits") or {})}


def task(
    payload: Json, scope: Scope, *, state: str | None = None, error: str | None = None
) -> TaskSpec:
    """Put an evaluated definition where it belongs. state: of one that is over when created."""
    return TaskSpec(
        # The name is a column that is listed and searched; the payload keeps the real one.
        name=scope.secrets.mask(payload.get("name") or ""),
        payload=payload,
        queue=payload.get("queue") or QUEUE,
        parent=scope.parent,
        position=scope.position,
        priority=payload.get("priority") or 0,
        state=state,
        error=error,
    )


def _delay_s(rule: Mapping[str, Any], made: int) -> float:
    first_s = seconds(rule.get("initialDelay") or "0") or 0.0
    return min(first_s * float(rule.get("scalingFactor") or 1) ** made, LONGEST_DELAY_S)
