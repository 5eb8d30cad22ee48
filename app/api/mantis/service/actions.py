"""What is done to clusters: artifacts, SLA, labels, migration, being enabled or not."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from app.api.mantis import reading, tables
from app.api.mantis.definitions import (
    KEEP_EXISTING,
    POLICIES,
    Sla,
    Wanted,
    cron_of,
    judged,
    merged,
    migration,
    with_scheme,
)
from app.api.mantis.errors import Invalid
from app.api.mantis.reading import Json
from app.api.mantis.service import clusters, crons, sla, submits
from app.api.mantis.tables import Cluster
from app.domain.clock import to_datetime
from app.domain.errors import IllegalMove
from app.wiring import Services

MOST_JARS = 10
MOST_HEADROOM = 1000
DISABLED = "the cluster was disabled"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants an action on which cluster, and the rest of the body. match: see `change`."""

    name: str
    user: str
    body: Json
    match: str | None = None

    def done(
        self, services: Services, action: str, how: Callable[[Cluster, int], Cluster]
    ) -> Cluster:
        """Change the cluster; see `clusters.change`."""
        return clusters.change(
            services, self.name, how, who=self.user, action=action, match=self.match
        )


def asked(name: str, body: Json, match: str | None = None) -> Asked:
    """Read what all actions have. Raises Invalid."""
    given, user = reading.named(body, "name"), reading.named(body, "user")
    if given != name:
        raise Invalid(f"name {reading.shown(given)} is not the one of the path", "name-differs")
    return Asked(name, user, body, match)


def update_artifact(services: Services, wanted: Asked) -> str | None:
    """Add a jar and submit a job of it; give the job's name if there is one.

    Raises Missing, Invalid.
    """
    body = wanted.body
    url = with_scheme(reading.named(body, "url").strip())
    own = reading.text(body, "jobJarUrl", "").strip()
    version = reading.named(body, "version")
    skips = reading.flag(body.get("skipsubmit"), "skipsubmit")

    def how(one: Cluster, now: int) -> Cluster:
        clusters.require_fresh(one, version)
        stages = one.jars[-1]["schedulingInfo"]
        jar = clusters.jar(with_scheme(own) if own else url, version, stages, now)
        return replace(one, jars=[*one.jars, jar][-MOST_JARS:])

    one = wanted.done(services, "updated the artifact", how)
    if skips or one.disabled:
        return None
    done = submits.submit(services, Wanted(name=one.name, user=wanted.user, quick=True))
    sla.enforce(services, one.name)
    return done.name


def update_stages(services: Services, wanted: Asked, scheduling: Json) -> None:
    """Add a jar of the same artifact with other stages. Raises Missing, Invalid."""
    version = reading.named(wanted.body, "version")

    def how(one: Cluster, now: int) -> Cluster:
        clusters.require_fresh(one, version)
        jar = clusters.jar(one.jars[-1]["url"], version, scheduling, now)
        return replace(one, jars=[*one.jars, jar][-MOST_JARS:])

    wanted.done(services, "updated the stages", how)


def update_sla(services: Services, wanted: Asked) -> None:
    """Change the SLA and cron; a bad cron text disables the cluster. Raises Missing, Invalid."""
    try:
        sla_changed(services, wanted)
    except Invalid as fault:
        if fault.code == "invalid-cron":
            disable(services, wanted)
        raise
    sla.enforce(services, wanted.name)


def sla_changed(services: Services, wanted: Asked) -> Cluster:
    """Store another SLA or cron. Raises Missing, Invalid."""
    body = wanted.body
    cron = _either(body, "cronspec", "cronSpec")
    text = "" if cron is None else _text(cron, "cronspec").strip()
    least = reading.whole(body.get("min"), "min")
    most = reading.whole(body.get("max"), "max")
    if not text and (least is None or most is None):
        raise Invalid("cronspec, or both min and max, are required", "invalid-sla")
    policy = reading.one_of(
        _either(body, "cronpolicy", "cronPolicy"), "cronpolicy", POLICIES, KEEP_EXISTING
    )
    headroom = reading.whole(body.get("headroom"), "headroom", least=0, most=MOST_HEADROOM)
    enables = reading.flag(_either(body, "forceenable", "forceEnable"), "forceenable")

    def how(one: Cluster, now: int) -> Cluster:
        kept = judged(
            Sla(
                min=one.sla.min if least is None else least,
                max=one.sla.max if most is None else most,
                cron=text or None,
                policy=policy,
            )
        )
        if kept.cron is not None:
            cron_of(kept.cron, to_datetime(now))
        disabled = one.disabled and not enables
        room = one.headroom if headroom is None else headroom
        changed = replace(one, sla=kept, disabled=disabled, headroom=room)
        return crons.registered(services, changed)

    return wanted.done(services, "updated the SLA", how)


def _either(body: Json, name: str, other: str) -> object:
    value = body.get(name)
    return body.get(other) if value is None else value


def _text(value: object, name: str) -> str:
    return reading.text({name: value}, name)


def update_migration(services: Services, wanted: Asked) -> dict[str, str]:
    """Change the migration config, and give it. Raises Missing, Invalid."""
    if wanted.body.get("migrationConfig") is None:
        raise Invalid("migrationConfig is required")
    config = migration(wanted.body["migrationConfig"])

    def how(one: Cluster, _now: int) -> Cluster:
        return replace(one, about={**one.about, "migration": config})

    wanted.done(services, "updated the migration strategy", how)
    return config


def update_labels(services: Services, wanted: Asked) -> None:
    """Replace all labels. Raises Missing, Invalid."""
    if wanted.body.get("labels") is None:
        raise Invalid("labels are required")
    labels = merged(reading.pairs(wanted.body, "labels"))

    def how(one: Cluster, _now: int) -> Cluster:
        return replace(one, about={**one.about, "labels": labels})

    wanted.done(services, "updated the labels", how)


def enable(services: Services, wanted: Asked) -> None:
    """Enable a cluster, and let cron and SLA begin. Raises Missing."""

    def how(one: Cluster, _now: int) -> Cluster:
        if not one.disabled:
            return one
        return crons.registered(services, replace(one, disabled=False))

    wanted.done(services, "enabled", how)
    sla.enforce(services, wanted.name)


def disable(services: Services, wanted: Asked) -> None:
    """Disable a cluster and kill its jobs. Raises Missing."""
    engine = services.engine

    def how(one: Cluster, _now: int) -> Cluster:
        changed = one
        if not one.disabled:
            changed = crons.registered(services, replace(one, disabled=True))
        for job in tables.open_jobs(engine.store, one.group_id):
            with suppress(IllegalMove):
                engine.jobs.cancel(job.job_id, reason=DISABLED)
        return changed

    wanted.done(services, "disabled", how)
