"""Shapes of our own API. Times are RFC 3339 in UTC, sizes counts of entries."""

from marshmallow import Schema, fields, validate

from app.domain.records import Scope
from app.domain.states import JobState, TaskState


class Error(Schema):
    """Every error of every route. faults: what is wrong with a body, by path."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    faults = fields.Dict(keys=fields.String(), values=fields.String())


class NewJob(Schema):
    """A job to submit. spec: parameters in the shape of its type."""

    type = fields.String(required=True, validate=validate.Length(1, 256))
    name = fields.String(validate=validate.Length(max=256))
    description = fields.String(validate=validate.Length(max=10_000))
    tags = fields.List(
        fields.String(validate=validate.Length(1, 256)), validate=validate.Length(max=100)
    )
    priority = fields.Integer(strict=True, validate=validate.Range(0, 100))
    spec = fields.Dict(keys=fields.String())


class JobType(Schema):
    """A job type. options: what can be asked for in its spec. schema: its shape, as JSON Schema."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    options = fields.Dict(required=True)
    schema = fields.Dict(required=True)


class JobTypes(Schema):
    """All job types by name."""

    items = fields.List(fields.Nested(JobType), required=True)


class Task(Schema):
    """One unit of work. job_id: null where it belongs to no job."""

    id = fields.Integer(required=True)
    job_id = fields.String(allow_none=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf([str(one) for one in TaskState]))
    queue = fields.String(required=True)
    parent_id = fields.Integer(allow_none=True)
    position = fields.Integer(required=True)
    progress = fields.Float(required=True)
    attempts = fields.Integer(required=True)
    failures = fields.Integer(required=True)
    losses = fields.Integer(required=True)
    worker_id = fields.Integer(allow_none=True)
    result = fields.String(allow_none=True)
    error = fields.String(allow_none=True)
    created_at = fields.DateTime(required=True)
    queued_at = fields.DateTime(allow_none=True)
    started_at = fields.DateTime(allow_none=True)
    ended_at = fields.DateTime(allow_none=True)


class TaskPage(Schema):
    """Tasks of a job in their order. next: cursor to those behind them; null at the end."""

    items = fields.List(fields.Nested(Task), required=True)
    next = fields.String(required=True, allow_none=True)


class JobSummary(Schema):
    """A job in a list."""

    id = fields.String(required=True)
    dialect = fields.String(required=True)
    type = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    tags = fields.List(fields.String(), required=True)
    state = fields.String(required=True, validate=validate.OneOf([str(one) for one in JobState]))
    priority = fields.Integer(required=True)
    progress = fields.Float(required=True)
    position = fields.Integer(required=True)
    task_count = fields.Integer(required=True)
    tasks_total = fields.Integer(required=True)
    tasks_open = fields.Integer(required=True)
    tasks_failed = fields.Integer(required=True)
    result = fields.String(allow_none=True)
    error = fields.String(allow_none=True)
    created_by = fields.String(allow_none=True)
    parent_task_id = fields.Integer(allow_none=True)
    schedule_id = fields.String(allow_none=True)
    created_at = fields.DateTime(required=True)
    started_at = fields.DateTime(allow_none=True)
    ended_at = fields.DateTime(allow_none=True)


class Job(JobSummary):
    """A job with its parameters; what is secret in `spec` is masked."""

    spec = fields.Dict(required=True)


class JobPage(Schema):
    """Jobs, newest first. next: cursor to those behind them; null at the end."""

    items = fields.List(fields.Nested(JobSummary), required=True)
    next = fields.String(required=True, allow_none=True)


class LogPart(Schema):
    """A piece of a task's output. number: from 1, in the order of the output."""

    task_id = fields.Integer(required=True)
    number = fields.Integer(required=True)
    contents = fields.String(required=True)
    at = fields.DateTime(required=True)


class LogPage(Schema):
    """Pieces of output, oldest first. next: cursor to what follows, now or later."""

    items = fields.List(fields.Nested(LogPart), required=True)
    next = fields.String(required=True, allow_none=True)


class Worker(Schema):
    """A registered claimer of tasks. queues: slots by queue."""

    id = fields.Integer(required=True)
    dialect = fields.String(required=True)
    kind = fields.String(required=True)
    name = fields.String(required=True)
    hostname = fields.String(required=True)
    status = fields.String(required=True)
    active = fields.Boolean(required=True)
    queues = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    tasks_running = fields.Integer(required=True)
    cpu_percent = fields.Float(required=True)
    version = fields.String(required=True)
    started_at = fields.DateTime(required=True)
    heartbeat_at = fields.DateTime(required=True)


class Workers(Schema):
    """Workers by name."""

    items = fields.List(fields.Nested(Worker), required=True)


class Queue(Schema):
    """A lane of ready tasks. size: ready; unacked: in hand; subscribers: slots that listen."""

    name = fields.String(required=True)
    size = fields.Integer(required=True)
    unacked = fields.Integer(required=True)
    subscribers = fields.Integer(required=True)


class Queues(Schema):
    """Queues by name."""

    items = fields.List(fields.Nested(Queue), required=True)


class Schedule(Schema):
    """A rule that submits jobs. form: `crontab` or `quartz`."""

    id = fields.String(required=True)
    dialect = fields.String(required=True)
    type = fields.String(required=True)
    name = fields.String(required=True)
    cron = fields.String(required=True)
    form = fields.String(required=True)
    zone = fields.String(required=True)
    state = fields.String(required=True)
    overlap = fields.String(required=True)
    missed = fields.String(required=True)
    created_at = fields.DateTime(required=True)
    next_fire_at = fields.DateTime(allow_none=True)
    last_fire_at = fields.DateTime(allow_none=True)


class SchedulePage(Schema):
    """A page of schedules, newest first. total: all that match."""

    items = fields.List(fields.Nested(Schedule), required=True)
    page = fields.Integer(required=True)
    pages = fields.Integer(required=True)
    total = fields.Integer(required=True)


class Mounted(Schema):
    """A dialect. prefix: what its paths begin with."""

    name = fields.String(required=True)
    prefix = fields.String(required=True)


class Server(Schema):
    """What answers here."""

    version = fields.String(required=True)
    dialects = fields.List(fields.Nested(Mounted), required=True)


class NewToken(Schema):
    """A token to make. expires_in_s: seconds it is good for; null for ever."""

    name = fields.String(required=True, validate=validate.Length(1, 256))
    scopes = fields.List(
        fields.String(validate=validate.OneOf([str(one) for one in Scope])),
        required=True,
        validate=validate.Length(1, len(Scope)),
    )
    expires_in_s = fields.Integer(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=validate.Range(1, 100 * 365 * 86_400),
    )


class Token(Schema):
    """An API token. prefix: how its secret text begins."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    prefix = fields.String(required=True)
    scopes = fields.List(fields.String(), required=True)
    created_at = fields.DateTime(required=True)
    expires_at = fields.DateTime(allow_none=True)
    last_used_at = fields.DateTime(allow_none=True)


class MadeToken(Token):
    """A new token. token: its secret text, which is never shown again."""

    token = fields.String(required=True)


class Tokens(Schema):
    """Tokens, newest first."""

    items = fields.List(fields.Nested(Token), required=True)
