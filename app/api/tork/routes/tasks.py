"""`/tasks`: the ids that are Tork's."""

from flask import request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.callers import caller
from app.api.http.documents import described
from app.api.http.site import services
from app.api.tork import query, schemas
from app.api.tork.paths import TaskId
from app.api.tork.routes.jobs import LOG_MOST, LOG_QUERY, LOG_SIZE
from app.api.tork.service import tasks as service

blueprint = Blueprint("tork-tasks", __name__, description="Executed tasks.")
blueprint.record(lambda state: state.app.url_map.converters.update(tork_task=TaskId))


@blueprint.route("/tasks/<tork_task:task_id>")
@described(blueprint, schemas.Task, errors=(404, 405), error=schemas.Error)
def get_task(task_id: str) -> ResponseReturnValue:
    """Give an executed task."""
    return dict(service.get(services(), caller(), task_id))


@blueprint.route("/tasks/<tork_task:task_id>/log")
@described(blueprint, schemas.TaskLogPage, errors=(404, 405), error=schemas.Error, query=LOG_QUERY)
def get_task_log(task_id: str) -> ResponseReturnValue:
    """List a task's output, newest part first."""
    window = query.window(request.args, size=LOG_SIZE, most=LOG_MOST)
    return service.log(
        services(), caller(), task_id, window, query.text_words(request.args.get("q"))
    )
