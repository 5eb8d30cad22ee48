"""`/task/get…`: handing out tasks, at once or as soon as there are some."""

import math
from functools import partial

from flask import request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.documents import number_query
from app.api.http.lobby import Shut
from app.api.http.presence import has_hung_up
from app.api.http.site import services, site
from app.api.task_tracker import words
from app.api.task_tracker.errors import Refused
from app.api.task_tracker.records import Remote
from app.api.task_tracker.routes import callers, ids
from app.api.task_tracker.routes.describing import tells
from app.api.task_tracker.service import claims as service
from app.api.task_tracker.tables import Membership
from app.domain.records import Json

blueprint = Blueprint("tracker-claims", __name__, description="Handing out tasks.")
INVALID = "Invalid request"
_QUERY = [
    number_query("count", "How many tasks at most, 1 to 100.", 1),
    number_query("wait", "Seconds to wait for one, 0 to 60.", 0),
]


@blueprint.route("/task/get/<project_id>")
@tells(blueprint, 400, 403, 404, 429, query=_QUERY)
def get_task(project_id: str) -> ResponseReturnValue:
    """Hand a task of a project to the worker that asks."""
    return _hand_out(project_id)


@blueprint.route("/task/get")
@tells(blueprint, 400, 403, 429, query=_QUERY)
def get_best_task() -> ResponseReturnValue:
    """Hand the worker that asks the best task of all projects that it may serve."""
    return _hand_out(None)


def _hand_out(given_id: str | None) -> ResponseReturnValue:
    # One connection for all of it: taking one from the pool costs as much as a statement.
    with services().engine.store.session():
        worker, project_id, membership = _asked(given_id)
        count, wait_s = _count(), _wait_s()
        if wait_s and has_hung_up(request):
            # Its answer would be lost, and the task for as long as it is assigned.
            return words.unlucky(service.NO_TASK)
        found = _look(worker, project_id, membership, count)
        queues = service.lines(services(), worker, project_id) if wait_s and not found else ()
    if wait_s and not found:
        found = site().lobby.wait(
            queues,
            wait_s,
            partial(_look_again, given_id, count),
            gone=partial(has_hung_up, request),
        )
    if not found:
        return words.unlucky(service.NO_TASK)
    content: Json = {"task": found[0]}
    if "count" in request.args:
        content["tasks"] = found
    return words.done(content)


def _look(
    worker: Remote, project_id: int | None, membership: Membership | None, count: int
) -> list[Json] | None:
    try:
        return _claim(worker, project_id, membership, count)
    except Shut:
        return None


def _look_again(given_id: str | None, count: int) -> list[Json] | None:
    # Of what stood when the request came, nothing needs to stand any more.
    with services().engine.store.session():
        return _claim(*_asked(given_id), count)


def _claim(
    worker: Remote, project_id: int | None, membership: Membership | None, count: int
) -> list[Json] | None:
    if project_id is None:
        return service.get_any(services(), worker, count) or None
    return service.get(services(), worker, membership, count) or None


def _asked(given_id: str | None) -> tuple[Remote, int | None, Membership | None]:
    """Give the worker that asks, for which project, and what it may do there."""
    membership = project_id = None
    if given_id is None:
        worker = callers.worker(403)
    else:
        # No project has the id 0: what is no id at all is refused after an unknown worker.
        worker, membership = callers.worker_in(ids.known(given_id), 403)
    if worker.paused:
        raise Refused(400, "A manager has paused you")
    if given_id is not None:
        project_id = ids.project(given_id)
    return worker, project_id, membership


def _count() -> int:
    given = request.args.get("count")
    return 1 if given is None else ids.positive(given, INVALID, most=service.MOST)


def _wait_s() -> float:
    try:
        wait_s = float(request.args.get("wait", 0))
    except ValueError as error:
        raise Refused(400, INVALID) from error
    if math.isnan(wait_s):
        raise Refused(400, INVALID)
    return min(max(wait_s, 0.0), service.MOST_WAIT_S)
