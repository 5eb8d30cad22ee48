"""`/workers`: they register, report and ask; operators switch them."""

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.flamenco import schemas
from app.api.flamenco.answers import document, nothing
from app.api.flamenco.errors import Refused, WrongField
from app.api.flamenco.fields import Fields, read
from app.api.flamenco.routes.describing import tells
from app.api.flamenco.service import failures
from app.api.flamenco.service import workers as service
from app.api.flamenco.tables.workers import MOST_LOG
from app.api.http.site import services

blueprint = Blueprint("flamenco-workers", __name__, description="Workers of a render farm.")
MOST_HOST = 255
DEFAULT_PORT = 5000
SENT = ("available", "rendering", "enabled", "busy", "disabled")
SWITCHED = ("enabled", "disabled", "busy")
_WHOSE = [
    {"name": name, "description": about, "schema": {"type": "integer"}}
    for name, about in (("worker_id", "Only this worker's."), ("job_id", "Only of this job."))
]
_MINIMAL = "return=minimal"


@blueprint.route("/workers")
@tells(blueprint, answer=schemas.Workers)
def get_workers() -> ResponseReturnValue:
    """Give all workers by host."""
    return document(service.every(services()))


@blueprint.route("/workers", methods=["POST"])
@tells(blueprint, 400, 413, answer=schemas.Workers, body=schemas.NewWorker)
def post_worker() -> ResponseReturnValue:
    """Register a worker; a known one keeps its id."""
    given = read()
    hostname = given.text("hostname")
    if not hostname or len(hostname) > MOST_HOST:
        raise WrongField("hostname", f"must be 1 to {MOST_HOST} characters")
    port = given.integer("port", least=1, most=65_535)
    worker = service.register(
        services(),
        service.Registration(
            hostname=hostname,
            address=request.remote_addr or "",
            port=DEFAULT_PORT if port is None else port,
            system=given.text("system", most=1000) or "",
            mac=_mac(given),
            frequent=given.document("update_frequent"),
            less_frequent=given.document("update_less_frequent"),
            tags=given.tags("tags"),
        ),
    )
    where = f"{services().settings.flamenco.prefix}/workers/{worker.id}"
    if _wants_nothing():
        return nothing(Location=where, Preference_Applied=_MINIMAL)
    return document(service.entry(services(), worker), Location=where)


def _wants_nothing() -> bool:
    """Whether the client prefers an answer without a body."""
    wishes = request.headers.get("Prefer", "").lower().split(",")
    return any(
        wish.partition(";")[0].replace(" ", "").replace('"', "") == _MINIMAL for wish in wishes
    )


def _mac(given: Fields) -> int | str | None:
    value = given.raw("mac_address")
    if value is None:
        return None
    if isinstance(value, str):
        return given.text("mac_address", most=100) or None
    return given.integer("mac_address")


@blueprint.route("/workers/<farm_number:worker_id>")
@tells(blueprint, 404, answer=schemas.WorkerInfo)
def get_worker(worker_id: int) -> ResponseReturnValue:
    """Give all that is known of a worker."""
    return document(service.info(services(), worker_id))


@blueprint.route("/workers/<farm_number:worker_id>", methods=["PATCH"])
@tells(blueprint, 400, 404, 413, answer=schemas.Answered, body=schemas.WorkerReport)
def patch_worker(worker_id: int) -> ResponseReturnValue:
    """Take a worker's sign of life; hand it a task when it says `available`."""
    given = read()
    status = _status(given, SENT)
    values: dict[str, Any] = {
        "activity": given.text("activity"),
        "log": _log(given),
        "time_cost": given.integer("time_cost"),
        "mac": _mac(given),
        "frequent": given.document("update_frequent"),
        "less_frequent": given.document("update_less_frequent"),
        "tags": given.tags("tags"),
    }
    values = {name: value for name, value in values.items() if value is not None}
    if status is None and not values:
        message = "The body says nothing about the worker"
        raise Refused(400, message, {"status": "is needed where nothing else is given"})
    return document(service.beat(services(), worker_id, service.News(status=status, values=values)))


def _log(given: Fields) -> str | None:
    log = given.output("log")
    return None if log is None else log[-MOST_LOG:].replace("\0", "\ufffd")


def _status(given: Fields, known: tuple[str, ...]) -> str | None:
    status = given.raw("status")
    if status is not None and (not isinstance(status, str) or status not in known):
        raise WrongField("status", f"must be one of {', '.join(known)}")
    return status


@blueprint.route("/workers/<farm_number:worker_id>", methods=["DELETE"])
@tells(blueprint, 404, status=204)
def delete_worker(worker_id: int) -> ResponseReturnValue:
    """Forget a worker; what it held is ready again."""
    service.forget(services(), worker_id)
    return nothing()


@blueprint.route("/workers/blocks")
@tells(blueprint, answer=schemas.Blocks)
def get_blocks() -> ResponseReturnValue:
    """List workers that get no more tasks of a job and type, since they failed too many."""
    return document(failures.blocks(services()))


@blueprint.route("/workers/blocks", methods=["DELETE"])
@tells(blueprint, 400, answer=schemas.Lifted, query=_WHOSE)
def delete_blocks() -> ResponseReturnValue:
    """Lift the blocks of a worker, of a job, or all of them."""
    given = read()
    worker_id, job_id = given.integer("worker_id"), given.integer("job_id")
    return document(failures.lift(services(), worker_id, job_id))


@blueprint.route("/workers/status/<farm_number:worker_id>", methods=["PATCH"])
@tells(blueprint, 400, 404, answer=schemas.Given, body=schemas.Switch)
def patch_worker_status(worker_id: int) -> ResponseReturnValue:
    """Switch a worker on or off, as its operator."""
    status = _status(read(), SWITCHED)
    if status is None:
        raise WrongField("status", f"must be one of {', '.join(SWITCHED)}")
    return document(service.switch(services(), worker_id, status))
