"""Output of jobs and tasks."""

from flask import Response, request
from flask.typing import ResponseReturnValue

from app.api.http import sse
from app.api.http.bearer import secret_given, while_admitted
from app.api.http.documents import text_query
from app.api.http.site import services, site
from app.api.jobyard import schemas
from app.api.jobyard.routes.blueprint import CURSOR, route
from app.api.jobyard.service import logs
from app.domain.records import Scope

_RESUME = (text_query("last_event_id", "As the header Last-Event-ID: go on behind that part."),)


@route("/jobs/<job_id>/log", Scope.READ, schemas.LogPage, errors=(400, 404), query=CURSOR)
def get_job_log(job_id: str) -> ResponseReturnValue:
    """List the output of a job's tasks as it came, oldest first."""
    return logs.find(logs.of_job(services(), job_id), request.args)


@route("/tasks/<int:task_id>/log", Scope.READ, schemas.LogPage, errors=(400, 404), query=CURSOR)
def get_task_log(task_id: int) -> ResponseReturnValue:
    """List a task's output, oldest first."""
    return logs.find(logs.of_task(services(), task_id), request.args)


@route("/jobs/<job_id>/log/text", Scope.READ, errors=(404,), content_type="text/plain")
def get_job_text(job_id: str) -> ResponseReturnValue:
    """Give all that a job's tasks have written as text."""
    return _text(logs.of_job(services(), job_id))


@route("/tasks/<int:task_id>/log/text", Scope.READ, errors=(400, 404), content_type="text/plain")
def get_task_text(task_id: int) -> ResponseReturnValue:
    """Give all that a task has written as text."""
    return _text(logs.of_task(services(), task_id))


@route(
    "/jobs/<job_id>/log/stream",
    Scope.READ,
    errors=(400, 404),
    query=_RESUME,
    content_type=sse.EVENT_STREAM,
)
def stream_job_log(job_id: str) -> ResponseReturnValue:
    """Stream the output of a job's tasks, from its beginning or from where one was cut off."""
    return _stream(logs.of_job(services(), job_id))


@route(
    "/tasks/<int:task_id>/log/stream",
    Scope.READ,
    errors=(400, 404),
    query=_RESUME,
    content_type=sse.EVENT_STREAM,
)
def stream_task_log(task_id: int) -> ResponseReturnValue:
    """Stream a task's output, from its beginning or from where one was cut off."""
    return _stream(logs.of_task(services(), task_id))


def _text(source: logs.Source) -> Response:
    return Response(logs.text(source), content_type="text/plain; charset=utf-8")


def _stream(source: logs.Source) -> Response:
    frames = logs.stream(site().drain, source, sse.resumed_from())
    return sse.answer(while_admitted(frames, services().engine, secret_given()))
