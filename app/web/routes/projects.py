"""`/ui/projects`: the tracker's projects, as far as a visitor may see them."""

from collections.abc import Mapping, Sequence

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.api.http.fanout import Wanted
from app.api.http.site import services
from app.api.task_tracker.records import Project, Role, Snapshot
from app.api.task_tracker.service import logs, monitoring, projects, stats
from app.domain.clock import SECOND, rfc3339
from app.domain.events import EventKind
from app.web.doings import note
from app.web.frame import Page, page, show
from app.web.live import Args, Parts, View, offer
from app.web.routes import project_care, project_edit, project_people
from app.web.routes.project_edit import fields_of
from app.web.sparks import per_minute, spark
from app.web.visitors import Visitor, visitor
from config.settings import Settings

PROJECTS = Page("Projects", "/ui/projects", "Services", None)
LISTED = 25
SPANS = {"2h": 2 * 3600, "day": 24 * 3600, "week": 7 * 24 * 3600}
LOG_LINES = 200
LOG_CHARACTERS = 2000


def mount(blueprint: Blueprint, settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""
    if not settings.task_tracker.enabled:
        return []

    @page(blueprint, PROJECTS.path, None)
    def project_list() -> ResponseReturnValue:
        given = request.args
        query = {name: given[name] for name in ("q", "after") if name in given}
        drawn = _listed(given, visitor())
        return show("projects/list.html", PROJECTS.path, query=query, **drawn)

    @page(blueprint, "/ui/projects/<int:project_id>", None)
    def project_page(project_id: int) -> ResponseReturnValue:
        span = request.args.get("span", "2h")
        drawn = _drawn(_readable(project_id, visitor()), span, visitor())
        return show("projects/project.html", PROJECTS.path, **drawn)

    @page(blueprint, "/ui/projects/<int:project_id>/pause", None, method="POST")
    def pause_project(project_id: int) -> ResponseReturnValue:
        who = visitor().manager
        found = projects.require(services(), who, _known(project_id), Role.EDIT)
        paused = request.form.get("paused") == "yes"
        projects.update(services(), who, found.id, {**fields_of(found), "paused": paused})
        note("project.pause" if paused else "project.resume", found.id)
        flash("The project is paused: nobody gets its tasks." if paused else "It goes on.")
        return redirect(f"/ui/projects/{found.id}", 303)

    @page(blueprint, "/ui/projects/log", None)
    def worker_log() -> ResponseReturnValue:
        return show("projects/log.html", PROJECTS.path, **_logged(request.args))

    project_edit.mount(blueprint)
    project_people.mount(blueprint)
    project_care.mount(blueprint)
    changes = Wanted(dialect="task_tracker", kinds=frozenset({EventKind.GROUP_CHANGED.value}))
    everything = Wanted(dialect="task_tracker")
    offer(blueprint, "projects", View(_draw_list, lambda _args: changes, None, personal=True))
    offer(blueprint, "project", View(_draw_one, lambda _args: everything, None, personal=True))
    return [PROJECTS]


def _known(number: int) -> int:
    return min(number, 2**63 - 1)


def _readable(project_id: int, who: Visitor) -> Project:
    return projects.readable(services(), who.manager, _known(project_id))


# -- the list -------------------------------------------------------------------------------------


def _listed(given: Mapping[str, str], who: Visitor) -> dict[str, object]:
    known = projects.listed(services(), who.manager)
    sought = given.get("q", "").strip().casefold()
    found = [one for one in known if sought in one.name.casefold()] if sought else known
    after = given.get("after", "")
    place = next((at for at, one in enumerate(found) if str(one.id) == after), -1)
    shown = found[place + 1 : place + 1 + LISTED]
    return {
        "projects": shown,
        "figures": {one.id: stats.of(services(), one) for one in shown},
        "following": shown[-1].id if len(found) > place + 1 + LISTED else None,
        "sought": given.get("q", ""),
        "total": len(known),
        "may_create": who.manager is not None,
    }


def _draw_list(args: Args, who: Visitor) -> Parts:
    query = {name: args[name] for name in ("q", "after") if name in args}
    drawn = _listed(args, who)
    return {"projects": render_template("ui/projects/_projects.html", query=query, **drawn)}


# -- one of them ----------------------------------------------------------------------------------


def _drawn(project: Project, span: str, who: Visitor) -> dict[str, object]:
    manager = who.manager
    span = span if span in SPANS else "2h"
    now = services().engine.clock.now() // SECOND
    begin = now - SPANS[span]
    taken = monitoring.between(services(), project, begin, now)[::-1]
    others = {one.id: one for one in projects.listed(services(), manager)}
    return {
        "project": project,
        "figures": stats.of(services(), project),
        "assignees": monitoring.assignees(services(), project),
        "span": span,
        "spans": SPANS,
        "plots": _plots(taken, begin, now),
        "time": lambda at: rfc3339(at * SECOND),
        "next": others.get(project.chain),
        "before": [one for one in others.values() if one.chain == project.id],
        "roles": {
            role.name: projects.has_role(services(), manager, project.id, role) for role in Role
        },
    }


def _plots(taken: Sequence[Snapshot], begin: int, end: int) -> list[dict[str, object]]:
    """Give what is drawn of how a project stood: a name, a unit, and the drawing."""
    if taken:
        begin = max(begin, taken[0].at)
    closed = [(one.at, float(one.closed)) for one in taken]
    series = (
        ("Open tasks", "", [(one.at, float(one.fresh + one.agreed)) for one in taken], ""),
        ("Closed a minute", "", per_minute(closed), ""),
        ("Failed tasks", "", [(one.at, float(one.failed)) for one in taken], "failing"),
        ("Workers with access", "", [(one.at, float(one.accesses)) for one in taken], ""),
    )
    return [
        {"name": name, "unit": unit, "spark": spark(points, begin, end), "kind": kind}
        for name, unit, points, kind in series
    ]


def _draw_one(args: Args, who: Visitor) -> Parts:
    text = args.get("id", "")
    known = text.isascii() and text.isdigit() and len(text) < 19
    project = _readable(int(text) if known else 0, who)
    drawn = _drawn(project, args.get("span", "2h"), who)
    return {
        name: render_template(f"ui/projects/_{name}.html", **drawn)
        for name in ("figures", "plots", "assignees")
    }


# -- what workers say -----------------------------------------------------------------------------


def _logged(given: Mapping[str, str]) -> dict[str, object]:
    names = {level.name.lower(): level for level in logs.Level}
    level = given.get("level", "")
    hours = {"hour": 1, "day": 24, "week": 168}
    span = given.get("span", "day")
    now = services().engine.clock.now() // SECOND
    since = max(1, now - hours.get(span, 24) * 3600)
    found = logs.find(services(), since=since, level=names.get(level, 0), limit=LOG_LINES)
    return {
        "lines": [
            {
                "at": rfc3339(min(one.at, 2**36) * SECOND),
                "level": logs.Level(one.level).name.lower(),
                "message": one.message[:LOG_CHARACTERS],
                **logs.said_by(one),
            }
            for one in reversed(found)
        ],
        "level": level if level in names else "",
        "levels": ("error", "warn", "info", "trace"),
        "span": span if span in hours else "day",
        "spans": hours,
        "most": LOG_LINES,
    }
