"""`/workers/sleep`: when workers sleep."""

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.flamenco import schemas
from app.api.flamenco.answers import document, nothing
from app.api.flamenco.errors import WrongField
from app.api.flamenco.fields import read
from app.api.flamenco.routes.describing import tells
from app.api.flamenco.service import sleeping as service
from app.api.http.site import services

blueprint = Blueprint("flamenco-sleep", __name__, description="When workers of a farm sleep.")


@blueprint.route("/workers/sleep")
@tells(blueprint, answer=schemas.Sleeps)
def get_sleeps() -> ResponseReturnValue:
    """List the sleep schedules of all workers."""
    return document(service.every(services()))


@blueprint.route("/workers/sleep/<farm_number:worker_id>")
@tells(blueprint, 404, answer=schemas.Sleep)
def get_sleep(worker_id: int) -> ResponseReturnValue:
    """Give a worker's sleep schedule."""
    return document(service.one(services(), worker_id))


@blueprint.route("/workers/sleep/<farm_number:worker_id>", methods=["PUT"])
@tells(blueprint, 400, 404, answer=schemas.Sleep, body=schemas.NewSleep)
def put_sleep(worker_id: int) -> ResponseReturnValue:
    """Give a worker a sleep schedule, in force at once."""
    return document(service.keep(services(), worker_id, service.read_wish(read())))


@blueprint.route("/workers/sleep/<farm_number:worker_id>", methods=["PATCH"])
@tells(blueprint, 400, 404, answer=schemas.Sleep, body=schemas.Asleep)
def patch_sleep(worker_id: int) -> ResponseReturnValue:
    """Wake a worker up, or send it to sleep, until its schedule says otherwise."""
    asleep = service.flag(read(), "asleep")
    if asleep is None:
        raise WrongField("asleep", "is needed")
    return document(service.switch(services(), worker_id, asleep=asleep))


@blueprint.route("/workers/sleep/<farm_number:worker_id>", methods=["DELETE"])
@tells(blueprint, 404, status=204)
def delete_sleep(worker_id: int) -> ResponseReturnValue:
    """Delete a worker's sleep schedule; it is awake from then on."""
    service.forget(services(), worker_id)
    return nothing()
