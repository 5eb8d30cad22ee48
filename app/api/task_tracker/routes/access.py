"""`/project/…`: requests of workers, and roles of managers."""

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http import sessions
from app.api.http.bodies import body
from app.api.http.site import services
from app.api.task_tracker import schemas, words
from app.api.task_tracker.documents import Fields, flag, int64, read
from app.api.task_tracker.errors import Refused
from app.api.task_tracker.records import Role
from app.api.task_tracker.routes import callers, ids
from app.api.task_tracker.routes.describing import tells
from app.api.task_tracker.service import access as service
from app.api.task_tracker.service import projects

blueprint = Blueprint("tracker-access", __name__, description="Access to projects.")
REQUEST: Fields = {"project": int64(), "assign": flag(), "submit": flag()}
ROLE: Fields = {"manager": int64(), "role": int64()}


@blueprint.route("/project/request_access", methods=["POST"])
@tells(blueprint, 400, 401, 413, body=schemas.AccessRequest)
def request_access() -> ResponseReturnValue:
    """Ask for access to a project; a manager decides."""
    given = read(body(), REQUEST)
    if not (given["assign"] or given["submit"]):
        raise Refused(400, "Invalid request")
    worker = callers.worker(401)
    service.ask(
        services(), worker, given["project"], assign=given["assign"], submit=given["submit"]
    )
    return words.done()


@blueprint.route("/project/access_list/<project_id>")
@tells(blueprint, 400, 403, 404)
def list_accesses(project_id: str) -> ResponseReturnValue:
    """List requests and grants of a project."""
    found = projects.require(
        services(), sessions.manager(), ids.project(project_id), Role.MANAGE_ACCESS
    )
    return words.done(
        {"accesses": [words.access(one) for one in service.listed(services(), found)]}
    )


@blueprint.route("/project/accept_request/<project_id>/<worker_id>", methods=["POST"])
@tells(blueprint, 400, 403, 404)
def accept_request(project_id: str, worker_id: str) -> ResponseReturnValue:
    """Grant what a worker asked for."""
    return _decide(project_id, worker_id, service.accept)


@blueprint.route("/project/reject_request/<project_id>/<worker_id>", methods=["POST"])
@tells(blueprint, 400, 403, 404)
def reject_request(project_id: str, worker_id: str) -> ResponseReturnValue:
    """Refuse a worker's request, or take its access away."""
    return _decide(project_id, worker_id, service.reject)


def _decide(project_id: str, worker_id: str, verb: service.Verb) -> ResponseReturnValue:
    wanted, worker = ids.project(project_id), ids.worker(worker_id)
    found = projects.require(services(), sessions.manager(), wanted, Role.MANAGE_ACCESS)
    if verb(services(), found, worker):
        return words.done()
    return words.unlucky(service.NO_ACCESS)


@blueprint.route("/manager/list_for_project/<project_id>")
@tells(blueprint, 400, 401, 404)
def list_managers_of_project(project_id: str) -> ResponseReturnValue:
    """List the managers that have a role in a project."""
    wanted = ids.project(project_id)
    callers.logged_in()
    projects.existing(services(), wanted)
    found = service.managers_of(services(), wanted)
    return words.done(
        {"managers": [{"manager": words.manager(who), "role": int(role)} for who, role in found]}
    )


@blueprint.route("/manager/set_role_for_project/<project_id>", methods=["POST"])
@tells(blueprint, 400, 403, 404, 413, body=schemas.RoleChange)
def set_role(project_id: str) -> ResponseReturnValue:
    """Replace what a manager may do with a project."""
    wanted = ids.project(project_id)
    given = read(body(), ROLE)
    found = projects.require(services(), sessions.manager(), wanted, Role.MANAGE_ACCESS)
    service.set_role(services(), found, given["manager"], given["role"])
    return words.done()
