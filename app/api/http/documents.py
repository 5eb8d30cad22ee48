"""One OpenAPI document for each dialect, and the words its routes describe themselves with."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from flask import Flask
from flask_smorest import Api, Blueprint
from marshmallow import Schema
from werkzeug.routing import BaseConverter

from app.api.http.callers import Guard
from app.api.http.dialect import Mounted

View = TypeVar("View", bound=Callable[..., Any])
# As a dict: what no marshmallow schema can say, in OpenAPI's own words.
SchemaLike = type[Schema] | Schema | dict[str, Any]
JSON = "application/json"

_PHRASES = {
    200: "Done.",
    201: "Created.",
    202: "Accepted.",
    204: "Done.",
    400: "The request is not valid, or the present state does not allow it.",
    401: "The request names nobody who is let in.",
    403: "Who asks may not do that.",
    404: "There is no such thing.",
    405: "The path does not know this method.",
    408: "It took longer than the caller wanted to wait.",
    409: "The present state does not allow it.",
    413: "The body is too large.",
    429: "There are too many requests; try again after `Retry-After` seconds.",
    500: "The server is stopping.",
    503: "The database does not answer.",
}


class DialectApi(Api):  # type: ignore[misc]
    """Collects the document. Errors are worded by the factory, which knows whose path it is."""

    def _register_error_handlers(self) -> None:
        """Register none: the last of several Apis would word the errors of all."""


def mount(
    app: Flask, mounted: Mounted, blueprints: Sequence[Blueprint], version: str
) -> Callable[[], dict[str, Any]]:
    """Mount a dialect's blueprints and give what makes its OpenAPI document, once.

    Few ever ask a process for a document, and making all of them is most of what its start takes.
    """
    prefix = mounted.terms.prefix or None
    for blueprint in blueprints:
        app.register_blueprint(blueprint, url_prefix=prefix)

    @cache
    def document() -> dict[str, Any]:
        return _document(app, mounted, blueprints, version)

    return document


def _document(
    app: Flask, mounted: Mounted, blueprints: Sequence[Blueprint], version: str
) -> dict[str, Any]:
    dialect, terms = mounted.dialect, mounted.terms
    api = DialectApi(config_prefix=dialect.name.upper())
    api.ERROR_SCHEMA = dialect.error_schema
    # Forms of ids that are our own say in `shape` what the document tells of them.
    api.register_converter(BaseConverter, lambda each: getattr(each, "shape", {"type": "string"}))
    api.init_app(
        app,
        spec_kwargs={
            "title": dialect.title,
            "version": version,
            "openapi_version": "3.0.3",
            "info": {"description": dialect.about},
        },
    )
    for blueprint in blueprints:
        blueprint.register_views_in_doc(api, app, api.spec, name=blueprint.name, parameters=None)
        api.spec.tag({"name": blueprint.name, "description": blueprint.description})
    document: dict[str, Any] = api.spec.to_dict()
    if terms.guard is not None:
        _add_refusals(document, terms.guard)
    return document


def _add_refusals(document: dict[str, Any], guard: Guard) -> None:
    """Say what the guard may answer in place of any view; in the form of all errors."""
    for path in document["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                responses = operation["responses"]
                for code in guard.refusals:
                    like_all = {**responses["503"], "description": _PHRASES[code]}
                    responses.setdefault(str(code), like_all)


def described(
    blueprint: Blueprint,
    answer: SchemaLike | None = None,
    *,
    status: int = 200,
    many: bool = False,
    errors: Sequence[int] = (),
    error: SchemaLike,
    query: Sequence[dict[str, Any]] = (),
    headers: Sequence[dict[str, Any]] = (),
    body: dict[str, Any] | None = None,
    content_type: str = JSON,
) -> Callable[[View], View]:
    """Describe a view that answers plain dicts: nothing is loaded or dumped by a schema at work.

    body: schemas by content type. One wrapper for all of it, since each costs a call a request.
    """
    shown: Any = {"type": "array", "items": answer} if many else answer
    if answer is None and content_type != JSON:
        shown = {"type": "string"}
    responses: dict[str, Any] = {
        str(code): {
            "description": _PHRASES[code],
            "content": {JSON: {"schema": error}},
        }
        for code in (*errors, 503)
    }
    responses[str(status)] = {"description": _PHRASES[status]}
    if shown is not None:
        responses[str(status)]["content"] = {content_type: {"schema": shown}}
    words: dict[str, Any] = {"responses": responses}
    if query or headers:
        words["parameters"] = [{"in": "query", **each} for each in query]
        words["parameters"] += [{"in": "header", **each} for each in headers]
    if body is not None:
        words["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": schema} for kind, schema in body.items()},
        }
    decorate: Callable[[View], View] = blueprint.doc(**words)
    return decorate


def number_query(name: str, about: str, default: int) -> dict[str, Any]:
    """Describe a whole number in the query."""
    return {
        "name": name,
        "description": about,
        "schema": {"type": "integer", "default": default},
    }


def text_query(name: str, about: str) -> dict[str, Any]:
    """Describe a text in the query."""
    return {"name": name, "description": about, "schema": {"type": "string"}}
