"""What passes between the engine and a job interface: frozen values, no rows, no I/O.

A job interface is asked (`plan`, `advance`) outside any transaction, on a snapshot; its answer is
applied only if the job has not changed meanwhile, and otherwise it is asked again. So its methods
must be pure: same values in, same answer out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.records import Watch

__all__ = ["Watch"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """The job as a job interface sees it.

    spec: the parameters as `spec_schema` loaded them at submit. state: what this interface
    remembered at its last answer; empty at first. tasks_open counts the tasks that are not over,
    the one just ended no longer among them. services: where its services are reached, by task and
    port; only in `services`, else empty. at: the instant it is asked at, in seconds since 1970.
    """

    id: str
    name: str
    spec: Json
    state: Json = field(default_factory=dict)
    at: float = 0.0
    position: int = 0
    tasks_total: int = 0
    tasks_open: int = 0
    tasks_failed: int = 0
    services: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task as a job interface sees it.

    id: 0 in `advance` never, the engine's number always. state: `COMPLETED`, `FAILED` or
    `SKIPPED` in `advance`; `LEASED` in `bind`. parent: the composite it is a child of, whose
    `children_open` no longer counts this one. key: the public id, None for most types.
    services: in `bind`, where the services of the job that are ready by now are reached, such as
    `127.0.0.1:20884`, by task and port. spec: in `bind`, the parameters of the job.
    """

    id: int
    name: str
    payload: Json
    state: str
    position: int = 0
    priority: int = 0
    number: int = 0
    result: str | None = None
    error: str | None = None
    key: str | None = None
    parent: "TaskView | None" = None
    children: int = 0
    children_open: int = 0
    services: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    spec: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """The worker that claimed a task: for paths and commands that differ by machine."""

    name: str
    hostname: str
    system: str = "Linux"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """A task to be created.

    name: unique within one answer when another names it in `after`.
    queue: without dialect; the engine puts the job's own in front.
    after: names, in the same answer, of tasks that must complete before it is ready.
    after_ready: names, in the same answer, of services that must be ready before it is.
    service: whether it is a service: its command has a `service` and is kept alive until the job
    ends, or has `ready_at_start`. The job counts as running when all its services are ready.
    parent: id of the composite task it belongs to. kind: `work`, `composite` or `job`.
    held: stays CREATED until an answer releases it. delay_s: ready only after so long.
    max_attempts: hand-outs that may fail before the task does; the waits between them are
    retry_delay_s x retry_factor^(n-1). max_losses: hand-outs that may be lost.
    lease_s: how long a claim holds without renewal. state: `SKIPPED` records a task that is not
    to run; `FAILED` one that could not even start, with `error`; `COMPLETED` a composite that holds
    nothing open. Such a task is over when it is created and `advance` is not asked about it, so
    the same answer holds what follows it. children: of a composite, created with it; their `after`
    names each other.
    job: for kind `job`, the job to start.
    """

    name: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    queue: str = "default"
    after: tuple[str, ...] = ()
    after_ready: tuple[str, ...] = ()
    service: bool = False
    parent: int | None = None
    kind: str = "work"
    position: int = 0
    priority: int = 0
    delay_s: float = 0.0
    held: bool = False
    max_attempts: int = 1
    max_losses: int = 5
    retry_delay_s: float = 0.0
    retry_factor: float = 1.0
    lease_s: float = 60.0
    state: str | None = None
    error: str | None = None
    children: tuple["TaskSpec", ...] = ()
    job: "JobSpec | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A job that a task starts; attached ones end their task, detached ones live alone.

    delete_after_s: how long after it completed it is deleted; None keeps it. watches: what of it
    is told to others, as `JobInterface.watches` says it of a job that a client submits.
    """

    name: str
    type: str
    spec: Mapping[str, Any]
    description: str = ""
    tags: tuple[str, ...] = ()
    task_count: int = 0
    detached: bool = False
    delete_after_s: float | None = None
    watches: tuple[Watch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEnd:
    """The end of a composite task, given by `advance` when its children are done."""

    task_id: int
    result: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskClose:
    """An open task that is ended before its time; whoever works on it stops.

    position: of the task, which no other task of the job may have. error: makes it FAILED; without
    one it is CANCELLED. `advance` is not asked about it.
    """

    position: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The job is complete."""

    result: str | None = None


@dataclass(frozen=True, slots=True)
class Fail:
    """The job has failed; whatever of it is still active is cancelled."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """A full answer, when a list of tasks does not say enough.

    tasks: to create. ends: composite tasks that end now; the interface is asked again for each.
    closes: open tasks that are ended before their time, which is no end to ask about.
    release: by composite task id, how many of its held children to let go, in order of creation.
    end: Finish or Fail, when the job is over. state: replaces what is remembered, None keeps it.
    position, progress (0-100): None leaves them. tolerated: what ended is a failure, and the job
    goes on without it; an answer that creates, ends or releases something says so too.
    """

    tasks: Sequence[TaskSpec] = ()
    ends: Sequence[TaskEnd] = ()
    closes: Sequence[TaskClose] = ()
    release: Mapping[int, int] = field(default_factory=dict)
    end: Finish | Fail | None = None
    state: Json | None = None
    position: int | None = None
    progress: float | None = None
    tolerated: bool = False


Answer = Sequence[TaskSpec] | Finish | Fail | Advance | None
"""What `plan` and `advance` may give; None and an empty list let the engine decide: a failed task
fails the job, and a job without open tasks is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """An HTTP address of a sidecar that must answer 200 before the task begins."""

    path: str
    port: int
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """type: `volume`, `bind` or `tmpfs`. opts: for the volume driver."""

    type: str
    source: str = ""
    target: str = ""
    opts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """cpus: a decimal number of cores. memory_bytes: hard limit. None: no limit.

    own: whether the task asked for them itself, not only a default.
    """

    cpus: float | None = None
    memory_bytes: int | None = None
    own: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One process or container: the main one of a command, or one beside it.

    run: a script. cmd, entrypoint: container words. env: the whole environment it asks for.
    files: by relative name, written read-only into the working directory. image: None means a
    process on the worker itself. timeout_s bounds this step alone. always: of a `post` step, run
    it also when a step before it failed, timed out or was cancelled.
    """

    name: str = ""
    run: str | None = None
    image: str | None = None
    cmd: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    workdir: str | None = None
    registry: tuple[str, str] | None = None
    timeout_s: float | None = None
    probe: Probe | None = None
    always: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port that a service listens on.

    inside: the port of the container, None for a process; the worker chooses the one outside.
    probe: `tcp`, when it is healthy that accepts a connection; `http`, when it answers GET of
    `path` with a status below 400; None is not looked at.
    """

    name: str
    inside: int | None = None
    probe: str | None = "tcp"
    path: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is promised of the main step of a command with the runtime `service`.

    ports: chosen by the worker and told the step in JOBYARD_PORT_<NAME>, the name in capitals and
    other characters than letters and digits as `_`; JOBYARD_LISTEN is the address to listen on.
    start_s: it must answer all probes within so long. probe_s: time between two of them, and the
    time that one may take.
    """

    ports: tuple[Port, ...] = ()
    start_s: float = 60.0
    probe_s: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a worker runs for one task: `pre` steps, the main one, `post` steps.

    runtime: `shell`, `container`, or `service`, which is one of them (by whether the main step has
    an image) kept alive, and needs `service`. timeout_s bounds all of it together.
    sink: what the main step writes to its standard output are lines for others, followed live:
    they are kept apart from standard error and stored as whole lines only. All is in the log.
    kill_after_s: how long a step has to end after SIGTERM before it is killed.
    output_env, progress_env: names of the variables that tell a step where to leave its result
    and its progress (a number 0-100). result_bytes: a longer result fails the task.
    script_dir: where a container finds script, result and progress file.
    ready_at_start: of a service that is run by `shell`: it is ready as soon as its main step runs.
    """

    runtime: str
    main: Step
    pre: tuple[Step, ...] = ()
    post: tuple[Step, ...] = ()
    sidecars: tuple[Step, ...] = ()
    mounts: tuple[Mount, ...] = ()
    networks: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    gpus: str = ""
    timeout_s: float | None = None
    timeout_text: str = ""
    output_env: str = "JOBYARD_OUTPUT"
    progress_env: str = "JOBYARD_PROGRESS"
    script_dir: str = "/jobyard"
    result_bytes: int = 1024 * 1024
    kill_after_s: float = 2.0
    sink: bool = False
    service: Service | None = None
    ready_at_start: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What `parse` read from output lines. state goes into the next call.

    frame: the last one of the task's own that was begun, of a parser of frames. facts: what else
    the output holds, under the names that the dialect shows.
    """

    state: Json = field(default_factory=dict)
    progress: float | None = None
    eta_s: float | None = None
    item: str | None = None
    files: tuple[str, ...] = ()
    frame: int | None = None
    facts: Json = field(default_factory=dict)
