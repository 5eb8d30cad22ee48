"""What the tables of this dialect hold, as values."""

from dataclasses import dataclass, field
from typing import Any

from app.domain.clock import Instant
from app.domain.records import Lease
from app.domain.states import LEASED_TASK, TaskState

DIALECT = "flamenco"
QUEUE = "flamenco/render"
OURS = "queue >= 'flamenco/' AND queue < 'flamenco0'"
"""What tells tasks of this dialect, in the words of its indexes."""
LEASE_US = 10**18
"""Length of every lease of this dialect: it never ends by itself, and its end minus this says when
the task was last heard of. How long is too long is a setting of the farm, read at each look."""


def queue_of(tag: str | None) -> str:
    """Give the queue of tasks that want a tag; those that want none share one."""
    return QUEUE if tag is None else f"{QUEUE}:{tag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmTask:
    """A task or a group: its engine row, and what this dialect adds.

    submitter_id: the submitter's own number. attempts: hand-outs so far, the present one's number.
    """

    id: int
    state: TaskState
    group: bool
    name: str
    priority: int
    worker_id: int | None
    attempts: int
    parent_id: int | None
    settings: dict[str, Any]
    created_at: Instant
    job_id: int
    submitter_id: int | None
    type: str
    parser: str | None
    format: str
    child_id: int | None
    frame_start: int | None
    frame_end: int | None
    frame_current: int | None
    aborted: bool
    progress: float
    eta: int | None
    time_cost: int | None
    activity: dict[str, Any] | None
    log_from: int
    log_read: int
    parser_state: dict[str, Any] | None
    updated_at: Instant
    touched_at: Instant | None
    tag: str | None

    @property
    def held(self) -> bool:
        """Whether a worker has it."""
        return self.state in LEASED_TASK

    @property
    def lease(self) -> Lease:
        """The present hand-out."""
        return Lease(self.id, self.attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFigures:
    """What follows for a group from its tasks. counts: tasks by engine state.

    progress: mean of the tasks'. frame_current: the lowest of those not complete.
    """

    counts: dict[str, int] = field(default_factory=dict)
    progress: float = 0.0
    frame_current: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmWorker:
    """A render node. mac: JSON value as it was sent. task_id: what it holds.

    asleep: whether its schedule keeps tasks from it.
    """

    id: int
    hostname: str
    address: str
    port: int
    mac: int | str | None
    system: str
    disabled: bool
    busy: bool
    online: bool
    activity: str | None
    log: str | None
    time_cost: int | None
    frequent: dict[str, Any]
    less_frequent: dict[str, Any]
    seen_at: Instant
    tags: tuple[str, ...] = ()
    task_id: int | None = None
    asleep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file below the folder of files. place: its name there."""

    place: str
    media_type: str
    size: int
