"""How views of this dialect describe themselves."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask_smorest import Blueprint
from marshmallow import Schema

from app.api.http.documents import described
from app.api.task_tracker.schemas import Envelope

View = TypeVar("View", bound=Callable[..., Any])
JSON = "application/json"


def tells(
    blueprint: Blueprint,
    *errors: int,
    body: type[Schema] | None = None,
    query: Sequence[dict[str, Any]] = (),
    status: int = 200,
    content_type: str = JSON,
) -> Callable[[View], View]:
    """Describe a view that answers with the envelope, or with nothing, or in another form."""
    return described(
        blueprint,
        Envelope if (status, content_type) == (200, JSON) else None,
        status=status,
        errors=(*errors, 405),
        error=Envelope,
        query=query,
        body=None if body is None else {JSON: body},
        content_type=content_type,
    )
