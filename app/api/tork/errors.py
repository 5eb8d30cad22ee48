"""Errors in Tork's form: `{"message": "<text>"}` and nothing else, on every route."""

from app.api.http.dialect import Failure
from app.api.http.problems import Problem
from app.api.tork.faults import Invalid
from app.domain.errors import EngineError, JobNotFound, ScheduleNotFound, TaskNotFound

_TEXTS: dict[type[EngineError], str] = {
    JobNotFound: "job not found",
    TaskNotFound: "task not found",
    ScheduleNotFound: "scheduled job not found",
}
# What the engine calls a conflict, or cannot do for want of a plugin, is a bad request here.
_STATUSES = {409: 400, 502: 400}


class Refused(Exception):
    """An answer that no error of the engine stands for. status: of HTTP."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def failure(problem: Problem) -> Failure:
    """Word an error."""
    error = problem.error
    status, message = _STATUSES.get(problem.status, problem.status), problem.message
    if isinstance(error, Invalid):
        status, message = 400, str(error)
    elif isinstance(error, Refused):
        status, message = error.status, str(error)
    elif isinstance(error, EngineError):
        message = _TEXTS.get(type(error), message)
    return Failure(status=status, body={"message": message}, headers=problem.headers)
