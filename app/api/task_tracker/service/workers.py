"""Workers: machine identities with a secret."""

import base64
import binascii
import hmac
import secrets as random

from app.api.task_tracker import tables
from app.api.task_tracker.errors import Refused
from app.api.task_tracker.records import Remote
from app.api.task_tracker.tables import DIALECT
from app.domain.records import Manager
from app.wiring import Services

DEFAULT_ALIAS = "default_alias"
UNASSIGNED = "unassigned"
LONGEST_ALIAS = 255
_MOST_ID = 2**63 - 1


def identify(services: Services, worker_id: str | None, secret: str | None, status: int) -> Remote:
    """Give the worker whose id and secret these are.

    Raises Refused with `status` for anything else, the first of what is wrong.
    """
    number = _number(worker_id, secret, status)
    with services.engine.store.session():
        found = tables.remote(services.engine.store, number)
    return _proven(found, secret, status)


def identify_in(
    services: Services, worker_id: str | None, secret: str | None, project_id: int, status: int
) -> tuple[Remote, tables.Membership | None]:
    """Do the same, and give a project with what the worker may do there; None where it is none."""
    number = _number(worker_id, secret, status)
    with services.engine.store.session():
        found = tables.remote_in(services.engine.store, number, project_id)
    remote, membership = found or (None, None)
    return _proven(remote, secret, status), membership


def _number(worker_id: str | None, secret: str | None, status: int) -> int:
    if not worker_id:
        raise Refused(status, "worker id not specified")
    if not secret:
        raise Refused(status, "secret is not specified")
    digits = worker_id.strip()
    if not (digits.isascii() and digits.isdigit() and int(digits[:20]) <= _MOST_ID):
        raise Refused(status, "invalid worker id")
    return int(digits)


def _proven(found: Remote | None, secret: str | None, status: int) -> Remote:
    if found is None:
        raise Refused(status, "worker id does not match any valid worker")
    if not _same(found.secret, secret or ""):
        raise Refused(status, "invalid secret")
    return found


def _same(known: str, given: str) -> bool:
    try:
        decoded = base64.b64decode(given.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(base64.b64decode(known), decoded)


def create(services: Services, alias: str) -> Remote:
    """Store a new worker and give it, with its secret."""
    alias = _checked(alias)
    secret = base64.b64encode(random.token_bytes(32)).decode()
    engine = services.engine
    with engine.transaction():
        worker = engine.workers.register(dialect=DIALECT, kind="remote", name=alias)
        tables.insert_remote(engine.store, worker.id, secret)
    return Remote(id=worker.id, alias=alias, created_at=worker.started_at, secret=secret)


def _checked(alias: str) -> str:
    if alias == UNASSIGNED:
        raise Refused(403, "You are not allowed to create a worker")
    if len(alias) > LONGEST_ALIAS or "\0" in alias:
        raise Refused(400, "Invalid request")
    return alias or DEFAULT_ALIAS


def get(services: Services, worker_id: int) -> Remote:
    """Give a worker. Raises Refused."""
    with services.engine.store.session():
        found = tables.remote(services.engine.store, worker_id)
    if found is None:
        raise Refused(404, "Worker not found")
    return found


def rename(services: Services, caller: Remote, alias: str) -> None:
    """Change the alias of a worker."""
    services.engine.workers.rename(caller.id, _checked(alias))


def set_paused(services: Services, worker_id: int, *, paused: bool) -> None:
    """Let a worker get no more tasks, or let it go on. Raises Refused."""
    with services.engine.store.transaction():
        if not tables.set_paused(services.engine.store, worker_id, paused=paused):
            raise Refused(400, "Invalid worker")


def stats(services: Services) -> list[dict[str, object]]:
    """Give every worker, and how many tasks its releases have closed."""
    engine = services.engine
    with engine.store.session():
        found = tables.remotes(engine.store)
        closed = engine.groups.finished_by()
    return [
        {
            "alias": one.alias,
            "closed_task_count": closed.get(one.id, 0),
            "paused": one.paused,
            "id": one.id,
        }
        for one in found
    ]


def shows_secret(manager: Manager | None) -> bool:
    """Tell whether somebody may read workers' secrets."""
    return manager is not None and manager.admin
