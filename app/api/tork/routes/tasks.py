"""`/tasks`: the ids that are Tork's."""

from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http.callers import caller
from app.api.http.documents import described
from app.api.http.site import services
from app.api.tork import schemas
from app.api.tork.paths import TaskId
from app.api.tork.routes import output
from app.api.tork.service import logs
from app.api.tork.service import tasks as service

blueprint = Blueprint("tork-tasks", __name__, description="Executed tasks.")
blueprint.record(lambda state: state.app.url_map.converters.update(tork_task=TaskId))


@blueprint.route("/tasks/<tork_task:task_id>")
@described(blueprint, schemas.Task, errors=(404, 405), error=schemas.Error)
def get_task(task_id: str) -> ResponseReturnValue:
    """Give an executed task."""
    return dict(service.get(services(), caller(), task_id))


@blueprint.route("/tasks/<tork_task:task_id>/log")
@output.described_pages(blueprint)
def get_task_log(task_id: str) -> ResponseReturnValue:
    """List a task's output, newest part first, or give all of it as text."""
    return output.pages(logs.of_task(services(), caller(), task_id))


@blueprint.route("/tasks/<tork_task:task_id>/log/stream")
@output.described_stream(blueprint)
def stream_task_log(task_id: str) -> ResponseReturnValue:
    """Stream a task's output as it comes; the id of an event is the number of its part."""
    return output.stream(logs.of_task(services(), caller(), task_id))
