"""Time-outs: workers that fell silent, and tasks that nobody reports on.

Looked at by a duty, and before every answer that would show how things were otherwise. Mostly two
looks at short indexes, and nothing to do.
"""

from functools import partial

from app.api.flamenco.records import LEASE_US
from app.api.flamenco.service import settings
from app.api.flamenco.service.failures import overlong, overrun
from app.api.flamenco.tables import workers
from app.domain.clock import Instant
from app.domain.records import Lease
from app.engine.transaction import retried
from app.wiring import Services


def sweep(services: Services, *, alive: int | None = None) -> int:
    """Take tasks back that have been silent for too long; give how many workers and tasks.

    alive: the worker that asks; it lives, but its task may be late all the same.
    """
    engine = services.engine
    now = engine.clock.now()
    with engine.store.session():
        worker_us, task_us = settings.patience(services)
        silent = workers.silent(engine.store, now - worker_us, alive)
        late = engine.attempts.silent(LEASE_US, now - task_us)
        long = overlong(services, now)
    for worker_id in silent:
        retried(engine.store, partial(_lose, services, worker_id, now - worker_us))
    for lease in late:
        engine.attempts.lose(lease, before=now - task_us + LEASE_US)
    for task_id in long:
        retried(engine.store, partial(overrun, services, task_id))
    return len(silent) + len(late) + len(long)


def _lose(services: Services, worker_id: int, since: Instant) -> None:
    engine = services.engine
    with engine.transaction():
        if workers.gone_offline(engine.store, worker_id, since):
            take_back(services, worker_id)


def take_back(services: Services, worker_id: int) -> None:
    """Queue what a worker holds again: it is gone, or may not go on. In a transaction."""
    for lease in held(services, worker_id):
        services.engine.attempts.lose(lease)


def held(services: Services, worker_id: int) -> list[Lease]:
    """Give the leases of a worker."""
    return list(services.engine.attempts.held(worker_id))
