"""From a request's body to a submission."""

import uuid
from collections.abc import Mapping
from typing import Any

from app.api.http.callers import Caller
from app.api.tork.documents import read_json, read_yaml
from app.api.tork.errors import Refused
from app.api.tork.people import audience
from app.api.tork.redaction import secret_values
from app.api.tork.scalars import Value
from app.api.tork.service.directory import Known
from app.api.tork.validation import validate_job, validate_scheduled_job
from app.api.tork.words import DIALECT
from app.domain.cron import parse_crontab
from app.domain.durations import parse_duration
from app.domain.errors import PluginFailed
from app.domain.masking import Masker
from app.domain.submission import Submission
from app.wiring import Services

JOB_TYPE = "workflow"
_YAML = frozenset({"text/yaml", "application/yaml", "text/x-yaml", "application/x-yaml"})
_JSON = "application/json"
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


def job_definition(services: Services, document: dict[str, Value]) -> dict[str, Any]:
    """Check a job. Raises Invalid; UnknownJobType where the job type is not installed."""
    return validate_job(
        document, expressions=_Expressions(services), permission_exists=Known(services)
    )


def scheduled_definition(services: Services, document: dict[str, Value]) -> dict[str, Any]:
    """Check a scheduled job; as `job_definition`."""
    return validate_scheduled_job(
        document,
        expressions=_Expressions(services),
        cron=_check_cron,
        permission_exists=Known(services),
    )


def submission(definition: Mapping[str, Any], caller: Caller) -> Submission:
    """Make a submission of a checked definition; its id is chosen here, to be watched before."""
    after = (definition.get("autoDelete") or {}).get("after")
    spec = {key: value for key, value in definition.items() if key not in _BESIDE}
    name = Masker(secret_values(definition))(definition["name"])
    if name != definition["name"]:
        spec["name"] = definition["name"]
    return Submission(
        id=uuid.uuid4().hex,
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


def _check_cron(text: str) -> None:
    parse_crontab(text)
