"""What the leading ticker does for this dialect every second."""

from collections.abc import Callable
from contextlib import suppress

from app.api.mantis import rows, tables, watches
from app.api.mantis.service import jobs, sla
from app.api.mantis.service.submits import tolerance_s
from app.api.mantis.tables import QUEUE
from app.api.mantis.watches import Limited
from app.domain.clock import Instant, seconds
from app.domain.errors import IllegalMove, JobNotFound, TaskNotFound
from app.engine.rounds import each
from app.wiring import Services

MASTER = "MantisMaster"
PLACING_S = 180.0
"""A worker may wait so much longer for a place than it may be silent."""
DELETED_AT_ONCE = 100
RUNTIME, SUBSCRIPTION = "runtime limit reached", "no subscribers for too long"
SILENT, UNPLACED = "no heartbeat", "no place was found"


def run_once(services: Services, now: Instant) -> int:
    """Do what is due; give how much."""
    duties: list[Callable[[Services, Instant], int]] = [
        end_limited,
        replace_silent,
        keep_slas,
        delete_gone,
        prune,
    ]
    return each(duties, lambda duty: duty(services, now))


def end_limited(services: Services, now: Instant) -> int:
    """Kill jobs whose time is up."""
    store = services.engine.store
    with store.session():
        found = watches.limited(store)
    if not found:
        return 0

    def end(one: Limited) -> int:
        if one.over_runtime(now):
            reason = RUNTIME
        elif one.over_subscription(now):
            reason = SUBSCRIPTION
        else:
            return 0
        with store.session():
            row = rows.job(store, one.job_id)
        if row is not None:
            jobs.end(services, row, user=MASTER, reason=reason)
        return 1

    return each(found, end)


def replace_silent(services: Services, now: Instant) -> int:
    """Replace workers that say nothing, or that nobody takes."""
    store = services.engine.store
    placing_s = tolerance_s(services, 0) + PLACING_S
    with store.session():
        silent = watches.silent(store, now)
        unplaced = watches.unplaced(store, QUEUE, now - seconds(placing_s))

    def end(task_id: int, error: str) -> int:
        with suppress(TaskNotFound):
            return int(services.engine.changes.end(task_id, error=error))
        return 0

    count = each(silent, lambda task_id: end(task_id, SILENT))
    return count + each(unplaced, lambda task_id: end(task_id, UNPLACED))


def keep_slas(services: Services, now: Instant) -> int:
    """Bring clusters back to their SLA."""
    del now
    store = services.engine.store
    with store.session():
        names = rows.off_sla(store)
    return each(names, lambda name: sla.enforce(services, name, patient=True))


def delete_gone(services: Services, now: Instant) -> int:
    """Delete what deleted clusters left, some at a time."""
    del now
    store = services.engine.store
    with store.session():
        groups = tables.gone(store)
    count = 0
    for group_id in groups:
        with store.session():
            found = tables.of_group(store, group_id, DELETED_AT_ONCE)
        count += _delete(services, found)
        if not found:
            with store.transaction():
                tables.forget_gone(store, group_id)
    return count


def prune(services: Services, now: Instant) -> int:
    """Delete jobs that ended long ago, and look no longer at those that are over."""
    store = services.engine.store
    kept = seconds(services.settings.mantis.jobs_retention_s)
    with store.session():
        found = tables.ended_before(store, now - kept, DELETED_AT_ONCE)
    with store.transaction():
        watches.forget_over(store)
    return _delete(services, found)


def _delete(services: Services, job_ids: list[str]) -> int:
    engine = services.engine

    def delete(job_id: str) -> int:
        with suppress(JobNotFound):
            try:
                engine.jobs.delete(job_id)
            except IllegalMove:
                return 0  # it goes on: of a cluster that is deleted there is none
        with engine.store.transaction():
            tables.delete_jobs(engine.store, [job_id])
        return 1

    return each(job_ids, delete)
