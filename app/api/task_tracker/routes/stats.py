"""`/project/stats…` and `/project/failed_task…`: how projects stand, and what went wrong there."""

from flask import request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http import sessions, sse
from app.api.http.documents import number_query
from app.api.http.site import services, site
from app.api.task_tracker import words
from app.api.task_tracker.errors import Refused
from app.api.task_tracker.records import Project, Role
from app.api.task_tracker.routes import ids
from app.api.task_tracker.routes.describing import tells
from app.api.task_tracker.service import failures, projects
from app.api.task_tracker.service import stats as service

blueprint = Blueprint("tracker-stats", __name__, description="Projects as they stand.")
INVALID = "Invalid request"
_PAGE = [
    number_query("after", "Id of the last task of the page before.", 0),
    number_query("limit", "How many, 1 to 100.", failures.PAGE),
]


@blueprint.route("/project/stats/<project_id>")
@tells(blueprint, 400, 403, 404)
def stats(project_id: str) -> ResponseReturnValue:
    """Count a project's tasks as they are at this moment."""
    return words.done(service.of(services(), _readable(project_id)))


@blueprint.route("/project/stats/<project_id>/stream")
@tells(blueprint, 400, 403, 404, content_type=sse.EVENT_STREAM)
def stream_stats(project_id: str) -> ResponseReturnValue:
    """Follow these figures as server-sent events."""
    return sse.answer(service.stream(services(), site().drain, _readable(project_id)))


@blueprint.route("/project/failed_tasks/<project_id>")
@tells(blueprint, 400, 403, 404, query=_PAGE)
def failed_tasks(project_id: str) -> ResponseReturnValue:
    """List tasks that failed for good, with their recipes and errors."""
    found = _maintained(project_id)
    after = request.args.get("after", "0")
    if after.strip("0"):
        begin = ids.positive(after, INVALID)
    elif after:
        begin = 0
    else:
        raise Refused(400, INVALID)
    limit = ids.positive(request.args.get("limit", str(failures.PAGE)), INVALID, most=failures.MOST)
    page = failures.page(services(), found, after=begin, limit=limit)
    following = page[-1]["id"] if len(page) == limit else None
    return words.done({"tasks": list(page), "next": following})


@blueprint.route("/project/failed_tasks/<project_id>/<task_id>/reset", methods=["POST"])
@tells(blueprint, 400, 403, 404)
def reset_failed_task(project_id: str, task_id: str) -> ResponseReturnValue:
    """Let one failed task begin anew."""
    wanted = ids.positive(task_id, INVALID)
    return _decided(failures.reset(services(), _maintained(project_id), wanted))


@blueprint.route("/project/failed_tasks/<project_id>/<task_id>/drop", methods=["POST"])
@tells(blueprint, 400, 403, 404)
def drop_failed_task(project_id: str, task_id: str) -> ResponseReturnValue:
    """Delete one failed task."""
    wanted = ids.positive(task_id, INVALID)
    return _decided(failures.drop(services(), _maintained(project_id), wanted))


def _decided(found: bool) -> ResponseReturnValue:
    if not found:
        raise Refused(404, "Task not found")
    return words.done({"affected_tasks": 1})


def _readable(project_id: str) -> Project:
    return projects.readable(services(), sessions.manager(), ids.project(project_id))


def _maintained(project_id: str) -> Project:
    wanted = ids.project(project_id)
    return projects.require(services(), sessions.manager(), wanted, Role.MAINTENANCE)
