"""`/register`, `/login`, `/logout`, `/account` and `/manager/…`."""

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api.http import sessions
from app.api.http.bodies import body
from app.api.http.doings import anybody, note
from app.api.http.rates import client_of
from app.api.http.site import services
from app.api.task_tracker import schemas, words
from app.api.task_tracker.documents import Fields, read, text
from app.api.task_tracker.errors import Refused
from app.api.task_tracker.routes import callers, ids
from app.api.task_tracker.routes.describing import tells
from app.api.task_tracker.service import managers as service

blueprint = Blueprint("tracker-managers", __name__, description="Managers.")
CREDENTIALS: Fields = {"username": text(), "password": text()}
PASSWORDS: Fields = {"old_password": text(), "new_password": text()}


@blueprint.route("/register", methods=["POST"])
@tells(blueprint, 400, 413, 429, body=schemas.Credentials)
def register() -> ResponseReturnValue:
    """Make a manager and log in; the first one of all is admin."""
    given = read(body(), CREDENTIALS)
    who = service.register(services(), given["username"], given["password"])
    note("manager.register", who.id, who=who.username)
    return sessions.open_session(jsonify(words.done()), who)


@blueprint.route("/login", methods=["POST"])
@tells(blueprint, 400, 403, 413, 429, body=schemas.Credentials)
def log_in() -> ResponseReturnValue:
    """Begin a session."""
    given = read(body(), CREDENTIALS)
    client = client_of(request)
    try:
        who = service.log_in(services(), given["username"], given["password"], client)
    except Refused:
        note("manager.login-failed", given["username"], who=anybody())
        raise
    note("manager.login", who.id, who=who.username)
    return sessions.open_session(jsonify(words.done({"manager": words.manager(who)})), who)


@blueprint.route("/logout")
@tells(blueprint, status=204)
def log_out() -> ResponseReturnValue:
    """End the session."""
    return sessions.close_session(Response(status=204))


@blueprint.route("/account")
@tells(blueprint)
def account() -> ResponseReturnValue:
    """Tell who is logged in."""
    who = sessions.manager()
    if who is None:
        return {"ok": False, "content": {"logged_in": False}}
    return words.done({"logged_in": True, "manager": words.manager(who)})


@blueprint.route("/account/password", methods=["POST"])
@tells(blueprint, 400, 401, 403, 413, 429, status=204, body=schemas.NewPassword)
def change_password() -> ResponseReturnValue:
    """Change one's password; all sessions end, and a new one begins here."""
    who = callers.logged_in()
    given = read(body(), PASSWORDS)
    service.change_password(services(), who, given["old_password"], given["new_password"])
    note("manager.change-password", who.id, who=who.username)
    return sessions.open_session(Response(status=204), who)


@blueprint.route("/manager/list")
@tells(blueprint, 401)
def list_managers() -> ResponseReturnValue:
    """List all managers."""
    callers.logged_in()
    found = services().engine.managers.listed()
    return words.done({"managers": [words.manager(one) for one in found]})


@blueprint.route("/manager/promote/<manager_id>", methods=["GET", "POST"])
@tells(blueprint, 400, 401, 403, 404, status=204)
def promote(manager_id: str) -> ResponseReturnValue:
    """Make a manager an admin."""
    return _set_admin(manager_id, admin=True)


@blueprint.route("/manager/demote/<manager_id>", methods=["GET", "POST"])
@tells(blueprint, 400, 401, 403, 404, status=204)
def demote(manager_id: str) -> ResponseReturnValue:
    """Make an admin a plain manager."""
    return _set_admin(manager_id, admin=False)


def _set_admin(manager_id: str, *, admin: bool) -> ResponseReturnValue:
    wanted = ids.positive(manager_id, "Invalid manager id")
    who = callers.logged_in()
    service.set_admin(services(), who, wanted, admin=admin)
    note("manager.promote" if admin else "manager.demote", wanted, who=who.username)
    return Response(status=204)
