"""What this dialect calls things, and the messages of its websockets."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.domain.clock import SECOND, Instant
from app.domain.records import Json

JOB = "/api/v2/job"
UNUSED = "idle for too long"
DELETED = "deleted"
_REASONS = {"start_failed": "start_failed", "exited": "exited", "shutdown": "shutdown"}


def without_passcode(path: str) -> str:
    """Give a path as it may be logged."""
    head, slash, _ = path.rpartition(f"{JOB}/")
    return f"{head}{JOB}/..." if slash else path


def reason(error: str | None, *, started: bool) -> str:
    """Say in one word why an environment is gone."""
    error = error or DELETED
    if error in (DELETED, UNUSED):
        return DELETED if error == DELETED else "inactive"
    kind = error.partition(":")[0]
    return _REASONS.get(kind, "exited" if started else "start_failed")


def number(seconds: float) -> float | int:
    """Give seconds without a fraction that is none."""
    return int(seconds) if seconds == int(seconds) else seconds


@dataclass(frozen=True, slots=True)
class Standing:
    """How a request stands; exactly one of `position`, `services` and `dead` is given.

    position: how many are ahead. wait: whether its start has not begun. services: the addresses,
    once it is there to be used. ends_at: when it is taken away, once that was warned of.
    dead: why it is gone.
    """

    position: int | None = None
    wait: bool = True
    services: Mapping[str, str] | None = None
    ends_at: Instant | None = None
    dead: str | None = None


class Telling:
    """What one connection was told, and so what is news to it.

    What happened in between is left out: a slow client is told how things are, not how they were.
    """

    def __init__(self, usage_s: float | None, warning_s: float | None) -> None:
        self._usage_s = usage_s or 0.0
        self._warning_s = warning_s or 0.0
        self._place: tuple[int, bool] | None = None
        self._services: Mapping[str, str] | None = None
        self._ends_at: Instant | None = None

    def news(self, standing: Standing, now: Instant) -> Iterator[Json]:
        """Give the messages for what has changed, in order; `dead` is the last there will be."""
        if standing.dead is not None:
            yield {"type": "dead", "data": {"reason": standing.dead}}
            return
        if standing.services is not None:
            yield from self._claimed(standing, now)
        elif standing.position is not None:
            yield from self._at((standing.position, standing.wait))

    def _at(self, place: tuple[int, bool]) -> Iterator[Json]:
        if place != self._place:
            self._place = place
            yield {"type": "position", "data": {"position": place[0], "wait": place[1]}}

    def _claimed(self, standing: Standing, now: Instant) -> Iterator[Json]:
        # Every client sees its environment being started, however fast that was.
        if self._place is None or self._place[1]:
            yield from self._at((0, False))
        if standing.services != self._services:
            self._services = standing.services
            yield {"type": "services", "data": dict(standing.services or {})}
        if standing.ends_at != self._ends_at:
            self._ends_at = standing.ends_at
            if standing.ends_at is not None:
                yield self._warning((standing.ends_at - now) / SECOND)

    def _warning(self, left_s: float) -> Json:
        left_s = min(max(0, math.ceil(left_s)), self._warning_s)
        return {
            "type": "activity",
            "data": {"inactivityTime": number(self._usage_s), "remainingTime": number(left_s)},
        }
