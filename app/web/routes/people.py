"""`/ui/account` and `/ui/users…`: one's own account, and the managers of the server."""

from collections.abc import Sequence

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from app.api.http import sessions
from app.api.http.site import services
from app.api.task_tracker.errors import Refused
from app.api.task_tracker.service import access, managers
from app.api.tork.words import DIALECT as TORK
from app.domain.clock import rfc3339
from app.domain.errors import ManagerNotFound
from app.domain.records import Manager, Scope
from app.web.doings import note
from app.web.frame import LOGIN, Page, page, show
from app.web.visitors import visitor
from config.settings import Settings

ACCOUNT = "/ui/account"
USERS = Page("Users", "/ui/users", "Server", Scope.ADMIN)
_LARGEST = 2**63
_SAID = {
    managers.WRONG: "This is not your password.",
    managers.INVALID: "A password has at least 8 characters, at most 1024.",
}


def mount(blueprint: Blueprint, settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""
    _mount_account(blueprint)

    @page(blueprint, USERS.path, Scope.ADMIN)
    def users() -> ResponseReturnValue:
        engine = services().engine
        tork = settings.tork.endpoint_users
        return show(
            "people/users.html",
            USERS.path,
            managers=[(one, rfc3339(one.created_at)) for one in engine.managers.listed()],
            accounts=engine.accounts.listed(TORK) if tork else None,
            when=rfc3339,
        )

    @page(blueprint, f"{USERS.path}/<int:manager_id>", Scope.ADMIN)
    def user(manager_id: int) -> ResponseReturnValue:
        return _user(_existing(manager_id))

    @page(blueprint, f"{USERS.path}/<int:manager_id>/promote", Scope.ADMIN, method="POST")
    def promote(manager_id: int) -> ResponseReturnValue:
        return _set_admin(_existing(manager_id), admin=True)

    @page(blueprint, f"{USERS.path}/<int:manager_id>/demote", Scope.ADMIN, method="POST")
    def demote(manager_id: int) -> ResponseReturnValue:
        return _set_admin(_existing(manager_id), admin=False)

    @page(blueprint, f"{USERS.path}/<int:manager_id>/reset", Scope.ADMIN, method="POST")
    def reset(manager_id: int) -> ResponseReturnValue:
        found = _existing(manager_id)
        made_up = managers.reset_password(services(), visitor().manager, manager_id)
        note("manager.reset-password", manager_id, name=found.username)
        return _user(found, made_up)

    return [USERS]


def _mount_account(blueprint: Blueprint) -> None:
    @page(blueprint, ACCOUNT, None)
    def account() -> ResponseReturnValue:
        who = visitor().manager
        return redirect(f"{LOGIN}?next={ACCOUNT}", 303) if who is None else _account(who)

    @page(blueprint, f"{ACCOUNT}/password", None, method="POST")
    def change_password() -> ResponseReturnValue:
        who = _oneself()
        old, new = request.form.get("old", ""), request.form.get("new", "")
        try:
            managers.change_password(services(), who, old, new)
        except Refused as error:
            return _account(who, _SAID.get(str(error), str(error))), error.status
        note("manager.change-password", who.id)
        flash("The password is changed. All other sessions have ended.")
        return sessions.open_session(redirect(ACCOUNT, 303), who)

    @page(blueprint, f"{ACCOUNT}/sessions", None, method="POST")
    def end_sessions() -> ResponseReturnValue:
        who = _oneself()
        services().engine.managers.close_sessions(who.id)
        note("manager.end-sessions", who.id)
        flash("All other sessions have ended.")
        return sessions.open_session(redirect(ACCOUNT, 303), who)


def _account(who: Manager, fault: str = "") -> str:
    return show(
        "people/account.html",
        ACCOUNT,
        who=who,
        since=rfc3339(who.created_at),
        roles=access.roles_of(services(), who.id),
        fault=fault,
    )


def _user(found: Manager, made_up: str = "") -> str:
    return show(
        "people/user.html",
        USERS.path,
        found=found,
        since=rfc3339(found.created_at),
        roles=access.roles_of(services(), found.id),
        made_up=made_up,
        is_self=visitor().name == found.username,
    )


def _set_admin(found: Manager, *, admin: bool) -> ResponseReturnValue:
    managers.set_admin(services(), visitor().manager, found.id, admin=admin)
    note("manager.promote" if admin else "manager.demote", found.id, name=found.username)
    flash(f"{found.username} is {'an admin' if admin else 'a plain manager'} now.")
    return redirect(f"{USERS.path}/{found.id}", 303)


def _existing(manager_id: int) -> Manager:
    try:
        return services().engine.managers.get(min(manager_id, _LARGEST - 1))
    except ManagerNotFound:
        abort(404)


def _oneself() -> Manager:
    who = visitor().manager
    if who is None:
        abort(403)
    return who
