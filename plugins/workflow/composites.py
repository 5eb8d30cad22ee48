"""Tasks that hold others: `parallel`, `each`, `subjob`.

A composite holds no worker's slot. Its children are made with it and, where `each.concurrency`
bounds them, wait CREATED until one before them ends. A child that is a composite itself cannot
wait like that, for its own children would not: such a one is made only when its turn has come.

Of a long list only so many elements are made ahead that the workers never wait for the next one: an
answer, and the transaction that stores it, stay small. The list is kept in the payload of the
`each`, as text that is read only when the next elements are made, as others end.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.hooks import Advance, Fail, JobSpec, JobView, Json, TaskEnd, TaskView
from plugins.workflow import making, texts, webhooks
from plugins.workflow.making import AHEAD, MOST_ITEMS, STEP, Made, Scope
from plugins.workflow.quantities import seconds
from plugins.workflow.secrecy import Secrets
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
    each = parent.payload.get("each") or {}
    # With fewer open than there are places, none is held back any more.
    places = each.get("concurrency") or 0
    waits = 0 < places <= parent.children_open and _kind(each["task"]) is None
    release = {parent.id: 1} if waits else {}
    if _next(parent, state) < each.get("size", 0):
        return replace(_further(job, parent, state), release=release)
    if parent.children_open:
        return Advance(release=release, state=state)
    return _over(parent, state)


def tolerating(job: JobView, task: TaskView) -> Json | None:
    """Give what is remembered of the job when it goes on without a task that failed for good.

    None: it does not. One that could not even be made has no second chance of this kind either.
    """
    if task.payload.get("plan", {}).get("unusable"):
        return None
    if task.payload.get("allowFailure"):
        return job.state
    parent = task.parent
    if parent is None:
        return None
    kind = _kind(parent.payload)
    most = parent.payload[kind].get("maxFailures", 0) if kind else 0
    counts = dict(job.state.get("failed") or {})
    counts[str(parent.id)] = failed = counts.get(str(parent.id), 0) + 1
    return {**job.state, "failed": counts} if failed <= most else None


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
    children, reached = _some(each, replace(scope, parent=None), values, first=0, open_now=0)
    if reached < len(values):
        payload["plan"] = {
            "values": json.dumps([_plain(item) for item in values]),
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
    secrets = scope.secrets
    made = secrets.add((sub.get("secrets") or {}).values())
    if given.get("webhooks"):
        sub["webhooks"] = [_webhook(one, names) for one in given["webhooks"]]
    name = made(secrets.mask(sub["name"]))
    outside = ("description", "detached", *(["name"] if name == sub["name"] else []))
    permissions = scope.job.spec.get("permissions")
    after = (sub.get("autoDelete") or {}).get("after")
    job = JobSpec(
        name=name,
        type=TYPE,
        spec={
            **{key: said for key, said in sub.items() if key not in outside},
            **({"permissions": permissions} if permissions else {}),
            **secrets.inherited,
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


def _some(
    each: Json, scope: Scope, values: Sequence[object], *, first: int, open_now: int
) -> tuple[list[Made], int]:
    """Make elements from an index on until enough are open, or one cannot be made.

    open_now: how many there are already. Those for which there is no place yet are held back,
    but for composites: they are not made. Gives them, and the index that comes next.
    """
    places = min(each.get("concurrency") or len(values), len(values))
    holds_back = _kind(each["task"]) is None
    most = AHEAD if holds_back else min(places, AHEAD)
    made: list[Made] = []
    index = first
    while index < len(values) and open_now < most and not (open_now and scope.budget.spent):
        one = _item(each, scope, index, values[index])
        index += 1
        if one.task.state is None:
            open_now += 1
            if holds_back and open_now > places:
                one = replace(one, task=replace(one.task, held=True))
        made.append(one)
        if one.fault is not None:
            break
    return made, index


def _next(parent: TaskView, state: Json) -> int:
    """Give the index of the element of a list to be made next; beyond its end, all are made."""
    first = parent.payload.get("plan", {}).get("first", MOST_ITEMS)
    return int((state.get("next") or {}).get(str(parent.id), first))


def _further(job: JobView, parent: TaskView, state: Json) -> Advance:
    """Make the next elements of a list of which not all are made."""
    each, kept = parent.payload["each"], parent.payload["plan"]
    if _kind(each["task"]) is None and parent.children_open > AHEAD - STEP:
        return Advance(state=state)
    secrets = Secrets(job)
    scope = Scope(
        job=job,
        secrets=secrets,
        results=state["tasks"],
        position=parent.position,
        items=kept["items"],
        parent=parent.id,
    )
    values = json.loads(kept["values"])
    made, index = _some(
        each, scope, values, first=_next(parent, state), open_now=parent.children_open
    )
    tasks = [one.task for one in made]
    state = {**state, **secrets.state}
    for one in made:
        if one.fault is not None:
            return Advance(tasks=tasks, end=Fail(one.fault), state=state)
    if not parent.children_open and all(task.state is not None for task in tasks):
        return replace(_over(parent, state), tasks=tasks)
    turns = {**(state.get("next") or {}), str(parent.id): index}
    return Advance(tasks=tasks, state={**state, "next": turns})


def _over(parent: TaskView, state: Json) -> Advance:
    """End a composite, and forget how far it was and what it has borne."""
    kept = dict(state)
    for key in ("next", "failed"):
        if key in kept:
            kept[key] = {of: count for of, count in kept[key].items() if of != str(parent.id)}
    return Advance(ends=[TaskEnd(task_id=parent.id)], state=kept)


def _plain(value: object) -> Any:
    """Make a value of expressions JSON; a point in time or a length of it becomes text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return texts.as_text(value)
