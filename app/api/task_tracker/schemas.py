"""Shapes of bodies, for the API document; at work bodies are read by `documents`."""

from marshmallow import Schema, fields


class Envelope(Schema):
    """What every answer is wrapped in."""

    ok = fields.Boolean(required=True)
    message = fields.String(metadata={"description": "An error or remark."})
    content = fields.Dict(metadata={"description": "What was asked for."})
    rate_limit_delay = fields.Float(
        metadata={"description": "Seconds until a try can succeed; with 429."}
    )


class Alias(Schema):
    """A worker's name."""

    alias = fields.String(metadata={"description": "At most 255 characters."})


class SetPaused(Schema):
    """Whether a worker gets tasks."""

    worker = fields.Integer(required=True)
    paused = fields.Boolean()


class ProjectFields(Schema):
    """What a project is; an update replaces all of it."""

    name = fields.String(required=True)
    clone_url = fields.String()
    git_repo = fields.String()
    version = fields.String()
    motd = fields.String()
    priority = fields.Integer()
    public = fields.Boolean()
    hidden = fields.Boolean()
    paused = fields.Boolean()
    chain = fields.Integer(metadata={"description": "Project that gets a copy of closed tasks."})
    assign_rate = fields.Float(metadata={"description": "Tasks a second; 0: no limit."})
    submit_rate = fields.Float(metadata={"description": "Tasks a second; 0: no limit."})


class AccessRequest(Schema):
    """What a worker wants to do in a project."""

    project = fields.Integer(required=True)
    assign = fields.Boolean()
    submit = fields.Boolean()


class Submission(Schema):
    """A task to be stored."""

    project = fields.Integer(required=True)
    recipe = fields.String(required=True, metadata={"description": "1 to 1048576 bytes."})
    priority = fields.Integer(metadata={"description": "Higher first, 16 bits."})
    max_retries = fields.Integer(metadata={"description": "Failures until it is given up."})
    max_assign_time = fields.Integer(metadata={"description": "Seconds; 0: the default."})
    hash64 = fields.Integer(metadata={"description": "64 bits; also as hash_u64."})
    unique_string = fields.String(metadata={"description": "Hashed; also as unique_str."})
    not_before = fields.Integer(metadata={"description": "Unix seconds; 0: at once."})
    expires_in = fields.Integer(
        metadata={"description": "Seconds after which it fails if nobody has it; 0: never."}
    )
    verification_count = fields.Integer(metadata={"description": "Workers that must agree."})


class BulkSubmission(Schema):
    """Tasks of one project."""

    requests = fields.List(fields.Nested(Submission), required=True)


class Release(Schema):
    """What became of a task. result: 0 done, 1 failed, 2 given back."""

    task_id = fields.Integer(required=True)
    result = fields.Integer()
    verification = fields.Integer(metadata={"description": "64 bits, signed."})
    error = fields.String(metadata={"description": "Why it failed; kept with a failed task."})


class BulkRelease(Schema):
    """What became of up to 100 tasks."""

    releases = fields.List(fields.Nested(Release), required=True)


class Renewal(Schema):
    """A task that takes longer."""

    task_id = fields.Integer(required=True)


class WorkerLog(Schema):
    """A log entry."""

    scope = fields.String(required=True)
    message = fields.String(required=True)
    timestamp = fields.Integer(required=True, metadata={"description": "Unix seconds."})


class LogQuery(Schema):
    """Which log entries."""

    level = fields.Integer(metadata={"description": "1 to 7; 0: all."})
    since = fields.Integer(required=True, metadata={"description": "Unix seconds, exclusive."})


class ProjectSecret(Schema):
    """The secret for workers."""

    secret = fields.String()


class WebhookSecret(Schema):
    """The secret of push messages."""

    webhook_secret = fields.String()


class Credentials(Schema):
    """Name and password of a manager."""

    username = fields.String(required=True)
    password = fields.String(required=True)


class NewPassword(Schema):
    """A manager's password, and the one that takes its place."""

    old_password = fields.String(required=True)
    new_password = fields.String(required=True, metadata={"description": "8 to 1024 bytes."})


class RoleChange(Schema):
    """What a manager may do with a project."""

    manager = fields.Integer(required=True)
    role = fields.Integer(metadata={"description": "Sum of 1 2 4 8 16; 0 removes."})
