"""A clock that moves only when it is told to."""

from app.domain.clock import Instant, seconds

#: 2024-01-01 00:00:00 UTC, a Monday.
START: Instant = 1_704_067_200_000_000


class FakeClock:
    """Stands still until `advance` or `set`; give it to `make_engine` or to a `run_once`.

    What an engine does with time (leases, delays, schedules) then happens when the test says so:

        clock.advance(61)
        engine.rescue.run_once(clock.now())
    """

    def __init__(self, start: Instant = START) -> None:
        self._now = start

    def now(self) -> Instant:
        """Give the present instant, in microseconds since 1970."""
        return self._now

    def advance(self, by_s: float) -> Instant:
        """Go on by so many seconds and give the instant reached. Raises ValueError to go back."""
        if by_s < 0:
            raise ValueError("time does not go back")
        self._now += seconds(by_s)
        return self._now

    def set(self, to: Instant) -> Instant:
        """Go on to an instant and give it. Raises ValueError for one that has passed."""
        if to < self._now:
            raise ValueError("time does not go back")
        self._now = to
        return self._now
