"""Errors of our own API: a word for programs, a text for people, faults by path."""

from typing import Any

from app.api.http.bearer import BadToken, OutOfScope, Unauthorized
from app.api.http.dialect import Failure
from app.api.http.problems import Problem
from app.domain.errors import IllegalMove, SpecInvalid


class BadRequest(Exception):
    """A request that cannot be read. faults: texts by path."""

    def __init__(self, message: str, **faults: str) -> None:
        super().__init__(message)
        self.faults = faults


def failure(problem: Problem) -> Failure:
    """Word an error."""
    error = problem.error
    if isinstance(error, BadRequest):
        return Failure(
            status=400,
            body={"code": "bad-request", "message": str(error), "faults": error.faults},
        )
    if isinstance(error, Unauthorized):
        return _refused(401, "invalid-token" if isinstance(error, BadToken) else "no-token", error)
    if isinstance(error, OutOfScope):
        return _refused(403, "out-of-scope", error)
    if isinstance(error, IllegalMove) and "current" in error.facts:
        body: dict[str, Any] = {"code": problem.code, "message": f"it is {error.current} by now"}
        return Failure(status=problem.status, body=body)
    body = {"code": problem.code, "message": problem.message}
    if isinstance(error, SpecInvalid):
        body["faults"] = error.facts.get("faults", {})
    return Failure(status=problem.status, body=body, headers=problem.headers)


def _refused(status: int, code: str, error: Unauthorized | OutOfScope) -> Failure:
    return Failure(
        status=status,
        body={"code": code, "message": str(error)},
        headers={"WWW-Authenticate": error.challenge},
    )
