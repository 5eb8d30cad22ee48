"""Shapes of our own API. Times are RFC 3339 in UTC, sizes counts of entries."""

from marshmallow import Schema, fields, validate

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
    """A job type. options: what can be asked for in its spec."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    options = fields.Dict(required=True)


class JobTypes(Schema):
    """All job types by name."""

    items = fields.List(fields.Nested(JobType), required=True)


class Task(Schema):
    """One unit of work of a job."""

    id = fields.Integer(required=True)
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
    addresses = fields.Dict(keys=fields.String(), values=fields.String(), allow_none=True)
    result = fields.String(allow_none=True)
    error = fields.String(allow_none=True)
    created_at = fields.DateTime(required=True)
    queued_at = fields.DateTime(allow_none=True)
    started_at = fields.DateTime(allow_none=True)
    ended_at = fields.DateTime(allow_none=True)


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
    created_at = fields.DateTime(required=True)
    started_at = fields.DateTime(allow_none=True)
    ended_at = fields.DateTime(allow_none=True)


class Job(JobSummary):
    """A job with its tasks; what is secret in `spec` is masked."""

    spec = fields.Dict(required=True)
    tasks = fields.List(fields.Nested(Task), required=True)


class JobPage(Schema):
    """A page of jobs, newest first. total: all that match."""

    items = fields.List(fields.Nested(JobSummary), required=True)
    page = fields.Integer(required=True)
    pages = fields.Integer(required=True)
    total = fields.Integer(required=True)


class LogPart(Schema):
    """A piece of a task's output. number: from 1, in the order of the output."""

    task_id = fields.Integer(required=True)
    number = fields.Integer(required=True)
    contents = fields.String(required=True)
    at = fields.DateTime(required=True)


class LogPage(Schema):
    """A page of the output of a job, newest part first."""

    items = fields.List(fields.Nested(LogPart), required=True)
    page = fields.Integer(required=True)
    pages = fields.Integer(required=True)
    total = fields.Integer(required=True)
