"""Events as they happen."""

from flask import request
from flask.typing import ResponseReturnValue

from app.api.http import sse
from app.api.http.bearer import secret_given, while_admitted
from app.api.http.documents import text_query
from app.api.http.site import site
from app.api.jobyard.routes.blueprint import route
from app.api.jobyard.service import events
from app.domain.records import Scope


@route(
    "/events",
    Scope.READ,
    errors=(400,),
    content_type=sse.EVENT_STREAM,
    query=(
        text_query("job", "Only events of this job."),
        text_query("dialect", "Only events of this dialect."),
        text_query("kind", "Only these kinds, with commas between them: job, task.failed, …"),
        text_query("last_event_id", "As the header Last-Event-ID: go on behind that event."),
    ),
)
def stream_events() -> ResponseReturnValue:
    """Stream what happens: to jobs, tasks and workers of every dialect."""
    wanted = events.wanted(request.args)
    found = site()
    frames = events.stream(found.services, found.hub, found.drain, wanted, sse.resumed_from())
    return sse.answer(while_admitted(frames, found.services.engine, secret_given()))
