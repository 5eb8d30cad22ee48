"""What tasks wrote: in pages, whole, and as it comes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

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


class Source(NamedTuple):
    """The output of a task or a job.

    parts: gives a page of it, newest first, by `number`, `size` and `words`. text: all of it,
    oldest first; it can be read once.
    """

    shown: "_Shown"
    output: Output
    parts: Callable[..., Page[LogPart]]
    text: Iterator[bytes]


def of_task(services: Services, caller: Caller, task_id: str) -> Source:
    """Give a task's output. Raises TaskNotFound."""
    engine = services.engine
    with engine.store.session():
        task, job = own_task(engine, caller, task_id)
    shown, output = _Shown(services, job), TaskOutput(engine, task.id, job.id)
    text = (shown.text(part).encode() for part in whole(output))
    return Source(shown, output, partial(engine.logs.of_task, task.id), text)


def of_job(services: Services, caller: Caller, job_id: str) -> Source:
    """Give the output of all tasks of a job; as text, task after task. Raises JobNotFound."""
    engine = services.engine
    with engine.store.session():
        job = own(engine, caller, job_id)
    shown = _Shown(services, job)
    text = _with_headings(shown, engine.logs.by_task(job.id))
    return Source(shown, JobOutput(engine, job.id), partial(engine.logs.of_job, job.id), text)


def page(source: Source, window: Window, wanted: Sequence[str]) -> Json:
    """Give a page of parts, newest first. wanted: words of each. Raises Refused."""
    try:
        found = source.parts(number=window.number, size=window.size, words=wanted)
    except TimeoutError as error:
        raise Refused(400, "q: there is too much output to search it here") from error
    return words.page(found, [source.shown.document(part) for part in found.items])


def stream(source: Source, drain: Drain, after: str) -> Iterator[bytes]:
    """Give what there is behind an event's id, and what comes, as server-sent events.

    Raises Refused when there can be no such id.
    """
    try:
        steps = follow(drain, source.output, after)
    except ValueError as error:
        raise Refused(400, "Last-Event-ID: must be the id of an event of this stream") from error
    return sse.log_frames(steps, source.output, source.shown.document)


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
