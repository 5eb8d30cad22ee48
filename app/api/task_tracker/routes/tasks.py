"""`/task/…`: what becomes of tasks."""

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.bodies import body
from app.api.http.site import services
from app.api.task_tracker import schemas, words
from app.api.task_tracker.documents import parsed, read
from app.api.task_tracker.errors import DUPLICATE, Refused, Unreadable
from app.api.task_tracker.routes import callers
from app.api.task_tracker.routes.describing import tells
from app.api.task_tracker.service import tasks as service

blueprint = Blueprint("tracker-tasks", __name__, description="Tasks.")


@blueprint.route("/task/submit", methods=["POST"])
@tells(blueprint, 400, 401, 404, 413, 429, body=schemas.Submission)
def submit_task() -> ResponseReturnValue:
    """Store a task."""
    said = body()
    with services().engine.store.session():
        caller = callers.worker(401)
        service.submit(services(), caller, service.read(parsed(said)))
    return words.done()


@blueprint.route("/task/bulk_submit", methods=["POST"])
@tells(blueprint, 400, 401, 404, 413, 429, body=schemas.BulkSubmission)
def submit_tasks() -> ResponseReturnValue:
    """Store up to 10000 tasks of one project; duplicates are left out and named."""
    caller = callers.worker(401)
    items = _items(parsed(body()), "requests")
    left_out = service.submit_many(services(), caller, items)
    content = {
        "submitted": len(items) - len(left_out),
        "rejected": [{"index": place, "message": DUPLICATE} for place in left_out],
    }
    if len(left_out) == len(items):
        raise Refused(400, DUPLICATE, content=content)
    return words.done(content)


def _items(document: object, field: str) -> list[object]:
    found = document
    if isinstance(document, dict):
        found = next((value for name, value in document.items() if name.lower() == field), 0)
    if not isinstance(found, list) or not found:
        raise Unreadable
    return found


@blueprint.route("/task/release", methods=["POST"])
@tells(blueprint, 400, 403, 413, body=schemas.Release)
def release_task() -> ResponseReturnValue:
    """Say what became of a task that the worker holds."""
    said = body()
    with services().engine.store.session():
        caller = callers.worker(403)
        updated = service.release(services(), caller, service.read_release(parsed(said)))
    return words.done({"updated": updated}, None if updated else service.NOT_CLOSED)


@blueprint.route("/task/bulk_release", methods=["POST"])
@tells(blueprint, 400, 403, 413, body=schemas.BulkRelease)
def release_tasks() -> ResponseReturnValue:
    """Say what became of up to 100 tasks that the worker holds."""
    said = body()
    with services().engine.store.session():
        caller = callers.worker(403)
        given = service.read_releases(_items(parsed(said), "releases"))
        updated = service.release_many(services(), caller, given)
    answers = [
        {"task_id": one["task_id"], "updated": counted}
        for one, counted in zip(given, updated, strict=True)
    ]
    return words.done({"releases": answers})


@blueprint.route("/task/renew", methods=["POST"])
@tells(blueprint, 400, 403, 413, body=schemas.Renewal)
def renew_task() -> ResponseReturnValue:
    """Let the time that a worker has for a task begin anew."""
    said = body()
    with services().engine.store.session():
        caller = callers.worker(403)
        task_id = read(said, service.RENEWAL)["task_id"]
        if task_id == 0:
            raise Refused(400, "Invalid request")
        updated = service.renew(services(), caller, task_id)
    return words.done({"updated": updated}, None if updated else service.NOT_HELD)
