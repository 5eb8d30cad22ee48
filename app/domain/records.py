"""Frozen records: what the engine gives to everybody above it.

Times end in `_at` and are instants (`app.domain.clock`); durations end in `_s` and are seconds.
A record is a copy: changing the world goes through a verb of the engine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

from app.domain.clock import Instant
from app.domain.events import EventKind
from app.domain.states import AttemptState, JobState, TaskKind, TaskState

Json = dict[str, Any]
T = TypeVar("T")


class Lease(NamedTuple):
    """The right to report on a task: the task, and which hand-out of it this is.

    `number` rises with every claim of the task, so an old report never matches a newer holder.
    """

    task_id: int
    number: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Events of a job that somebody outside is to be told of.

    events: their kinds, such as `job.started`. keep: keys of a task's payload that the message
    about it needs; the rest is not copied.
    """

    events: tuple[str, ...]
    keep: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a client asked for.

    dialect: whose routes show it. type: name of the job interface that plans it.
    spec: the parameters as accepted. state_data: what the job interface remembers.
    position: number of the current top-level task, from 1; 0 before the start.
    version: rises with every change, compared by commits that rest on a snapshot.
    parent_task_id: the task that started it and waits for it; None for a job of its own.
    watches: what of it is told to whom; the number of each is its name.
    audience_id: whom it is for; None is everybody.
    start_at: when it is to start; None once it has. paused_at: since when nothing of it is handed
    out. archived: it is over, and lists may leave it out.
    unready: how many of its services are not ready yet; None where it has none.
    """

    id: str
    dialect: str
    type: str
    name: str
    state: JobState
    version: int
    created_at: Instant
    description: str = ""
    spec: Json = field(default_factory=dict)
    state_data: Json = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    result: str | None = None
    error: str | None = None
    progress: float = 0.0
    position: int = 0
    task_count: int = 0
    tasks_total: int = 0
    tasks_open: int = 0
    tasks_failed: int = 0
    priority: int = 0
    created_by: str | None = None
    parent_task_id: int | None = None
    group_id: int | None = None
    schedule_id: str | None = None
    fire_at: Instant | None = None
    pool: str | None = None
    scheduled_at: Instant | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    delete_at: Instant | None = None
    audience_id: int | None = None
    watches: tuple[Watch, ...] = ()
    start_at: Instant | None = None
    paused_at: Instant | None = None
    archived: bool = False
    unready: int | None = None

    @property
    def watched(self) -> bool:
        """Whether anything of it is told to anybody."""
        return any(watch.events for watch in self.watches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One claimable unit of a job, or of a group without jobs.

    id: rises, never used twice. public_id: a UUID4 in hex for dialects that show one.
    queue: with its dialect in front, such as `tork/default`.
    number: how often it was handed out; with `id` it makes the lease of the present holder.
    losses: hand-outs that ended without a report. failures: those that were reported as failed.
    needs: how many tasks it still waits for. starts_job_id: the job that it started.
    service: whether it is kept alive until its job ends. addresses: where its ports are reached,
    by name of the port; None while it is not ready, and of every other task. ready_at: since when.
    """

    id: int
    queue: str
    name: str
    state: TaskState
    created_at: Instant
    kind: TaskKind = TaskKind.WORK
    public_id: str | None = None
    job_id: str | None = None
    group_id: int | None = None
    parent_id: int | None = None
    position: int = 0
    priority: int = 0
    payload: Json = field(default_factory=dict)
    result: str | None = None
    error: str | None = None
    progress: float = 0.0
    number: int = 0
    failures: int = 0
    losses: int = 0
    max_attempts: int = 1
    max_losses: int = 5
    retry_delay_s: float = 0.0
    retry_factor: float = 1.0
    verifications: int = 1
    needs: int = 0
    children: int = 0
    children_open: int = 0
    lease_s: float | None = None
    leased_until: Instant | None = None
    worker_id: int | None = None
    unique_key: str | None = None
    due_at: Instant | None = None
    queued_at: Instant | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    starts_job_id: str | None = None
    service: bool = False
    addresses: Mapping[str, str] | None = None
    ready_at: Instant | None = None

    @property
    def lease(self) -> Lease:
        """The lease of the present (or last) holder."""
        return Lease(self.id, self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What a claim hands out: enough to do the work and to report on it.

    leased_until: when the lease ends unless it is renewed; None when it never does.
    watched: whether anything of its job is told to anybody outside.
    """

    task_id: int
    number: int
    queue: str
    name: str
    payload: Json
    job_id: str | None
    public_id: str | None
    position: int
    created_at: Instant
    leased_until: Instant | None
    lease_s: float | None
    priority: int = 0
    failures: int = 0
    max_attempts: int = 1
    verifications: int = 1
    watched: bool = False

    @property
    def lease(self) -> Lease:
        """The right to report on it."""
        return Lease(self.task_id, self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One hand-out of a task to one worker, kept as history."""

    task_id: int
    number: int
    worker_id: int
    state: AttemptState
    leased_at: Instant
    started_at: Instant | None = None
    ended_at: Instant | None = None
    error: str | None = None
    verification: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A registered claimer of tasks.

    kind: `daemon` (ours), `coordinator` (a ticker, which claims nothing) or `remote`.
    instance: names the seat of a daemon (host, data directory, number), so that its successor
    finds what it held. queues: slots by queue. silent workers keep their last `status`.
    """

    id: int
    dialect: str
    kind: str
    public_id: str
    name: str
    started_at: Instant
    heartbeat_at: Instant
    status: str = "UP"
    active: bool = True
    hostname: str = ""
    instance: str = ""
    queues: Mapping[str, int] = field(default_factory=dict)
    cpu_percent: float = 0.0
    port: int = 0
    version: str = ""
    data: Json = field(default_factory=dict)
    tasks_running: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Figures of one lane of ready tasks.

    size: tasks ready and not taken. unacked: taken and not finished. subscribers: slots of
    active workers that listen to it.
    """

    name: str
    size: int = 0
    subscribers: int = 0
    unacked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A named set of jobs or tasks that share limits.

    chain: the group that gets a copy of each of its tasks that is completed without a job.
    finished: how many such tasks there have been, but for those of the last moment.
    """

    id: int
    dialect: str
    name: str
    created_at: Instant
    version: int = 0
    paused: bool = False
    max_running: int | None = None
    data: Json = field(default_factory=dict)
    chain: int | None = None
    finished: int = 0


@dataclass(frozen=True, slots=True)
class FailedTask:
    """A task that was given up. error: of its last try. worker_id: who had it then."""

    id: int
    priority: int
    payload: Json
    failures: int
    max_attempts: int
    error: str | None
    ended_at: Instant
    worker_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFigures:
    """How the tasks of a group stand that belong to no job.

    fresh: open, and no worker has verified it yet. agreed: open, and one has at least.
    failed: given up. held: of the open ones, those in a worker's hands. finished: ever completed.
    """

    fresh: int = 0
    agreed: int = 0
    held: int = 0
    failed: int = 0
    finished: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A rule that submits a job at given times.

    form: `crontab`, `quartz`. overlap: `allow`, `keep`, `replace` or `queue`.
    missed: `skip` or `once`.
    next_fire_at: None while paused, and when it never fires again.
    template: the submission that each firing makes.
    """

    id: str
    dialect: str
    name: str
    cron: str
    form: str
    zone: str
    state: str
    overlap: str
    missed: str
    template: Json
    created_at: Instant
    next_fire_at: Instant | None = None
    last_fire_at: Instant | None = None
    group_id: int | None = None
    created_by: str | None = None
    audience_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPart:
    """A piece of a task's output.

    number: from 1, without gaps within a task; all parts joined by number are the exact output.
    position: the place in commit order among all parts of the job.
    """

    id: int
    task_id: int
    job_id: str | None
    number: int
    contents: str
    at: Instant
    position: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. number: from 1. total: all that match, not only those shown."""

    items: Sequence[T]
    number: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are; 0 when nothing matches."""
        return -(-self.total // self.size) if self.size else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message to somebody outside, ready to be sent by HTTP.

    origin: the address without path, query and account, fit for log lines.
    """

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message that waits to be sent, the first one of its channel.

    channel: messages of one go out strictly in order. attempts: made so far.
    post: the message, where it is ready; else it is to be made of the rest: the kind of event,
    which of the job's watches asked for it, and job and task as they stood at the event. Of the
    task's payload only what the watches keep is there.
    """

    id: int
    channel: str
    dialect: str
    attempts: int
    created_at: Instant
    post: Post | None = None
    kind: EventKind | None = None
    watch: int = 0
    job: Job | None = None
    task: Task | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of a dialect that has users of its own.

    disabled: cannot log in. roles: slugs, where they were asked for.
    """

    id: str
    dialect: str
    username: str
    name: str
    password_hash: str = field(repr=False)
    created_at: Instant
    disabled: bool = False
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What several users of a dialect may have in common. slug: its name for programs."""

    id: str
    dialect: str
    slug: str
    name: str
    created_at: Instant


class Scope(StrEnum):
    """What an API token is good for."""

    READ = "read"
    SUBMIT = "submit"
    CONTROL = "control"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A key to our own API. prefix: how its secret text begins, to recognise it by.

    scopes: what it is good for; `admin` means all. last_used_at: to the nearest few minutes.
    """

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: Instant
    expires_at: Instant | None = None
    last_used_at: Instant | None = None

    def allows(self, scope: Scope) -> bool:
        """Tell whether it is good for that."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """A person who logs in on pages. admin: may do everything everywhere."""

    id: int
    username: str
    password_hash: str = field(repr=False)
    admin: bool
    created_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs to list: those that fit every part that is set.

    tags: at least one of them. words: each occurs as a word in name, description or state.
    id_prefix: how the id begins. parent_id: the job that one of its tasks started them for.
    created_from, created_before: the span of their creation.
    viewer: only what somebody may see who counts as each of these (`Submission.audience`).
    archived: False leaves out what is archived.
    """

    dialect: str | None = None
    type: str | None = None
    states: tuple[JobState, ...] = ()
    tags: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    group_id: int | None = None
    schedule_id: str | None = None
    id_prefix: str | None = None
    parent_id: str | None = None
    created_from: Instant | None = None
    created_before: Instant | None = None
    viewer: tuple[str, ...] | None = None
    archived: bool = True
