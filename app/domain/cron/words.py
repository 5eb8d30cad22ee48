"""Cron expressions told to people."""

from collections.abc import Sequence
from datetime import timedelta

from app.domain.cron.schedule import Cron
from app.domain.cron.wall import MonthDay, WallTimes, WeekDay

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
_CLOCKS = 6
"""So many times of the day are told one by one."""


def told(cron: Cron) -> str:
    """Say in words when an expression fires, such as `at 09:00, Monday to Friday`."""
    if isinstance(cron.rule, timedelta):
        return f"every {_period(cron.rule)}"
    clock, days = _clock(cron.rule), _days(cron.rule)
    if not days and clock.startswith("at ") and not clock.endswith(" of each hour"):
        days = ["every day"]
    return ", ".join([clock, *days])


def _period(period: timedelta) -> str:
    left = period.total_seconds()
    parts = []
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count:.0f} {unit}{'' if count == 1 else 's'}")
    if left or not parts:
        parts.append(f"{left:g} second{'' if left == 1 else 's'}")
    return "minute" if parts == ["1 minute"] else "hour" if parts == ["1 hour"] else " ".join(parts)


def _clock(rule: WallTimes) -> str:
    seconds, minutes, hours = rule.seconds, rule.minutes, rule.hours
    plain = seconds == (0,)
    if len(seconds) == len(minutes) == 1 and len(hours) <= _CLOCKS:
        end = "" if plain else f":{seconds[0]:02d}"
        return f"at {_and([f'{hour:02d}:{minutes[0]:02d}{end}' for hour in hours])}"
    if not plain:
        steps = _steps(seconds, 60, "second")
        within = [] if len(minutes) == 60 else [f"in minute {_numbers(minutes)} of each hour"]
        return ", ".join([steps, *within, *_hours(hours)])
    if minutes == (0,):
        found = _step(hours, 24)
        if found is not None:
            return "every hour" if found == 1 else f"every {found} hours"
    return ", ".join([_steps(minutes, 60, "minute"), *_hours(hours)])


def _hours(hours: Sequence[int]) -> list[str]:
    if len(hours) == 24:
        return []
    if len(hours) > 1 and hours[-1] - hours[0] == len(hours) - 1:
        return [f"from {hours[0]:02d}:00 to {hours[-1]:02d}:59"]
    return [f"in the hour of {_and([f'{hour:02d}:00' for hour in hours])}"]


def _step(values: Sequence[int], span: int) -> int | None:
    """Give the step of values that go round evenly from 0 on; None of others."""
    if len(values) < 2 or values[0] != 0:
        return None
    step = values[1]
    return step if span % step == 0 and tuple(values) == tuple(range(0, span, step)) else None


def _steps(values: Sequence[int], span: int, unit: str) -> str:
    step = _step(values, span)
    if step is not None:
        return f"every {unit}" if step == 1 else f"every {step} {unit}s"
    return f"at {unit} {_numbers(values)} of each {'hour' if unit == 'minute' else 'minute'}"


def _numbers(values: Sequence[int]) -> str:
    return _and(_runs(values, [str(one) for one in range(values[-1] + 1)]))


def _days(rule: WallTimes) -> list[str]:
    found = []
    days = [*_month_days(rule.month_days or ()), *_week_days(rule.week_days or ())]
    if days and not _is_any(rule):
        found.append(" or ".join(days))
    if len(rule.months) < len(_MONTHS):
        found.append(f"in {_and(_runs([one - 1 for one in rule.months], _MONTHS))}")
    if rule.years is not None:
        found.append(f"in {_numbers(rule.years)}")
    return found


def _is_any(rule: WallTimes) -> bool:
    """Tell whether one of the fields names all days."""
    plain = {each.day for each in rule.month_days or () if each.day > 0 and not each.nearest}
    return len(plain) == 31 or len([e for e in rule.week_days or () if e.nth is None]) == len(_DAYS)


def _month_days(days: Sequence[MonthDay]) -> list[str]:
    plain = sorted(each.day for each in days if each.day > 0 and not each.nearest)
    found = []
    if plain:
        found.append(f"on day {_numbers(plain)} of the month")
    for each in days:
        if each.day > 0 and each.nearest:
            found.append(f"on the weekday nearest to day {each.day}")
        elif each.day < 0:
            what = "weekday" if each.nearest else "day"
            before = "" if each.day == -1 else f", {-each.day - 1} before it"
            found.append(f"on the last {what} of the month{before}")
    return found


def _week_days(days: Sequence[WeekDay]) -> list[str]:
    found = []
    # A week that is told begins on Monday.
    plain = sorted((each.weekday - 1) % 7 for each in days if each.nth is None)
    if plain:
        found.append(_and(_runs(plain, [*_DAYS[1:], _DAYS[0]])))
    found += [
        f"on the {_NTH[each.nth]} {_DAYS[each.weekday]} of the month"
        for each in days
        if each.nth is not None
    ]
    return found


def _runs(values: Sequence[int], names: Sequence[str]) -> list[str]:
    """Name values, three and more in a row as `first to last`."""
    found: list[str] = []
    begin = 0
    for at in range(1, len(values) + 1):
        if at < len(values) and values[at] == values[at - 1] + 1:
            continue
        run = values[begin:at]
        if len(run) > 2:
            found.append(f"{names[run[0]]} to {names[run[-1]]}")
        else:
            found += [names[one] for one in run]
        begin = at
    return found


def _and(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
