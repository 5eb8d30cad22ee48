"""Single tasks, and what they wrote."""

from collections.abc import Mapping, Sequence

from app.api.http.callers import Caller
from app.api.tork import paths, words
from app.api.tork.query import Window
from app.api.tork.service.jobs import own
from app.api.tork.service.masking import masked, redactor, secrets_of
from app.api.tork.words import QUEUE_PREFIX, Family
from app.domain.errors import JobNotFound, TaskNotFound
from app.domain.records import Job, Json, LogPart, Page, Task
from app.engine import Engine
from app.wiring import Services


def get(services: Services, caller: Caller, task_id: str) -> Mapping[str, object]:
    """Give a task. Raises TaskNotFound."""
    engine = services.engine
    with engine.store.session():
        task, job = _own(engine, caller, task_id)
        family = _family(engine, task)
    return masked(services, words.task(task, family), job)


def log(
    services: Services, caller: Caller, task_id: str, window: Window, wanted: Sequence[str]
) -> Json:
    """Give a page of a task's output, newest part first. Raises TaskNotFound."""
    engine = services.engine
    with engine.store.session():
        task, job = _own(engine, caller, task_id)
    found = engine.logs.of_task(task.id, number=window.number, size=window.size, words=wanted)
    return _parts(services, found, job, {task.id: task_id})


def job_log(
    services: Services, caller: Caller, job_id: str, window: Window, wanted: Sequence[str]
) -> Json:
    """Give a page of the output of all tasks of a job, newest first. Raises JobNotFound."""
    engine = services.engine
    with engine.store.session():
        job = own(engine, caller, job_id)
    found = engine.logs.of_job(job_id, number=window.number, size=window.size, words=wanted)
    ids = dict.fromkeys(part.task_id for part in found.items)
    with engine.store.session():
        public = {task_id: engine.tasks.get(task_id).public_id or "" for task_id in ids}
    return _parts(services, found, job, public)


def _parts(services: Services, found: Page[LogPart], job: Job, public: Mapping[int, str]) -> Json:
    documents = [words.log_part(part, public[part.task_id]) for part in found.items]
    return words.page(found, redactor(services).documents(documents, secrets_of(services, job)))


def _own(engine: Engine, caller: Caller, task_id: str) -> tuple[Task, Job]:
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
