"""What this dialect calls things, and the messages of its websockets."""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.domain.clock import SECOND, Instant
from app.domain.records import Json

JOB = "/api/v2/job"
UNUSED = "idle for too long"
DELETED = "deleted"
_REASONS = {
    "start_failed": "start_failed",
    "exited": "exited",
    "shutdown": "shutdown",
    DELETED: DELETED,
}
_TOLD = frozenset({"start_failed", "exited", DELETED})
_LONGEST_DETAIL = 4000
OVER = "dead"
"""The tag of who was told that all is over."""
_TAG = re.compile(r"(\d{1,9})([ws])(?:\.([0-9a-f]{16}))?(?:\.(\d{1,18}))?", re.ASCII)


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


def detail(error: str | None) -> str:
    """Give what is known about a failure, such as the last lines of output; "" where nothing is."""
    kind, _, rest = (error or "").partition(":")
    return rest.strip()[-_LONGEST_DETAIL:] if kind in _TOLD else ""


def number(seconds: float) -> float | int:
    """Give seconds without a fraction that is none."""
    return int(seconds) if seconds == int(seconds) else seconds


@dataclass(frozen=True, slots=True)
class Standing:
    """How a request stands; exactly one of `position`, `services` and `dead` is given.

    position: how many are ahead. wait: whether its start has not begun. services: the addresses,
    once it is there to be used. ends_at: when it is taken away, once that was warned of.
    dead: why it is gone; detail: what is known about that. eta_s: until its start, as far as
    that can be guessed while it waits; another guess alone makes no other standing.
    """

    position: int | None = None
    wait: bool = True
    services: Mapping[str, str] | None = None
    ends_at: Instant | None = None
    dead: str | None = None
    detail: str = ""
    eta_s: float | None = field(default=None, compare=False)


class Telling:
    """What one client was told, and so what is news to it.

    What happened in between is left out: a slow client is told how things are, not how they were.
    since: the `tag` of an earlier one, to go on from; whatever is none begins anew.
    """

    def __init__(self, usage_s: float | None, warning_s: float | None, since: str = "") -> None:
        self._usage_s = usage_s or 0.0
        self._warning_s = warning_s or 0.0
        self._place: tuple[int, bool] | None = None
        self._services: str | None = None
        self._ends_at: Instant | None = None
        self._over = False
        if known := _TAG.fullmatch(since):
            position, waits, self._services, ends_at = known.groups()
            self._place = (int(position), waits == "w")
            self._ends_at = None if ends_at is None else int(ends_at)

    @property
    def tag(self) -> str:
        """Say in a word what was told; "" for nothing."""
        if self._over or self._place is None:
            return OVER if self._over else ""
        parts = [f"{self._place[0]}{'w' if self._place[1] else 's'}"]
        parts += [self._services] if self._services is not None else []
        parts += [str(self._ends_at)] if self._ends_at is not None else []
        return ".".join(parts)

    def news(self, standing: Standing, now: Instant) -> Iterator[Json]:
        """Give the messages for what has changed, in order; `dead` is the last there will be."""
        if standing.dead is not None:
            self._over = True
            more = {"detail": standing.detail} if standing.detail else {}
            yield {"type": "dead", "data": {"reason": standing.dead, **more}}
        elif standing.services is not None:
            yield from self._claimed(standing, standing.services, now)
        elif standing.position is not None:
            yield from self._at((standing.position, standing.wait), standing.eta_s)

    def _at(self, place: tuple[int, bool], eta_s: float | None = None) -> Iterator[Json]:
        if place != self._place:
            self._place = place
            data: Json = {"position": place[0], "wait": place[1]}
            if place[1] and eta_s is not None:
                data["eta_seconds"] = math.ceil(eta_s)
            yield {"type": "position", "data": data}

    def _claimed(
        self, standing: Standing, services: Mapping[str, str], now: Instant
    ) -> Iterator[Json]:
        # Every client sees its environment being started, however fast that was.
        if self._place is None or self._place[1]:
            yield from self._at((0, False))
        if (digest := _digest(services)) != self._services:
            self._services = digest
            yield {"type": "services", "data": dict(services)}
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


def _digest(services: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(services, sort_keys=True).encode()).hexdigest()[:16]
