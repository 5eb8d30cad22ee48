"""`/ui/tasks`, `/ui/tasks/<id>`: tasks of every dialect, with a job or without."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from app.api.http.fanout import Wanted
from app.api.http.site import services
from app.api.jobyard import query, words
from app.api.jobyard.errors import BadRequest
from app.api.jobyard.masking import Mask
from app.api.jobyard.service import tasks
from app.api.jobyard.service.tasks import mask_of
from app.domain.clock import rfc3339
from app.domain.errors import JobNotFound, TaskNotFound
from app.domain.events import EventKind
from app.domain.records import Json, Task
from app.domain.states import FINAL_TASK, TaskState
from app.web import filters
from app.web.frame import Page, page, show
from app.web.live import View, offer
from app.web.routes.jobs import JOBS
from app.web.spans import lasted, span
from app.web.visitors import Visitor
from config.settings import Settings

TASKS = "/ui/tasks"
FIELDS = ("state", "queue")
SIZE = 50
ATTEMPTS = 200
_TASK_EVENTS = frozenset(kind for kind in EventKind if kind.startswith(("task.", "group.")))


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""
    offer(blueprint, "tasks", View(_draw_list, lambda _args: Wanted(kinds=_TASK_EVENTS)))
    offer(blueprint, "task", View(_draw_task, _wanted))

    @page(blueprint, TASKS)
    def list_tasks() -> ResponseReturnValue:
        wanted, before = filters.given(request.args, FIELDS), request.args.get("before", "")
        faults: Mapping[str, str] = {}
        try:
            listed = _listed(wanted, before)
        except BadRequest as error:
            listed, faults = {}, error.faults
        html = show(
            "tasks/list.html",
            JOBS.path,
            wanted=wanted,
            faults=faults,
            states=list(TaskState),
            live_query=filters.as_query(wanted, before=before),
            **listed,
        )
        return html, 400 if faults else 200

    @page(blueprint, "/ui/tasks/<key>")
    def show_task(key: str) -> ResponseReturnValue:
        number = query.whole(key)
        if number is None:
            abort(404)
        task = tasks.get(services(), number)
        return show("tasks/task.html", JOBS.path, **task_words(task), **_tries(task))

    return []


def task_words(task: Json) -> dict[str, Any]:
    """Give what stands at the top of each of a task's pages."""
    engine = services().engine
    now = engine.clock.now()
    job = None
    if task["job_id"] is not None:
        record = engine.jobs.get(task["job_id"])
        name = Mask.of_job(services(), record).text(record.name)
        job = {"id": record.id, "name": name}
    return {
        "task": task,
        "job": job,
        "worker": engine.browse.worker_names([task["worker_id"] or 0]).get(task["worker_id"]),
        "started_job": engine.tasks.get(task["id"]).starts_job_id,
        "lasted": lasted(task["started_at"], task["ended_at"], now),
        "is_over": task["state"] in FINAL_TASK,
    }


def _tries(task: Json) -> dict[str, Any]:
    """Give the attempts of a task, the last first."""
    engine = services().engine
    now = engine.clock.now()
    found = engine.browse.attempts([task["id"]], limit=ATTEMPTS)
    names = engine.browse.worker_names([one.worker_id for one in found])
    mask = mask_of(services(), engine.tasks.get(task["id"]))
    return {
        "attempts": [
            {
                "number": one.number,
                "state": one.state,
                "worker_id": one.worker_id,
                "worker": names.get(one.worker_id),
                "leased_at": rfc3339(one.leased_at),
                "lasted": span((one.ended_at or now) - one.leased_at),
                "error": mask.text(one.error),
            }
            for one in reversed(found)
        ]
    }


def _listed(wanted: Mapping[str, str], before: str) -> dict[str, Any]:
    """Give a page of tasks, newest first. Raises BadRequest."""
    states = query.some(wanted, "state", TaskState)
    place = query.whole(before) if before else None
    if before and place is None:
        raise BadRequest("the query is not valid", before="must be the number of a task")
    engine = services().engine
    with engine.store.session():
        found, following = engine.browse.tasks(
            states=states, queue=query.text(wanted, "queue"), before=place, limit=SIZE
        )
        items = _documents(found)
    more = filters.as_query(wanted, before=str(following)) if following is not None else None
    return {
        "items": items,
        "following": more,
        "is_full": len(items) == SIZE,
        "newest": filters.as_query(wanted) if before else None,
        "narrowed": bool(wanted),
    }


def _documents(found: Sequence[Task]) -> list[Json]:
    """Give tasks as our API does, with the names of their jobs, but those deleted meanwhile."""
    engine = services().engine
    now = engine.clock.now()
    known: dict[str | None, tuple[Mask, str | None]] = {}
    items: list[Json] = []
    for task in found:
        if task.job_id is None:
            mask, name = Mask(task.payload), None
        else:
            if task.job_id not in known:
                try:
                    job = engine.jobs.get(task.job_id)
                except JobNotFound:
                    continue
                its = Mask.of_job(services(), job)
                known[task.job_id] = its, its.text(job.name)
            mask, name = known[task.job_id]
        shown = words.task(task, mask)
        took = lasted(shown["started_at"], shown["ended_at"], now)
        items.append({**shown, "job_name": name, "lasted": took})
    return items


def _draw_list(args: Mapping[str, str], _visitor: Visitor) -> dict[str, str]:
    wanted = filters.given(MultiDict(args), FIELDS)
    try:
        listed = _listed(wanted, args.get("before", ""))
    except BadRequest:
        return {}
    return {"list": render_template("ui/tasks/rows.html", **listed)}


def _draw_task(args: Mapping[str, str], _visitor: Visitor) -> dict[str, str]:
    try:
        task = tasks.get(services(), query.whole(args.get("id", "")) or 0)
        shown = {**task_words(task), **_tries(task)}
    except (TaskNotFound, JobNotFound):
        return {"head": render_template("ui/tasks/gone.html")}
    return {
        "head": render_template("ui/tasks/head.html", **shown),
        "body": render_template("ui/tasks/body.html", **shown),
    }


def _wanted(args: Mapping[str, str]) -> Wanted:
    # Of a task alone there are few events, and none that says which job they are of.
    return Wanted(job_id=args.get("job") or None, kinds=_TASK_EVENTS)
