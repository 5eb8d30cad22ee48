"""`/ui/schedules`: what submits jobs by the clock, of every dialect."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.api.http.fanout import Wanted
from app.api.http.site import services
from app.api.jobyard import query, words
from app.api.jobyard.masking import Mask
from app.api.jobyard.service import schedules as service
from app.api.mantis.definitions import Wanted as NewJob
from app.api.mantis.service import submits
from app.api.mantis.tables import DIALECT as MANTIS
from app.domain.clock import rfc3339
from app.domain.cron import CronInvalid
from app.domain.errors import EngineError
from app.domain.events import EventKind
from app.domain.records import JobFilter, Json, Schedule, Scope
from app.domain.submission import Submission
from app.web import addresses
from app.web.doings import note
from app.web.frame import Page, page, show
from app.web.live import Args, Parts, View, offer
from app.web.visitors import Visitor, visitor
from app.wiring import Services
from config.settings import Settings

SCHEDULES = Page("Schedules", "/ui/schedules", "Work")
STATES = ("ACTIVE", "PAUSED")
SIZE = 100
NEXT = 5
LAST = 10
OVERLAPS = {
    "allow": "runs may overlap",
    "keep": "skipped while an earlier run goes on",
    "replace": "an earlier run is cancelled",
    "queue": "runs wait for each other",
}
MISSED = {"skip": "skipped", "once": "made up for once"}
CHANGES = frozenset(kind for kind in EventKind if kind.startswith("job."))


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""

    @page(blueprint, SCHEDULES.path)
    def list_schedules() -> ResponseReturnValue:
        return show("schedules/index.html", SCHEDULES.path, **listed(services(), request.args))

    @page(blueprint, f"{SCHEDULES.path}/<schedule_id>")
    def get_schedule(schedule_id: str) -> ResponseReturnValue:
        found = shown(services(), query.clean(schedule_id), visitor())
        return show("schedules/schedule.html", SCHEDULES.path, **found)

    @page(blueprint, f"{SCHEDULES.path}/<schedule_id>", Scope.CONTROL, method="POST")
    def change_schedule(schedule_id: str) -> ResponseReturnValue:
        found = services().engine.schedules.get(query.clean(schedule_id))
        return redirect(_change(services(), found, request.form.get("wanted", "")), 303)

    wanted = Wanted(kinds=CHANGES)
    offer(blueprint, "schedules", View(_draw_list, lambda _args: wanted))
    offer(blueprint, "schedule", View(_draw_one, lambda _args: wanted))
    return [SCHEDULES]


def _draw_list(args: Args, _who: Visitor) -> Parts:
    return {"schedules": render_template("ui/schedules/list.html", **listed(services(), args))}


def _draw_one(args: Args, who: Visitor) -> Parts:
    found = shown(services(), args.get("id", ""), who)
    return {"schedule": render_template("ui/schedules/one.html", **found)}


def _change(services: Services, found: Schedule, wanted: str) -> str:
    """Do what is wanted to a schedule; give where to look then."""
    here = f"{SCHEDULES.path}/{found.id}"
    if wanted == "run":
        job_id = _run(services, found)
        note("schedule.run", found.id, job=job_id)
        flash("A job was submitted.")
        return f"/ui/jobs/{job_id}"
    if wanted == "pause":
        service.pause(services, found.id)
        flash("It does not fire until it is resumed.")
    elif wanted == "resume":
        service.resume(services, found.id)
        flash("It fires again.")
    elif wanted == "delete" and found.dialect != MANTIS:
        service.delete(services, found.id)
        flash("The schedule is deleted; the jobs that it submitted stay.")
        here = SCHEDULES.path
    else:
        abort(400)
    note(f"schedule.{wanted}", found.id)
    return here


def _run(services: Services, found: Schedule) -> str:
    if found.dialect != MANTIS:
        return services.engine.schedules.fire(found.id).id
    # What a cluster runs is decided by its dialect.
    wanted = NewJob(name=found.name, user=visitor().name or "anybody")
    return submits.submit(services, wanted).job_id


def listed(services: Services, args: Args) -> dict[str, Any]:
    """Give a page of schedules, newest first."""
    dialect, state = query.text(args, "dialect"), args.get("state")
    state = state if state in STATES else None
    key = args.get("after", "")
    found = services.engine.schedules.behind(
        query.pair({"after": key}, "after"), dialect=dialect, state=state, limit=SIZE + 1
    )
    more = f"{found[SIZE - 1].created_at}-{found[SIZE - 1].id}" if len(found) > SIZE else None
    kept = {"dialect": dialect, "state": state}
    return {
        "schedules": [_shown(services, each) for each in found[:SIZE]],
        "given": kept,
        "states": STATES,
        "dialects": ("tork", MANTIS),
        "more": more and addresses.query(**kept, after=more),
        "query": addresses.query(**kept, after=key),
    }


def _shown(services: Services, schedule: Schedule) -> Json:
    template = Submission.from_json(schedule.template)
    document = words.schedule(schedule, template, Mask.of_template(services, template))
    return {**document, "words": in_words(services, schedule)}


def in_words(services: Services, schedule: Schedule) -> str:
    """Say when a schedule fires; as it is written where nobody can read it any more."""
    try:
        return services.engine.schedules.in_words(schedule)
    except CronInvalid:
        return schedule.cron


def next_fires(services: Services, schedule: Schedule, count: int) -> list[str]:
    """Give when it fires next; nothing where nobody knows."""
    try:
        return [rfc3339(at) for at in services.engine.schedules.next_fires(schedule, count)]
    except (CronInvalid, EngineError):
        return []


def shown(services: Services, schedule_id: str, who: Visitor) -> dict[str, Any]:
    """Give a schedule, when it fires next, and its latest jobs. Raises ScheduleNotFound."""
    engine = services.engine
    with engine.store.session():
        found = engine.schedules.get(schedule_id)
        jobs = engine.jobs.behind(JobFilter(schedule_id=found.id), limit=LAST)
        is_active = found.state == STATES[0]
        verbs = ["run", "pause" if is_active else "resume"]
        verbs += [] if found.dialect == MANTIS else ["delete"]
        return {
            "schedule": _shown(services, found),
            "next": next_fires(services, found, NEXT) if is_active else [],
            "jobs": [words.summary(job, Mask.of_job(services, job)) for job in jobs],
            "overlap": OVERLAPS.get(found.overlap, found.overlap),
            "missed": MISSED.get(found.missed, found.missed),
            "cluster": found.name if found.dialect == MANTIS else None,
            "verbs": verbs if who.may(Scope.CONTROL) else (),
        }
