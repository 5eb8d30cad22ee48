"""Instants: how the whole program counts time.

An `Instant` is a whole number of microseconds since 1970-01-01 UTC. Integers compare and sort the
same way in Python, SQLite and PostgreSQL, carry no time zone to lose, and cost nothing on the hot
path; a dialect's `words.py` turns them into its own text. Who needs the present takes a `Clock`.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

Instant = int
SECOND: Instant = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Tells the time; the one of the tests moves only when told."""

    def now(self) -> Instant:
        """Give the present instant."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> Instant:
        """Give the present instant."""
        return time.time_ns() // 1000


def seconds(value: float) -> Instant:
    """Give a duration in seconds as a number of microseconds, rounded."""
    return round(value * SECOND)


def to_datetime(at: Instant) -> datetime:
    """Give the aware UTC time of an instant, exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=at)


def from_datetime(moment: datetime) -> Instant:
    """Give the instant of an aware time."""
    return (moment - _EPOCH) // _MICROSECOND


_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[-+]\d\d:\d\d)", re.ASCII)


def parse_rfc3339(text: str) -> Instant:
    """Read a time that names its zone. Raises ValueError with a message for whoever wrote it."""
    if _TIME.fullmatch(text):
        try:
            return from_datetime(datetime.fromisoformat(text.upper()))
        except ValueError:
            pass  # no such day, hour or zone
    raise ValueError("must be a time such as 2030-01-31T12:00:00Z")


def rfc3339(at: Instant) -> str:
    """Write an instant as RFC 3339 in UTC with six decimals and a Z."""
    whole, micro = divmod(at, SECOND)
    day = time.gmtime(whole)
    return (
        f"{day.tm_year:04d}-{day.tm_mon:02d}-{day.tm_mday:02d}"
        f"T{day.tm_hour:02d}:{day.tm_min:02d}:{day.tm_sec:02d}.{micro:06d}Z"
    )
