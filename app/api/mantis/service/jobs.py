"""Jobs of clusters: read, listed, killed."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from app.api.mantis import rows, tables
from app.api.mantis.errors import Missing, no_job
from app.api.mantis.queries import JobsWanted, Matching, Order, Slice
from app.api.mantis.reading import Json
from app.api.mantis.rows import COMPACT_ORDERS, JOB_ORDERS, JobsQuery
from app.api.mantis.service import clusters, sla
from app.api.mantis.words import (
    JobRow,
    archived_views,
    compact_view,
    job_view,
    parse_job_id,
)
from app.domain.errors import IllegalMove, JobNotFound
from app.wiring import Services


def find(services: Services, name: str) -> JobRow:
    """Give a job, over or not, by its name. Raises Missing."""
    place = parse_job_id(name)
    store = services.engine.store
    if place is not None and "\0" not in name:
        with store.session():
            job_id = tables.job_id_of(store, *place)
            found = None if job_id is None else rows.job(store, job_id)
        if found is not None:
            return found
    raise no_job(name)


def active(services: Services, name: str) -> JobRow:
    """Give a job that is not over. Raises Missing."""
    found = find(services, name)
    if not found.active:
        raise Missing(f"Job {name} is not active", "job-not-active")
    return found


def get(services: Services, name: str, *, archived: bool, cluster: str | None = None) -> Json:
    """Show a job. archived: also one that is over. Raises Missing."""
    found = find(services, name) if archived else active(services, name)
    if cluster is not None and found.cluster != cluster:
        raise no_job(name)
    return job_view(found)


def shown(services: Services, job_id: str) -> Json:
    """Show the job of an engine's id."""
    store = services.engine.store
    with store.session():
        found = rows.job(store, job_id)
    if found is None:
        raise Missing("the job is gone", "job-not-found")
    return job_view(found)


def listed(
    services: Services,
    wanted: JobsWanted,
    order: Order,
    part: Slice,
    *,
    compact: bool,
    cluster: str | None = None,
    matching: Matching | None = None,
    older: str | None = None,
) -> tuple[Iterator[list[Json]], int]:
    """Give a part of the jobs as documents, some at a time, and how many jobs there are.

    older: only those submitted before this job. Raises Missing, Invalid.
    """
    store = services.engine.store
    group_id = None if cluster is None else clusters.get(services, cluster).group_id
    before = None
    if older is not None:
        last = find(services, older)
        before = (last.submitted_at, last.number)
    orders = COMPACT_ORDERS if compact else JOB_ORDERS
    query = JobsQuery(wanted, order, orders, group_id=group_id, older=before)
    with store.session():
        if matching is not None:
            groups = set(matching.those(rows.cluster_ids(store, Order())))
            ids = [job_id for job_id, group in query.ids(store) if group in groups]
            total = part.total(len(ids))
            begin, count = part.bounds(total)
            ids = ids[begin : begin + count]
        else:
            total = part.total(query.count(store))
            begin, count = part.bounds(total)
            ids = [job_id for job_id, _ in query.ids(store, limit=count, offset=begin)]
    return _documents(services, ids, wanted, compact=compact), total


def _documents(
    services: Services, ids: Sequence[str], wanted: JobsWanted, *, compact: bool
) -> Iterator[list[Json]]:
    store = services.engine.store
    for begin in range(0, len(ids), rows.CHUNK):
        with store.session():
            found = rows.jobs(store, ids[begin : begin + rows.CHUNK])
        if compact:
            yield [compact_view(job) for job in found]
        else:
            yield [_narrowed(job, wanted) for job in found]


def _narrowed(job: JobRow, wanted: JobsWanted) -> Json:
    view = job_view(job)
    workers = view["workerMetadataList"]
    view["workerMetadataList"] = [
        worker for worker in workers if wanted.holds(worker, job_active=job.active)
    ]
    if wanted.stages:
        stages = view["stageMetadataList"]
        view["stageMetadataList"] = [one for one in stages if one["stageNum"] in wanted.stages]
    return view


def latest_open(services: Services, group_id: int, limit: int) -> list[JobRow]:
    """Give the newest open jobs of a cluster with their workers."""
    store = services.engine.store
    with store.session():
        found = [one.job_id for one in tables.open_jobs(store, group_id)[:limit]]
        return rows.jobs(store, found)


def archived_workers(services: Services, name: str) -> list[Json]:
    """Show the workers of a job that are over. Raises Missing."""
    return archived_views(find(services, name))


def kill(services: Services, name: str, user: str, reason: str) -> None:
    """Kill a job. Raises Missing."""
    found = active(services, name)
    end(services, found, user=user, reason=reason)
    sla.enforce(services, found.cluster)


def end(services: Services, found: JobRow, *, user: str, reason: str) -> None:
    """Kill a job that is there; nothing where it is over by now."""
    store = services.engine.store
    with suppress(IllegalMove, JobNotFound):
        services.engine.jobs.cancel(found.job_id, reason=reason)
        with store.transaction():
            tables.note(
                store,
                found.group_id,
                services.engine.clock.now(),
                who=user,
                action="killed",
                job=found.name,
                reason=reason,
            )
