"""Dry runs: the very thing is done, looked at, and undone with its transaction."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from app.api.mantis import rows
from app.api.mantis.definitions import Definition, Wanted
from app.api.mantis.errors import no_job
from app.api.mantis.reading import Json
from app.api.mantis.service import actions, clusters, submits
from app.api.mantis.service.actions import Asked
from app.api.mantis.tables import Cluster
from app.api.mantis.words import cluster_view, job_view
from app.domain.clock import to_datetime
from app.domain.cron import parse_quartz
from app.wiring import Services

FIRES = 5


class _Done(Exception):
    """Ends a rehearsal and carries what it gave."""

    def __init__(self, document: Json) -> None:
        super().__init__()
        self.document = document


def _rehearsed(services: Services, act: Callable[[], Json]) -> Json:
    def undone() -> None:
        raise _Done(act())

    try:
        with services.engine.transaction():
            undone()
    except _Done as done:
        return {"dryRun": True, **done.document}
    raise AssertionError  # it always ends by that


def create(services: Services, wanted: Definition) -> Json:
    """Tell what creating a cluster would make. Raises what creating does."""
    return _rehearsed(services, lambda: _cluster(services, clusters.stored(services, wanted, "")))


def update(services: Services, wanted: Definition) -> Json:
    """Tell what replacing a cluster would make of it. Raises what replacing does."""
    return _rehearsed(
        services, lambda: _cluster(services, clusters.replaced(services, wanted, "", None))
    )


def update_sla(services: Services, wanted: Asked) -> Json:
    """Tell what a cluster would be with another SLA. Raises Missing, Invalid."""
    return _rehearsed(services, lambda: _cluster(services, actions.sla_changed(services, wanted)))


def submit(services: Services, wanted: Wanted) -> Json:
    """Tell what a submit would run. Raises what submitting does."""

    def act() -> Json:
        done = submits.submit(services, wanted)
        found = rows.job(services.engine.store, done.job_id)
        if found is None:
            raise no_job(done.name)
        return {"job": job_view(found)}

    return _rehearsed(services, act)


def _cluster(services: Services, one: Cluster) -> Json:
    return {"cluster": cluster_view(one), "nextFireTimes": fires(services, one)}


def fires(services: Services, one: Cluster) -> list[int]:
    """Give when a cluster's cron fires next, in milliseconds; nothing while it is off."""
    if one.sla.cron is None or one.disabled:
        return []
    cron = parse_quartz(one.sla.cron)
    zone = ZoneInfo(services.settings.mantis.time_zone)
    found: list[int] = []
    moment: Any = to_datetime(services.engine.clock.now())
    while len(found) < FIRES:
        moment = cron.next_after(moment, zone)
        if moment is None:
            break
        found.append(round(moment.timestamp() * 1000))
    return found
