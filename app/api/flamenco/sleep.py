"""When a worker sleeps: on some days of the week, from one time of the day to another. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.domain.clock import SECOND, Instant

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES = 24 * 60
_AHEAD = 16
"""Days that are looked at: in them every schedule begins, although clocks are put forward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep:
    """A worker's schedule, and how it stands.

    days: of `DAYS`, those on which its sleep begins; at least one. begins, ends: minutes after
    midnight in `zone`; one that ends no later than it begins ends on the day after. at_once:
    whether it lets go of what it renders when it falls asleep. changes_at: when to look again.
    """

    worker_id: int
    days: tuple[str, ...]
    begins: int
    ends: int
    zone: str = "UTC"
    at_once: bool = False
    asleep: bool = False
    changes_at: Instant = 0


def stands(sleep: Sleep, now: Instant) -> tuple[bool, Instant]:
    """Tell whether a worker sleeps by its schedule, and until when that stays so."""
    spans: list[tuple[Instant, Instant]] = []
    for begin, end in _spans(sleep, now):
        if spans and begin <= spans[-1][1]:  # from one day of it straight into the next
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    begin, end = next(span for span in spans if span[1] > now)
    return (True, end) if begin <= now else (False, begin)


def _spans(sleep: Sleep, now: Instant) -> Iterator[tuple[Instant, Instant]]:
    zone = ZoneInfo(sleep.zone)
    today = datetime.fromtimestamp(now / SECOND, zone).date()
    for offset in range(-2, _AHEAD + 1):
        day = today + timedelta(offset)
        if DAYS[day.weekday()] in sleep.days:
            after = day + timedelta(sleep.ends <= sleep.begins)
            begin, end = _at(day, sleep.begins, zone), _at(after, sleep.ends, zone)
            if begin < end:
                yield begin, end


def _at(day: date, minute: int, zone: ZoneInfo) -> Instant:
    local = datetime(day.year, day.month, day.day, *divmod(minute, 60), tzinfo=zone)
    return int(local.timestamp()) * SECOND
