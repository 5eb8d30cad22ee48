"""Output of jobs and tasks: in pages, whole, and as it comes."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from app.api.http import sse
from app.api.http.drain import Drain
from app.api.http.follow import JobOutput, Output, TaskOutput, follow, whole
from app.api.jobyard import query, words
from app.api.jobyard.errors import BadRequest
from app.api.jobyard.masking import Mask
from app.api.jobyard.service.tasks import mask_of
from app.domain.records import Json, LogPart
from app.wiring import Services


class Source(NamedTuple):
    """An output, and what must not be seen in it."""

    output: Output
    mask: Mask


def of_job(services: Services, job_id: str) -> Source:
    """Give what all tasks of a job write. Raises JobNotFound."""
    job = services.engine.jobs.get(query.clean(job_id))
    return Source(JobOutput(services.engine, job.id), Mask.of_job(services, job))


def of_task(services: Services, task_id: int) -> Source:
    """Give what a task writes. Raises TaskNotFound."""
    engine = services.engine
    with engine.store.session():
        task = engine.tasks.get(task_id)
        return Source(TaskOutput(engine, task.id, task.job_id), mask_of(services, task))


def find(source: Source, args: Mapping[str, str]) -> Json:
    """Give parts, oldest first, and the cursor to those behind them. Raises BadRequest."""
    parts = _checked(source.output, query.text(args, "after") or "", query.size(args))
    after = source.output.position(parts[-1]) if parts else None
    return {"items": [words.log_part(part, source.mask) for part in parts], "next": after}


def _checked(output: Output, after: str, size: int) -> list[LogPart]:
    try:
        return list(output.after(after, over=True, limit=size))
    except ValueError as error:
        fault = {"after": "must be the `next` of an answer"}
        raise BadRequest("the query is not valid", **fault) from error


def text(source: Source) -> Iterator[bytes]:
    """Give all there is, oldest first, as plain text."""
    for part in whole(source.output):
        yield (source.mask.text(part.contents) or "").encode("utf-8", "replace")


def stream(drain: Drain, source: Source, after: str) -> Iterator[bytes]:
    """Give what there is behind a position and what comes, as server-sent events.

    Raises BadRequest.
    """
    try:
        steps = follow(drain, source.output, after)
    except ValueError as error:
        raise BadRequest("Last-Event-ID must be an id of this stream") from error
    return sse.log_frames(steps, source.output, lambda part: words.log_part(part, source.mask))
