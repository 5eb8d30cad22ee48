"""How views of this dialect are mounted and describe themselves, and what they answer with."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import orjson
from flask import Response, request
from flask_smorest import Blueprint

from app.api.http.documents import SchemaLike, described, number_query, text_query
from app.api.mantis import queries
from app.api.mantis.queries import Fields, Slice
from app.api.mantis.reading import Json
from app.api.mantis.schemas import Error

View = TypeVar("View", bound=Callable[..., Any])
JSON = "application/json"
STREAMED = 1000
"""A list that is longer is written while it is read."""

FIELDS = text_query("fields", "Names of the fields that are wanted, with commas between.")
PAGING = (
    number_query("pageSize", "How many records; 0 is all of them.", 0),
    number_query("offset", "Index of the first record.", 0),
    text_query("sortBy", "Field to sort by."),
    text_query("ascending", "Whether small values come first: `true` or `false`."),
    FIELDS,
)
JOB_FILTERS = (
    text_query("jobState", "`Active` or `Terminal`."),
    text_query("activeOnly", "`false` for jobs that are over, too."),
    text_query("labels", "`name=value`, or names alone, with commas between."),
    text_query("labels.op", "`or` (any of the labels) or `and` (all of them)."),
    number_query("limit", "So many records at most, before paging; 0 for all.", 0),
    text_query("compact", "`true` for flat records."),
    text_query("stageNumber", "Only jobs with such a stage; may repeat."),
    text_query("workerIndex", "Only jobs with such a worker; may repeat."),
    text_query("workerNumber", "Only jobs with such a worker; may repeat."),
    text_query("workerState", "`Active`, `Terminal` or `Noop`; may repeat."),
    number_query("submittedAfter", "Only jobs submitted after it, in milliseconds.", 0),
    number_query("terminatedAfter", "Only jobs that ended after it, in milliseconds.", 0),
    text_query("user", "Only jobs that this user submitted."),
    text_query("version", "Only jobs of this version."),
    text_query("startJobIdExclusive", "Only jobs that were submitted before this one."),
)


def mounted(
    blueprint: Blueprint,
    path: str,
    method: str,
    *errors: int,
    answer: SchemaLike | None = None,
    body: SchemaLike | None = None,
    query: Sequence[dict[str, Any]] = (),
    headers: Sequence[dict[str, Any]] = (),
    status: int = 200,
) -> Callable[[View], View]:
    """Mount a view at a path, with and without a slash at the end, and describe it."""

    def decorate(view: View) -> View:
        told = described(
            blueprint,
            answer,
            status=status,
            errors=(*errors, 405, *((413,) if body is not None else ())),
            error=Error,
            query=query,
            headers=headers,
            body=None if body is None else {JSON: body},
        )(view)
        route = blueprint.route(path, methods=[method], strict_slashes=False)
        decorated: View = route(told)
        return decorated

    return decorate


def empty(status: int, headers: dict[str, str] | None = None) -> Response:
    """Answer without a body."""
    answer = Response(status=status, headers=headers)
    answer.headers.pop("Content-Type", None)
    return answer


def shown(document: Any, *, status: int = 200) -> Response:
    """Answer with a document."""
    return Response(orjson.dumps(document), status=status, mimetype=JSON)


def page(part: Slice, total: int, chunks: Iterable[Sequence[Json]], fields: Fields) -> Response:
    """Answer with a part of a list, written while it is read where it is long."""
    pairs = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True)
    envelope = queries.envelope(part, total, request.path, pairs)
    _, count = part.bounds(total)
    if count > STREAMED:
        return Response(_written(envelope, chunks, fields), mimetype=JSON)
    records = [fields.of(one) for chunk in chunks for one in chunk]
    return shown({"list": records, **envelope})


def _written(envelope: Json, chunks: Iterable[Sequence[Json]], fields: Fields) -> Iterator[bytes]:
    yield b'{"list":['
    between = b""
    for chunk in chunks:
        if chunk:
            yield between + orjson.dumps([fields.of(one) for one in chunk])[1:-1]
            between = b","
        time.sleep(0)  # others of this process have their turn
    yield b"]," + orjson.dumps(envelope)[1:]
