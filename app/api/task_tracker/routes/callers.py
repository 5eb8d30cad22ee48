"""Who asks: a worker by its headers, a manager by the cookie of a session."""

from flask import Response, request

from app.api.http.site import services
from app.api.task_tracker.errors import UNAUTHORIZED, Refused
from app.api.task_tracker.records import Remote
from app.api.task_tracker.service import workers
from app.api.task_tracker.tables import Membership
from app.domain.records import Manager
from config.dialects import TaskTrackerSettings

_LONGEST_TOKEN = 200


def settings() -> TaskTrackerSettings:
    """Give the settings of this dialect."""
    return services().settings.task_tracker


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


def manager() -> Manager | None:
    """Give the manager that asks, as it stands at this moment; None without a session.

    The cookie of a page of another site counts for nothing, whatever its browser sends along.
    """
    token = request.cookies.get(settings().cookie_name)
    if not token or len(token) > _LONGEST_TOKEN:
        return None
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return None
    return services().engine.managers.of_session(token)


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


def open_session(answer: Response, who: Manager) -> Response:
    """Begin a session of a manager, ending the one that the browser had."""
    close_session(answer)
    lasts_s = settings().session_expiration_s
    token = services().engine.managers.open_session(who, lasts_s=lasts_s)
    answer.set_cookie(
        settings().cookie_name,
        token,
        max_age=int(lasts_s),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return answer


def close_session(answer: Response) -> Response:
    """End the session at hand, if there is one."""
    token = request.cookies.get(settings().cookie_name)
    if token and len(token) <= _LONGEST_TOKEN:
        services().engine.managers.close_session(token)
        answer.delete_cookie(settings().cookie_name, path="/", httponly=True, samesite="Lax")
    return answer
