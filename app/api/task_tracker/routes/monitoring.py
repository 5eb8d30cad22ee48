"""`/project/monitoring…`, `/project/assignees` and `/git/receivehook`."""

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http import sessions
from app.api.http.bodies import body
from app.api.http.documents import number_query
from app.api.http.site import services
from app.api.task_tracker import words
from app.api.task_tracker.records import Project
from app.api.task_tracker.routes import ids
from app.api.task_tracker.routes.describing import tells
from app.api.task_tracker.service import hooks, projects
from app.api.task_tracker.service import monitoring as service

TEXT, PLAIN = "text/plain", {"type": "string"}
blueprint = Blueprint("tracker-monitoring", __name__, description="Figures of projects.")
INVALID = "Invalid request"
_LATEST = 2**31 - 2


@blueprint.route("/project/monitoring/<project_id>")
@tells(blueprint, 400, 403, 404, query=[number_query("count", "How many, 1 to 999.", 60)])
def monitoring(project_id: str) -> ResponseReturnValue:
    """Give the newest snapshots of a project, newest first."""
    wanted = ids.positive(project_id, INVALID)
    count = ids.positive(request.args.get("count", ""), INVALID, most=service.MOST)
    found = service.snapshots(services(), _readable(wanted), count)
    return words.done({"snapshots": [words.snapshot(one) for one in found]})


@blueprint.route("/project/monitoring-between/<project_id>")
@tells(
    blueprint,
    400,
    403,
    404,
    query=[
        number_query("from", "Unix seconds, included.", 1),
        number_query("to", "Unix seconds, included.", _LATEST),
    ],
)
def monitoring_between(project_id: str) -> ResponseReturnValue:
    """Give the snapshots of a time, newest first."""
    wanted = ids.positive(project_id, INVALID)
    begin = ids.positive(request.args.get("from", ""), INVALID, most=_LATEST)
    end = ids.positive(request.args.get("to", ""), INVALID, most=_LATEST)
    found = service.between(services(), _readable(wanted), begin, end)
    return words.done({"snapshots": [words.snapshot(one) for one in found]})


@blueprint.route("/project/assignees/<project_id>")
@tells(blueprint, 400, 403, 404)
def assignees(project_id: str) -> ResponseReturnValue:
    """Count a project's open tasks by who holds them."""
    found = _readable(ids.project(project_id))
    return words.done({"assignees": service.assignees(services(), found)})


def _readable(project_id: int) -> Project:
    return projects.readable(services(), sessions.manager(), project_id)


@blueprint.route("/git/receivehook", methods=["POST"])
@tells(blueprint, 400, 403, 413, content_type=TEXT)
@blueprint.doc(responses={code: {"content": {TEXT: {"schema": PLAIN}}} for code in ("400", "403")})
def receive_hook() -> ResponseReturnValue:
    """Take a push message of GitHub, Gogs or Gitea."""
    status, message = hooks.receive(services(), body(), dict(request.headers))
    return Response(message, status=status, mimetype=TEXT)
