"""`/ui/queues`: what is ready to be worked on, of every dialect."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.api.http.fanout import Wanted
from app.api.http.site import services
from app.api.jobyard import query, words
from app.api.tork.service import fleet as tork
from app.api.tork.words import QUEUE_PREFIX
from app.domain.clock import rfc3339
from app.domain.errors import NotFound
from app.domain.events import EventKind
from app.domain.records import Queue, Scope
from app.web import addresses
from app.web.doings import note
from app.web.frame import Page, page, show
from app.web.live import Args, Parts, View, offer
from app.web.visitors import Visitor, visitor
from app.wiring import Services
from config.settings import Settings

QUEUES = Page("Queues", "/ui/queues", "Server")
SIZE = 100
CHANGES = frozenset(
    {
        EventKind.WORKER_JOINED,
        EventKind.WORKER_LEFT,
        EventKind.GROUP_CHANGED,
        *(kind for kind in EventKind if kind.startswith("task.")),
    }
)


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""

    @page(blueprint, QUEUES.path)
    def list_queues() -> ResponseReturnValue:
        return show("queues/index.html", QUEUES.path, **listed(services(), request.args, visitor()))

    @page(blueprint, f"{QUEUES.path}/delete", Scope.CONTROL, method="POST")
    def delete_queue() -> ResponseReturnValue:
        name = query.clean(request.form.get("name", ""))
        if not name.startswith(QUEUE_PREFIX):
            abort(400)
        tork.delete_queue(services(), name.removeprefix(QUEUE_PREFIX))
        note("queue.delete", name)
        flash(f"What waited in {name} has failed.")
        return redirect(QUEUES.path, 303)

    wanted = Wanted(kinds=CHANGES)
    offer(blueprint, "queues", View(_draw, lambda _args: wanted))
    return [QUEUES]


def _draw(args: Args, who: Visitor) -> Parts:
    return {"queues": render_template("ui/queues/list.html", **listed(services(), args, who))}


def listed(services: Services, args: Args, who: Visitor) -> dict[str, Any]:
    """Give a page of the queues by name, with since when the next task of each waits."""
    dialect, after = query.text(args, "dialect"), query.text(args, "after")
    engine = services.engine
    with engine.store.session():
        found = list(engine.queues.figures(f"{dialect}/" if dialect else ""))
        dialects = sorted({each.name.partition("/")[0] for each in found} | {dialect or ""} - {""})
        shown = [each for each in found if after is None or each.name > after]
        since = engine.queues.first_since([each.name for each in shown[:SIZE] if each.size])
        queues = [
            {
                **words.queue(each),
                "since": rfc3339(since[each.name]) if each.name in since else None,
                **_place(services, each, who),
            }
            for each in shown[:SIZE]
        ]
    more = shown[SIZE - 1].name if len(shown) > SIZE else None
    return {
        "queues": queues,
        "dialects": dialects,
        "dialect": dialect,
        "ready": sum(each.size for each in found),
        "taken": sum(each.unacked for each in found),
        "total": len(found),
        "more": more and addresses.query(dialect=dialect, after=more),
        "query": addresses.query(dialect=dialect, after=after),
    }


def _place(services: Services, queue: Queue, who: Visitor) -> dict[str, Any]:
    """Give where the work of a queue is looked at, and what may be done to it."""
    dialect, _, name = queue.name.partition("/")
    deletable = queue.name.startswith(QUEUE_PREFIX) and who.may(Scope.CONTROL)
    place: dict[str, Any] = {"paused": False, "deletable": deletable}
    group_id = query.whole(name)
    if dialect == "task_tracker" and group_id is not None:
        try:
            group = services.engine.groups.get(group_id)
        except NotFound:
            return {**place, "href": None, "label": queue.name}
        return {
            **place,
            "paused": group.paused,
            "label": f"{queue.name} ({group.name})",
            "href": f"/ui/projects/{group_id}",
        }
    href = "/ui/farm" if dialect == "flamenco" else f"/ui/jobs?{addresses.query(dialect=dialect)}"
    return {**place, "href": href, "label": queue.name}
