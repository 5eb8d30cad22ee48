"""`/ui/jobs/<id>`: a job with its tasks drawn, what it was given, gave, and what happened to it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from app.api.http.fanout import Wanted
from app.api.http.site import services
from app.api.jobyard import words
from app.api.jobyard.service import jobs, tasks
from app.domain.errors import IllegalMove, JobNotFound
from app.domain.records import Json, Scope
from app.domain.states import FINAL_JOB
from app.web import graph, timeline
from app.web.bulk import ACTIONS
from app.web.doings import note
from app.web.frame import Page, page, show
from app.web.live import View, offer
from app.web.routes.jobs import JOBS
from app.web.spans import lasted
from app.web.visitors import Visitor
from config.settings import Settings

DRAWN = 500
"""Tasks that a graph is made of, at most."""
ROWS = "50"
EVENTS = 100


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""
    offer(blueprint, "job", View(_draw, _wanted))

    @page(blueprint, "/ui/jobs/<job_id>")
    def show_job(job_id: str) -> ResponseReturnValue:
        job = jobs.get(services(), job_id)
        after = request.args.get("after", "")
        return show(
            "job/job.html",
            JOBS.path,
            spec=_pretty(job["spec"]),
            **head(job),
            **_body(job, after),
        )

    @page(blueprint, "/ui/jobs/<job_id>/<any(cancel, restart):name>", Scope.CONTROL, method="POST")
    def change_job(job_id: str, name: str) -> ResponseReturnValue:
        action = ACTIONS[name]
        if _try(lambda: action.do(services(), job_id), f"{action.past} this job."):
            note(f"job.{name}", job_id)
        return redirect(f"{JOBS.path}/{job_id}", 303)

    @page(blueprint, "/ui/jobs/<job_id>/delete", Scope.CONTROL, method="POST")
    def delete_job(job_id: str) -> ResponseReturnValue:
        name = jobs.get(services(), job_id)["name"] or job_id
        is_gone = _try(lambda: jobs.delete(services(), job_id), f"Deleted the job {name[:80]}.")
        if is_gone:
            note("job.delete", job_id)
        return redirect(JOBS.path if is_gone else f"{JOBS.path}/{job_id}", 303)

    return []


def head(job: Json) -> dict[str, Any]:
    """Give what stands at the top of each of a job's pages."""
    now = services().engine.clock.now()
    return {
        "job": job,
        "done": job["tasks_total"] - job["tasks_open"],
        "total": max(job["tasks_total"], job["task_count"]),
        "lasted": lasted(job["started_at"], job["ended_at"], now),
        "waited": lasted(job["created_at"], job["started_at"] or job["ended_at"], now),
        "is_over": job["state"] in FINAL_JOB,
        "can_restart": job["state"] in ("FAILED", "CANCELLED"),
    }


def _try(change: Callable[[], object], said: str) -> bool:
    try:
        change()
    except IllegalMove as error:
        state = str(error.facts.get("current", "")).lower()
        flash(f"That is not possible: the job is {state} by now.")
        return False
    flash(said)
    return True


def _body(job: Json, after: str) -> dict[str, Any]:
    """Give what is drawn of a job: its graph, and a page of its tasks with their attempts."""
    engine = services().engine
    args = MultiDict({"size": ROWS, **({"after": after} if after else {})})
    listed = tasks.find(services(), job["id"], args)
    drawn = listed
    if after or listed["next"]:
        drawn = tasks.find(services(), job["id"], MultiDict({"size": str(DRAWN)}))
    ids = [task["id"] for task in listed["items"]]
    tries = engine.browse.attempts(ids)
    names = engine.browse.worker_names([one.worker_id for one in tries])
    now = engine.clock.now()
    needs = engine.browse.needs([task["id"] for task in drawn["items"]])
    record = engine.jobs.get(job["id"])
    happened, is_all = engine.browse.events(record, limit=EVENTS)
    return {
        "graph": graph.draw(drawn["items"], needs) if drawn["items"] else None,
        "timeline": timeline.draw(listed["items"], tries, dict(names), now),
        "wide": timeline.WIDTH,
        "tasks": [
            {**task, "lasted": lasted(task["started_at"], task["ended_at"], now)}
            for task in listed["items"]
        ],
        "workers": names,
        "next": listed["next"],
        "after": after,
        "events": [words.event(event) for event in reversed(happened)],
        "all_events": is_all,
        "served": [task for task in listed["items"] if task["addresses"]],
    }


def _pretty(spec: object) -> str:
    return orjson.dumps(spec, option=orjson.OPT_INDENT_2).decode("utf-8", "replace")


def _draw(args: Mapping[str, str], _visitor: Visitor) -> dict[str, str]:
    job_id = args.get("id", "")
    try:
        job = jobs.get(services(), job_id)
        shown = {**head(job), **_body(job, args.get("after", ""))}
    except JobNotFound:
        return {"head": render_template("ui/job/gone.html")}
    return {
        name: render_template(f"ui/job/{name}.html", **shown)
        for name in ("head", "outcome", "graph", "timeline", "tasks", "events")
    }


def _wanted(args: Mapping[str, str]) -> Wanted:
    # A job that is not named is none, rather than all.
    return Wanted(job_id=args.get("id") or "-")
