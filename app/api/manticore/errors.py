"""Errors in this dialect's form: `{"error": "..."}`, on every route."""

import json
from typing import Any

from app.api.http.dialect import Failure
from app.api.http.problems import Problem
from app.domain.errors import EngineError

_LONGEST_VALUE = 200


class Refused(Exception):
    """A request that is answered with 400 and this text."""


class NoRequest(Exception):
    """No live request has this passcode."""


class WrongField(Refused):
    """A field that does not hold what it must; repeats what it holds."""

    def __init__(self, field: str, value: Any, what: str) -> None:
        super().__init__(f"{field} {what}: {_shown(value)}")


def _shown(value: Any) -> str:
    # ASCII, so that whatever a client sends can be written back. Cut before, since writing a
    # megabyte to show its beginning is a waste.
    if isinstance(value, str):
        value = value[:_LONGEST_VALUE]
    elif isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return json.dumps(value)[:_LONGEST_VALUE]


def failure(problem: Problem) -> Failure:
    """Word an error."""
    status, message = problem.status, problem.message
    if isinstance(problem.error, Refused):
        status, message = 400, str(problem.error)
    elif isinstance(problem.error, NoRequest):
        status, message = 404, "no live request has this passcode"
    elif isinstance(problem.error, EngineError):
        status = {404: 400, 409: 400, 502: 500}.get(status, status)
    return Failure(status=status, body={"error": message}, headers=problem.headers)
