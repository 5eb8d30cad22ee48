"""Single tasks."""

from collections.abc import Mapping

from app.api.http.callers import Caller
from app.api.tork import paths, words
from app.api.tork.service.jobs import own
from app.api.tork.service.masking import masked
from app.api.tork.words import QUEUE_PREFIX, Family
from app.domain.errors import JobNotFound, TaskNotFound
from app.domain.records import Job, Task
from app.engine import Engine
from app.wiring import Services


def get(services: Services, caller: Caller, task_id: str) -> Mapping[str, object]:
    """Give a task. Raises TaskNotFound."""
    engine = services.engine
    with engine.store.session():
        task, job = own_task(engine, caller, task_id)
        family = _family(engine, task)
    return masked(services, words.task(task, family), job)


def own_task(engine: Engine, caller: Caller, task_id: str) -> tuple[Task, Job]:
    """Give a task that the caller may see, with its job. Raises TaskNotFound for all others."""
    if not paths.is_id(task_id):
        raise TaskNotFound(task_id=task_id)
    task = engine.tasks.by_public_id(task_id)
    if not task.queue.startswith(QUEUE_PREFIX) or task.job_id is None:
        raise TaskNotFound(task_id=task_id)
    try:
        return task, own(engine, caller, task.job_id)
    except JobNotFound:
        raise TaskNotFound(task_id=task_id) from None


def _family(engine: Engine, task: Task) -> Family:
    node = engine.workers.public_ids([task.worker_id]) if task.worker_id else {}
    parent = engine.tasks.get(task.parent_id).public_id if task.parent_id else None
    return Family(
        node=node.get(task.worker_id or 0, ""),
        parent=parent or "",
        children=engine.tasks.children(task.id) if task.children else {},
    )
