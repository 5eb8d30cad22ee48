"""`/ui/waiting`: who waits for a slot, who has them, and changing the order."""

from collections.abc import Sequence
from typing import Any, get_args

from flask import Blueprint, abort, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.api.http.fanout import Wanted
from app.api.http.site import services
from app.api.jobyard import query, words
from app.api.jobyard.masking import Mask
from app.api.manticore.service import requests as manticore
from app.domain.clock import rfc3339
from app.domain.errors import ScheduleNotFound
from app.domain.events import EventKind
from app.domain.records import Job, Json, Scope
from app.domain.waiting import Pool, Turn
from app.web import addresses
from app.web.doings import note
from app.web.frame import Page, page, show
from app.web.live import Args, Parts, View, offer
from app.web.visitors import Visitor, visitor
from app.wiring import Services
from config.settings import Settings

WAITING = Page("Waiting list", "/ui/waiting", "Work")
SIZE = 50
POOLS = 50
HOLDERS = 50
TURNS: dict[str, Turn] = {turn: turn for turn in get_args(Turn)}
LONGEST_REASON = 500
REMOVED = "removed from the waiting list"
CHANGES = frozenset(
    {
        EventKind.JOB_WAITING,
        EventKind.JOB_MOVED,
        EventKind.JOB_SCHEDULED,
        EventKind.JOB_STARTED,
        EventKind.JOB_RESTARTED,
        EventKind.JOB_COMPLETED,
        EventKind.JOB_FAILED,
        EventKind.JOB_CANCELLED,
        EventKind.JOB_DELETED,
    }
)


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""

    @page(blueprint, WAITING.path)
    def list_waiting() -> ResponseReturnValue:
        return show(
            "waiting/index.html", WAITING.path, **shown(services(), request.args, visitor())
        )

    @page(blueprint, f"{WAITING.path}/<job_id>/move", Scope.CONTROL, method="POST")
    def move(job_id: str) -> ResponseReturnValue:
        turn = TURNS.get(request.form.get("turn", ""))
        if turn is None:
            abort(400)
        found = services().engine.waiting.move(query.clean(job_id), turn)
        note("waiting.move", job_id, turn=turn)
        flash(f"It has position {found.position} now.")
        return redirect(_back(found.pool), 303)

    @page(blueprint, f"{WAITING.path}/<job_id>/remove", Scope.CONTROL)
    def ask_to_remove(job_id: str) -> ResponseReturnValue:
        entry = services().engine.waiting.entry(query.clean(job_id))
        job = services().engine.jobs.get(entry.job_id)
        return show(
            "waiting/remove.html",
            WAITING.path,
            entry=entry,
            job=_summary(services(), job),
            back=_back(entry.pool),
            longest=LONGEST_REASON,
        )

    @page(blueprint, f"{WAITING.path}/<job_id>/remove", Scope.CONTROL, method="POST")
    def remove(job_id: str) -> ResponseReturnValue:
        entry = services().engine.waiting.entry(query.clean(job_id))
        job = services().engine.jobs.get(entry.job_id)
        reason = " ".join(query.clean(request.form.get("reason", "")).split())[:LONGEST_REASON]
        if job.dialect == manticore.DIALECT:
            manticore.remove(services(), job.id, reason)
        else:
            services().engine.waiting.remove(job.id, reason or REMOVED)
        note("waiting.remove", job.id, reason=reason)
        flash(f"{_summary(services(), job)['name']} does not wait any more.")
        return redirect(_back(entry.pool), 303)

    wanted = Wanted(kinds=CHANGES)
    offer(blueprint, "waiting", View(_draw, lambda _args: wanted))
    return [WAITING]


def _back(pool: str) -> str:
    return f"{WAITING.path}?{addresses.query(pool=pool)}"


def _draw(args: Args, who: Visitor) -> Parts:
    return {"waiting": render_template("ui/waiting/list.html", **shown(services(), args, who))}


def shown(services: Services, args: Args, who: Visitor) -> dict[str, Any]:
    """Give the pools, and of one of them who waits and who has its slots."""
    engine = services.engine
    name = query.text(args, "pool")
    first = query.whole(args.get("from", "")) or 0
    with engine.store.session():
        pools = engine.waiting.busy(limit=POOLS)
        pool = next((each for each in pools if name is None or each.name == name), None)
        if pool is None and name is not None:
            pool = Pool(name=name, max_running=0)
        line = [] if pool is None else engine.waiting.line(pool.name, limit=SIZE, offset=first)
        stay_s = None if pool is None else engine.waiting.stay_s(pool.name)
        waiting = [
            {
                **_summary(services, job),
                "position": entry.position,
                "starting": entry.admitted,
                "since": rfc3339(entry.joined_at),
                "eta": pool and about(pool.eta_s(entry.position, stay_s)),
                "is_first": pool is not None and entry.position == pool.starting,
                "is_last": pool is not None and entry.position == pool.starting + pool.waiting - 1,
            }
            for entry, job in line
        ]
        running = [] if pool is None else engine.waiting.holders(pool.name, limit=HOLDERS + 1)
        return {
            "pools": [
                {
                    "label": _label(services, each.name),
                    "waiting": each.waiting,
                    "address": addresses.query(pool=each.name),
                    "here": pool is not None and each.name == pool.name,
                }
                for each in pools
            ],
            "pool": pool,
            "label": pool and _label(services, pool.name),
            "schedule": _schedule(pool),
            "limited": pool is not None and pool.max_running < manticore.UNLIMITED,
            "waiting": waiting,
            "running": [_summary(services, job) for job in running[:HOLDERS]],
            "hidden": len(running) > HOLDERS,
            "may": who.may(Scope.CONTROL),
            "more": len(line) == SIZE and addresses.query(pool=name, **{"from": first + SIZE}),
            "query": addresses.query(pool=name, **{"from": first or None}),
        }


def _summary(services: Services, job: Job) -> Json:
    return words.summary(job, Mask.of_job(services, job))


def _label(services: Services, pool: str) -> str:
    """Say what the jobs of a pool have in common."""
    kind, _, rest = pool.partition("/")
    if kind == "type" and rest:
        return f"job type {rest}"
    if kind == "schedule" and rest:
        try:
            return f"schedule {services.engine.schedules.get(rest).name}"
        except ScheduleNotFound:
            return "a schedule that is gone"
    return pool


def _schedule(pool: Pool | None) -> str:
    """Give the schedule whose runs wait for each other there; "" of other pools."""
    kind, _, rest = pool.name.partition("/") if pool else ("", "", "")
    return rest if kind == "schedule" else ""


def about(seconds: float | None) -> str:
    """Say roughly how long something takes; "" where nobody knows."""
    if seconds is None:
        return ""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * length or (seconds >= length and unit == "minute"):
            count = round(seconds / length)
            return f"about {count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"
