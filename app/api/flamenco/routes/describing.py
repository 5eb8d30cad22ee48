"""How views of this dialect describe themselves."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask_smorest import Blueprint
from marshmallow import Schema

from app.api.flamenco.schemas import Error
from app.api.http.documents import described

View = TypeVar("View", bound=Callable[..., Any])
KINDS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")


def tells(
    blueprint: Blueprint,
    *errors: int,
    answer: type[Schema] | None = None,
    body: type[Schema] | None = None,
    files: bool = False,
    query: Sequence[dict[str, Any]] = (),
    status: int = 200,
    content_type: str = "application/json",
) -> Callable[[View], View]:
    """Describe a view. files: whether the body comes as multipart alone."""
    kinds = KINDS[-1:] if files else KINDS
    return described(
        blueprint,
        answer,
        status=status,
        errors=(*errors, 405),
        error=Error,
        query=query,
        body=None if body is None else dict.fromkeys(kinds, body),
        content_type=content_type,
    )
