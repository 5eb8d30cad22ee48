"""Errors in the tracker's envelope: `ok` false and a `message`, on every route."""

import math
from collections.abc import Mapping
from typing import Any

from app.api.http.dialect import Failure
from app.api.http.problems import Problem
from app.domain.errors import EngineError, RateLimited

UNREADABLE = "Could not parse request"
UNAUTHORIZED = "Unauthorized"
TOO_MANY = "Too many requests"
DUPLICATE = "duplicate task: this hash already exists in the project"


class Refused(Exception):
    """An answer with `ok` false. status: of HTTP. more: further keys of the envelope."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.more = more


class Unreadable(Refused):
    """The body is not what the route reads."""

    def __init__(self) -> None:
        super().__init__(400, UNREADABLE)


def failure(problem: Problem) -> Failure:
    """Word an error."""
    error = problem.error
    headers: Mapping[str, str] = problem.headers
    more: dict[str, Any] = {}
    status, message = problem.status, problem.message
    if isinstance(error, Refused):
        status, message, more = error.status, str(error), error.more
    elif isinstance(error, RateLimited):
        message = TOO_MANY
        delay = float(str(error.facts.get("retry_after_s", 1.0)))
        more = {"rate_limit_delay": delay}
        headers = {**headers, "Retry-After": str(max(math.ceil(delay), 1))}
    elif isinstance(error, EngineError):
        status = {409: 400, 502: 500}.get(status, status)
    return Failure(status=status, body={"ok": False, "message": message, **more}, headers=headers)
