"""When a worker that is gone is replaced, and when there were too many of them; pure rules."""

from collections.abc import Mapping, Sequence

DELAYS_S = (0.0, 5.0, 10.0, 30.0, 60.0, 120.0, 600.0)
"""Before the first, second, … replacement of a place; the last one for all that follow."""
FORGOTTEN_S = 300.0
"""A place that was replaced so long ago counts from the beginning."""
WINDOW_S = 3600.0
"""Failures of a job count for so long."""


def recent(failures: Sequence[float], now: float) -> list[float]:
    """Give the failures that still count."""
    return [at for at in failures if now - at < WINDOW_S]


def delay_s(history: Mapping[str, float] | None, now: float) -> tuple[float, dict[str, float]]:
    """Give how long to wait before the next replacement of a place, and its history then.

    history: `count` of earlier ones, and `at`, when the last of them began; None before the first.
    """
    count = 0
    if history is not None and now - history["at"] < FORGOTTEN_S:
        count = int(history["count"])
    delay = DELAYS_S[min(count, len(DELAYS_S) - 1)]
    return delay, {"count": count + 1, "at": now + delay}
