"""What the tracker shows and decides by."""

from dataclasses import dataclass
from enum import IntFlag

from app.domain.clock import Instant


class Role(IntFlag):
    """What a manager may do with one project; the flags are independent of each other."""

    READ = 1
    EDIT = 2
    MANAGE_ACCESS = 4
    SECRET = 8
    MAINTENANCE = 16


ALL_ROLES = Role(31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A queue of tasks with its rules. A rate of None is unlimited; chain 0 is none."""

    id: int
    name: str
    priority: int = 0
    clone_url: str = ""
    git_repo: str = ""
    version: str = ""
    motd: str = ""
    public: bool = False
    hidden: bool = False
    paused: bool = False
    chain: int = 0
    assign_rate: float | None = None
    submit_rate: float | None = None

    @property
    def queue(self) -> str:
        """The engine's name of its queue."""
        return f"task_tracker/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A worker as the tracker knows it. secret: base64 of 32 bytes."""

    id: int
    alias: str
    created_at: Instant
    secret: str
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a worker asked for in a project. pending: not approved yet, and worth nothing."""

    worker: Remote
    project: int
    assign: bool
    submit: bool
    pending: bool


@dataclass(frozen=True, slots=True)
class Rights:
    """What an approved request gives a worker; a pending one gives neither."""

    assign: bool = False
    submit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How a project stood at a time (Unix seconds)."""

    at: int
    fresh: int
    failed: int
    closed: int
    accesses: int
    agreed: int


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What a worker reported. at: Unix seconds by its own clock. data: JSON text."""

    message: str
    at: int
    data: str
    level: int
