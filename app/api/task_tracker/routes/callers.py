"""Who asks: a worker by its headers, a manager by the cookie of a session."""

from flask import request

from app.api.http.sessions import manager
from app.api.http.site import services
from app.api.task_tracker.errors import UNAUTHORIZED, Refused
from app.api.task_tracker.records import Remote
from app.api.task_tracker.service import workers
from app.api.task_tracker.tables import Membership
from app.domain.records import Manager


def worker(status: int) -> Remote:
    """Give the worker that asks. Raises Refused with a status for anybody else."""
    given = request.headers
    return workers.identify(services(), given.get("X-Worker-ID"), given.get("X-Secret"), status)


def worker_in(project_id: int, status: int) -> tuple[Remote, Membership | None]:
    """Give the worker that asks, and a project with what it may do there. Raises Refused."""
    given = request.headers
    return workers.identify_in(
        services(), given.get("X-Worker-ID"), given.get("X-Secret"), project_id, status
    )


def logged_in() -> Manager:
    """Give the manager that asks. Raises Refused."""
    found = manager()
    if found is None:
        raise Refused(401, UNAUTHORIZED)
    return found


def admin(status: int = 403) -> Manager:
    """Give the admin that asks. Raises Refused with a status."""
    found = manager()
    if found is None or not found.admin:
        raise Refused(status, UNAUTHORIZED)
    return found
