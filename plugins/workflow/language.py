"""The shape of a workflow: which keys there are, and what they may hold.

Keys that are not given stay away, so that a definition can be shown again as it was submitted.
"""

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.hooks import no_nul, relative_name
from plugins.workflow import secrecy, texts
from plugins.workflow.expr import durations

#: What a task that holds others cannot have beside them.
NOT_COMPOSITE = (
    "image", "cmd", "entrypoint", "run", "env", "queue", "pre", "post", "mounts", "retry",
    "limits", "timeout", "files", "sidecars", "networks", "registry", "gpus", "workdir",
)  # fmt: skip
COMPOSITE = ("parallel", "each", "subjob")
#: Each event of a job is written down once for every webhook that wants it.
MOST_WEBHOOKS = 32
LONGEST_RETRY_DELAY_S = 300.0


def _valid(test: Callable[[str], object]) -> Callable[[str], None]:
    """Make a validator of a function that raises ValueError; an empty text counts as not given."""

    def validator(text: str) -> None:
        no_nul(text)
        if text:
            try:
                test(text)
            except ValueError as fault:
                raise ValidationError(str(fault)) from fault

    return validator


def _syntax(kind: str) -> Callable[[str], None]:
    return _valid(lambda text: texts.check(kind, text))


def _text(*, required: bool = False) -> fields.String:
    return fields.String(validate=no_nul, required=required)


def _words() -> fields.Dict:
    return fields.Dict(keys=_text(), values=_text())


def _duration() -> fields.String:
    return fields.String(validate=_valid(durations.parse_seconds))


def _retry_delay(text: str) -> None:
    if durations.parse_seconds(text) > LONGEST_RETRY_DELAY_S:
        raise ValueError("must be at most 5m")


def _factor(given: object) -> None:
    """Check a number that is kept as it was written, 2 and not 2.0."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not 1 <= given <= 10:
        raise ValidationError("Must be a number from 1 to 10.")


def _condition() -> fields.String:
    return fields.String(data_key="if", attribute="if", validate=_syntax("condition"))


def _task() -> Schema:
    """Give the schema that is defined further down and holds the one that asks."""
    return Task()


class Retry(Schema):
    """limit: further tries after the first; the k-th waits initialDelay x scalingFactor^(k-1).

    on: exit codes that are worth another try; without it every failure is.
    """

    limit = fields.Integer(strict=True, required=True, validate=validate.Range(1, 10))
    initialDelay = fields.String(validate=_valid(_retry_delay))  # noqa: N815 - the language's key
    scalingFactor = fields.Raw(validate=_factor)  # noqa: N815 - the language's key
    on = fields.List(
        fields.Integer(strict=True, validate=validate.Range(0, 255)),
        validate=validate.Length(max=256),
    )


class Limits(Schema):
    """cpus: a decimal number of cores. memory: bytes with a unit, powers of 1024.

    Read when the task is made: a text that is no amount fails that task.
    """

    cpus = _text()
    memory = _text()


class Registry(Schema):
    """Who pulls the image."""

    username = _text()
    password = fields.String(validate=no_nul, metadata={"secret": True})


class Mount(Schema):
    """type: `volume`, `bind`, `tmpfs`, or one that the worker's runtime knows."""

    type = _text(required=True)
    source = _text()
    target = _text()
    opts = _words()


class Probe(Schema):
    """An address of a sidecar that must answer 200 first."""

    path = fields.String(required=True, validate=validate.Length(1, 256))
    port = fields.Integer(strict=True, required=True, validate=validate.Range(1, 65535))
    timeout = _duration()


class Aux(Schema):
    """A step before or after the main one."""

    name = _text(required=True)
    description = _text()
    image = _text()
    run = _text()
    cmd = fields.List(_text())
    entrypoint = fields.List(_text())
    env = _words()
    files = fields.Dict(keys=fields.String(validate=relative_name), values=_text())
    registry = fields.Nested(Registry)
    timeout = _duration()


class Post(Aux):
    """A step after the main one. always: however that ended."""

    always = fields.Boolean()


class Sidecar(Aux):
    """A container alive while the task runs."""

    probe = fields.Nested(Probe)


class Webhook(Schema):
    """Whom to tell. evaluated: its texts are no templates any more."""

    url = _text(required=True)
    headers = _words()
    event = _text()
    evaluated = fields.Boolean()
    if_ = _condition()


def _max_failures() -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(0, 99_999))


class Parallel(Schema):
    """Tasks side by side. maxFailures: how many of them may fail without failing the job."""

    tasks = fields.List(fields.Nested(_task), required=True, validate=validate.Length(min=1))
    maxFailures = _max_failures()  # noqa: N815 - the language's key


class Each(Schema):
    """One task for every element of a list, at most `concurrency` at once; 0: all.

    maxFailures: as of Parallel.
    """

    list_ = fields.String(
        required=True,
        data_key="list",
        attribute="list",
        validate=[validate.Length(min=1), _syntax("list")],
    )
    var = _text()
    concurrency = fields.Integer(strict=True, validate=validate.Range(0, 99_999))
    maxFailures = _max_failures()  # noqa: N815 - the language's key
    task = fields.Nested(_task, required=True)


class AutoDelete(Schema):
    """When a completed job goes."""

    after = _duration()


class Job(Schema):
    """What a job and a sub-job share."""

    description = _text()
    inputs = _words()
    secrets = fields.Dict(keys=_text(), values=_text(), metadata={"secret": True})
    tasks = fields.List(fields.Nested(_task), required=True, validate=validate.Length(min=1))
    output = fields.String(validate=_syntax("output"))
    webhooks = fields.List(fields.Nested(Webhook), validate=validate.Length(max=MOST_WEBHOOKS))
    autoDelete = fields.Nested(AutoDelete)  # noqa: N815 - the language's key


class Subjob(Job):
    """A job that a task starts. detached: the task does not wait for it."""

    name = _text(required=True)
    detached = fields.Boolean()


class Task(Schema):
    """One task: it runs something, or it holds others. allowFailure: the job goes on without it."""

    name = _text(required=True)
    description = _text()
    image = _text()
    run = _text()
    cmd = fields.List(_text())
    entrypoint = fields.List(_text())
    env = _words()
    files = fields.Dict(keys=fields.String(validate=relative_name), values=_text())
    queue = _text()
    var = fields.String(validate=[no_nul, validate.Length(max=64)])
    if_ = _condition()
    pre = fields.List(fields.Nested(Aux))
    post = fields.List(fields.Nested(Post))
    sidecars = fields.List(fields.Nested(Sidecar))
    mounts = fields.List(fields.Nested(Mount))
    networks = fields.List(_text())
    retry = fields.Nested(Retry)
    allowFailure = fields.Boolean()  # noqa: N815 - the language's key
    limits = fields.Nested(Limits)
    timeout = _duration()
    priority = fields.Integer(strict=True, validate=validate.Range(0, 9))
    gpus = _text()
    tags = fields.List(_text())
    workdir = fields.String(validate=[no_nul, validate.Length(max=256)])
    registry = fields.Nested(Registry)
    parallel = fields.Nested(Parallel)
    each = fields.Nested(Each)
    subjob = fields.Nested(Subjob)

    @validates_schema
    def _check_kind(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        held = [key for key in COMPOSITE if data.get(key)]
        if len(held) > 1:
            raise ValidationError(f"Cannot have both {held[0]} and {held[1]}.")
        both = [key for key in NOT_COMPOSITE if data.get(key)]
        if held and both:
            raise ValidationError(f"A task with {held[0]} cannot have it.", both[0])


class Defaults(Schema):
    """For regular tasks that do not say it themselves."""

    retry = fields.Nested(Retry)
    limits = fields.Nested(Limits)
    timeout = _duration()
    queue = _text()
    priority = fields.Integer(strict=True, validate=validate.Range(0, 9))


#: Most secrets of a job, those of sub-jobs and registries included.
MOST_SECRETS = 1000


class Workflow(Job):
    """A whole workflow, as it is submitted.

    name, tags, permissions, startAt, delay: kept for whoever shows the job; the name counts where
    the job's own is without secrets. inherited_secrets: values that the job's parents knew.
    """

    name = _text()
    tags = fields.List(_text())
    defaults = fields.Nested(Defaults)
    permissions = fields.List(fields.Dict())
    startAt = _text()  # noqa: N815 - the language's key
    delay = _text()
    inherited_secrets = fields.List(_text(), metadata={"secret": True})

    @validates_schema
    def _check_secrets(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        if len(secrecy.values(dict(data), {})) > MOST_SECRETS:
            raise ValidationError(f"More than {MOST_SECRETS} in all.", "secrets")
