"""`/log/…` and `/logs`."""

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.bodies import body
from app.api.http.site import services
from app.api.task_tracker import schemas, words
from app.api.task_tracker.documents import Fields, int64, read, text
from app.api.task_tracker.errors import Refused, Unreadable
from app.api.task_tracker.routes import callers
from app.api.task_tracker.routes.describing import tells
from app.api.task_tracker.service import logs as service
from app.api.task_tracker.service.logs import Level

blueprint = Blueprint("tracker-logs", __name__, description="Log entries of workers.")
ENTRY: Fields = {"scope": text(), "message": text(), "timestamp": int64()}
QUERY: Fields = {"level": int64(), "since": int64()}


@blueprint.route("/log/trace", methods=["POST"])
@tells(blueprint, 400, 413, body=schemas.WorkerLog)
def log_trace() -> ResponseReturnValue:
    """Report a detail."""
    return _append(Level.TRACE)


@blueprint.route("/log/info", methods=["POST"])
@tells(blueprint, 400, 413, body=schemas.WorkerLog)
def log_info() -> ResponseReturnValue:
    """Report an event."""
    return _append(Level.INFO)


@blueprint.route("/log/warn", methods=["POST"])
@tells(blueprint, 400, 413, body=schemas.WorkerLog)
def log_warn() -> ResponseReturnValue:
    """Report something odd."""
    return _append(Level.WARN)


@blueprint.route("/log/error", methods=["POST"])
@tells(blueprint, 400, 413, body=schemas.WorkerLog)
def log_error() -> ResponseReturnValue:
    """Report a failure."""
    return _append(Level.ERROR)


def _append(level: Level) -> ResponseReturnValue:
    given = read(body(), ENTRY)
    try:
        caller = callers.worker(400)
    except Refused as error:
        # Clients know this route by one refusal, whatever is wrong.
        raise Unreadable from error
    service.append(
        services(),
        caller,
        level,
        scope=given["scope"],
        message=given["message"],
        at=given["timestamp"],
    )
    return words.done()


@blueprint.route("/logs", methods=["POST"])
@tells(blueprint, 400, 413, body=schemas.LogQuery)
def find_logs() -> ResponseReturnValue:
    """Give the newest entries later than a time, oldest first."""
    given = read(body(), QUERY)
    if given["since"] <= 0 or not 0 <= given["level"] <= Level.TRACE:
        raise Refused(400, "Invalid log request")
    found = service.find(services(), since=given["since"], level=given["level"])
    return words.done({"logs": [words.log(entry) for entry in found]})
