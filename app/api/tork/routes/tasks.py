"""`/tasks`: the ids that are Tork's."""

from flask import request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http import sse
from app.api.http.callers import caller
from app.api.http.documents import described
from app.api.http.site import services, site
from app.api.tork import query, schemas
from app.api.tork.paths import TaskId
from app.api.tork.routes.jobs import LOG_MOST, LOG_QUERY, LOG_SIZE, RESUME, as_text
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
@described(
    blueprint, schemas.TaskLogPage, errors=(400, 404, 405), error=schemas.Error, query=LOG_QUERY
)
def get_task_log(task_id: str) -> ResponseReturnValue:
    """List a task's output, newest part first, or give all of it as text."""
    if query.wants_text(request.args):
        return as_text(logs.task_text(services(), caller(), task_id))
    window = query.window(request.args, size=LOG_SIZE, most=LOG_MOST)
    wanted = query.text_words(request.args.get("q"))
    return logs.of_task(services(), caller(), task_id, window, wanted)


@blueprint.route("/tasks/<tork_task:task_id>/log/stream")
@described(
    blueprint,
    errors=(400, 404, 405),
    error=schemas.Error,
    query=RESUME,
    content_type="text/event-stream",
)
def stream_task_log(task_id: str) -> ResponseReturnValue:
    """Stream a task's output as it comes; the id of an event is the number of its part."""
    drain, after = site().drain, sse.resumed_from()
    return sse.answer(logs.task_stream(services(), caller(), task_id, drain, after))
