"""Errors in this dialect's form: time, host, text and a request id, on every route."""

import socket

from app.api.http.dialect import Failure
from app.api.http.problems import Problem
from app.domain.clock import SystemClock
from app.domain.errors import EngineError

_HOST = socket.gethostname()
_CLOCK = SystemClock()


class Refused(Exception):
    """A request that is answered with an error. code: a stable word for programs."""

    def __init__(self, status: int, message: str, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Invalid(Refused):
    """What was sent is not what is read there."""

    def __init__(self, message: str, code: str = "invalid") -> None:
        super().__init__(400, message, code)


class Missing(Refused):
    """There is no such thing."""

    def __init__(self, message: str, code: str = "not-found") -> None:
        super().__init__(404, message, code)


def no_cluster(name: str) -> Missing:
    """Word that there is no such cluster."""
    return Missing(f"Job Cluster {name} does not exist", "cluster-not-found")


def no_job(job_id: str) -> Missing:
    """Word that there is no such job."""
    return Missing(f"Job {job_id} does not exist", "job-not-found")


def failure(problem: Problem) -> Failure:
    """Word an error."""
    error = problem.error
    status, message, code = problem.status, problem.message, problem.code
    if isinstance(error, Refused):
        status, message, code = error.status, str(error), error.code
    elif isinstance(error, EngineError):
        status = {502: 500}.get(status, status)
    return Failure(
        status=status,
        body={
            "time": _CLOCK.now() // 1000,
            "host": _HOST,
            # Whatever a client sent can be written back: its text may be quoted in it.
            "error": message.encode("utf-8", "replace").decode(),
            "requestId": -1,
            "code": code,
        },
        headers=problem.headers,
    )
