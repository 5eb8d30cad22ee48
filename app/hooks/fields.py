"""Parameters that most job types share, as a marshmallow schema to inherit from."""

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.hooks.types import JobView, TaskSpec

_DAY_S = 86_400.0


def relative_name(name: str) -> None:
    """Refuse a file name that could leave the directory it is written to."""
    parts = name.split("/")
    if name.startswith("/") or "\0" in name or ".." in parts or parts[-1] in ("", "."):
        raise ValidationError("Must be the relative name of a file, without `..`.")


def no_nul(text: str) -> None:
    """Refuse the one character that no process and no file name can be given."""
    if "\0" in text:
        raise ValidationError("Must not have a NUL character.")


_VARIABLE = validate.Regexp(re.compile(r"[^=\0]+\Z"), error="Not the name of a variable.")


class WorkSchema(Schema):
    """Parameters of a job that is one task: where, how often and how long it may run.

    env: variables of the process. files: text by relative name, put into its directory.
    retries: how many tries may follow a failed first one, each retry_delay_s after the last.
    timeout_s: seconds that one try may take. priority: 9 is served first.
    """

    env = fields.Dict(
        keys=fields.String(validate=_VARIABLE),
        values=fields.String(validate=no_nul),
        load_default=dict,
    )
    files = fields.Dict(
        keys=fields.String(validate=relative_name), values=fields.String(), load_default=dict
    )
    queue = fields.String(
        load_default="default",
        validate=validate.Regexp(
            re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z"), error="Not the name of a queue."
        ),
    )
    priority = fields.Integer(strict=True, load_default=0, validate=validate.Range(0, 9))
    retries = fields.Integer(strict=True, load_default=0, validate=validate.Range(0, 10))
    retry_delay_s = fields.Float(load_default=0.0, validate=validate.Range(0, _DAY_S))
    timeout_s = fields.Float(
        load_default=None,
        allow_none=True,
        validate=validate.Range(0, 365 * _DAY_S, min_inclusive=False),
    )


def work(job: JobView, **changes: Any) -> TaskSpec:
    """Make the task of a job whose parameters a WorkSchema loaded; they are its payload."""
    spec = job.spec
    given = {
        "name": job.name,
        "payload": spec,
        "queue": spec["queue"],
        "priority": spec["priority"],
        "max_attempts": 1 + spec["retries"],
        "retry_delay_s": spec["retry_delay_s"],
        "position": 1,
    }
    return TaskSpec(**{**given, **changes})
