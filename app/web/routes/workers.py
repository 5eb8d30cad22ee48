"""`/ui/workers`: who does the work, of every dialect."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.api.flamenco.service import workers as farm
from app.api.http.fanout import Wanted
from app.api.http.site import services
from app.api.jobyard import query, words
from app.api.jobyard.service.tasks import mask_of
from app.api.task_tracker.service import workers as tracker
from app.domain.clock import rfc3339
from app.domain.errors import JobNotFound, WorkerNotFound
from app.domain.events import EventKind
from app.domain.records import Json, Scope, Task, Worker
from app.web import addresses
from app.web.doings import note
from app.web.frame import Page, page, show
from app.web.live import Args, Parts, View, offer
from app.web.visitors import Visitor, visitor
from app.wiring import Services
from config.settings import Settings

WORKERS = Page("Workers", "/ui/workers", "Server")
STATES = ("working", "idle", "silent", "left")
SIZE = 100
MOST_SHOWN = 50
CHANGES = frozenset(
    {
        EventKind.WORKER_JOINED,
        EventKind.WORKER_LEFT,
        EventKind.TASK_CLAIMED,
        EventKind.TASK_STARTED,
        EventKind.TASK_RELEASED,
        EventKind.TASK_LOST,
        EventKind.TASK_COMPLETED,
        EventKind.TASK_FAILED,
        EventKind.TASK_CANCELLED,
    }
)


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""

    @page(blueprint, WORKERS.path)
    def list_workers() -> ResponseReturnValue:
        found = listed(services(), request.args)
        dialects = services().engine.workers.dialects()
        return show("workers/index.html", WORKERS.path, dialects=dialects, **found)

    @page(blueprint, "/ui/workers/<worker_id>")
    def get_worker(worker_id: str) -> ResponseReturnValue:
        found = shown(services(), _id(worker_id), visitor())
        return show("workers/worker.html", WORKERS.path, **found)

    @page(blueprint, "/ui/workers/<worker_id>", Scope.CONTROL, method="POST")
    def change_worker(worker_id: str) -> ResponseReturnValue:
        wanted = request.form.get("wanted", "")
        said = _change(services(), services().engine.workers.get(_id(worker_id)), wanted)
        note(f"worker.{wanted}", worker_id)
        flash(said)
        return redirect(WORKERS.path if wanted == "forget" else f"{WORKERS.path}/{worker_id}", 303)

    wanted = Wanted(kinds=CHANGES)
    offer(blueprint, "workers", View(_draw_list, lambda _args: wanted))
    offer(blueprint, "worker", View(_draw_one, lambda _args: wanted))
    return [WORKERS]


def _id(text: str) -> int:
    found = query.whole(text)
    if found is None:
        raise WorkerNotFound
    return found


def _draw_list(args: Args, _who: Visitor) -> Parts:
    return {"workers": render_template("ui/workers/list.html", **listed(services(), args))}


def _draw_one(args: Args, who: Visitor) -> Parts:
    found = shown(services(), _id(args.get("id", "")), who)
    return {"worker": render_template("ui/workers/one.html", **found)}


def listed(services: Services, args: Args) -> dict[str, Any]:
    """Give a page of the workers that are asked for, and how many there are in each state."""
    dialect, text, state = query.text(args, "dialect"), query.text(args, "q"), args.get("state")
    state = state if state in STATES else None
    words_given = tuple((text or "").split())[:10]
    workers = services.engine.workers
    with services.engine.store.session():
        found = workers.find(
            dialect=dialect,
            state=state,
            words=words_given,
            key=_key(services, args.get("after", "")),
            limit=SIZE + 1,
        )
        counts = workers.counts(dialect=dialect, words=words_given)
        doing = workers.doing([one.id for one, _ in found[:SIZE]])
    kept = {"dialect": dialect, "q": text}
    more = found[SIZE - 1][0].id if len(found) > SIZE else None
    return {
        "workers": [
            {**_worker(one, its), "tasks": [task.id for task in doing.get(one.id, ())]}
            for one, its in found[:SIZE]
        ],
        "states": [(one, counts.get(one, 0), addresses.query(**kept, state=one)) for one in STATES],
        "total": sum(counts.values()),
        "state": state,
        "given": kept,
        "everything": addresses.query(**kept),
        "more": more and addresses.query(**kept, state=state, after=more),
        "query": addresses.query(**kept, state=state, after=args.get("after")),
    }


def _key(services: Services, after: str) -> tuple[str, int] | None:
    found = query.whole(after)
    if found is None:
        return None
    try:
        return services.engine.workers.get(found).name, found
    except WorkerNotFound:
        return None


def _worker(worker: Worker, state: str) -> Json:
    # Of those who have never said since they came that they are there, nobody knows.
    beats = worker.kind != "remote" or worker.heartbeat_at > worker.started_at
    document = {**words.worker(worker), "state": state, "slots": sum(worker.queues.values())}
    return document if beats else {**document, "heartbeat_at": None}


def shown(services: Services, worker_id: int, who: Visitor) -> dict[str, Any]:
    """Give a worker with what it does and did. Raises WorkerNotFound."""
    workers = services.engine.workers
    with services.engine.store.session():
        worker = workers.get(worker_id)
        state = workers.find(key=(worker.name, worker.id - 1), limit=1)[0][1]
        doing = workers.doing([worker_id]).get(worker_id, ())
        return {
            "worker": _worker(worker, state),
            "doing": [_task(services, task) for task in doing[:MOST_SHOWN]],
            "hidden": len(doing[MOST_SHOWN:]),
            "did": [
                {
                    "task_id": one.task_id,
                    "job_id": one.job_id,
                    "name": None if one.name is None else _name(services, one.task_id),
                    "state": one.state,
                    "from": rfc3339(one.leased_at),
                    "to": rfc3339(one.ended_at),
                }
                for one in workers.did(worker_id)
            ],
            **_of_dialect(services, worker, who),
        }


def _task(services: Services, task: Task) -> Json:
    try:
        return words.task(task, mask_of(services, task))
    except JobNotFound:
        return {"id": task.id, "job_id": None, "name": "", "state": task.state, "progress": 0}


def _name(services: Services, task_id: int) -> str | None:
    name: str | None = _task(services, services.engine.tasks.get(task_id))["name"]
    return name


def _of_dialect(services: Services, worker: Worker, who: Visitor) -> Mapping[str, Any]:
    """Give what its dialect knows of a worker, and what may be done to it."""
    if worker.dialect == "flamenco" and worker.active:
        known = farm.info(services, worker.id)
        turned = "enable" if known["status"] == "disabled" else "disable"
        return {"farm": known, "verbs": (turned, "forget") if who.may(Scope.CONTROL) else ()}
    if worker.dialect == "task_tracker":
        paused = tracker.get(services, worker.id).paused
        verbs = ("resume" if paused else "pause",) if who.may(Scope.ADMIN) else ()
        return {"paused": paused, "verbs": verbs}
    return {"verbs": ()}


def _change(services: Services, worker: Worker, wanted: str) -> str:
    """Do what is wanted to a worker, and say what was done."""
    name = worker.name
    if wanted not in _of_dialect(services, worker, visitor())["verbs"]:
        abort(400)
    if wanted == "forget":
        farm.forget(services, worker.id)
        return f"{name} is forgotten; what it held is ready again."
    if wanted in ("enable", "disable"):
        farm.switch(services, worker.id, f"{wanted}d")
        told = "gets tasks again" if wanted == "enable" else "gets no more tasks"
        return f"{name} {told}."
    tracker.set_paused(services, worker.id, paused=wanted == "pause")
    return f"{name} gets {'no more tasks' if wanted == 'pause' else 'tasks again'}."
