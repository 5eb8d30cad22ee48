"""The error tree of the engine.

A docstring's first line, up to its facts, is the default message; those are attributes, not text.
Statuses are defaults: a dialect's `errors.py` may map a code to another one and shapes the body.
"""

from typing import ClassVar


class EngineError(Exception):
    """The engine refused."""

    code: ClassVar[str] = "engine-error"
    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None, **facts: object) -> None:
        doc = (type(self).__doc__ or "").strip().split("\n", maxsplit=1)[0]
        super().__init__(message or doc.partition(" Facts:")[0])
        self.facts = facts

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        name = cls.__name__
        cls.code = "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")

    def __getattr__(self, name: str) -> object:
        facts: dict[str, object] = self.__dict__.get("facts", {})
        if name in facts:
            return facts[name]
        raise AttributeError(name)


class NotFound(EngineError):
    """There is no such thing."""

    status = 404


class JobNotFound(NotFound):
    """There is no such job. Facts: job_id."""


class TaskNotFound(NotFound):
    """There is no such task. Facts: task_id."""


class WorkerNotFound(NotFound):
    """There is no such worker. Facts: worker_id."""


class GroupNotFound(NotFound):
    """There is no such group. Facts: group_id."""


class ManagerNotFound(NotFound):
    """There is no such manager. Facts: manager_id."""


class ScheduleNotFound(NotFound):
    """There is no such schedule. Facts: schedule_id."""


class TokenNotFound(NotFound):
    """There is no such API token. Facts: token_id, where it is known."""


class EntryNotFound(NotFound):
    """The job has no place in a waiting list. Facts: job_id."""


class AccountNotFound(NotFound):
    """There is no such user. Facts: name."""


class RoleNotFound(NotFound):
    """There is no such role. Facts: name."""


class Conflict(EngineError):
    """The present state does not allow it."""

    status = 409


class IllegalMove(Conflict):
    """The state does not allow this move. Facts: current, wanted."""


class LeaseLost(Conflict):
    """The attempt no longer holds the task. Facts: task_id, number."""


class WorkerNotActive(Conflict):
    """The worker is not active. Facts: worker_id."""


class AlreadyExists(Conflict):
    """A thing of that name exists already. Facts: name."""


class DuplicateTask(AlreadyExists):
    """A task with that unique key exists already. Facts: unique_key."""


class Rejected(EngineError):
    """The request is not valid."""

    status = 400


class SpecInvalid(Rejected):
    """The job's parameters are not valid. Facts: faults, by path."""


class UnknownJobType(Rejected):
    """There is no such job type. Facts: name."""


class GraphCycle(Rejected):
    """Tasks wait for each other in a circle, or for a task that is not there. Facts: names."""


class Forbidden(EngineError):
    """This caller may not do that."""

    status = 403


class NotLeaseHolder(Forbidden):
    """The task is held by another worker. Facts: task_id."""


class AccessDenied(Forbidden):
    """Access is denied."""


class Unavailable(EngineError):
    """The server cannot do that now."""

    status = 503


class Paused(Unavailable):
    """The queue or group is paused. Facts: name."""


class StoreUnavailable(Unavailable):
    """The database does not answer."""


class Contended(Unavailable):
    """Others changed the same rows; try again."""


class EventsPruned(EngineError):
    """Events behind that position are no longer kept: look at everything anew. Facts: position."""

    status = 410


class RateLimited(EngineError):
    """Too many requests. Facts: retry_after_s."""

    status = 429


class PluginFailed(EngineError):
    """A plugin failed. Facts: plugin, hook; the cause is kept."""

    status = 502
