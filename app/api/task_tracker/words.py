"""Records as the tracker's documents."""

import sys
from typing import Any

from app.api.task_tracker.records import Access, LogEntry, Project, Remote, Snapshot
from app.domain.clock import SECOND
from app.domain.records import Claimed, FailedTask, Json

UNLIMITED = sys.float_info.max
"""How a rate without a limit is written."""
NEW = 1
FAILED = 2


def done(content: Json | None = None, message: str | None = None) -> Json:
    """Wrap good news."""
    answer: Json = {"ok": True}
    if message is not None:
        answer["message"] = message
    if content is not None:
        answer["content"] = content
    return answer


def unlucky(message: str) -> Json:
    """Wrap news that is no error, and not good either."""
    return {"ok": False, "message": message}


def worker(remote: Remote, *, secret: bool = False) -> Json:
    """Word a worker; its secret is for itself, once, and for admins."""
    return {
        "id": remote.id,
        "created": remote.created_at // SECOND,
        "alias": remote.alias,
        "secret": remote.secret if secret else None,
        "paused": remote.paused,
    }


def project(one: Project) -> Json:
    """Word a project; all fields are always there."""
    return {
        "id": one.id,
        "priority": one.priority,
        "name": one.name,
        "clone_url": one.clone_url,
        "git_repo": one.git_repo,
        "version": one.version,
        "motd": one.motd,
        "public": one.public,
        "hidden": one.hidden,
        "chain": one.chain,
        "paused": one.paused,
        "assign_rate": UNLIMITED if one.assign_rate is None else one.assign_rate,
        "submit_rate": UNLIMITED if one.submit_rate is None else one.submit_rate,
    }


def task(claimed: Claimed, worker_id: int, assigned_at: int, of: Project) -> Json:
    """Word a task that was just handed to a worker. assigned_at: an instant."""
    return {
        "id": claimed.task_id,
        "priority": claimed.priority,
        "assignee": worker_id,
        "retries": claimed.failures,
        "max_retries": claimed.max_attempts,
        "status": NEW,
        "recipe": claimed.payload["recipe"],
        "max_assign_time": claimed.payload.get("max_assign_time", 0),
        "assign_time": assigned_at // SECOND,
        "verification_count": claimed.verifications,
        "project": project(of),
    }


def failed_task(one: FailedTask) -> Json:
    """Word a task that was given up."""
    return {
        "id": one.id,
        "priority": one.priority,
        # Empty where it is encrypted with a key that is gone.
        "recipe": one.payload.get("recipe", ""),
        "retries": one.failures,
        "max_retries": one.max_attempts,
        "status": FAILED,
        "error": one.error or "",
        "failed_time": one.ended_at // SECOND,
        "worker": one.worker_id,
    }


def access(one: Access) -> Json:
    """Word a request for access."""
    return {
        "submit": one.submit,
        "assign": one.assign,
        "request": one.pending,
        "worker": worker(one.worker),
        "project": one.project,
    }


def log(entry: LogEntry) -> Json:
    """Word a log entry."""
    return {
        "message": entry.message,
        "timestamp": entry.at,
        "data": entry.data,
        "level": entry.level,
    }


def snapshot(one: Snapshot) -> Json:
    """Word a snapshot."""
    return {
        "new_task_count": one.fresh,
        "failed_task_count": one.failed,
        "closed_task_count": one.closed,
        "worker_access_count": one.accesses,
        "awaiting_verification_count": one.agreed,
        "time_stamp": one.at,
    }


def manager(one: Any) -> Json:
    """Word a manager."""
    return {
        "id": one.id,
        "username": one.username,
        "tracker_admin": one.admin,
        "register_time": one.created_at // SECOND,
    }
