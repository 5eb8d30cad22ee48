"""From a request's body to a submission."""

import hashlib
import re
import uuid
from collections.abc import Mapping
from typing import Any

from app.api.http.callers import Caller
from app.api.tork.documents import read_json, read_yaml
from app.api.tork.errors import Refused
from app.api.tork.faults import MOST_FAULTS
from app.api.tork.people import audience
from app.api.tork.redaction import secret_values
from app.api.tork.scalars import Value
from app.api.tork.service.directory import Known
from app.api.tork.validation import validate_job, validate_scheduled_job
from app.api.tork.words import DIALECT
from app.domain.clock import Instant, parse_rfc3339, seconds
from app.domain.cron import parse_crontab
from app.domain.durations import parse_duration
from app.domain.errors import PluginFailed
from app.domain.masking import Masker
from app.domain.submission import Submission
from app.wiring import Services

JOB_TYPE = "workflow"
_YAML = frozenset({"text/yaml", "application/yaml", "text/x-yaml", "application/x-yaml"})
_JSON = "application/json"
_KEY = re.compile(r"[!-~]{1,255}")
# Columns of the job hold these; `wait` and `schedule` say how to submit, not what.
_BESIDE = frozenset({"name", "description", "tags", "wait", "schedule"})


class _Expressions:
    """Asks the job type whether expressions of its language parse."""

    def __init__(self, services: Services) -> None:
        self._plugins = services.plugins
        self._interface = services.plugins.interface(JOB_TYPE)

    def check_expression(self, text: str) -> None:
        self._check("condition", text)

    def check_output(self, text: str) -> None:
        self._check("output", text)

    def _check(self, kind: str, text: str) -> None:
        try:
            self._plugins.check(self._interface, kind, text)
        except PluginFailed as error:
            # Text that keeps a checker busy beyond its time is bad input, and no fault of ours.
            raise ValueError("could not be checked") from error


def read(body: bytes, content_type: str | None) -> dict[str, Value]:
    """Read a body by its type. Raises Refused for a type that is none, Invalid for the content."""
    if not content_type:
        raise Refused(400, "missing content type")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == _JSON:
        return read_json(body)
    if kind in _YAML:
        return read_yaml(body)
    raise Refused(400, f"unknown content type: {content_type[:200]}")


def job_definition(
    services: Services, document: dict[str, Value], *, most: int = MOST_FAULTS
) -> dict[str, Any]:
    """Check a job; most: faults to report.

    Raises Invalid; UnknownJobType where the job type is not installed.
    """
    return validate_job(
        document,
        expressions=_Expressions(services),
        permission_exists=Known(services),
        most=most,
    )


def scheduled_definition(
    services: Services, document: dict[str, Value], *, most: int = MOST_FAULTS
) -> dict[str, Any]:
    """Check a scheduled job; as `job_definition`."""
    return validate_scheduled_job(
        document,
        expressions=_Expressions(services),
        cron=_check_cron,
        permission_exists=Known(services),
        most=most,
    )


def unique_key(caller: Caller, given: str | None) -> str | None:
    """Make the key of a submission from the header `Idempotency-Key`; None without one.

    Everybody's keys are their own. Raises Refused for a header that is no key.
    """
    if given is None:
        return None
    if not _KEY.fullmatch(given):
        raise Refused(400, "Idempotency-Key: must be 1 to 255 visible ASCII characters")
    told = f"{caller.name or ''}\n{given}".encode()
    return f"idempotent/{hashlib.sha256(told).hexdigest()}"


def submission(
    definition: Mapping[str, Any], caller: Caller, *, key: str | None = None, now: Instant = 0
) -> Submission:
    """Make a submission of a checked definition; its id is chosen here, to be watched before.

    key: of `unique_key`. now: what a delay counts from.
    """
    after = (definition.get("autoDelete") or {}).get("after")
    spec = {key: value for key, value in definition.items() if key not in _BESIDE}
    name = Masker(secret_values(definition))(definition["name"])
    if name != definition["name"]:
        spec["name"] = definition["name"]
    return Submission(
        id=uuid.uuid4().hex,
        unique_key=key,
        start_at=_start_at(definition, now),
        dialect=DIALECT,
        type=JOB_TYPE,
        name=name,
        description=definition.get("description") or "",
        tags=tuple(definition.get("tags") or ()),
        spec=spec,
        task_count=len(definition["tasks"]),
        created_by=caller.name,
        audience=audience(definition.get("permissions") or ()),
        delete_after_s=parse_duration(after) if after else None,
    )


def _start_at(definition: Mapping[str, Any], now: Instant) -> Instant | None:
    if "startAt" in definition:
        return parse_rfc3339(definition["startAt"])
    return now + seconds(parse_duration(definition["delay"])) if "delay" in definition else None


def _check_cron(text: str) -> None:
    parse_crontab(text)
