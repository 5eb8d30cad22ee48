"""Pauses of the whole host: it slept, it was stopped, or somebody set its clock on.

After each of them leases look as if they had run out that their holders, alive and at work, had no
chance to renew. Taken back at once, every task that runs would be ended and done again.
"""

import math
import time

import structlog

from app.domain.clock import SECOND, Instant

log = structlog.get_logger(__name__)

STOOD_S = 15.0
"""Rounds come every second; none for so long is no load, it is a pause."""


class Pauses:
    """Looks at two clocks in every round. patience_s: how long holders then have to renew."""

    def __init__(self, now: Instant, *, patience_s: float) -> None:
        self._patience_s = patience_s
        # The shortest lease that settings allow outlasts two renewals; this is less than one.
        self._stood_s = min(STOOD_S, patience_s / 2)
        self._looked_at = (now, time.monotonic())
        self._until = -math.inf

    def look(self, now: Instant) -> bool:
        """Tell whether holders may still come to renew. Call it in each round, with its `now`."""
        steady = time.monotonic()
        # Asleep, only the wall clock goes on; stopped, both; set on, it jumps.
        passed_s = max((now - self._looked_at[0]) / SECOND, steady - self._looked_at[1])
        self._looked_at = (now, steady)
        if passed_s > self._stood_s:
            self._until = steady + self._patience_s
            log.warning("rounds-stood-still", for_s=round(passed_s, 1), waits_s=self._patience_s)
        return steady < self._until
