"""Cron of clusters: a schedule of the engine for each, and what its firing does."""

from contextlib import suppress
from dataclasses import replace

from app.api.mantis import tables
from app.api.mantis.definitions import KEEP_EXISTING, Wanted
from app.api.mantis.service import submits
from app.api.mantis.tables import DIALECT, TYPE, Cluster
from app.domain.clock import Instant
from app.domain.errors import ScheduleNotFound
from app.domain.records import Schedule
from app.domain.submission import Submission
from app.wiring import Services

MASTER = "MantisMaster"
"""Who submits and kills by himself."""


def registered(services: Services, one: Cluster) -> Cluster:
    """Make the schedule of a cluster what its SLA says; joins the transaction that writes it."""
    forget(services, one)
    if one.sla.cron is None or one.disabled:
        return replace(one, schedule_id=None, cron_active=False)
    template = Submission(dialect=DIALECT, type=TYPE, name=one.name, group_id=one.group_id)
    made = services.engine.schedules.create(
        template, cron=one.sla.cron, form="quartz", zone=services.settings.mantis.time_zone
    )
    return replace(one, schedule_id=made.id, cron_active=made.next_fire_at is not None)


def forget(services: Services, one: Cluster) -> None:
    """Delete the schedule of a cluster."""
    if one.schedule_id is not None:
        with suppress(ScheduleNotFound):  # by somebody who is no client of this dialect
            services.engine.schedules.delete(one.schedule_id)


def fire(services: Services, schedule: Schedule, at: Instant) -> bool:
    """Submit the job of a firing, in the transaction that notes it; False where none is wanted."""
    store = services.engine.store
    one = tables.lock_cluster(store, schedule.name)
    if one is None or one.disabled or one.schedule_id != schedule.id:
        return False
    if one.sla.policy == KEEP_EXISTING and tables.open_jobs(store, one.group_id):
        return False
    wanted = Wanted(name=one.name, user=MASTER)
    submits.submit_locked(services, one, wanted, schedule_id=schedule.id, fire_at=at)
    return True
