"""Engine records as documents of our own API."""

from collections.abc import Sequence
from typing import Any

from app.api.jobyard.masking import Mask
from app.domain.clock import Instant, rfc3339
from app.domain.records import Job, Json, LogPart, Page, Task


def summary(job: Job, mask: Mask) -> Json:
    """Give a job as lists show it."""
    return {
        "id": job.id,
        "dialect": job.dialect,
        "type": job.type,
        "name": mask.text(job.name),
        "description": job.description,
        "tags": list(job.tags),
        "state": job.state,
        "priority": job.priority,
        "progress": job.progress,
        "position": job.position,
        "task_count": job.task_count,
        "tasks_total": job.tasks_total,
        "tasks_open": job.tasks_open,
        "tasks_failed": job.tasks_failed,
        "result": mask.text(job.result),
        "error": mask.text(job.error),
        "created_at": rfc3339(job.created_at),
        "started_at": _time(job.started_at),
        "ended_at": _time(job.ended_at),
    }


def job(found: Job, tasks: Sequence[Task], mask: Mask) -> Json:
    """Give a job with its tasks."""
    return {
        **summary(found, mask),
        "spec": mask.spec(),
        "tasks": [_task(each, mask) for each in tasks],
    }


def _task(task: Task, mask: Mask) -> Json:
    return {
        "id": task.id,
        "name": mask.text(task.name),
        "kind": task.kind,
        "state": task.state,
        "queue": task.queue,
        "parent_id": task.parent_id,
        "position": task.position,
        "progress": task.progress,
        "attempts": task.number,
        "failures": task.failures,
        "losses": task.losses,
        "worker_id": task.worker_id,
        "addresses": None if task.addresses is None else dict(task.addresses),
        "result": mask.text(task.result),
        "error": mask.text(task.error),
        "created_at": rfc3339(task.created_at),
        "queued_at": _time(task.queued_at),
        "started_at": _time(task.started_at),
        "ended_at": _time(task.ended_at),
    }


def log_part(part: LogPart, mask: Mask) -> Json:
    """Give a piece of output."""
    return {
        "task_id": part.task_id,
        "number": part.number,
        "contents": mask.text(part.contents),
        "at": rfc3339(part.at),
    }


def page(found: Page[Any], items: list[Json]) -> Json:
    """Give a page."""
    return {"items": items, "page": found.number, "pages": found.pages, "total": found.total}


def _time(at: Instant | None) -> str | None:
    return None if at is None else rfc3339(at)
