"""What workers write, their standard error included."""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress

from app.api.http.drain import Drain
from app.api.http.follow import Stopped, TaskOutput, follow, whole
from app.api.mantis.errors import Missing
from app.api.mantis.service import jobs
from app.wiring import Services

MOST_LINES = 100_000


def output(services: Services, job: str, number: int) -> TaskOutput:
    """Find what a worker wrote, over or not. Raises Missing."""
    found = jobs.find(services, job)
    for worker in found.workers:
        if worker.number == number:
            return TaskOutput(services.engine, worker.task_id, found.job_id)
    raise Missing(f"Job {job} has no worker {number}", "worker-not-found")


def written(
    services: Services, drain: Drain, source: TaskOutput, *, tail: int | None, follows: bool
) -> Iterator[bytes]:
    """Give what is there, and with `follows` what comes until the worker is over.

    tail: the last lines alone, None for all.
    """
    if tail is None:
        if not follows:
            yield from (part.contents.encode() for part in whole(source))
            return
        position = ""
    else:
        newest = services.engine.logs.last_number(source.task_id)
        position = str(newest)
        yield from _last_lines(source, tail, newest)
        if not follows:
            return
    with suppress(Stopped):
        for parts in follow(drain, source, position):
            yield "".join(part.contents for part in parts).encode()


def _last_lines(source: TaskOutput, count: int, newest: int) -> Iterator[bytes]:
    lines: deque[str] = deque(maxlen=count)
    rest = ""
    for part in whole(source):
        if part.number > newest:
            break
        *ended, rest = (rest + part.contents).split("\n")
        lines.extend(line + "\n" for line in ended)
    if rest:
        lines.append(rest)
    yield from (line.encode() for line in lines)
