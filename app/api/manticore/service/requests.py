"""Requests for environments: asked for, found again, given back."""

import uuid
from contextlib import suppress

from app.api.manticore import tables
from app.api.manticore.errors import NoRequest, Refused
from app.api.manticore.service.options import choose, merged
from app.api.manticore.tables import Request
from app.api.manticore.words import DELETED
from app.domain.errors import AlreadyExists, Contended, EntryNotFound, IllegalMove, JobNotFound
from app.domain.records import Json
from app.domain.submission import Submission
from app.engine.transaction import retried
from app.wiring import Services
from config.dialects import ManticoreSettings

DIALECT = "manticore"
POOL = "manticore"
UNLIMITED = 1_000_000
_TRIES = 20


def slots(settings: ManticoreSettings) -> int:
    """Give how many environments there may be: each with a public address needs a port of it."""
    most = settings.max_running or UNLIMITED
    if settings.public_addresses:
        start, end = settings.tcp_port_start or 0, settings.tcp_port_end or 0
        most = min(most, max(0, end - start + 1))
    return most


def open_list(services: Services) -> None:
    """Let as many be there as the settings say now."""
    services.engine.waiting.set_limit(POOL, slots(services.settings.manticore))


def ask(services: Services, user: str, body: Json) -> str:
    """Give the passcode of a user's request, which is made if there is none.

    The body counts only for a new one, and must be right all the same. Raises Refused.
    """
    kind, spec = choose(services, body)
    for _ in range(_TRIES):
        found = _found(services, user)
        if found is not None:
            return found.passcode
        fresh = Request(user, uuid.uuid4().hex, tables.new_passcode())
        # Another process may store one at the same moment; then that one it is.
        with suppress(AlreadyExists):
            _submit(services, fresh, kind, spec)
            return fresh.passcode
    raise Contended


def _submit(services: Services, fresh: Request, kind: str, spec: Json) -> None:
    store = services.engine.store

    def enter() -> None:
        # First, since the new one has no job yet and would count as over.
        tables.forget_some(store)
        if not tables.insert(store, fresh):
            raise AlreadyExists(name=fresh.user)

    settings = services.settings.manticore
    wanted = submission(settings, fresh.user, kind, spec, job_id=fresh.job_id)
    services.engine.jobs.submit(wanted, within=enter)


def submission(
    settings: ManticoreSettings, user: str, kind: str, spec: Json, *, job_id: str = ""
) -> Submission:
    """Give the job that an environment of a user is."""
    usage_s, warning_s = settings.usage_duration, settings.warning_duration
    limited = settings.limits_usage and usage_s is not None and warning_s is not None
    return Submission(
        id=job_id,
        dialect=DIALECT,
        type=kind,
        name=f"core-hmi-{user}",
        spec=spec,
        pool=POOL,
        max_running=slots(settings),
        idle_s=(usage_s or 0) + (warning_s or 0) if limited else None,
        idle_warning_s=(warning_s or 0) if limited else 0.0,
    )


def find(services: Services, user: str) -> str:
    """Give the passcode of a user's live request. Raises Refused without one."""
    found = _found(services, user)
    if found is None:
        raise Refused("there is no request with this id")
    return found.passcode


def _found(services: Services, user: str) -> Request | None:
    with services.engine.store.session():
        return tables.of_user(services.engine.store, user)


def leave(services: Services, user: str) -> None:
    """Take a user's request away, whatever became of it; complete when this returns."""
    engine = services.engine

    def take() -> str | None:
        with engine.transaction():
            job_id = tables.delete(engine.store, user)
            if job_id is not None:
                with suppress(IllegalMove, JobNotFound):
                    engine.jobs.cancel(job_id, reason=DELETED)
        return job_id

    retried(engine.store, take)


def remove(services: Services, job_id: str, why: str) -> None:
    """Take a request that waits off the list; its user is told why, or nothing where that is empty.

    Raises EntryNotFound, IllegalMove once its start has begun.
    """
    services.engine.waiting.remove(job_id, f"{DELETED}: {why}" if why else DELETED)


def change(services: Services, user: str, body: Json) -> str:
    """Give a request that still waits other versions, and its passcode; it keeps its place.

    What the body leaves out stays. Raises Refused, also once its start has begun.
    """
    found = _found(services, user)
    if found is None:
        raise Refused("there is no request with this id")
    if body.get("core") is None and body.get("hmi") is None:
        raise Refused("core or hmi is required")
    try:
        job = services.engine.jobs.get(found.job_id)
        _, spec = choose(services, merged(job.spec, body), kind=job.type)
        services.engine.jobs.change(job.id, spec)
    except (IllegalMove, JobNotFound) as error:
        raise Refused("it does not wait any more") from error
    return found.passcode


def touch(services: Services, passcode: str) -> bool:
    """Note that an environment is used; False where that counts for nothing. Raises NoRequest."""
    job_id = opened_by(services, passcode)
    if job_id is None:
        raise NoRequest
    settings = services.settings.manticore
    if not (settings.limits_usage and settings.reset_timer_allowed):
        return False
    with suppress(EntryNotFound):
        services.engine.idle.touch(job_id)
        return True
    return False


def opened_by(services: Services, passcode: str, *, over: bool = False) -> str | None:
    """Give the environment that a passcode opens; None for any other text.

    over: also one that is over, for who is to be told so.
    """
    if len(passcode) != tables.PASSCODE_CHARS:
        return None
    with services.engine.store.session():
        return tables.job_of(services.engine.store, passcode, over=over)
