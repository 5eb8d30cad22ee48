"""States of jobs, tasks and attempts, and the one table of their legal moves.

Every move names who makes it. `docs/lifecycle.md` draws the same tables; a test holds them equal.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from app.domain.errors import IllegalMove


class JobState(StrEnum):
    """Where a job stands; each member says who moves a job out of it."""

    PENDING = "PENDING"  #: accepted; the submitter, or the ticker after a crash, starts it
    WAITING = "WAITING"  #: no free slot; admission moves it when one frees
    SCHEDULED = (
        "SCHEDULED"  #: first tasks exist; a worker that starts one, or its services, move it
    )
    RUNNING = "RUNNING"  #: working; the end of its last task moves it
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def final(self) -> bool:
        """Whether nothing but a restart leaves this state."""
        return self in FINAL_JOB


class TaskState(StrEnum):
    """Where a task stands; each member says who moves a task out of it."""

    CREATED = "CREATED"  #: waits for another task, a free place or a due time
    HELD = "HELD"  #: a person paused it, and a person lets it go
    QUEUED = "QUEUED"  #: ready; a worker's claim moves it
    LEASED = "LEASED"  #: handed to a worker, which reports the start or loses the lease
    RUNNING = "RUNNING"  #: a worker, or its own children, end it
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"

    @property
    def final(self) -> bool:
        """Whether the task is over (an operator may still queue it again)."""
        return self in FINAL_TASK


class AttemptState(StrEnum):
    """One hand-out of a task to one worker."""

    LEASED = "LEASED"
    RUNNING = "RUNNING"
    DONE = "DONE"  #: reported as good; the task itself may need more verifications
    FAILED = "FAILED"
    RELEASED = "RELEASED"  #: given back by the worker
    LOST = "LOST"  #: the lease ended without a report
    CANCELLED = "CANCELLED"


class TaskKind(StrEnum):
    """Who brings a task to its end."""

    WORK = "work"  #: a worker that claims it
    COMPOSITE = "composite"  #: the ends of its children
    JOB = "job"  #: the end of the job it started


FINAL_JOB = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})
FINAL_TASK = frozenset(
    {TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED, TaskState.SKIPPED}
)
LEASED_TASK = frozenset({TaskState.LEASED, TaskState.RUNNING})

Moves = Mapping[tuple[str, str], str]


def _job_moves() -> Moves:
    moves: dict[tuple[str, str], str] = {
        (JobState.PENDING, JobState.WAITING): "admission: no slot is free",
        (JobState.PENDING, JobState.SCHEDULED): "start: the job interface gave first tasks",
        (JobState.PENDING, JobState.RUNNING): "start: the first task needs no worker",
        (JobState.WAITING, JobState.SCHEDULED): "admission: a slot became free",
        (JobState.WAITING, JobState.RUNNING): "admission: a slot became free",
        (
            JobState.SCHEDULED,
            JobState.RUNNING,
        ): "worker: its first task has started, its services are all ready",
        (JobState.SCHEDULED, JobState.WAITING): "engine: the start must begin anew",
        (JobState.FAILED, JobState.RUNNING): "client: restart",
        (JobState.CANCELLED, JobState.RUNNING): "client: restart",
        (JobState.COMPLETED, JobState.RUNNING): "client: a task of a bracket job begins again",
    }
    for state in JobState:
        if state not in FINAL_JOB:
            moves[state, JobState.COMPLETED] = "engine: nothing is left to do"
            moves[state, JobState.FAILED] = "engine: a task failed for good, or a plugin did"
            moves[state, JobState.CANCELLED] = "client: cancel, or the end of its parent"
    return MappingProxyType(moves)


def _task_moves() -> Moves:
    created, held, queued = TaskState.CREATED, TaskState.HELD, TaskState.QUEUED
    moves: dict[tuple[str, str], str] = {
        (created, queued): "engine: what it waited for has come",
        (created, TaskState.RUNNING): "engine: a composite holds others and needs no worker",
        (queued, created): "engine: it must wait again, for a service it needs",
        (queued, TaskState.LEASED): "worker: claim",
        (TaskState.LEASED, TaskState.RUNNING): "worker: start report",
        (held, queued): "operator: let go",
        (held, created): "operator: let go, and it waits again",
    }
    for state in (created, queued, TaskState.LEASED, TaskState.RUNNING):
        moves[state, held] = "operator: hold"
    for state in (TaskState.LEASED, TaskState.RUNNING):
        moves[state, queued] = "engine: lease lost, retry, given back, not verified enough"
        moves[state, created] = "engine: retry after a delay; a service it needs is gone"
    for state in (TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED):
        moves[state, queued] = "operator: run again"
        moves[state, created] = "operator: run again, and it waits"
    for state in TaskState:
        if state not in FINAL_TASK:
            moves[state, TaskState.COMPLETED] = "worker: end report; engine: children ended"
            moves[state, TaskState.FAILED] = "worker: end report; engine: no try is left"
            moves[state, TaskState.CANCELLED] = "engine: its job ended before it"
            moves[state, TaskState.SKIPPED] = "engine: its condition was false"
    return MappingProxyType(moves)


def _attempt_moves() -> Moves:
    moves: dict[tuple[str, str], str] = {
        (AttemptState.LEASED, AttemptState.RUNNING): "worker: start report"
    }
    for state in (AttemptState.LEASED, AttemptState.RUNNING):
        moves[state, AttemptState.DONE] = "worker: end report"
        moves[state, AttemptState.FAILED] = "worker: end report"
        moves[state, AttemptState.RELEASED] = "worker: gives it back"
        moves[state, AttemptState.LOST] = "ticker: the lease ran out"
        moves[state, AttemptState.CANCELLED] = "engine: its task ended without it"
    return MappingProxyType(moves)


JOB_MOVES: Moves = _job_moves()
TASK_MOVES: Moves = _task_moves()
ATTEMPT_MOVES: Moves = _attempt_moves()


def sources(moves: Moves, wanted: str) -> tuple[str, ...]:
    """Give every state from which `wanted` may be reached, for the WHERE of a guarded update."""
    return tuple(str(current) for current, target in moves if target == wanted)


def require(moves: Moves, current: str, wanted: str) -> None:
    """Raise IllegalMove unless the table allows the move."""
    if (current, wanted) not in moves:
        raise IllegalMove(current=str(current), wanted=str(wanted))
