"""Jobs: submit, list, read, cancel, restart, delete."""

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from app.api.jobyard import query, words
from app.api.jobyard.errors import BadRequest
from app.api.jobyard.masking import Mask
from app.domain.errors import AlreadyExists
from app.domain.records import Job, JobFilter, Json
from app.domain.states import JobState
from app.domain.submission import Submission
from app.wiring import Services

DIALECT = "jobyard"
LONGEST_KEY = 200


def submit(
    services: Services,
    wanted: Mapping[str, Any],
    *,
    key: str | None = None,
    by: str | None = None,
) -> tuple[Json, bool]:
    """Store and start a job; give it, and whether it is new.

    wanted: as schemas.NewJob loads it.
    key: names this very submission; a second one under it gives the first one's job. by: who.
    Raises BadRequest, UnknownJobType, SpecInvalid.
    """
    if key is not None and not (1 <= len(key) <= LONGEST_KEY and key.isprintable()):
        raise BadRequest(f"Idempotency-Key must have 1 to {LONGEST_KEY} printable characters")
    plugins = services.plugins
    interface = plugins.interface(wanted["type"])
    spec = plugins.load_spec(interface, wanted.get("spec", {}))
    submission = Submission(
        dialect=DIALECT,
        type=interface.name,
        name=wanted.get("name") or interface.title or interface.name,
        description=wanted.get("description", ""),
        tags=tuple(wanted.get("tags", ())),
        priority=wanted.get("priority", 0),
        spec=spec,
        task_count=plugins.task_count(interface, spec),
        unique_key=key,
        created_by=by,
    )
    jobs = services.engine.jobs
    try:
        return _summary(services, jobs.submit(submission)), True
    except AlreadyExists:
        if key is None:
            raise
        return _summary(services, jobs.by_unique_key(DIALECT, key)), False


def find(services: Services, args: MultiDict[str, str]) -> Json:
    """Give jobs, newest first, and the cursor to those behind them. Raises BadRequest."""
    size = query.size(args)
    prefix = query.text(args, "id")
    if prefix is not None and not (prefix.isalnum() and prefix.isascii() and len(prefix) <= 32):
        raise BadRequest("the query is not valid", id="must be the beginning of an id")
    wanted = JobFilter(
        dialect=query.text(args, "dialect"),
        type=query.text(args, "type"),
        states=query.some(args, "state", JobState),
        tags=tuple(map(query.clean, args.getlist("tag")))[:100],
        words=tuple((query.text(args, "q") or "").split())[:20],
        id_prefix=prefix and prefix.lower(),
        parent_id=query.text(args, "parent"),
        schedule_id=query.text(args, "schedule"),
        created_from=query.instant(args, "created_from"),
        created_before=query.instant(args, "created_before"),
    )
    found = services.engine.jobs.behind(wanted, query.pair(args, "after"), limit=size + 1)
    after = f"{found[size - 1].created_at}-{found[size - 1].id}" if len(found) > size else None
    return {"items": [_summary(services, job) for job in found[:size]], "next": after}


def get(services: Services, job_id: str) -> Json:
    """Give a job. Raises JobNotFound."""
    job = services.engine.jobs.get(query.clean(job_id))
    return words.job(job, Mask.of_job(services, job))


def cancel(services: Services, job_id: str) -> Json:
    """Cancel a job that is not over. Raises JobNotFound, IllegalMove."""
    return _summary(services, services.engine.jobs.cancel(query.clean(job_id)))


def restart(services: Services, job_id: str) -> Json:
    """Let a failed or cancelled job go on where it stopped. Raises JobNotFound, IllegalMove."""
    return _summary(services, services.engine.jobs.restart(query.clean(job_id)))


def delete(services: Services, job_id: str) -> None:
    """Delete a job that is over, with its tasks and logs. Raises JobNotFound, IllegalMove."""
    services.engine.jobs.delete(query.clean(job_id))


def _summary(services: Services, job: Job) -> Json:
    return words.summary(job, Mask.of_job(services, job))
