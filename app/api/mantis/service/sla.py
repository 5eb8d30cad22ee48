"""Keeping clusters at their SLA."""

from contextlib import suppress

from app.api.mantis import rows, tables
from app.api.mantis.definitions import Wanted
from app.api.mantis.errors import Refused
from app.api.mantis.service import submits
from app.api.mantis.tables import Cluster, Open
from app.domain.clock import SECOND
from app.domain.errors import IllegalMove
from app.domain.sla import decide
from app.engine.transaction import retried
from app.wiring import Services

MASTER = "MantisMaster"
KILLED = "SLA enforcement"
PAUSE_S = 5
"""What ends as soon as it begins is not begun anew more often than this."""


def enforce(services: Services, name: str, *, patient: bool = False) -> int:
    """Start and stop jobs of a cluster until it is as its SLA wants it; give how many.

    patient: leave it as it is where its newest job is very young.
    """
    engine = services.engine
    store = engine.store
    with store.session():
        seen = tables.cluster(store, name)
        if seen is None or seen.disabled or not (seen.sla.min or seen.sla.max):
            return 0

    def attempt() -> int:
        with engine.transaction() as tx:
            one = tables.lock_cluster(store, name)
            if one is None or one.disabled:
                return 0
            jobs = tables.open_jobs(store, one.group_id)
            decision = decide(
                [(job.job_id, job.runs) for job in jobs],
                least=one.sla.min,
                most=one.sla.max,
                headroom=one.headroom,
            )
            if decision.start and not (patient and _young(services, one, tx.now)):
                return _start(services, one, decision.start, tx.now)
            return _stop(services, one, jobs, decision.stop, tx.now)

    return retried(store, attempt)


def _young(services: Services, one: Cluster, now: int) -> bool:
    store = services.engine.store
    newest = tables.newest(store, one.group_id)
    row = None if newest is None else rows.job(store, newest)
    return row is not None and now - row.submitted_at < PAUSE_S * SECOND


def _start(services: Services, one: Cluster, count: int, now: int) -> int:
    store = services.engine.store
    newest = tables.newest(store, one.group_id)
    last = None if newest is None else rows.job(store, newest)
    wanted = Wanted(name=one.name, user=MASTER if last is None else last.user, quick=True)
    started = 0
    for _ in range(count):
        # What the cluster wants to run is refused by now: nothing starts until it is changed.
        with suppress(Refused):
            done = submits.submit_locked(services, one, wanted, resubmit=True)
            tables.note(
                store,
                one.group_id,
                now,
                who=MASTER,
                action="submitted",
                job=done.name,
                reason=KILLED,
            )
            started += 1
    return started


def _stop(
    services: Services, one: Cluster, jobs: list[Open], stop: tuple[str, ...], now: int
) -> int:
    names = {job.job_id: f"{one.name}-{job.number}" for job in jobs}
    for job_id in stop:
        with suppress(IllegalMove):
            services.engine.jobs.cancel(job_id, reason=KILLED)
            tables.note(
                services.engine.store,
                one.group_id,
                now,
                who=MASTER,
                action="killed",
                job=names[job_id],
                reason=KILLED,
            )
    return len(stop)
