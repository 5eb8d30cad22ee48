"""Managers in browsers: the cookie of a session, which the tracker's API and the pages share."""

from collections.abc import Callable
from typing import TypeVar

from flask import request
from werkzeug import Response

from app.api.http.site import services
from app.domain.errors import Unavailable
from app.domain.records import Manager
from config.dialects import TaskTrackerSettings

_LONGEST_TOKEN = 200
R = TypeVar("R", bound=Response)


def manager(*, by_link: bool = False) -> Manager | None:
    """Give the manager that asks, as it stands at this moment; None without a session.

    The cookie counts for nothing in what a page of another site makes a browser ask for.
    by_link: unless that is the opening of a link, where those change nothing.
    """
    token = _token()
    if token is None or (_is_foreign() and not (by_link and _opens_link())):
        return None
    return services().engine.managers.of_session(token)


def lasting(who: Manager | None) -> Callable[[], bool]:
    """Give what tells, outside of the request too, whether its session is still that manager's.

    A database that does not answer ends nothing.
    """
    token, managers = _token() or "", services().engine.managers

    def lasts() -> bool:
        try:
            return who is None or managers.of_session(token) == who
        except Unavailable:
            return True

    return lasts


def open_session(answer: R, who: Manager) -> R:
    """Begin a session of a manager, ending the one that the browser had."""
    close_session(answer)
    lasts_s = _settings().session_expiration_s
    token = services().engine.managers.open_session(who, lasts_s=lasts_s)
    answer.set_cookie(
        _settings().cookie_name,
        token,
        max_age=int(lasts_s),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return answer


def close_session(answer: R) -> R:
    """End the session at hand, if there is one."""
    token = _token()
    if token is not None:
        services().engine.managers.close_session(token)
        answer.delete_cookie(_settings().cookie_name, path="/", httponly=True, samesite="Lax")
    return answer


def _settings() -> TaskTrackerSettings:
    return services().settings.task_tracker


def _token() -> str | None:
    given = request.cookies.get(_settings().cookie_name)
    return given if given and len(given) <= _LONGEST_TOKEN else None


def _is_foreign() -> bool:
    return request.headers.get("Sec-Fetch-Site") == "cross-site"


def _opens_link() -> bool:
    return request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
