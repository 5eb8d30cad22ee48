"""Errors in this dialect's form: `{"code", "message", "errors"}`, on every route."""

from collections.abc import Mapping
from typing import Any

from app.api.flamenco.answers import label
from app.api.http.bearer import OutOfScope, Unauthorized
from app.api.http.dialect import Failure
from app.api.http.problems import Problem
from app.domain.errors import EngineError, SpecInvalid

NO_TASK = "There is no such task"
NO_WORKER = "There is no such worker"
UNREGISTERED = "Worker is not registered"
DISABLED = "Worker is disabled"


class Refused(Exception):
    """An answer that is an error. errors: reasons by field."""

    def __init__(self, status: int, message: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.errors = dict(errors or {})


class WrongField(Refused):
    """A field that does not hold what it must."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(400, f"{field} {what}", {field: f"{field} {what}"})


def failure(problem: Problem) -> Failure:
    """Word an error."""
    error = problem.error
    status, message = problem.status, problem.message
    errors: dict[str, str] = {}
    headers = dict(problem.headers)
    if isinstance(error, Refused):
        status, message, errors = error.status, str(error), error.errors
    elif isinstance(error, Unauthorized):
        status, message = 401, str(error)
        headers["WWW-Authenticate"] = error.challenge
    elif isinstance(error, OutOfScope):
        status, message = 403, str(error)
        headers["WWW-Authenticate"] = error.challenge
    elif isinstance(error, SpecInvalid):
        faults = error.facts.get("faults")
        if isinstance(faults, dict) and faults:
            message = "; ".join(str(one) for one in faults.values())
        errors = {"settings": message}
    elif isinstance(error, EngineError):
        status = {502: 500}.get(status, status)
    body: dict[str, Any] = {"code": status, "message": message or "The request failed"}
    if status == 400 or errors:
        body["errors"] = errors
    return Failure(status=status, body=body, headers={**headers, **label()})
