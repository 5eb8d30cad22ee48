"""Following output as it comes, for the streams of every dialect.

    steps = follow(drain, TaskOutput(engine, task_id), position)

A follower wakes when the bell rings and looks once a second besides, since a ring may be lost. It
holds no connection while it waits, and reads no further ahead than its reader takes.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.api.http.drain import Drain
from app.domain.errors import NotFound, Unavailable
from app.domain.records import LogPart
from app.engine import Engine
from app.engine.transaction import job_topic
from app.engine.watching import Watching

SWEEP_S = 1.0
BEAT_S = 15.0
BATCH = 100


class Stopped(Exception):
    """The server stops; what follows is for the next one."""


class Output(Protocol):
    """Something that is written to until it is over."""

    def watch(self) -> Watching:
        """Begin to watch: it rings when there may be more, or when no more will come."""

    def over(self) -> bool:
        """Tell whether all that will ever be written is stored. Raises NotFound."""

    def after(self, position: str, *, over: bool, limit: int = BATCH) -> Sequence[LogPart]:
        """Give the next parts. over: none is being written any more.

        Raises ValueError for what is no position.
        """

    def position(self, part: LogPart) -> str:
        """Give the place behind a part, for a client to resume from."""


@dataclass(frozen=True, slots=True)
class TaskOutput:
    """What one task writes; a position is the number of a part."""

    engine: Engine
    task_id: int
    job_id: str | None = None

    def watch(self) -> Watching:
        """See Output; a task's end rings its job's bell."""
        ends = () if self.job_id is None else (job_topic(self.job_id),)
        return self.engine.logs.watch(task_id=self.task_id, also=ends)

    def over(self) -> bool:
        """See Output."""
        return self.engine.tasks.get(self.task_id).state.final

    def after(self, position: str, *, over: bool, limit: int = BATCH) -> Sequence[LogPart]:
        """See Output."""
        del over  # one writer: its parts are stored in the order of their numbers
        if position and not (position.isascii() and position.isdigit() and len(position) < 19):
            raise ValueError(f"not a part's number: {position[:40]}")
        return self.engine.logs.after(self.task_id, int(position or 0), limit=limit)

    def position(self, part: LogPart) -> str:
        """See Output."""
        return str(part.number)


@dataclass(frozen=True, slots=True)
class JobOutput:
    """What all tasks of a job write; a position is the place of a part in commit order."""

    engine: Engine
    job_id: str

    def watch(self) -> Watching:
        """See Output."""
        return self.engine.logs.watch(job_id=self.job_id, also=(job_topic(self.job_id),))

    def over(self) -> bool:
        """See Output."""
        return self.engine.jobs.get(self.job_id).state.final

    def after(self, position: str, *, over: bool, limit: int = BATCH) -> Sequence[LogPart]:
        """See Output."""
        logs = self.engine.logs
        return logs.after_in_job(self.job_id, position, limit=limit, settled=not over)

    def position(self, part: LogPart) -> str:
        """See Output."""
        return part.position


def follow(drain: Drain, output: Output, position: str = "") -> Iterator[Sequence[LogPart]]:
    """Give the parts behind a position as they come, in batches; ends when no more will come.

    An empty batch comes at the beginning and at least every BEAT_S, as a sign of life. A database
    that does not answer is waited for. Raises Stopped when the server is to end, and ValueError at
    once for what is no position.
    """
    output.after(position, over=False)
    return _follow(drain, output, position)


def _follow(drain: Drain, output: Output, position: str) -> Iterator[Sequence[LogPart]]:
    with output.watch() as bell, drain.watching(bell.close):
        told = time.monotonic()
        yield ()
        while not bell.closed:
            try:
                # In this order: what was written before the end is stored before it.
                over = output.over()
                parts = output.after(position, over=over)
            except NotFound:
                return
            except Unavailable:
                over, parts = False, ()
            if parts:
                position = output.position(parts[-1])
            elif over:
                return
            if parts or time.monotonic() - told >= BEAT_S:
                yield parts
                told = time.monotonic()
            if not over and len(parts) < BATCH:
                bell.wait(SWEEP_S)
    raise Stopped


def whole(output: Output) -> Iterator[LogPart]:
    """Give all there is now, oldest first, without waiting for more."""
    position = ""
    while parts := output.after(position, over=True):
        yield from parts
        position = output.position(parts[-1])
