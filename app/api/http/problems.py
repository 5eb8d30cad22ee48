"""Errors on their way out: one flat form, made once, that each dialect puts into its own words."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from werkzeug.exceptions import HTTPException, MethodNotAllowed, Unauthorized

from app.domain.errors import EngineError, RateLimited


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong.

    status, message: the defaults; a dialect may change both. code: a stable word for programs.
    error: what was raised, for a dialect that knows more about it.
    """

    status: int
    message: str
    code: str
    error: Exception
    headers: Mapping[str, str] = field(default_factory=dict)


def problem_of(error: Exception) -> Problem:
    """Give the flat form of anything that was raised; what is not known is a plain 500."""
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, EngineError):
        headers = {}
        wait_s = error.facts.get("retry_after_s")
        if isinstance(error, RateLimited) and isinstance(wait_s, int | float):
            headers["Retry-After"] = str(max(1, math.ceil(wait_s)))
        return Problem(
            status=error.status,
            message=str(error),
            code=error.code,
            error=error,
            headers=headers,
        )
    return Problem(
        status=500, message="Internal Server Error", code="internal-server-error", error=error
    )


def _of_http(error: HTTPException) -> Problem:
    status = error.code or 500
    headers = {}
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    if isinstance(error, Unauthorized) and error.www_authenticate:
        headers["WWW-Authenticate"] = ", ".join(map(str, error.www_authenticate))
    return Problem(
        status=status,
        message=error.name,
        code=error.name.lower().replace(" ", "-"),
        error=error,
        headers=headers,
    )
