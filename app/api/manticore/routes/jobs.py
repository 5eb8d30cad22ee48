"""`/api/v2/job`, `/api/v2/info` and `/api/v2/queue`."""

import json
from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.bodies import body
from app.api.http.callers import caller
from app.api.http.documents import described
from app.api.http.site import services
from app.api.manticore import identity, schemas
from app.api.manticore.errors import Refused
from app.api.manticore.service.connection import connection
from app.api.manticore.service.options import options
from app.api.manticore.service.queue import queue
from app.api.manticore.service.requests import ask, change, find, leave
from app.domain.records import Json

JSON = "application/json"
blueprint = Blueprint("manticore", __name__, description="Environments from a waiting list.")


@blueprint.route("/api/v2/job")
@described(blueprint, schemas.Options, errors=(405,), error=schemas.Error)
def get_options() -> ResponseReturnValue:
    """Tell what can be asked for."""
    return options(services())


@blueprint.route("/api/v2/job", methods=["POST"])
@described(
    blueprint,
    schemas.Connection,
    errors=(400, 405, 413),
    error=schemas.Error,
    body={JSON: schemas.Environment},
)
def post_job() -> ResponseReturnValue:
    """Ask for an environment; who has asked before gets the same passcode again."""
    given = _document()
    user = _user(given)
    return _connection(ask(services(), user, given))


@blueprint.route("/api/v2/job", methods=["PATCH"])
@described(
    blueprint,
    schemas.Connection,
    errors=(400, 405, 413),
    error=schemas.Error,
    body={JSON: schemas.Change},
)
def patch_job() -> ResponseReturnValue:
    """Choose other versions while still waiting; the place stays."""
    given = _document()
    return _connection(change(services(), _user(given), given))


@blueprint.route("/api/v2/job", methods=["DELETE"])
@described(
    blueprint,
    errors=(400, 405, 413),
    error=schemas.Error,
    body={JSON: schemas.Who},
    content_type="text/plain",
)
def delete_job() -> ResponseReturnValue:
    """Give the environment back, or leave the list; fine without one, too."""
    leave(services(), _user(_document()))
    return Response("OK", mimetype="text/plain")


@blueprint.route("/api/v2/info", methods=["POST"])
@described(
    blueprint,
    schemas.Connection,
    errors=(400, 405, 413),
    error=schemas.Error,
    body={JSON: schemas.Who},
)
def post_info() -> ResponseReturnValue:
    """Give the passcode of a live request again."""
    return _connection(find(services(), _user(_document())))


@blueprint.route("/api/v2/queue")
@described(blueprint, schemas.Queue, errors=(405,), error=schemas.Error)
def get_queue() -> ResponseReturnValue:
    """Tell how many wait, start and run, and how many may; nobody's name."""
    return queue(services())


def _connection(passcode: str) -> Json:
    return connection(services().settings.manticore, passcode, secure=request.is_secure)


def _user(given: Json) -> str:
    """Give who asks: the token's user, or else the id of the body. Raises Refused."""
    return caller().name or identity.read(given.get("id"))


def _document() -> Json:
    """Read the body: a JSON object. Who shows a token may leave it out. Raises Refused."""
    raw = body()
    if not raw.strip() and caller().name is not None:
        return {}
    try:
        # The standard library's: of a whole number however long it keeps every digit.
        given: Any = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refused("the body is not valid JSON") from error
    if not isinstance(given, dict):
        raise Refused("the body must be a JSON object")
    return given
