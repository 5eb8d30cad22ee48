"""`/worker/…`."""

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http import sessions
from app.api.http.bodies import body
from app.api.http.site import services
from app.api.task_tracker import schemas, words
from app.api.task_tracker.documents import Fields, flag, int64, read, text
from app.api.task_tracker.routes import callers, ids
from app.api.task_tracker.routes.describing import tells
from app.api.task_tracker.service import workers as service

blueprint = Blueprint("tracker-workers", __name__, description="Workers.")
ALIAS: Fields = {"alias": text()}
PAUSED: Fields = {"worker": int64(), "paused": flag()}


@blueprint.route("/worker/create", methods=["POST"])
@tells(blueprint, 400, 403, 413, body=schemas.Alias)
def create_worker() -> ResponseReturnValue:
    """Make a worker; the only answer that shows it its secret."""
    remote = service.create(services(), read(body(), ALIAS)["alias"])
    return words.done({"worker": words.worker(remote, secret=True)})


@blueprint.route("/worker/get/<worker_id>")
@tells(blueprint, 400, 404)
def get_worker(worker_id: str) -> ResponseReturnValue:
    """Give a worker; its secret is for admins."""
    remote = service.get(services(), ids.worker(worker_id))
    shown = service.shows_secret(sessions.manager())
    return words.done({"worker": words.worker(remote, secret=shown)})


@blueprint.route("/worker/update", methods=["POST"])
@tells(blueprint, 400, 401, 403, 413, body=schemas.Alias)
def update_worker() -> ResponseReturnValue:
    """Change the alias of the worker that asks."""
    caller = callers.worker(401)
    service.rename(services(), caller, read(body(), ALIAS)["alias"])
    return words.done()


@blueprint.route("/worker/set_paused", methods=["POST"])
@tells(blueprint, 400, 403, 413, body=schemas.SetPaused)
def set_paused() -> ResponseReturnValue:
    """Keep a worker from getting tasks, or let it go on."""
    callers.admin()
    given = read(body(), PAUSED)
    service.set_paused(services(), given["worker"], paused=given["paused"])
    return words.done()


@blueprint.route("/worker/stats")
@tells(blueprint)
def worker_stats() -> ResponseReturnValue:
    """Give every worker, and how many tasks its releases have closed."""
    return words.done({"stats": service.stats(services())})
