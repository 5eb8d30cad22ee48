"""Events: what the engine tells watchers after a commit.

An event is a row written by the transaction that caused it. `docs/lifecycle.md` lists them all; a
test holds that list and `EventKind` equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.domain.clock import Instant


class EventKind(StrEnum):
    """What happened, in the past tense; `data` names the keys that an event carries."""

    JOB_SUBMITTED = "job.submitted"  #: data: state
    JOB_WAITING = "job.waiting"  #: data: state, pool
    JOB_MOVED = "job.moved"  #: data: pool; it waits, and has another place in the list
    JOB_SCHEDULED = "job.scheduled"  #: data: state
    JOB_STARTED = "job.started"  #: data: state
    JOB_PROGRESSED = "job.progressed"  #: data: progress, position
    JOB_COMPLETED = "job.completed"  #: data: state
    JOB_FAILED = "job.failed"  #: data: state
    JOB_CANCELLED = "job.cancelled"  #: data: state
    JOB_RESTARTED = "job.restarted"  #: data: state
    JOB_PAUSED = "job.paused"
    JOB_RESUMED = "job.resumed"
    JOB_DELETED = "job.deleted"
    JOB_IDLE = "job.idle"  #: data: left_s; nobody uses it, and it is cancelled after so long
    JOB_NOTED = "job.noted"  #: data: what a dialect has to say of it
    TASK_CREATED = "task.created"
    TASK_QUEUED = "task.queued"
    TASK_HELD = "task.held"
    TASK_CLAIMED = "task.claimed"  #: data: worker, number
    TASK_STARTED = "task.started"  #: data: worker, number, where the claim started it
    TASK_READY = "task.ready"  #: data: addresses; a service is there to be used
    TASK_PROGRESSED = "task.progressed"  #: data: progress
    TASK_RELEASED = "task.released"  #: the worker gave it back
    TASK_LOST = "task.lost"  #: its lease ran out
    TASK_VERIFIED = "task.verified"  #: one good report, more are needed
    TASK_COMPLETED = "task.completed"
    TASK_FAILED = "task.failed"
    TASK_CANCELLED = "task.cancelled"
    TASK_SKIPPED = "task.skipped"
    WORKER_JOINED = "worker.joined"  #: data: worker
    WORKER_LEFT = "worker.left"  #: data: worker
    GROUP_CHANGED = "group.changed"  #: data: group, change, count of tasks where many were changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    position: the place in commit order, "<transaction>-<id>"; empty until it is read back.
    at: when the transaction noted it.
    """

    kind: EventKind
    dialect: str
    at: Instant
    job_id: str | None = None
    task_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    position: str = ""


def parse_position(position: str) -> tuple[int, int]:
    """Take a position apart. Raises ValueError when it is not one."""
    if not position:
        return (-1, -1)
    transaction, _, number = position.partition("-")
    if not (
        transaction.isascii()
        and transaction.isdigit()
        and number.isascii()
        and number.isdigit()
        and len(position) < 40
    ):
        raise ValueError(f"not a position: {position[:40]}")
    return (int(transaction), int(number))
