"""`/workers/sleep`: when workers sleep."""

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.flamenco import schemas
from app.api.flamenco.answers import document, nothing
from app.api.flamenco.errors import WrongField
from app.api.flamenco.fields import Fields, read
from app.api.flamenco.routes.describing import tells
from app.api.flamenco.service import sleeping as service
from app.api.flamenco.sleep import DAYS
from app.api.http.site import services

blueprint = Blueprint("flamenco-sleep", __name__, description="When workers of a farm sleep.")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


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
    return document(service.keep(services(), worker_id, wish(read())))


@blueprint.route("/workers/sleep/<farm_number:worker_id>", methods=["PATCH"])
@tells(blueprint, 400, 404, answer=schemas.Sleep, body=schemas.Asleep)
def patch_sleep(worker_id: int) -> ResponseReturnValue:
    """Wake a worker up, or send it to sleep, until its schedule says otherwise."""
    asleep = _flag(read(), "asleep")
    if asleep is None:
        raise WrongField("asleep", "is needed")
    return document(service.switch(services(), worker_id, asleep=asleep))


@blueprint.route("/workers/sleep/<farm_number:worker_id>", methods=["DELETE"])
@tells(blueprint, 404, status=204)
def delete_sleep(worker_id: int) -> ResponseReturnValue:
    """Delete a worker's sleep schedule; it is awake from then on."""
    service.forget(services(), worker_id)
    return nothing()


def wish(given: Fields) -> service.Wish:
    """Read a schedule. Raises WrongField."""
    zone = given.text("zone") or "UTC"
    if not _is_zone(zone):
        raise WrongField("zone", "must be the name of a time zone, such as Europe/Vienna")
    return service.Wish(
        days=_days(given),
        begins=_minute(given, "start"),
        ends=_minute(given, "end"),
        zone=zone,
        at_once=_flag(given, "at_once") or False,
    )


def _days(given: Fields) -> tuple[str, ...]:
    value = given.raw("days")
    entries = value.split(",") if isinstance(value, str) else value
    message = f"must be some of {', '.join(DAYS)}"
    if not isinstance(entries, list) or not entries:
        raise WrongField("days", message)
    names = {one.strip().lower() for one in entries if isinstance(one, str)}
    if len(names) != len(entries) or not names <= set(DAYS):
        raise WrongField("days", message)
    return tuple(day for day in DAYS if day in names)


def _minute(given: Fields, name: str) -> int:
    found = _TIME.fullmatch(given.text(name) or "")
    if found is None:
        raise WrongField(name, "must be a time of the day, such as 18:30")
    return int(found[1]) * 60 + int(found[2])


def _flag(given: Fields, name: str) -> bool | None:
    value = given.raw(name)
    if value is None or isinstance(value, bool):
        return value
    found = _FLAGS.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        raise WrongField(name, "must be true or false")
    return found


def _is_zone(name: str) -> bool:
    if not _ZONE.fullmatch(name):
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
