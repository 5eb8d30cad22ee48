"""Jobs: submit, wait, list, read, cancel, restart."""

import time
from collections.abc import Mapping, Sequence

from app.api.http.callers import Caller
from app.api.http.drain import Drain
from app.api.tork import paths, words
from app.api.tork.errors import Refused
from app.api.tork.query import Search, Window
from app.api.tork.scalars import Value
from app.api.tork.service.directory import people_of
from app.api.tork.service.masking import masked
from app.api.tork.service.submission import job_definition, submission
from app.api.tork.words import DIALECT, Around
from app.domain.durations import parse_duration
from app.domain.errors import IllegalMove, JobNotFound, ScheduleNotFound, TaskNotFound
from app.domain.records import Job, JobFilter, Json
from app.domain.states import JobState
from app.engine import Engine
from app.engine.transaction import job_topic
from app.wiring import Services

REREAD_S = 1.0
"""A waiting submit looks again after so long even when no bell rang, for a ring may be lost."""


def submit(
    services: Services, caller: Caller, document: dict[str, Value], drain: Drain
) -> Mapping[str, object]:
    """Store and start a job; with a `wait` block, give it in full when it has ended.

    Raises Invalid; Refused with 408 when the time of the `wait` block passes, and 500 when the
    server stops; JobNotFound after the end of a job that the caller may not read. The job runs
    on, or has run, in all of these cases.
    """
    definition = job_definition(services, document)
    wait = definition.get("wait")
    wanted = submission(definition, caller)
    if not wait:
        job = services.engine.jobs.submit(wanted)
        return masked(services, words.summary(job, all_around(services, [job])[job.id]), job)
    timeout_s = parse_duration(wait["timeout"])
    with services.bus.subscribe(job_topic(wanted.id)) as bell, drain.watching(bell.close):
        if bell.closed:
            raise Refused(500, "server shutting down")
        services.engine.jobs.submit(wanted)
        until = time.monotonic() + timeout_s
        while not services.engine.jobs.get(wanted.id).state.final:
            left_s = until - time.monotonic()
            if bell.closed:
                raise Refused(500, "server shutting down")
            if left_s <= 0:
                raise Refused(408, "timeout waiting for job to complete")
            bell.wait(min(left_s, REREAD_S))
    return get(services, caller, wanted.id)


def find(services: Services, caller: Caller, wanted: Search, window: Window) -> Json:
    """Give a page of the jobs that the caller may see, newest first."""
    engine = services.engine
    chosen = JobFilter(dialect=DIALECT, tags=wanted.tags, words=wanted.words, viewer=caller.sees)
    with engine.store.session():
        found = engine.jobs.find(chosen, number=window.number, size=window.size)
        around = all_around(services, found.items)
    items = [masked(services, words.summary(job, around[job.id]), job) for job in found.items]
    return words.page(found, items)


def get(services: Services, caller: Caller, job_id: str) -> Mapping[str, object]:
    """Give a job in full. Raises JobNotFound."""
    engine = services.engine
    with engine.store.session():
        job = own(engine, caller, job_id)
        tasks = engine.jobs.tasks(job_id)
        nodes = engine.workers.public_ids([each.worker_id for each in tasks if each.worker_id])
        around = all_around(services, [job], in_full=True)[job_id]
    return masked(services, words.job(job, words.tasks(tasks, nodes), around), job)


def cancel(services: Services, caller: Caller, job_id: str) -> Json:
    """Cancel a job that is not over. Raises JobNotFound; Refused when it is over."""
    engine = services.engine
    with engine.store.session():
        own(engine, caller, job_id)
        try:
            engine.jobs.cancel(job_id)
        except IllegalMove as error:
            # Spelled as clients know it.
            raise Refused(400, "job in not running") from error
    return {"status": "OK"}


def restart(services: Services, caller: Caller, job_id: str) -> Json:
    """Let a failed or cancelled job begin again at its current task.

    Raises JobNotFound; Refused when it is neither, or has no task left.
    """
    engine = services.engine
    with engine.store.session():
        job = own(engine, caller, job_id)
        over = job.state in (JobState.FAILED, JobState.CANCELLED)
        if over and job.position > job.task_count:
            raise Refused(400, "job has no more tasks to run")
        try:
            engine.jobs.restart(job_id)
        except IllegalMove as error:
            state = words.job_state(engine.jobs.get(job_id).state)
            raise Refused(400, f"job is {state} and can not be restarted") from error
    return {"status": "OK"}


def own(engine: Engine, caller: Caller, job_id: str) -> Job:
    """Give a job of this dialect that the caller may see. Raises JobNotFound for all others."""
    if not paths.is_id(job_id):
        raise JobNotFound(job_id=job_id)
    job = engine.jobs.get(job_id)
    if job.dialect != DIALECT or not engine.audience.sees(job, caller.sees):
        raise JobNotFound(job_id=job_id)
    return job


def all_around(
    services: Services, jobs: Sequence[Job], *, in_full: bool = False
) -> dict[str, Around]:
    """Look up what jobs say of other rows; most say nothing, and a page has at most twenty."""
    engine = services.engine
    named = [each for job in jobs for each in job.spec.get("permissions") or ()] if in_full else ()
    people = people_of(services, (job.created_by for job in jobs), named)
    crons: dict[str, str] = {}
    found: dict[str, Around] = {}
    for job in jobs:
        if job.schedule_id is not None and job.schedule_id not in crons:
            crons[job.schedule_id] = _cron(engine, job.schedule_id)
        found[job.id] = Around(
            parent=_public_id(engine, job.parent_task_id),
            cron=crons.get(job.schedule_id or "", ""),
            people=people,
        )
    return found


def _cron(engine: Engine, schedule_id: str) -> str:
    try:
        return engine.schedules.get(schedule_id).cron
    except ScheduleNotFound:
        return ""


def _public_id(engine: Engine, task_id: int | None) -> str:
    if task_id is None:
        return ""
    try:
        return engine.tasks.get(task_id).public_id or ""
    except TaskNotFound:
        return ""
