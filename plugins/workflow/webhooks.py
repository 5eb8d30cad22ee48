"""What the webhooks of a job want to be told of."""

from collections.abc import Mapping
from typing import Any

from app.hooks import Watch

_STATES = (
    "job.submitted", "job.started", "job.completed", "job.failed", "job.cancelled",
    "job.restarted",
)  # fmt: skip
# The end of the last task is the job's own.
_PROGRESS = ("job.progressed", "job.completed")
_TASK_STATES = (
    "task.queued", "task.started", "task.completed", "task.failed", "task.skipped",
    "task.cancelled",
)  # fmt: skip
_EVENTS = {
    "": _STATES,
    "job.StateChange": _STATES,
    "job.Progress": _PROGRESS,
    "task.StateChange": _TASK_STATES,
    "task.Progress": ("task.progressed",),
}

#: What a message about a task tells of its definition.
_KEEP = ("description", "var", "tags")


def watches(spec: Mapping[str, Any]) -> tuple[Watch, ...]:
    """Give one watch for each webhook of a job, in their order; an unknown event never comes."""
    return tuple(
        Watch(_EVENTS.get(webhook.get("event") or "", ()), _KEEP)
        for webhook in spec.get("webhooks") or ()
    )
