"""What webhooks are sent: the summary as it stood at the event, to the address the job names."""

import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from app.api.tork import words
from app.api.tork.service.jobs import all_around
from app.api.tork.service.masking import redactor, secrets_of
from app.domain.errors import PluginFailed, UnknownJobType
from app.domain.events import EventKind
from app.domain.masking import Masker
from app.domain.records import Delivery, Job, Json, Post
from app.wiring import Services

MOST_HEADERS: Final = 64
EVALUATION_S: Final = 5.0
"""For condition, address and headers together."""

# A condition may name fields as the original's did, or as JSON does.
_JOB_NAMES: Final = {
    "id": "ID", "createdBy": "CreatedBy", "parentId": "ParentID", "inputs": "Inputs",
    "name": "Name", "description": "Description", "tags": "Tags", "state": "State",
    "createdAt": "CreatedAt", "startedAt": "StartedAt", "completedAt": "CompletedAt",
    "failedAt": "FailedAt", "position": "Position", "taskCount": "TaskCount",
    "result": "Result", "error": "Error", "progress": "Progress", "schedule": "Schedule",
}  # fmt: skip
_TASK_NAMES: Final = {
    "id": "ID", "jobId": "JobID", "position": "Position", "progress": "Progress",
    "name": "Name", "description": "Description", "state": "State", "createdAt": "CreatedAt",
    "scheduledAt": "ScheduledAt", "startedAt": "StartedAt", "completedAt": "CompletedAt",
    "error": "Error", "result": "Result", "var": "Var", "tags": "Tags",
}  # fmt: skip
_NAMES_BELOW: Final = {
    "createdBy": {"id": "ID", "name": "Name", "username": "Username", "disabled": "Disabled"},
    "schedule": {"id": "ID", "cron": "Cron"},
}
# What a field that is not set is; text else.
_UNSET: Final[Mapping[str, Any]] = {
    "createdBy": {}, "inputs": {}, "tags": [], "schedule": None, "position": 0, "taskCount": 0,
    "progress": 0.0, "createdAt": None, "scheduledAt": None, "startedAt": None,
    "completedAt": None, "failedAt": None, "disabled": False,
}  # fmt: skip


def post(services: Services, delivery: Delivery) -> Post | None:
    """Word a message; None when nobody wants it after all.

    Raises ValueError for an address or header that cannot be evaluated.
    """
    job, task, kind = delivery.job, delivery.task, delivery.kind
    if job is None or (kind is EventKind.JOB_PROGRESSED and not job.progress):
        return None
    webhooks = job.spec.get("webhooks") or ()
    if delivery.watch >= len(webhooks):
        return None
    webhook = webhooks[delivery.watch]
    with services.engine.store.session():
        around = all_around(services, [job])[job.id]
    summary = words.summary(job, around)
    if kind is EventKind.JOB_RESTARTED:
        summary["state"] = "RESTART"
    told = None if task is None else words.task_summary(task)
    texts = _Texts(services, job)
    if webhook.get("if") and not texts.holds(webhook["if"], summary, told):
        return None
    secrets = secrets_of(services, job)
    body = redactor(services).document(told or summary, secrets)
    url = webhook["url"]
    headers = webhook.get("headers") or {}
    if not webhook.get("evaluated"):
        url, headers = texts.address(url, headers)
    return Post(
        url=url,
        headers=headers,
        body=json.dumps(body, separators=(",", ":")).encode(),
        origin=Masker(secrets)(_origin(url)),
    )


class _Texts:
    """Evaluates the texts of one webhook."""

    def __init__(self, services: Services, job: Job) -> None:
        self._services = services
        self._job = job
        self._until = time.monotonic() + EVALUATION_S

    def holds(self, text: str, summary: Json, told: Json | None) -> bool:
        """Whether a condition is true; one that cannot be evaluated is not."""
        names = {"job": _named(summary, _JOB_NAMES)}
        if told is not None:
            names["task"] = _named(told, _TASK_NAMES)
        try:
            return self._evaluate("condition", text, names) is True
        except ValueError:
            return False

    def address(self, url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """Give address and headers with their templates evaluated. Raises ValueError."""
        if len(headers) > MOST_HEADERS:
            raise ValueError(f"it has more than {MOST_HEADERS} headers")
        spec = self._job.spec
        names = {
            "inputs": spec.get("inputs") or {},
            "secrets": spec.get("secrets") or {},
            "tasks": self._job.state_data.get("tasks") or {},
            "job": {"id": self._job.id, "name": spec.get("name") or self._job.name},
        }
        return self._text("url", url, names), {
            name: self._text("header", text, names) for name, text in headers.items()
        }

    def _text(self, what: str, text: str, names: Mapping[str, Any]) -> str:
        if "{{" not in text:
            return text
        try:
            return str(self._evaluate("template", text, names))
        except ValueError as error:
            # What it says of values is not for a log line.
            raise ValueError(f"its {what} cannot be evaluated") from error

    def _evaluate(self, kind: str, text: str, names: Mapping[str, Any]) -> object:
        if time.monotonic() > self._until:
            raise ValueError("it takes too long to evaluate")
        plugins = self._services.plugins
        try:
            return plugins.evaluate(plugins.interface(self._job.type), kind, text, names)
        except (PluginFailed, UnknownJobType) as error:
            raise ValueError(str(error)) from error


def _named(document: Mapping[str, Any], names: Mapping[str, str]) -> Json:
    """Give every field under both of its names, set or not."""
    found: Json = {}
    for key, name in names.items():
        value = document.get(key, _UNSET.get(key, ""))
        below = _NAMES_BELOW.get(key)
        if below is not None and value is not None:
            value = _named(value, below)
        found[key] = found[name] = value
    return found


def _origin(url: str) -> str:
    """Give an address without account, path and query; empty for one that is none."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    except ValueError:
        return ""
