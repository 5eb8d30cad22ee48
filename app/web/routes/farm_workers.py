"""`/ui/farm/workers`: the machines of the farm, what they are barred from and when they sleep."""

from collections.abc import Mapping, Sequence

from flask import Blueprint, abort, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.api.flamenco import words
from app.api.flamenco.errors import Refused
from app.api.flamenco.fields import Fields
from app.api.flamenco.paths import NOBODY
from app.api.flamenco.records import FarmWorker
from app.api.flamenco.service import failures, sleeping, workers
from app.api.flamenco.sleep import DAYS
from app.api.http.fanout import Wanted
from app.api.http.site import services
from app.domain.clock import rfc3339
from app.domain.records import Json, Scope
from app.web.doings import note
from app.web.frame import Page, page, show
from app.web.live import Args, Parts, View, offer
from app.web.visitors import Visitor
from config.settings import Settings

FARM = "/ui/farm"
PATH = "/ui/farm/workers"
LISTED = 50
STATUSES = ("enabled", "disabled", "busy")


def mount(blueprint: Blueprint, settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""
    if not settings.flamenco.enabled:
        return []

    @page(blueprint, PATH)
    def farm_workers() -> ResponseReturnValue:
        given = request.args
        query = {name: given[name] for name in ("q", "after") if name in given}
        return show("farm/workers.html", FARM, query=query, **_listed(given))

    @page(blueprint, f"{PATH}/<int:worker_id>")
    def farm_worker(worker_id: int) -> ResponseReturnValue:
        drawn = _drawn(_known(worker_id))
        given = drawn["sleep"] or {"days": DAYS[:5], "start": "08:00", "end": "18:00"}
        return show("farm/worker.html", FARM, days=DAYS, given=given, fault="", **drawn)

    _mount_actions(blueprint)
    wanted = Wanted(dialect="flamenco")
    offer(blueprint, "farm-workers", View(_draw_list, lambda _args: wanted))
    offer(blueprint, "farm-worker", View(_draw_one, lambda _args: wanted))
    return []


def _known(number: int) -> int:
    return min(number, NOBODY)


def _row(worker: FarmWorker) -> Json:
    """Give what a page shows of a worker; the word for how it stands comes first."""
    word = words.worker_status(worker)
    if not worker.online:
        word = "offline"
    elif worker.asleep and word == "enabled":
        word = "asleep"
    return {
        "id": worker.id,
        "hostname": worker.hostname,
        "word": word,
        "status": words.worker_status(worker),
        "task": worker.task_id,
        "tags": worker.tags,
        "address": worker.address,
        "port": worker.port,
        "system": worker.system,
        "asleep": worker.asleep,
        "seen_at": rfc3339(worker.seen_at),
        "time_cost": worker.time_cost,
        "log": worker.log,
    }


def _listed(given: Mapping[str, str]) -> dict[str, object]:
    known = workers.listed(services())
    sought = given.get("q", "").strip().casefold()
    after = given.get("after", "")
    begin = int(after) if after.isascii() and after.isdigit() and len(after) < 16 else 0
    found = [
        one
        for one in known
        if one.id > begin
        and (not sought or sought in one.hostname.casefold() or sought in one.tags)
    ]
    barred: dict[int, int] = {}
    for block in failures.blocks(services())["blocks"]:
        barred[block["worker_id"]] = barred.get(block["worker_id"], 0) + 1
    sleeps = {one["worker_id"]: one for one in sleeping.every(services())["schedules"]}
    return {
        "workers": [_row(one) for one in found[:LISTED]],
        "following": found[LISTED - 1].id if len(found) > LISTED else None,
        "total": len(known),
        "online": sum(one.online for one in known),
        "rendering": sum(one.task_id is not None for one in known),
        "asleep": sum(one.asleep for one in known),
        "sought": given.get("q", ""),
        "barred": barred,
        "sleeps": sleeps,
    }


def _draw_list(args: Args, _visitor: Visitor) -> Parts:
    query = {name: args[name] for name in ("q", "after") if name in args}
    return {"workers": render_template("ui/farm/_workers.html", query=query, **_listed(args))}


def _drawn(worker_id: int) -> dict[str, object]:
    worker = workers.one(services(), worker_id)
    schedules = sleeping.every(services())["schedules"]
    return {
        "worker": _row(worker),
        "sleep": next((one for one in schedules if one["worker_id"] == worker_id), None),
        "blocks": [
            one for one in failures.blocks(services())["blocks"] if one["worker_id"] == worker_id
        ],
    }


def _draw_one(args: Args, _visitor: Visitor) -> Parts:
    text = args.get("id", "")
    digits = text.isascii() and text.isdigit() and len(text) < 16
    drawn = _drawn(int(text) if digits else NOBODY)
    return {
        name: render_template(f"ui/farm/_{name}.html", **drawn)
        for name in ("standing", "sleeping", "blocks")
    }


# -- what is done with one ------------------------------------------------------------------------


def _mount_actions(blueprint: Blueprint) -> None:
    @page(blueprint, f"{PATH}/<int:worker_id>/switch", Scope.SUBMIT, method="POST")
    def switch_farm_worker(worker_id: int) -> ResponseReturnValue:
        status = request.form.get("status", "")
        if status not in STATUSES:
            abort(400)
        workers.switch(services(), _known(worker_id), status)
        note("farm-worker.switch", worker_id, status=status)
        return _back(worker_id, f"The worker is {status}.")

    @page(blueprint, f"{PATH}/<int:worker_id>/forgive", Scope.SUBMIT, method="POST")
    def forgive_farm_worker(worker_id: int) -> ResponseReturnValue:
        workers.one(services(), _known(worker_id))
        count = failures.lift(services(), _known(worker_id), None)["lifted"]
        note("farm-worker.forgive", worker_id, blocks=count)
        return _back(worker_id, f"Forgiven: {count} blocks are lifted.")

    @page(blueprint, f"{PATH}/<int:worker_id>/forget", Scope.SUBMIT, method="POST")
    def forget_farm_worker(worker_id: int) -> ResponseReturnValue:
        workers.forget(services(), _known(worker_id))
        note("farm-worker.forget", worker_id)
        flash("The worker is forgotten; what it held is ready again.")
        return redirect(PATH, 303)

    @page(blueprint, f"{PATH}/<int:worker_id>/sleep", Scope.SUBMIT, method="POST")
    def put_farm_worker_sleep(worker_id: int) -> ResponseReturnValue:
        form = request.form
        given = {
            "days": form.getlist("days"),
            "start": form.get("start", ""),
            "end": form.get("end", ""),
            "zone": form.get("zone", "").strip() or "UTC",
            "at_once": "at_once" in form,
        }
        try:
            kept = sleeping.keep(
                services(), _known(worker_id), sleeping.read_wish(Fields(given, {}))
            )
        except Refused as error:
            if error.status != 400:
                raise
            drawn = _drawn(_known(worker_id))
            shown = show(
                "farm/worker.html", FARM, days=DAYS, given=given, fault=str(error), **drawn
            )
            return shown, 400
        note("farm-worker.schedule", worker_id)
        now = "It sleeps now." if kept["asleep"] else "It is awake now."
        return _back(worker_id, f"The schedule is set. {now}")

    @page(blueprint, f"{PATH}/<int:worker_id>/wake", Scope.SUBMIT, method="POST")
    def wake_farm_worker(worker_id: int) -> ResponseReturnValue:
        asleep = request.form.get("asleep") == "yes"
        sleeping.switch(services(), _known(worker_id), asleep=asleep)
        note("farm-worker.sleep" if asleep else "farm-worker.wake", worker_id)
        return _back(worker_id, "It sleeps now." if asleep else "It is awake now.")

    @page(blueprint, f"{PATH}/<int:worker_id>/unschedule", Scope.SUBMIT, method="POST")
    def delete_farm_worker_sleep(worker_id: int) -> ResponseReturnValue:
        sleeping.forget(services(), _known(worker_id))
        note("farm-worker.unschedule", worker_id)
        return _back(worker_id, "The schedule is gone; the worker stays awake.")


def _back(worker_id: int, said: str) -> ResponseReturnValue:
    flash(said)
    return redirect(f"{PATH}/{worker_id}", 303)
