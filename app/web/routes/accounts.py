"""`/ui/login`, `/ui/register`, `/ui/logout`: the managers of the tracker, in a browser."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, request, session
from flask.typing import ResponseReturnValue

from app.api.http import doings, sessions
from app.api.http.rates import client_of
from app.api.http.site import services
from app.api.task_tracker.errors import Refused
from app.api.task_tracker.service import managers
from app.domain.records import Manager
from app.web.doings import note
from app.web.frame import LOGIN, Page, page, show
from config.settings import Settings

REGISTER = "/ui/register"
HOME = "/ui/"


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""

    @page(blueprint, LOGIN, None)
    def login_form() -> ResponseReturnValue:
        return _form("login.html")

    @page(blueprint, LOGIN, None, method="POST")
    def log_in() -> ResponseReturnValue:
        name, password = _credentials()
        try:
            who = managers.log_in(services(), name, password, client_of(request))
        except Refused as error:
            note("manager.login-failed", name)
            return _form("login.html", str(error)), error.status
        doings.note("manager.login", who.id, who=who.username, via="page")
        return _begin(who)

    @page(blueprint, REGISTER, None)
    def register_form() -> ResponseReturnValue:
        return _form("register.html")

    @page(blueprint, REGISTER, None, method="POST")
    def register() -> ResponseReturnValue:
        try:
            who = managers.register(services(), *_credentials())
        except Refused as error:
            return _form("register.html", str(error)), error.status
        doings.note("manager.register", who.id, who=who.username, via="page")
        flash(f"Welcome, {who.username}.")
        return _begin(who)

    @page(blueprint, "/ui/logout", None, method="POST")
    def log_out() -> ResponseReturnValue:
        session.clear()
        return sessions.close_session(redirect(HOME, 303))

    return []


def nobody_is_registered() -> bool:
    """Tell whether whoever registers next becomes admin."""
    return not services().engine.managers.listed()


def _form(template: str, fault: str = "") -> str:
    first = nobody_is_registered()
    return show(
        template,
        fault=fault,
        name=request.form.get("username", ""),
        target=_target(),
        first=first,
    )


def _credentials() -> tuple[str, str]:
    return request.form.get("username", ""), request.form.get("password", "")


def _begin(who: Manager) -> ResponseReturnValue:
    """Begin a session, with new tokens for forms: those made before it are worth nothing in it."""
    said = session.get("_flashes")
    session.clear()
    if said:
        session["_flashes"] = said
    return sessions.open_session(redirect(_target(), 303), who)


def _target() -> str:
    """Give where to go afterwards: a page of ours, whatever is asked for."""
    given = request.values.get("next", "")
    parts = urlsplit(given.replace("\\", "/"))
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith(HOME)
    return given if is_ours and given.isprintable() else HOME
