"""`/ui/jobs`: jobs of every dialect, found, looked at and changed many at once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from app.api import DIALECTS
from app.api.http.fanout import Wanted
from app.api.http.site import services
from app.api.jobyard.errors import BadRequest
from app.api.jobyard.service import jobs
from app.domain.events import EventKind
from app.domain.records import Json, Scope
from app.domain.states import JobState
from app.web import bulk, filters
from app.web.doings import note
from app.web.frame import Page, page, show
from app.web.live import View, offer
from app.web.spans import lasted
from app.web.visitors import Visitor
from config.settings import Settings

JOBS = Page("Jobs", "/ui/jobs", "Work")
JOB_EVENTS = frozenset(kind for kind in EventKind if kind.startswith("job."))
DIALECT_NAMES = sorted(dialect.name for dialect in DIALECTS if dialect.name != "system")
_NOTHING: Json = {"items": [], "next": None}


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""
    offer(blueprint, "jobs", View(_draw, _wanted))

    @page(blueprint, JOBS.path)
    def list_jobs() -> ResponseReturnValue:
        wanted, after = filters.given(request.args), request.args.get("after", "")
        faults: Mapping[str, str] = {}
        try:
            found = _found(wanted, after)
        except BadRequest as error:
            found, faults = _NOTHING, error.faults or {"": str(error)}
        html = show(
            "jobs/list.html",
            JOBS.path,
            wanted=wanted,
            after=after,
            faults=faults,
            query=filters.as_query(wanted),
            live_query=filters.as_query(wanted, after=after),
            states=list(JobState),
            dialects=DIALECT_NAMES,
            types=sorted(services().plugins.interfaces),
            count=_count(wanted),
            most=bulk.MOST,
            **_words(found, wanted, after),
        )
        return html, 400 if faults else 200

    @page(blueprint, "/ui/jobs/<any(cancel, restart, delete):name>", Scope.CONTROL, method="POST")
    def change_jobs(name: str) -> ResponseReturnValue:
        wanted = filters.given(request.args)
        for sentence in _changed(bulk.ACTIONS[name], wanted):
            flash(sentence)
        query = filters.as_query(wanted, after=request.args.get("after"))
        return redirect(f"{JOBS.path}?{query}" if query else JOBS.path, 303)

    return [JOBS]


def _changed(action: bulk.Action, wanted: Mapping[str, str]) -> Iterator[str]:
    """Do something to the jobs that the form names; tell what became of it."""
    is_all = True
    if request.form.get("which") == "all":
        chosen, is_all = bulk.matching(services(), action, wanted)
    else:
        chosen = list(dict.fromkeys(request.form.getlist("id")))
    if len(chosen) > bulk.MOST:
        abort(413)
    if not chosen:
        yield "There was no job to change."
        return
    outcome = bulk.done(services(), action, chosen)
    for job_id in outcome.done:
        note(f"job.{action.name}", job_id)
    yield from outcome.sentences(action)
    if not is_all:
        yield f"More than {bulk.MOST:,} match; the rest is left as it was."


def _found(wanted: Mapping[str, str], after: str) -> Json:
    args = filters.as_args(wanted)
    if after:
        args["after"] = after
    return jobs.find(services(), args)


def _words(found: Json, wanted: Mapping[str, str], after: str) -> dict[str, Any]:
    """Give what the part that lives is made of."""
    now = services().engine.clock.now()
    items = [
        {**job, "lasted": lasted(job["started_at"], job["ended_at"], now)} for job in found["items"]
    ]
    following = filters.as_query(wanted, after=found["next"]) if found["next"] else None
    newest = filters.as_query(wanted) if after else None
    return {"items": items, "following": following, "newest": newest, "narrowed": bool(wanted)}


def _count(wanted: Mapping[str, str]) -> int | None:
    """Give how many match where that is known without looking."""
    if set(wanted) - {"dialect"}:
        return None
    return services().engine.browse.job_count(wanted.get("dialect"))


def _draw(args: Mapping[str, str], _visitor: Visitor) -> dict[str, str]:
    wanted, after = filters.given(MultiDict(args)), args.get("after", "")
    try:
        found = _found(wanted, after)
    except BadRequest:
        found = _NOTHING
    count = _count(wanted)
    return {
        "list": render_template("ui/jobs/rows.html", **_words(found, wanted, after)),
        "count": "" if count is None else f"{count:,} in all",
    }


def _wanted(args: Mapping[str, str]) -> Wanted:
    return Wanted(dialect=args.get("dialect") or None, kinds=JOB_EVENTS)
