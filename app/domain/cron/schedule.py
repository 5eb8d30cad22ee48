"""A parsed cron expression and the instants at which it fires."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from app.domain.cron.wall import FIRST_YEAR, LAST_YEAR, WallTimes

CronForm = Literal["crontab", "quartz", "every"]

_SECOND = timedelta(seconds=1)
_BEFORE_ALL = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) - _SECOND


@dataclass(frozen=True, slots=True)
class Cron:
    """One valid expression; build it with `parse_crontab` or `parse_quartz`.

    text: as it was given. form: `every` for `@every`, whose period is `rule`.

    Time zones: the fields are read on the wall clock of the zone. A wall time that the zone skips
    fires at the first instant after the gap, once however many were skipped; one that comes twice
    fires at its first coming only. So `*/10 * * * *` pauses for the repeated hour in autumn; in
    UTC, or as `@every 10m`, it does not. The zone must set `fold`, as zoneinfo does.
    """

    text: str
    form: CronForm
    rule: WallTimes | timedelta

    def next_after(
        self, moment: datetime, zone: tzinfo = UTC, *, anchor: datetime | None = None
    ) -> datetime | None:
        """Return the first firing strictly after an aware moment, in UTC; None: never again.

        anchor: when the schedule was made. `@every` fires at whole periods after it, the first one
        a period later, whatever the zone, and needs it; the other forms ignore it.
        Nothing fires before 1970. Raises ValueError for a naive time or a missing anchor.
        """
        if moment.utcoffset() is None:
            raise ValueError("the moment needs a time zone")
        if moment.year > LAST_YEAR:
            return None
        # A fold that the caller's own zone does not ask for must not count as a repeated hour.
        moment = max(moment, _BEFORE_ALL).astimezone(UTC).replace(fold=0)
        if isinstance(self.rule, timedelta):
            if anchor is None or anchor.utcoffset() is None:
                raise ValueError("@every needs an anchor with a time zone")
            return _next_multiple(self.rule, moment, anchor.astimezone(UTC))
        wall = self.rule.next_after(_settled_wall(moment, zone))
        return None if wall is None else _instant(wall, zone)

    def fires_between(
        self,
        start: datetime,
        end: datetime,
        limit: int,
        zone: tzinfo = UTC,
        *,
        anchor: datetime | None = None,
    ) -> list[datetime]:
        """Return the firings after `start` up to and including `end`, oldest first.

        At most `limit` of them. Other arguments and errors as in `next_after`.
        """
        firings: list[datetime] = []
        moment: datetime | None = start
        while len(firings) < limit and moment is not None:
            moment = self.next_after(moment, zone, anchor=anchor)
            if moment is None or moment > end:
                break
            firings.append(moment)
        return firings


def _next_multiple(period: timedelta, moment: datetime, anchor: datetime) -> datetime | None:
    periods = max((moment - anchor) // period, 0) + 1
    try:
        return anchor + periods * period
    except OverflowError:
        return None


def _settled_wall(moment: datetime, zone: tzinfo) -> datetime:
    """Return the last wall second, naive, whose firing is not after `moment`, given in UTC."""
    moment = moment.replace(microsecond=0)
    local = moment.astimezone(zone)
    if local.fold:
        # The second coming of these wall times: all of them up to the change have had their turn.
        change = _offset_change(local.replace(fold=0).astimezone(UTC), moment, zone)
        local = (change - _SECOND).astimezone(zone)
    return local.replace(tzinfo=None, fold=0)


def _instant(wall: datetime, zone: tzinfo) -> datetime:
    first = wall.replace(tzinfo=zone).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # In a gap: fold 0 reads the wall time with the offset before it and so lands after the change,
    # fold 1 the other way round (PEP 495).
    return _offset_change(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def _offset_change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Return the first second in (before, after], both UTC, that no longer has before's offset."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
