"""`/tasks/compiled`: work for workers, and commands to look at."""

from flask import request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint
from werkzeug.exceptions import MethodNotAllowed

from app.api.flamenco import schemas
from app.api.flamenco.answers import document, nothing
from app.api.flamenco.fields import Fields
from app.api.flamenco.routes.describing import tells
from app.api.flamenco.service import catalogue
from app.api.flamenco.service import compiled as service
from app.api.flamenco.service.workers import by_address
from app.api.http.documents import text_query
from app.api.http.site import services

blueprint = Blueprint("flamenco-compiled", __name__, description="Commands of tasks.")
_QUERY = [
    {"name": "worker_id", "description": "Who asks.", "schema": {"type": "integer"}},
    text_query("system", "Operating system of a preview; Linux."),
]


@blueprint.route("/tasks/compiled/types")
@tells(blueprint, answer=schemas.Compilers)
def get_compilers() -> ResponseReturnValue:
    """List the compilers that are installed, and what their settings may hold."""
    return document(catalogue.compilers(services()))


@blueprint.route("/tasks/compiled/<farm_number:task_id>")
@tells(blueprint, 400, 403, 404, 409, answer=schemas.CompiledTask, query=_QUERY)
def get_compiled(task_id: int) -> ResponseReturnValue:
    """Give the command of a task; of task 0, that of the next one, which is handed out."""
    given = Fields({}, {})
    worker_id, system = given.integer("worker_id"), given.text("system")
    if not task_id:
        if request.method == "HEAD":  # promises to change nothing, and this hands out work
            raise MethodNotAllowed(valid_methods=["GET"])
        if worker_id is None:
            worker_id = by_address(services(), request.remote_addr or "")
        found = service.poll(services(), worker_id)
        return nothing() if found is None else document(found)
    if worker_id is not None:
        return document(service.taken(services(), task_id, worker_id))
    return document(service.preview(services(), task_id, system))
