"""Job clusters: made, read, replaced, listed, deleted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.api.mantis import rows, tables
from app.api.mantis.definitions import Definition, Sla, cron_of, judged
from app.api.mantis.errors import Invalid, Refused, no_cluster
from app.api.mantis.queries import Matching, Order, Slice
from app.api.mantis.reading import Json
from app.api.mantis.service import crons, sla
from app.api.mantis.tables import DIALECT, Cluster
from app.api.mantis.words import cluster_view
from app.domain.clock import to_datetime
from app.domain.errors import AlreadyExists
from app.engine.transaction import retried
from app.wiring import Services

JARS_AFTER_PUT = 3
"""So many of the older jars stay when a cluster is replaced."""


def get(services: Services, name: str) -> Cluster:
    """Give a cluster. Raises Missing."""
    with services.engine.store.session():
        found = tables.cluster(services.engine.store, name)
    if found is None:
        raise no_cluster(name)
    return found


def listed(
    services: Services, order: Order, part: Slice, matching: Matching | None
) -> tuple[list[Json], int]:
    """Give a part of all clusters as documents, and how many there are."""
    store = services.engine.store
    with store.session():
        if matching is None and part.size:
            ids, total = rows.cluster_page(store, order, limit=part.size, offset=part.offset)
        else:
            named = rows.cluster_ids(store, order)
            ids = [key for key, _ in named] if matching is None else matching.those(named)
            total = part.total(len(ids))
            begin, count = part.bounds(total)
            ids = ids[begin : begin + count]
        found = []
        for begin in range(0, len(ids), rows.CHUNK):
            found += tables.clusters(store, ids[begin : begin + rows.CHUNK])
    return [cluster_view(one) for one in found], total


def behind(services: Services, name: str, part: str, limit: int) -> list[tuple[Cluster, int, int]]:
    """Give clusters behind a name, with how many of their jobs are open, and launched.

    part: what their names hold, in whatever letters.
    """
    store = services.engine.store
    with store.session():
        found = tables.clusters(store, rows.clusters_behind(store, name, part.lower(), limit))
        counts = rows.open_counts(store, [one.group_id for one in found])
    return [(one, *counts.get(one.group_id, (0, 0))) for one in found]


def moment(services: Services) -> datetime:
    """Give the present as an aware time."""
    return to_datetime(services.engine.clock.now()).astimezone(UTC)


def create(services: Services, wanted: Definition, status_uri: str) -> Json:
    """Make a cluster and let its SLA begin. Raises Invalid, Refused for a name that is taken."""
    one = stored(services, wanted, status_uri)
    sla.enforce(services, one.name)
    return cluster_view(get(services, one.name))


def stored(services: Services, wanted: Definition, status_uri: str) -> Cluster:
    """Store a new cluster. Raises Invalid, Refused for a name that is taken."""
    engine = services.engine
    store = engine.store
    kept = judged(wanted.sla)
    if kept.cron is not None:
        cron_of(kept.cron, moment(services))

    def attempt() -> Cluster:
        with engine.transaction() as tx:
            group = engine.groups.create(DIALECT, wanted.name)
            one = defined(wanted, kept, group.id, status_uri, tx.now)
            one = crons.registered(services, one)
            tables.insert_cluster(store, one)
            tables.note(store, one.group_id, tx.now, who=wanted.user, action="created")
        return one

    try:
        return retried(store, attempt)
    except AlreadyExists as taken:
        raise Refused(409, f"Job Cluster {wanted.name} already exists", "cluster-exists") from taken


def defined(wanted: Definition, kept: Sla, group_id: int, status_uri: str, now: int) -> Cluster:
    """Give the cluster that a definition is."""
    return Cluster(
        group_id=group_id,
        name=wanted.name,
        user=wanted.user,
        jars=[jar(wanted.url, wanted.version, wanted.scheduling, now)],
        sla=kept,
        job_master=wanted.job_master,
        about={
            "parameters": wanted.parameters,
            "labels": wanted.labels,
            "migration": wanted.migration,
            "owner": wanted.owner,
            "principal": wanted.principal,
            "status_uri": status_uri,
        },
    )


def jar(url: str, version: str, scheduling: Json, now: int) -> Json:
    """Give a jar as clusters keep it; without a version it is called by the time."""
    return {
        "url": url,
        "uploadedAt": now // 1000,
        "version": version or str(now // 1000),
        "schedulingInfo": scheduling,
    }


def require_fresh(one: Cluster, version: str) -> None:
    """Raise Invalid for a version that a jar of the cluster has."""
    if any(jar["version"] == version for jar in one.jars):
        raise Invalid(f"Job Cluster {one.name} has version {version!r} already", "version-exists")


def change(
    services: Services,
    name: str,
    how: Callable[[Cluster, int], Cluster],
    *,
    who: str,
    action: str,
    match: str | None = None,
) -> Cluster:
    """Change a cluster in one transaction, noting who did it; give it as it is then.

    how: gives the cluster as wanted, told the present instant. match: tags of which its present
    one must be one, None for any. Raises Missing, Refused, and what `how` does.
    """
    engine = services.engine
    store = engine.store

    def attempt() -> Cluster:
        with engine.transaction() as tx:
            found = tables.lock_cluster(store, name)
            if found is None:
                raise no_cluster(name)
            require_match(found, match)
            wanted = how(found, tx.now)
            if wanted != found:
                wanted = tables.write_cluster(store, wanted)
            if wanted.disabled != found.disabled:
                engine.groups.update(
                    found.group_id, lambda group: replace(group, paused=wanted.disabled)
                )
            tables.note(store, found.group_id, tx.now, who=who, action=action)
        return wanted

    return retried(store, attempt)


def tag(one: Cluster) -> str:
    """Give what names a state of a cluster, as a header does."""
    return f'"{one.version}"'


def require_match(one: Cluster, match: str | None) -> None:
    """Raise Refused where the caller knows another state of the cluster than the present one."""
    if match is None:
        return
    tags = [each.strip().removeprefix("W/") for each in match.split(",")]
    if "*" not in tags and tag(one) not in tags:
        raise Refused(412, f"Job Cluster {one.name} has changed meanwhile", "changed-meanwhile")


def update(
    services: Services, wanted: Definition, status_uri: str, match: str | None = None
) -> Cluster:
    """Replace what a cluster is, with a jar more. Raises Missing, Invalid, Refused."""
    one = replaced(services, wanted, status_uri, match)
    sla.enforce(services, one.name)
    return get(services, one.name)


def replaced(services: Services, wanted: Definition, status_uri: str, match: str | None) -> Cluster:
    """Store a cluster anew. Raises Missing, Invalid, Refused."""

    def how(one: Cluster, now: int) -> Cluster:
        if wanted.version:
            require_fresh(one, wanted.version)
        kept = judged(wanted.sla)
        if kept.cron is not None:
            cron_of(kept.cron, to_datetime(now))
        new = defined(wanted, kept, one.group_id, status_uri, now)
        changed = replace(
            new,
            jars=[*one.jars[-JARS_AFTER_PUT:], *new.jars],
            version=one.version,
            disabled=one.disabled,
            headroom=one.headroom,
            schedule_id=one.schedule_id,
            last_number=one.last_number,
        )
        return crons.registered(services, changed)

    return change(services, wanted.name, how, who=wanted.user, action="updated", match=match)


def delete(services: Services, name: str, user: str) -> None:
    """Delete a cluster; its jobs are deleted in the background. Raises Missing, Invalid."""
    engine = services.engine
    store = engine.store

    def attempt() -> None:
        with engine.transaction():
            found = tables.lock_cluster(store, name)
            if found is None:
                raise no_cluster(name)
            if found.user != user:
                raise Invalid(f"user {user!r} is not the one of {name}", "wrong-user")
            if tables.open_jobs(store, found.group_id):
                raise Invalid(f"Job Cluster {name} has jobs that are active", "jobs-active")
            crons.forget(services, found)
            tables.delete_cluster(store, found.group_id)
            engine.groups.delete(found.group_id)

    retried(store, attempt)


def history(
    services: Services, name: str, *, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Give who did what to a cluster, the latest first. Raises Missing."""
    one = get(services, name)
    store = services.engine.store
    with store.session():
        found = tables.noted(store, one.group_id, before=before or 2**62, limit=limit)
    return [
        {
            "id": row[0],
            "at": row[1] // 1000,
            "user": row[2],
            "action": row[3],
            "jobId": row[4],
            "reason": row[5],
        }
        for row in found
    ]
