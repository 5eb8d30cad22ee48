"""What tasks wrote: in pages, whole, and as it comes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.api.http import sse
from app.api.http.callers import Caller
from app.api.http.drain import Drain
from app.api.http.follow import JobOutput, Output, TaskOutput, follow, whole
from app.api.tork import words
from app.api.tork.errors import Refused
from app.api.tork.query import Window
from app.api.tork.service.jobs import own
from app.api.tork.service.masking import redactor, secrets_of
from app.api.tork.service.tasks import own_task
from app.domain.errors import TaskNotFound
from app.domain.records import Job, Json, LogPart, Page
from app.engine import Engine
from app.wiring import Services


def of_task(
    services: Services, caller: Caller, task_id: str, window: Window, wanted: Sequence[str]
) -> Json:
    """Give a page of a task's output, newest part first. Raises TaskNotFound."""
    engine = services.engine
    with engine.store.session():
        task, job = own_task(engine, caller, task_id)
    with _searching():
        found = engine.logs.of_task(task.id, number=window.number, size=window.size, words=wanted)
    return _page(services, found, job)


def of_job(
    services: Services, caller: Caller, job_id: str, window: Window, wanted: Sequence[str]
) -> Json:
    """Give a page of the output of all tasks of a job, newest first. Raises JobNotFound."""
    engine = services.engine
    with engine.store.session():
        job = own(engine, caller, job_id)
    with _searching():
        found = engine.logs.of_job(job_id, number=window.number, size=window.size, words=wanted)
    return _page(services, found, job)


@contextmanager
def _searching() -> Iterator[None]:
    """Refuse a search that takes too long. Raises Refused."""
    try:
        yield
    except TimeoutError as error:
        raise Refused(400, "q: there is too much output to search it here") from error


def task_stream(
    services: Services, caller: Caller, task_id: str, drain: Drain, after: str
) -> Iterator[bytes]:
    """Give a task's output behind a part's number, and what comes, as server-sent events.

    Raises TaskNotFound; Refused when `after` is no number of a part.
    """
    engine = services.engine
    with engine.store.session():
        task, job = own_task(engine, caller, task_id)
    return _stream(services, job, TaskOutput(engine, task.id, job.id), drain, after)


def job_stream(
    services: Services, caller: Caller, job_id: str, drain: Drain, after: str
) -> Iterator[bytes]:
    """Give the output of a job's tasks as it came and comes; as `task_stream`.

    after: the id of an event. Raises JobNotFound, Refused.
    """
    engine = services.engine
    with engine.store.session():
        job = own(engine, caller, job_id)
    return _stream(services, job, JobOutput(engine, job.id), drain, after)


def task_text(services: Services, caller: Caller, task_id: str) -> Iterator[bytes]:
    """Give all that a task has written, oldest first. Raises TaskNotFound."""
    engine = services.engine
    with engine.store.session():
        task, job = own_task(engine, caller, task_id)
    shown = _Shown(services, job)
    return (shown.text(part).encode() for part in whole(TaskOutput(engine, task.id)))


def job_text(services: Services, caller: Caller, job_id: str) -> Iterator[bytes]:
    """Give all that a job's tasks have written, task after task. Raises JobNotFound."""
    engine = services.engine
    with engine.store.session():
        job = own(engine, caller, job_id)
    return _with_headings(_Shown(services, job), engine.logs.by_task(job.id))


def _with_headings(shown: "_Shown", parts: Iterator[LogPart]) -> Iterator[bytes]:
    """Put a line before the output of each task, on a line of its own."""
    task_id, ended = 0, True
    for part in parts:
        text = shown.text(part)
        if part.task_id != task_id:
            task_id = part.task_id
            yield f"{'' if ended else chr(10)}==> {shown.heading(part)} <==\n".encode()
        yield text.encode()
        ended = text.endswith("\n")


def _stream(
    services: Services, job: Job, output: Output, drain: Drain, after: str
) -> Iterator[bytes]:
    shown = _Shown(services, job)
    try:
        steps = follow(drain, output, after)
    except ValueError as error:
        raise Refused(400, "Last-Event-ID: must be the id of an event of this stream") from error
    return sse.log_frames(steps, output, shown.document)


def _page(services: Services, found: Page[LogPart], job: Job) -> Json:
    shown = _Shown(services, job)
    return words.page(found, [shown.document(part) for part in found.items])


@dataclass(slots=True)
class _Shown:
    """Parts of the output of one job, as they are shown."""

    services: Services
    job: Job
    _secrets: Sequence[str] = field(init=False)
    _tasks: dict[int, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._secrets = secrets_of(self.services, self.job)

    def document(self, part: LogPart) -> Mapping[str, Any]:
        """Give a TaskLogPart."""
        return self._masked(words.log_part(part, self._task(part.task_id)[0]))

    def text(self, part: LogPart) -> str:
        """Give its text alone."""
        return str(self._masked({"contents": part.contents})["contents"])

    def heading(self, part: LogPart) -> str:
        """Name the task that wrote it, on one line."""
        public_id, name = self._task(part.task_id)
        shown = str(self._masked({"name": name})["name"])
        return f"{' '.join(shown.split())} ({public_id})"

    def _masked(self, document: Json) -> Mapping[str, Any]:
        [masked] = redactor(self.services).documents([document], self._secrets)
        return masked

    def _task(self, task_id: int) -> tuple[str, str]:
        """Give public id and name of a task; nothing of one that was just deleted."""
        if task_id not in self._tasks:
            self._tasks[task_id] = _looked_up(self.services.engine, task_id)
        return self._tasks[task_id]


def _looked_up(engine: Engine, task_id: int) -> tuple[str, str]:
    try:
        task = engine.tasks.get(task_id)
    except TaskNotFound:
        return "", ""
    return task.public_id or "", task.name
