"""The shape that the routes of a job's output and of a task's share."""

from collections.abc import Callable
from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http import sse
from app.api.http.documents import described, number_query, text_query
from app.api.http.site import site
from app.api.tork import query, schemas
from app.api.tork.service import logs

SIZE, MOST = 25, 100
_PAGES = (
    number_query("page", "Which page, from 1.", 1),
    number_query("size", f"Parts a page, at most {MOST}.", SIZE),
    text_query("q", "Words that must all stand in a part."),
    text_query("format", "`text` gives all of it, oldest first, as plain text."),
)
_RESUME = (text_query("last_event_id", "As the header Last-Event-ID: go on behind that event."),)
_ERRORS = (400, 404, 405)
Described = Callable[[Callable[..., Any]], Callable[..., Any]]


def described_pages(blueprint: Blueprint) -> Described:
    """Describe a route that `pages` answers."""
    return described(
        blueprint, schemas.TaskLogPage, errors=_ERRORS, error=schemas.Error, query=_PAGES
    )


def described_stream(blueprint: Blueprint) -> Described:
    """Describe a route that `stream` answers."""
    return described(
        blueprint,
        errors=_ERRORS,
        error=schemas.Error,
        query=_RESUME,
        content_type=sse.EVENT_STREAM,
    )


def pages(source: logs.Source) -> ResponseReturnValue:
    """Answer with a page of parts, newest first, or with all of it as text."""
    if query.wants_text(request.args):
        return Response(source.text, content_type="text/plain; charset=utf-8")
    window = query.window(request.args, size=SIZE, most=MOST)
    return logs.page(source, window, query.text_words(request.args.get("q")))


def stream(source: logs.Source) -> ResponseReturnValue:
    """Answer with what there is behind the last event seen, and with what comes."""
    return sse.answer(logs.stream(source, site().drain, sse.resumed_from()))
