"""Tasks that hold others: `parallel`, `each`, `subjob`.

A composite holds no worker's slot. Its children are made with it and, where `each.concurrency`
bounds them, wait CREATED until one before them ends. A child that is a composite itself cannot
wait like that, for its own children would not: such a one is made only when its turn has come, from
the list kept in the payload of the `each`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.hooks import Advance, Fail, JobSpec, JobView, Json, TaskEnd, TaskView
from plugins.workflow import making, texts, webhooks
from plugins.workflow.making import MOST_ITEMS, Made, Scope
from plugins.workflow.quantities import seconds
from plugins.workflow.texts import Unusable

KEYS = ("parallel", "each", "subjob")
ITEM = "item"
TYPE = "workflow"


def make(definition: Json, scope: Scope) -> Made:
    """Make a task of any kind, a composite with all that it holds."""
    kind = _kind(definition)
    if kind is None:
        return making.regular(definition, scope)
    names = scope.names
    try:
        scope.budget.take()
        wanted = making.condition(definition, names)
        if wanted == "false":
            return making.skipped(definition, scope, wanted)
        payload = making.evaluated(definition, names)
        if wanted is not None:
            payload["if"] = wanted
        if kind == "parallel":
            return _parallel(payload, scope)
        return _each(payload, scope) if kind == "each" else _subjob(payload, scope)
    except Unusable as fault:
        return making.failed(definition, scope, str(fault))


def child_ended(job: JobView, task: TaskView, state: Json) -> Advance:
    """Follow the end of a child that completed or was skipped.

    state: what is remembered, the child's result included.
    """
    parent = task.parent
    if parent is None:
        raise ValueError(f"task {task.id} is no child")
    if "values" in parent.payload.get("plan", {}):
        return _in_turn(job, parent, state)
    if not parent.children_open:
        return Advance(ends=[TaskEnd(task_id=parent.id)], state=state)
    if (parent.payload.get("each") or {}).get("concurrency"):
        return Advance(release={parent.id: 1}, state=state)
    return Advance(state=state)


def _kind(definition: Mapping[str, Any]) -> str | None:
    return next((key for key in KEYS if definition.get(key)), None)


def _parallel(payload: Json, scope: Scope) -> Made:
    inner = replace(scope, parent=None)
    children = [make(child, inner) for child in payload["parallel"]["tasks"]]
    return _composite(payload, scope, children)


def _each(payload: Json, scope: Scope) -> Made:
    each = payload["each"]
    values = texts.value(each["list"], scope.names)
    if not isinstance(values, list | tuple):
        raise Unusable("each.list does not evaluate to a list")
    if len(values) > MOST_ITEMS:
        raise Unusable(f"each.list has {len(values)} elements, more than {MOST_ITEMS}")
    payload = {**payload, "each": {**each, "size": len(values)}}
    places = each.get("concurrency") or len(values)
    inner = replace(scope, parent=None)
    if _kind(each["task"]) is None:
        children = [_item(each, inner, index, item) for index, item in enumerate(values)]
        return _composite(payload, scope, _hold(children, places))
    children, reached = _until_open(each, inner, values, 0, places)
    if reached < len(values):
        payload["plan"] = {
            "values": [_plain(item) for item in values],
            "items": {name: _plain(item) for name, item in scope.items.items()},
            "first": reached,
        }
    return _composite(payload, scope, children)


def _subjob(payload: Json, scope: Scope) -> Made:
    """Make the task that starts a job; its tasks and output are evaluated there, not here."""
    names = scope.names
    given = payload["subjob"]
    sub = dict(given)
    sub["name"] = texts.rendered(given["name"], names)
    for key in ("inputs", "secrets"):
        if given.get(key):
            sub[key] = making.rendered_values(given[key], names)
    if given.get("webhooks"):
        sub["webhooks"] = [_webhook(one, names) for one in given["webhooks"]]
    outside = ("name", "description", "detached")
    permissions = scope.job.spec.get("permissions")
    after = (sub.get("autoDelete") or {}).get("after")
    job = JobSpec(
        name=sub["name"],
        type=TYPE,
        spec={
            **{key: said for key, said in sub.items() if key not in outside},
            **({"permissions": permissions} if permissions else {}),
        },
        description=sub.get("description") or "",
        task_count=len(sub["tasks"]),
        detached=bool(sub.get("detached")),
        watches=webhooks.watches(sub),
        delete_after_s=seconds(after) or 0.0 if after else None,
    )
    task = making.task({**payload, "subjob": sub}, scope)
    return Made(replace(task, kind="job", job=job))


def _webhook(given: Json, names: texts.Names) -> Json:
    """Evaluate a sub-job's webhook here; marked, so that the sub-job does not do so again."""
    done = {**given, "url": texts.rendered(given["url"], names), "evaluated": True}
    if given.get("headers"):
        done["headers"] = making.rendered_values(given["headers"], names)
    return done


def _composite(payload: Json, scope: Scope, children: list[Made]) -> Made:
    task = replace(
        making.task(payload, scope),
        kind="composite",
        children=tuple(child.task for child in children),
        # One that holds nothing open is over: no end of a child would ever end it.
        state=None if any(child.task.state is None for child in children) else "COMPLETED",
    )
    return Made(task, next((child.fault for child in children if child.fault), None))


def _item(each: Json, scope: Scope, index: int, item: object) -> Made:
    name = each.get("var") or ITEM
    items = {**scope.items, name: {"index": str(index), "value": item}}
    return make(each["task"], replace(scope, items=items))


def _hold(children: list[Made], places: int) -> list[Made]:
    """Let as many children go as there are places; those that are over already take none."""
    done = []
    for child in children:
        if child.task.state is None:
            places -= 1
        held = child.task.state is None and places < 0
        done.append(replace(child, task=replace(child.task, held=True)) if held else child)
    return done


def _until_open(
    each: Json, scope: Scope, values: Sequence[object], index: int, places: int
) -> tuple[list[Made], int]:
    """Make elements from an index on until so many are open, or one cannot be made.

    Gives them, and the index that comes next.
    """
    made: list[Made] = []
    while places > 0 and index < len(values):
        one = _item(each, scope, index, values[index])
        made.append(one)
        index += 1
        if one.fault is not None:
            break
        if one.task.state is None:
            places -= 1
    return made, index


def _in_turn(job: JobView, parent: TaskView, state: Json) -> Advance:
    """Make the next element of a list whose body is a composite, or end the list's task."""
    kept = parent.payload["plan"]
    turns = dict(state.get("next") or {})
    scope = Scope(
        job=job,
        results=state["tasks"],
        position=parent.position,
        items=kept["items"],
        parent=parent.id,
    )
    index = turns.pop(str(parent.id), kept["first"])
    made, index = _until_open(parent.payload["each"], scope, kept["values"], index, 1)
    fault = next((one.fault for one in made if one.fault), None)
    over = not parent.children_open and all(one.task.state is not None for one in made)
    if not over:
        turns[str(parent.id)] = index
    return Advance(
        tasks=[one.task for one in made],
        ends=[TaskEnd(task_id=parent.id)] if over and fault is None else [],
        end=None if fault is None else Fail(fault),
        state={**state, "next": turns},
    )


def _plain(value: object) -> Any:
    """Make a value of expressions JSON; a point in time or a length of it becomes text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return texts.as_text(value)
