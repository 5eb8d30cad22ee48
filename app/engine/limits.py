"""How often something may be done, counted for all web processes of all hosts together."""

from typing import Protocol

from app.domain.clock import Clock, Instant, seconds
from app.domain.errors import RateLimited

_MOST_KNOWN = 10_000


class Buckets(Protocol):
    """Where the count is kept."""

    def take(self, name: str, *, rate: float, burst: float, now: Instant) -> float:
        """Use one of a bucket of `burst` that drains by `rate` a second.

        Gives 0.0, or in how many seconds one may be there when it is full now.
        """


class Limits:
    """Refuses what comes too often."""

    def __init__(self, buckets: Buckets, clock: Clock) -> None:
        self._buckets = buckets
        self._clock = clock
        # Buckets known to be full until then: a flood of refusals costs no question. Nothing but
        # time makes room, so this refuses nobody whom the store would let pass.
        self._full: dict[str, Instant] = {}

    def take(self, name: str, *, rate: float, burst: float) -> None:
        """Count one use of what `name` stands for.

        rate: uses a second in the long run. burst: how many may come at once after a rest.
        Raises RateLimited with `retry_after_s`.
        """
        now = self._clock.now()
        full_until = self._full.get(name, 0)
        # A clock that was set back must not lock anybody out for long.
        if now < full_until <= now + seconds(burst / rate):
            raise RateLimited(retry_after_s=(full_until - now) / seconds(1))
        wait_s = self._buckets.take(name, rate=rate, burst=burst, now=now)
        if wait_s > 0:
            if len(self._full) >= _MOST_KNOWN:
                self._full.clear()
            self._full[name] = now + seconds(wait_s)
            raise RateLimited(retry_after_s=wait_s)
        self._full.pop(name, None)
