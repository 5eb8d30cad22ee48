"""Tasks: those of a job, and single ones, which may belong to none."""

from collections.abc import Mapping

from app.api.jobyard import query, words
from app.api.jobyard.errors import BadRequest
from app.api.jobyard.masking import Mask
from app.domain.records import Json, Task
from app.wiring import Services


def find(services: Services, job_id: str, args: Mapping[str, str]) -> Json:
    """Give a job's tasks in their order, and the cursor to those behind them.

    Raises JobNotFound, BadRequest.
    """
    size = query.size(args)
    after = query.pair(args, "after")
    key = (-1, -1) if after is None else (after[0], query.whole(after[1]))
    if key[1] is None:
        raise BadRequest("the query is not valid", after="must be the `next` of an answer")
    engine = services.engine
    with engine.store.session():
        job = engine.jobs.get(query.clean(job_id))
        found = engine.tasks.behind(job.id, (key[0], key[1]), limit=size + 1)
    last = found[size - 1] if len(found) > size else None
    mask = Mask.of_job(services, job)
    return {
        "items": [words.task(task, mask) for task in found[:size]],
        "next": f"{last.position}-{last.id}" if last else None,
    }


def get(services: Services, task_id: int) -> Json:
    """Give a task. Raises TaskNotFound."""
    engine = services.engine
    with engine.store.session():
        task = engine.tasks.get(task_id)
        return words.task(task, mask_of(services, task))


def mask_of(services: Services, task: Task) -> Mask:
    """Give the mask of a task: its job's, or its own where it has none. Raises JobNotFound."""
    if task.job_id is None:
        return Mask(task.payload)
    return Mask.of_job(services, services.engine.jobs.get(task.job_id))
