"""Managers: registering, logging in, promoting."""

import secrets

from app.api.task_tracker.errors import UNAUTHORIZED, Refused
from app.domain.errors import AlreadyExists, ManagerNotFound
from app.domain.records import Manager
from app.wiring import Services

TRIES_S, TRIES = 10.0, 300.0
"""Logins a second that a client may try in the long run, and at once."""
NAME_TRIES_S, NAME_TRIES = 0.2, 10.0
"""The same of those for one user name."""
WRONG = "Invalid username/password"
INVALID = "Invalid password"
NO_MANAGER = "Manager not found"
_MADE_UP_BYTES = 12


def register(services: Services, username: str, password: str) -> Manager:
    """Store a manager. Raises Refused."""
    if not 3 <= len(username.encode()) <= 16 or "\0" in username or not _is_good(password):
        raise Refused(400, "Invalid register request")
    is_open = services.settings.task_tracker.open_registration
    if not is_open and services.engine.managers.listed():
        raise Refused(403, "Registration is closed")
    try:
        return services.engine.managers.register(username, password)
    except AlreadyExists as error:
        raise Refused(400, "duplicate user: this name is taken") from error


def change_password(services: Services, who: Manager, old: str, new: str) -> None:
    """Change a manager's password, which ends all their sessions. Raises Refused; RateLimited."""
    if not _is_good(new):
        raise Refused(400, INVALID)
    log_in(services, who.username, old, f"account/{who.id}")
    services.engine.managers.set_password(who.id, new)


def _is_good(password: str) -> bool:
    return 8 <= len(password.encode("utf-8", "replace")) <= 1024 and "\0" not in password


def log_in(services: Services, username: str, password: str, client: str) -> Manager:
    """Give the manager of this name and password. Raises Refused; RateLimited for guessing.

    Tries are counted for each client, and for each name that it tries; a good one starts the
    latter anew.
    """
    if "\0" in username + password:
        raise Refused(403, WRONG)  # no name has one, and no database takes it
    engine = services.engine
    of_name = f"login/{client}/{username[:64]}"
    with engine.transaction():
        engine.rates.take(f"login/{client}", TRIES_S, burst=TRIES)
        engine.rates.take(of_name, NAME_TRIES_S, burst=NAME_TRIES)
    found = engine.managers.authenticate(username, password)
    if found is None:
        raise Refused(403, WRONG)
    engine.rates.fill(of_name)
    return found


def reset_password(services: Services, who: Manager | None, manager_id: int) -> str:
    """Give a manager a made-up password, which is told once, and end all its sessions.

    Raises Refused.
    """
    if who is None or not who.admin:
        raise Refused(403, UNAUTHORIZED)
    made_up = secrets.token_urlsafe(_MADE_UP_BYTES)
    try:
        services.engine.managers.set_password(manager_id, made_up)
    except ManagerNotFound as error:
        raise Refused(404, NO_MANAGER) from error
    return made_up


def set_admin(services: Services, who: Manager | None, manager_id: int, *, admin: bool) -> None:
    """Make somebody else an admin, or a plain manager. Raises Refused."""
    if who is None or not who.admin or who.id == manager_id:
        raise Refused(403, UNAUTHORIZED)
    try:
        services.engine.managers.set_admin(manager_id, admin=admin)
    except ManagerNotFound as error:
        raise Refused(404, NO_MANAGER) from error
