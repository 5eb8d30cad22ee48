"""Engine records as documents of our own API."""

from app.api.jobyard.masking import Mask
from app.domain.clock import Instant, rfc3339
from app.domain.events import Event
from app.domain.records import ApiToken, Job, Json, LogPart, Queue, Schedule, Task, Worker
from app.domain.submission import Submission

_TOLD = ("state", "pool", "progress", "position", "worker", "number", "group", "change", "count")
"""What an event may carry to the outside; whatever else it comes to hold stays inside."""


def summary(job: Job, mask: Mask) -> Json:
    """Give a job as lists show it."""
    return {
        "id": job.id,
        "dialect": job.dialect,
        "type": job.type,
        "name": mask.text(job.name),
        "description": mask.text(job.description),
        "tags": [mask.text(tag) for tag in job.tags],
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
        "created_by": job.created_by,
        "parent_task_id": job.parent_task_id,
        "schedule_id": job.schedule_id,
        "created_at": rfc3339(job.created_at),
        "started_at": _time(job.started_at),
        "ended_at": _time(job.ended_at),
    }


def job(found: Job, mask: Mask) -> Json:
    """Give a job with its parameters."""
    return {**summary(found, mask), "spec": mask.spec()}


def task(task: Task, mask: Mask) -> Json:
    """Give a task; its own parameters are those of its job."""
    return {
        "id": task.id,
        "job_id": task.job_id,
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


def event(event: Event) -> Json:
    """Give something that happened."""
    return {
        "kind": event.kind,
        "dialect": event.dialect,
        "at": rfc3339(event.at),
        "job_id": event.job_id,
        "task_id": event.task_id,
        "data": {key: event.data[key] for key in _TOLD if key in event.data},
    }


def worker(worker: Worker) -> Json:
    """Give a worker."""
    return {
        "id": worker.id,
        "dialect": worker.dialect,
        "kind": worker.kind,
        "name": worker.name,
        "hostname": worker.hostname,
        "status": worker.status,
        "active": worker.active,
        "queues": dict(worker.queues),
        "tasks_running": worker.tasks_running,
        "cpu_percent": worker.cpu_percent,
        "version": worker.version,
        "started_at": rfc3339(worker.started_at),
        "heartbeat_at": rfc3339(worker.heartbeat_at),
    }


def queue(queue: Queue) -> Json:
    """Give the figures of a queue."""
    return {
        "name": queue.name,
        "size": queue.size,
        "unacked": queue.unacked,
        "subscribers": queue.subscribers,
    }


def schedule(schedule: Schedule, template: Submission, mask: Mask) -> Json:
    """Give a schedule; of what it submits, the type and the name."""
    return {
        "id": schedule.id,
        "dialect": schedule.dialect,
        "type": template.type,
        "name": mask.text(schedule.name),
        "cron": schedule.cron,
        "form": schedule.form,
        "zone": schedule.zone,
        "state": schedule.state,
        "overlap": schedule.overlap,
        "missed": schedule.missed,
        "created_at": rfc3339(schedule.created_at),
        "next_fire_at": _time(schedule.next_fire_at),
        "last_fire_at": _time(schedule.last_fire_at),
    }


def token(token: ApiToken) -> Json:
    """Give a token without its secret text."""
    return {
        "id": token.id,
        "name": token.name,
        "prefix": token.prefix,
        "scopes": list(token.scopes),
        "created_at": rfc3339(token.created_at),
        "expires_at": _time(token.expires_at),
        "last_used_at": _time(token.last_used_at),
    }


def _time(at: Instant | None) -> str | None:
    return None if at is None else rfc3339(at)
