"""Whether jobs are there to be used: for pipelines that deploy and want to know."""

import time
from collections.abc import Iterable, Sequence

from app.api.http.drain import Drain
from app.api.mantis import rows, tables
from app.api.mantis.board import assignments
from app.api.mantis.errors import Missing, no_job
from app.api.mantis.reading import Json
from app.api.mantis.service import clusters, jobs
from app.api.mantis.words import JobRow, current, worker_state
from app.engine.transaction import job_topic
from app.wiring import Services

SWEEP_S = 1.0
LONGEST_S = 300


def health(services: Services, cluster: str, wanted: Sequence[str]) -> Json:
    """Tell whether all workers of jobs have started. wanted: names; none is all that are active.

    Raises Missing.
    """
    one = clusters.get(services, cluster)
    if wanted:
        found = [jobs.active(services, name) for name in wanted]
        for job in found:
            if job.group_id != one.group_id:
                raise no_job(job.name)
    else:
        store = services.engine.store
        with store.session():
            ids = [job.job_id for job in tables.open_jobs(store, one.group_id)]
            found = rows.jobs(store, ids)
    blocking = [worker for job in found for worker in unready(job)]
    failure = {"type": "unreadyWorkers", "workers": blocking} if blocking else None
    return {
        "isHealthy": not blocking,
        "message": "unready workers" if blocking else "OK",
        "failureReason": failure,
    }


def unready(job: JobRow) -> Iterable[Json]:
    """Give the workers of a job that have not started."""
    for worker in current(job):
        state = worker_state(job, worker)
        if state not in ("Started", "Completed"):
            yield {
                "jobId": job.name,
                "workerIndex": worker.index,
                "workerNumber": worker.number,
                "state": state,
            }


def launched(services: Services, drain: Drain, job_id: str, timeout_s: float) -> JobRow | None:
    """Wait until a job, by the engine's id, is launched or over, and give it as it is then.

    After the time, and when the server stops, it is given as it stands; None when it is deleted.
    """
    store = services.engine.store
    until = time.monotonic() + timeout_s
    with services.engine.bus.subscribe(job_topic(job_id)) as bell, drain.watching(bell.close):
        while True:
            with store.session():
                found = rows.job(store, job_id)
            left_s = until - time.monotonic()
            done = found is None or found.started_at is not None or not found.active
            if done or left_s <= 0 or bell.closed:
                return found
            bell.wait(min(left_s, SWEEP_S))


def discovery(services: Services, cluster: str) -> Json:
    """Tell who works on the job of a cluster that was launched last. Raises Missing."""
    one = clusters.get(services, cluster)
    store = services.engine.store
    with store.session():
        newest = tables.newest_launched(store, one.group_id)
        found = None if newest is None else rows.job(store, newest)
    if found is None:
        raise Missing(f"Job Cluster {cluster} has no job that is launched", "job-not-found")
    return assignments(found)
