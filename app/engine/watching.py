"""Who watches output that is still being written, and how they find each other.

A watcher rings a task's or a job's bell when it begins and once a second after that: its mark. The
daemon that runs the task hears it and, for as long as marks come, ships output at once instead of
once a second. Whatever is stored rings back. Nothing of it is a row: a mark that is lost, or a
daemon that dies, costs a second and no more.
"""

import time
from types import TracebackType
from typing import Self

from app.bus import Bus, Subscription

MARK_S = 1.0
"""How often a watcher marks that it is there."""
KEPT_S = 3.0
"""How long a mark is believed."""


def output_topics(task_id: int | None, job_id: str | None) -> list[str]:
    """Name the doorbells of output: some of the task's or of the job's was stored."""
    return _topics("output", task_id, job_id)


def mark_topics(task_id: int | None, job_id: str | None) -> list[str]:
    """Name the doorbells of watchers: somebody watches the task's or the job's output."""
    return _topics("watched", task_id, job_id)


def _topics(word: str, task_id: int | None, job_id: str | None) -> list[str]:
    topics = [] if task_id is None else [f"{word}:task:{task_id}"]
    return topics if job_id is None else [*topics, f"{word}:job:{job_id}"]


class Watching:
    """One watcher of output, for one waiter: close it, or use it in a `with` block.

    Open it first, then read what is there, wait, and read again.
    """

    def __init__(self, bus: Bus, marks: list[str], bell: Subscription) -> None:
        self._bus = bus
        self._marks = marks
        self._bell = bell
        self._mark()

    def wait(self, timeout_s: float) -> bool:
        """Wait until there may be more; False after `timeout_s`, and at once when closed.

        Somebody who waits in turns of any length counts as watching; who does not wait for more
        than three seconds does not.
        """
        end = time.monotonic() + timeout_s
        while not self.closed:
            now = time.monotonic()
            if now >= self._mark_at:
                self._mark()
            if self._bell.wait(min(end, self._mark_at) - now):
                return True
            if time.monotonic() >= end:
                return False
        return False

    @property
    def closed(self) -> bool:
        """True once nothing will ever ring again."""
        return self._bell.closed

    def close(self) -> None:
        """Watch no longer, and wake the waiter; may be repeated."""
        self._bell.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _mark(self) -> None:
        self._mark_at = time.monotonic() + MARK_S
        self._bus.ring(self._marks)


class Demand:
    """What the daemon knows of the watchers of one task; close it when the task is over."""

    def __init__(self, bell: Subscription) -> None:
        self._bell = bell
        self._until = 0.0

    def present(self) -> bool:
        """Say whether somebody watches now; costs next to nothing."""
        now = time.monotonic()
        if self._bell.wait(0):
            self._until = now + KEPT_S
        return now < self._until

    def close(self) -> None:
        """Listen no longer."""
        self._bell.close()
