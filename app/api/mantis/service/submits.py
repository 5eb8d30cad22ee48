"""Jobs of clusters on their way in."""

import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.api.mantis import rows, tables, watches
from app.api.mantis.definitions import DEFAULT_SLA, Wanted
from app.api.mantis.errors import Invalid, no_cluster
from app.api.mantis.resolution import (
    Latest,
    Policy,
    Resolved,
    command_of,
    policy_of,
    require_limits,
    resolve,
    system_labels,
)
from app.api.mantis.tables import DIALECT, TYPE, Cluster, NewJob
from app.api.mantis.words import job_id, sizes
from app.domain.clock import SECOND, Instant
from app.domain.errors import JobNotFound
from app.domain.submission import Submission
from app.engine.transaction import retried
from app.wiring import Services

TOLERANCE = 1.5
"""A worker may be silent for so many times its time-out."""
SUBSCRIPTION_S = 300
"""How long a transient job that names no time lives without a subscriber."""
SHORTEST_LEASE_S = 30.0
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job that was submitted, or that was there already under its unique type."""

    job_id: str
    name: str


def submit(services: Services, wanted: Wanted, key: str | None = None) -> Submitted:
    """Submit a job to a cluster. Raises Missing, Invalid.

    key: a second submit to the cluster under it gives the job of the first.
    """
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        raise Invalid(f"Idempotency-Key must have 1 to {LONGEST_KEY} characters", "invalid-key")
    engine = services.engine

    def attempt() -> Submitted:
        with engine.transaction() as tx:
            one = tables.lock_cluster(engine.store, wanted.name)
            if one is None:
                raise no_cluster(wanted.name)
            if one.disabled:
                raise Invalid(f"Job Cluster {one.name} is disabled", "cluster-disabled")
            unique = None if key is None else f"{one.group_id}/{key}"
            if unique is not None and (there := _there(services, unique)) is not None:
                return there
            done = submit_locked(services, one, wanted, unique_key=unique)
            tables.note(
                engine.store,
                one.group_id,
                tx.now,
                who=wanted.user,
                action="submitted",
                job=done.name,
            )
        return done

    return retried(engine.store, attempt)


def _there(services: Services, unique: str) -> Submitted | None:
    with suppress(JobNotFound):
        found = services.engine.jobs.by_unique_key(DIALECT, unique)
        return Submitted(found.id, found.name)
    return None


def resolved(services: Services, one: Cluster, wanted: Wanted) -> Resolved:
    """Give what a submit to a cluster runs. Raises Invalid."""
    latest = _latest(services, one) if wanted.quick else None
    found = resolve(
        wanted,
        jars=one.jars,
        parameters=one.about["parameters"],
        labels=one.about["labels"],
        latest=latest,
        default_sla=DEFAULT_SLA,
        now_ms=services.engine.clock.now() // 1000,
    )
    require_limits(found.scheduling)
    if not services.settings.mantis.shell_commands and command_of(found.url, found.parameters):
        raise Invalid("shell commands are switched off on this server", "no-shell")
    policy_of(found.parameters, max_failures=services.settings.mantis.max_resubmits)
    return found


def submit_locked(
    services: Services,
    one: Cluster,
    wanted: Wanted,
    *,
    resubmit: bool = False,
    schedule_id: str | None = None,
    fire_at: Instant | None = None,
    unique_key: str | None = None,
) -> Submitted:
    """Submit to a cluster that this transaction holds. resubmit: for its SLA. Raises Invalid."""
    engine = services.engine
    store = engine.store
    found = resolved(services, one, wanted)
    unique = found.sla["userProvidedType"]
    if unique:
        there = tables.open_of_type(store, one.group_id, unique)
        row = None if there is None else rows.job(store, there)
        if row is not None:
            return Submitted(row.job_id, row.name)
    number = tables.next_number(store, one.group_id)
    name = job_id(one.name, number)
    policy = policy_of(found.parameters, max_failures=services.settings.mantis.max_resubmits)
    new = _new_job(
        one,
        found,
        policy,
        user=wanted.user,
        number=number,
        labels=system_labels(found, resubmit=resubmit),
        now=engine.clock.now(),
    )
    tables.insert_job(store, new)
    _watch(services, new, found, policy)
    engine.jobs.submit(
        Submission(
            id=new.job_id,
            dialect=DIALECT,
            type=TYPE,
            name=name,
            spec=_spec(services, one, found, name, policy),
            created_by=wanted.user,
            group_id=one.group_id,
            schedule_id=schedule_id,
            fire_at=fire_at,
            unique_key=unique_key,
        )
    )
    return Submitted(new.job_id, name)


def _latest(services: Services, one: Cluster) -> Latest | None:
    store = services.engine.store
    newest = tables.newest(store, one.group_id)
    row = None if newest is None else rows.job(store, newest)
    if row is None:
        return None
    return Latest(
        scheduling={"stages": row.about["stages"]},
        parameters=row.about["parameters"],
        labels=row.about["labels"],
        sla=row.about["sla"],
        subscription_s=row.subscription_s,
    )


def _new_job(
    one: Cluster,
    found: Resolved,
    policy: Policy,
    *,
    user: str,
    number: int,
    labels: list[dict[str, str]],
    now: Instant,
) -> NewJob:
    stages = found.scheduling["stages"]
    workers, cpus, memory = sizes(stages)
    return NewJob(
        job_id=uuid.uuid4().hex,
        group_id=one.group_id,
        cluster=one.name,
        number=number,
        submitted_at=now,
        user=user,
        url=found.url,
        version=found.version,
        duration=found.sla["durationType"],
        unique_type=found.sla["userProvidedType"],
        stages=len(stages),
        workers=workers,
        cpus=cpus,
        memory=memory,
        heartbeat_s=policy.heartbeat_s,
        timeout_s=policy.timeout_s,
        subscription_s=found.subscription_s,
        about={
            "sla": found.sla,
            "parameters": found.parameters,
            "labels": labels,
            "migration": one.about["migration"],
            "stages": stages,
        },
    )


def tolerance_s(services: Services, timeout_s: int) -> float:
    """Give how long a worker may be silent. timeout_s: the job's own, 0 for none."""
    return TOLERANCE * (timeout_s or services.settings.mantis.worker_timeout_s)


def _spec(
    services: Services, one: Cluster, found: Resolved, name: str, policy: Policy
) -> dict[str, Any]:
    stages = found.scheduling["stages"]
    # The daemon speaks for its processes; it renews at its own pace, however short the tolerance.
    renewed_s = 3 * services.settings.worker.renew_s
    lease_s = max(tolerance_s(services, policy.timeout_s), renewed_s, SHORTEST_LEASE_S)
    return {
        "stages": {number: stage["numberOfInstances"] for number, stage in stages.items()},
        "command": command_of(found.url, found.parameters),
        "artifact": found.url,
        "cluster": one.name,
        "job": name,
        "status_uri": one.about["status_uri"],
        "parameters": found.parameters,
        "outside": policy.outside,
        "lease_s": float(lease_s),
        "max_failures": policy.max_failures,
    }


def _watch(services: Services, new: NewJob, found: Resolved, policy: Policy) -> None:
    """Let the ticker look at a job that has a limit of time."""
    transient = new.duration == "Transient"
    runtime_s = found.sla["runtimeLimitSecs"]
    if not (transient or runtime_s or policy.outside):
        return
    watches.watch(
        services.engine.store,
        new.job_id,
        runtime_us=runtime_s * SECOND,
        min_runtime_us=found.sla["minRuntimeSecs"] * SECOND,
        subscription_us=(new.subscription_s or SUBSCRIPTION_S) * SECOND if transient else 0,
        tolerance_us=round(tolerance_s(services, policy.timeout_s) * SECOND),
        outside=policy.outside,
    )
