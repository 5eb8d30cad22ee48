"""Wall-clock rules of a cron expression: which days, and which seconds of them.

Times here are naive and local; `app.domain.cron.schedule` ties them to a time zone. The search
walks months rather than seconds, so its cost does not depend on how rarely an expression fires.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST_YEAR, LAST_YEAR = 1970, 9998  # 9999 would let a zone offset overflow datetime

# The longest wait between two firings without a year field: 29 February on one given weekday, over
# a century year that has no leap day.
_LONGEST_WAIT_YEARS = 40


@dataclass(frozen=True, slots=True)
class MonthDay:
    """One day of a month by number: 1 to 31, or -1 (the last) down to -31 counted from the end.

    nearest: move to the closest Monday to Friday without leaving the month; a day that the month
    lacks then counts as its last day. Without it such a month has no day at all.
    """

    day: int
    nearest: bool = False

    def days(self, year: int, month: int) -> Iterable[int]:
        """Return the matching days of that month, one or none."""
        first_weekday, length = monthrange(year, month)
        day = self.day if self.day > 0 else length + 1 + self.day
        if self.nearest and self.day > 0:
            day = min(day, length)
        if not 1 <= day <= length:
            return ()
        weekday = (first_weekday + day - 1) % 7  # Monday is 0
        if self.nearest and weekday == 5:
            day += -1 if day > 1 else 2
        elif self.nearest and weekday == 6:
            day += 1 if day < length else -2
        return (day,)


@dataclass(frozen=True, slots=True)
class WeekDay:
    """One weekday, 0 = Sunday to 6 = Saturday; nth: None every one, 1 to 5, or -1 the last."""

    weekday: int
    nth: int | None = None

    def days(self, year: int, month: int) -> Iterable[int]:
        """Return the matching days of that month, rising; none for a fifth that is missing."""
        first_weekday, length = monthrange(year, month)
        first = 1 + (self.weekday - 1 - first_weekday) % 7
        every = range(first, length + 1, 7)
        if self.nth is None:
            return every
        return every[-1:] if self.nth == -1 else every[self.nth - 1 : self.nth]


@dataclass(frozen=True, slots=True)
class WallTimes:
    """All wall times of one expression. Tuples rise and are not empty.

    month_days, week_days: None is an unrestricted field; where both are restricted either may
    match. years: None is every year.
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: tuple[int, ...]
    month_days: tuple[MonthDay, ...] | None = None
    week_days: tuple[WeekDay, ...] | None = None
    years: tuple[int, ...] | None = None

    def next_after(self, wall: datetime) -> datetime | None:
        """Return the first match strictly after a naive time of whole seconds, or None."""
        start = wall + timedelta(seconds=1)
        for year in self._years_from(start.year):
            for month in self.months:
                if (year, month) < (start.year, start.month):
                    continue
                for day in self._days(year, month):
                    earliest = max(start, datetime(year, month, day))  # noqa: DTZ001 - wall time
                    if earliest.day == day and (match := self._on_day_from(earliest)):
                        return match
        return None

    def _years_from(self, year: int) -> Iterable[int]:
        if self.years is not None:
            return (listed for listed in self.years if listed >= year)
        return range(year, min(year + _LONGEST_WAIT_YEARS, LAST_YEAR) + 1)

    def _days(self, year: int, month: int) -> Iterable[int]:
        if self.month_days is None and self.week_days is None:
            return range(1, monthrange(year, month)[1] + 1)
        rules: tuple[MonthDay | WeekDay, ...] = (
            *(self.month_days or ()),
            *(self.week_days or ()),
        )
        return sorted({day for rule in rules for day in rule.days(year, month)})

    def _on_day_from(self, earliest: datetime) -> datetime | None:
        """Return the first match at or after `earliest` on the same day."""
        clock = (earliest.hour, earliest.minute, earliest.second)
        for hour in self.hours:
            if hour < clock[0]:
                continue
            for minute in self.minutes:
                if (hour, minute) < clock[:2]:
                    continue
                for second in self.seconds:
                    if (hour, minute, second) >= clock:
                        return earliest.replace(hour=hour, minute=minute, second=second)
        return None
