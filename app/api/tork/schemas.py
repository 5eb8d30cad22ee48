"""The shapes of the Tork dialect, for its API document.

Nothing is loaded or dumped with them: bodies are read by `documents` and `validation`, answers are
plain dicts. What a client submits is derived from the tables in `shapes`, so both stay the same.
Fields that are empty are left out of answers; only those marked required are always there.
"""

from typing import Any, Final

from marshmallow import INCLUDE, Schema, fields, validate

from app.api.tork import shapes
from app.api.tork.definition_schemas import documented

# ruff: noqa: N815 - members are spelled as on the wire


def _text(about: str = "", **metadata: Any) -> fields.String:
    return fields.String(metadata={"description": about, **metadata})


def _time(about: str = "") -> fields.DateTime:
    return fields.DateTime(metadata={"description": about or "UTC, up to microseconds."})


def _count(about: str = "", *, always: bool = False) -> fields.Integer:
    return fields.Integer(required=always, strict=True, metadata={"description": about})


def _map(about: str = "") -> fields.Dict:
    return fields.Dict(
        keys=fields.String(), values=fields.String(), metadata={"description": about}
    )


JobDefinition: Final = documented(shapes.JOB)
ScheduledJobDefinition: Final = documented(shapes.SCHEDULED_JOB)
TaskDefinition: Final = documented(shapes.TASK)


class Error(Schema):
    """Every error of every route."""

    message = fields.String(required=True, metadata={"description": "What is wrong."})


class Status(Schema):
    """The answer of a route that only acts."""

    status = fields.Constant("OK", required=True)


class Done(Status):
    """The answer of a route that acts on many jobs."""

    done = fields.Integer(required=True, metadata={"description": "Jobs it was done to."})
    left = fields.Integer(
        required=True, metadata={"description": "Jobs that another request would be about."}
    )


class Health(Schema):
    """The state of the server; the other dialects add members of their own."""

    class Meta:
        """Members that are not listed may be there."""

        unknown = INCLUDE

    status = fields.String(required=True, validate=validate.OneOf(["UP", "DOWN"]))
    version = fields.String(required=True)


class User(Schema):
    """A user, without the password."""

    id = _text("32 hexadecimal characters.")
    name = _text()
    username = _text()
    createdAt = _time()
    disabled = fields.Boolean()


class NewUser(Schema):
    """A user to create."""

    name = _text()
    username = fields.String(required=True)
    password = fields.String(required=True, load_only=True)


class ScheduleReference(Schema):
    """The scheduled job that started a run."""

    id = _text("32 hexadecimal characters.")
    cron = _text()


class JobSummary(Schema):
    """A job in a list, after submission, and in webhooks."""

    id = _text("32 hexadecimal characters.")
    createdBy = fields.Nested(User)
    parentId = _text("For a sub-job: the task that started it.")
    inputs = _map()
    name = _text()
    description = _text()
    tags = fields.List(fields.String())
    state = fields.String(
        validate=validate.OneOf(
            ["PENDING", "SCHEDULED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
        )
    )
    createdAt = _time()
    startedAt = _time()
    completedAt = _time()
    failedAt = _time()
    position = _count("Number of the current task, from 1; 0 before the start.", always=True)
    taskCount = _count("Number of top-level tasks.")
    result = _text("The evaluated `output`.")
    error = _text("Why it failed.")
    progress = fields.Float(metadata={"description": "0 to 100."})
    schedule = fields.Nested(ScheduleReference)
    pausedAt = _time("Since when it is paused.")
    archived = fields.Boolean(metadata={"description": "Whether lists leave it out."})


class RetryState(documented(shapes.RETRY)):  # type: ignore[misc]
    """Retries of a task, and how many were made."""

    attempts = _count("Retries made before this try.")


class ParallelState(documented(shapes.PARALLEL)):  # type: ignore[misc]
    """A parallel task and its progress."""

    completions = _count("Children finished.")


class EachState(documented(shapes.EACH)):  # type: ignore[misc]
    """A task for each element, and its progress."""

    size = _count("Length of the list.")
    completions = _count("Children finished.")
    index = _count("Children released.")


class SubjobState(documented(shapes.SUBJOB)):  # type: ignore[misc]
    """A sub-job and the job it became."""

    id = _text("The job it started.")


class Task(TaskDefinition):  # type: ignore[misc, valid-type]
    """One executed task: its definition with templates evaluated, and what became of it."""

    id = _text("32 hexadecimal characters.")
    jobId = _text()
    parentId = _text("The task this one is a child of.")
    position = _count("Position of its top-level task, from 1.")
    state = fields.String(
        validate=validate.OneOf(
            [
                "CREATED",
                "PENDING",
                "SCHEDULED",
                "RUNNING",
                "COMPLETED",
                "FAILED",
                "SKIPPED",
                "CANCELLED",
                "STOPPED",
            ]
        )
    )
    createdAt = _time()
    scheduledAt = _time()
    startedAt = _time()
    completedAt = _time()
    failedAt = _time()
    nodeId = _text("The node that ran it.")
    result = _text("What it wrote to its output file.")
    error = _text("Why it failed.")
    progress = fields.Float(metadata={"description": "0 to 100."})
    redelivered = _count("Times handed out again after a lost worker.")
    retry = fields.Nested(RetryState)
    parallel = fields.Nested(ParallelState)
    each = fields.Nested(EachState)
    subjob = fields.Nested(SubjobState)


class Context(Schema):
    """What the templates of a job know."""

    job = _map()
    inputs = _map()
    secrets = _map("Always masked.")
    tasks = _map("Results by `var`.")


class Role(Schema):
    """A role users may have."""

    id = _text("32 hexadecimal characters.")
    slug = _text()
    name = _text()
    createdAt = _time()


class PermissionEntry(Schema):
    """One user or one role that may see a job."""

    user = fields.Nested(User)
    role = fields.Nested(Role)


class Job(JobSummary):
    """A job in full."""

    tasks = fields.List(fields.Nested(TaskDefinition), required=True)
    execution = fields.List(fields.Nested(Task), required=True)
    context = fields.Nested(Context, required=True)
    output = _text()
    defaults = fields.Nested(documented(shapes.DEFAULTS))
    webhooks = fields.List(fields.Nested(documented(shapes.WEBHOOK)))
    permissions = fields.List(fields.Nested(PermissionEntry))
    autoDelete = fields.Nested(documented(shapes.AUTO_DELETE))
    secrets = _map("Always masked.")
    deleteAt = _time("When auto-delete removes it.")
    startAt = _text("When it was to start.")
    delay = _text("How long it was to wait before it starts.")


class ScheduledJobSummary(Schema):
    """A scheduled job in a list, and after its creation."""

    id = _text("32 hexadecimal characters.")
    createdBy = fields.Nested(User)
    inputs = _map()
    state = fields.String(validate=validate.OneOf(["ACTIVE", "PAUSED"]))
    name = _text()
    description = _text()
    tags = fields.List(fields.String())
    createdAt = _time()
    cron = _text()


class ScheduledJob(ScheduledJobSummary):
    """A scheduled job in full."""

    tasks = fields.List(fields.Nested(TaskDefinition), required=True)
    output = _text()
    defaults = fields.Nested(documented(shapes.DEFAULTS))
    webhooks = fields.List(fields.Nested(documented(shapes.WEBHOOK)))
    permissions = fields.List(fields.Nested(PermissionEntry))
    autoDelete = fields.Nested(documented(shapes.AUTO_DELETE))
    secrets = _map("Always masked.")
    timezone = _text("Where the hours of `cron` are counted; UTC unless given.")
    overlap = _text("`skip` or `queue`; absent where runs may overlap.")
    nextRunAt = _time("When it fires next.")


class TaskLogPart(Schema):
    """A piece of a task's output."""

    id = _text("32 hexadecimal characters.")
    number = _count("From 1, in the order of the output.")
    taskId = _text()
    contents = _text()
    createdAt = _time()


class Page(Schema):
    """What every list in pages answers beside its `items`."""

    number = _count("The page asked for, from 1.", always=True)
    size = _count("Entries on this page.", always=True)
    totalPages = _count("0 when nothing matches.", always=True)
    totalItems = _count("All matches.", always=True)


class JobPage(Page):
    """A page of jobs, newest first."""

    items = fields.List(fields.Nested(JobSummary), required=True)


class ScheduledJobPage(Page):
    """A page of scheduled jobs, newest first."""

    items = fields.List(fields.Nested(ScheduledJobSummary), required=True)


class TaskLogPage(Page):
    """A page of log parts, newest first."""

    items = fields.List(fields.Nested(TaskLogPart), required=True)


class Node(Schema):
    """A coordinator or worker."""

    id = _text("22 letters and digits.")
    name = _text()
    startedAt = _time()
    lastHeartbeatAt = _time()
    cpuPercent = fields.Float(required=True)
    queue = _text("Its own queue; workers only.")
    status = fields.String(validate=validate.OneOf(["UP", "DOWN", "OFFLINE"]))
    hostname = _text()
    port = _count()
    taskCount = _count("Tasks running.", always=True)
    version = fields.String(required=True)


class Queue(Schema):
    """A queue and its figures."""

    name = fields.String(required=True)
    size = _count("Waiting.", always=True)
    subscribers = _count("Task slots listening.", always=True)
    unacked = _count("Taken and not finished.", always=True)


class RunningCount(Schema):
    """How many are running."""

    running = _count(always=True)


class NodeMetrics(Schema):
    """Nodes heard from lately."""

    online = _count(always=True)
    cpuPercent = fields.Float(required=True)


class Metrics(Schema):
    """The counters of the whole server."""

    jobs = fields.Nested(RunningCount, required=True)
    tasks = fields.Nested(RunningCount, required=True)
    nodes = fields.Nested(NodeMetrics, required=True)
