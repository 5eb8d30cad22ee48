"""The two written forms: crontab with its `@` words, and Quartz."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from app.domain.cron.schedule import Cron, CronForm
from app.domain.cron.terms import BadTerm, CronInvalid, Field
from app.domain.cron.wall import FIRST_YEAR, MonthDay, WallTimes, WeekDay

MAX_LENGTH = 200

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_MONTH_NAMES = {name: number for number, name in enumerate(_MONTHS, 1)}

_CRONTAB = tuple(
    replace(part, any_marks="*?")
    for part in (
        Field("minute", 0, 59),
        Field("hour", 0, 23),
        Field("day of month", 1, 31),
        Field("month", 1, 12, _MONTH_NAMES),
        Field("day of week", 0, 6, {name: n for n, name in enumerate(_WEEKDAYS)}, alias=7),
    )
)
_QUARTZ = tuple(
    replace(part, wraps=part.title != "year", open_step=True)
    for part in (
        Field("second", 0, 59, max_step=59),
        Field("minute", 0, 59, max_step=59),
        Field("hour", 0, 23, max_step=23),
        Field("day of month", 1, 31, max_step=31),
        Field("month", 1, 12, _MONTH_NAMES, max_step=12),
        Field("day of week", 1, 7, {n: i for i, n in enumerate(_WEEKDAYS, 1)}, max_step=7),
        Field("year", 1970, 2099, max_step=129),
    )
)
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_FROM_END = re.compile(r"L(?:-([0-9]{1,9}))?(W)?")
_NEAREST = re.compile(r"([0-9]{1,9})W")
_LAST_WEEKDAY = re.compile(r"([A-Z0-9]+)L")
_NTH_WEEKDAY = re.compile(r"([A-Z0-9]+)#([0-9]+)")

_DURATION_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_MICROSECONDS = {
    "ns": Fraction(1, 1000),
    "us": Fraction(1),
    "µs": Fraction(1),  # the micro sign
    "μs": Fraction(1),  # the Greek letter
    "ms": Fraction(1000),
    "s": Fraction(1_000_000),
    "m": Fraction(60_000_000),
    "h": Fraction(3_600_000_000),
}
_LONGEST_PERIOD = timedelta(days=292 * 365)  # what 64 bits of nanoseconds hold, about


def parse_crontab(text: str) -> Cron:
    """Read `minute hour day-of-month month day-of-week`, `@daily` and its like, or `@every 1h30m`.

    Fields hold `*`, `?` (the same), numbers, names, ranges, steps (`0/10`, `*/5`) and lists;
    Sunday is 0 or 7. Where both day fields are restricted, either may match. `@every` takes a
    duration of at least one second, whole microseconds of it counting.
    Raises CronInvalid, also for a day that no year has.
    """
    return _checked(text, "crontab", _read_crontab)


def parse_quartz(text: str, *, after: datetime | None = None) -> Cron:
    """Read `second minute hour day-of-month month day-of-week [year]`; weekdays are 1 = Sunday on.

    Exactly one of the day fields is `?`. Beside numbers, names, ranges (which may wrap), steps and
    lists there are, in lists too: `L`, `L-3`, `LW`, `L-3W`, `15W` for days; `L` (Saturday), `6L`,
    `6#3` for weekdays. `31W` is the last Monday to Friday in a shorter month, whereas 31 and `L-30`
    skip that month.
    after: given, an expression that fires no more after that aware moment is refused as well.
    Raises CronInvalid.
    """
    cron = _checked(text, "quartz", _read_quartz)
    if after is not None and cron.next_after(after) is None:
        raise CronInvalid(text, "it will never fire again")
    return cron


def _checked(text: str, form: CronForm, read: Callable[[str], WallTimes | timedelta]) -> Cron:
    stripped = text.strip(" \t\r\n")
    if len(text) > MAX_LENGTH:
        raise CronInvalid(text, f"it is longer than {MAX_LENGTH} characters")
    if not stripped:
        raise CronInvalid(text, "it is empty")
    try:
        rule = read(stripped)
    except BadTerm as bad:
        raise CronInvalid(text, str(bad)) from None
    if isinstance(rule, timedelta):
        return Cron(text, "every", rule)
    cron = Cron(text, form, rule)
    if cron.next_after(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) - timedelta(seconds=1)) is None:
        raise CronInvalid(text, "it never fires: no date is such a day")
    return cron


def _fields(text: str, fewest: int, most: int) -> list[str]:
    # Before any upper(): letters such as the dotless i would turn into ASCII ones.
    if not all(" " <= letter <= "~" or letter == "\t" for letter in text):
        raise BadTerm("it holds a character that no expression has")
    parts = text.upper().split()
    if not fewest <= len(parts) <= most:
        wanted = str(most) if fewest == most else f"{fewest} or {most}"
        raise BadTerm(f"it has {len(parts)} fields instead of {wanted}")
    return parts


def _read_crontab(text: str) -> WallTimes | timedelta:
    if text.startswith("@every "):
        return _period(text.removeprefix("@every ").strip(" "))
    if text.startswith("@") and text not in _DESCRIPTORS:
        raise BadTerm(f"it is no descriptor: {text.split(maxsplit=1)[0]!r}")
    parts = _fields(_DESCRIPTORS.get(text, text), 5, 5)
    minutes, hours, days, months, weekdays = (
        part.numbers(part_text) for part, part_text in zip(_CRONTAB, parts, strict=True)
    )
    any_day, any_weekday = (
        any(map(_CRONTAB[index].is_open, parts[index].split(","))) for index in (2, 4)
    )
    return WallTimes(
        seconds=(0,),
        minutes=minutes,
        hours=hours,
        months=months,
        month_days=None if any_day else tuple(map(MonthDay, days)),
        week_days=None if any_weekday else tuple(map(WeekDay, weekdays)),
    )


def _period(text: str) -> timedelta:
    if not re.fullmatch(f"(?:{_DURATION_PART.pattern})+", text):
        raise BadTerm("@every needs a duration such as 90s or 1h30m")
    total = sum(Fraction(n) * _MICROSECONDS[unit] for n, unit in _DURATION_PART.findall(text))
    if total < 1_000_000:
        raise BadTerm("@every needs at least one second")
    if total > _LONGEST_PERIOD / timedelta(microseconds=1):
        raise BadTerm("@every needs less than 292 years")
    return timedelta(microseconds=int(total))


def _read_quartz(text: str) -> WallTimes:
    parts = _fields(text, 6, 7)
    if (parts[3] == "?") == (parts[5] == "?"):
        raise BadTerm("exactly one of day of month and day of week must be ?")
    seconds, minutes, hours, months = (_QUARTZ[i].numbers(parts[i]) for i in (0, 1, 2, 4))
    years = _QUARTZ[6].numbers(parts[6]) if len(parts) == 7 else None
    return WallTimes(
        seconds=seconds,
        minutes=minutes,
        hours=hours,
        months=months,
        month_days=None if parts[3] == "?" else _quartz_days(parts[3]),
        week_days=None if parts[5] == "?" else _quartz_weekdays(parts[5]),
        years=years,
    )


def _quartz_days(text: str) -> tuple[MonthDay, ...]:
    field = _QUARTZ[3]
    days: list[MonthDay] = []
    for term in text.split(","):
        if match := _FROM_END.fullmatch(term):
            back = int(match[1] or 0)
            if back > 30:
                raise BadTerm(f"{field.title} {term} reaches back more than 30 days")
            days.append(MonthDay(-1 - back, nearest=match[2] is not None))
        elif match := _NEAREST.fullmatch(term):
            days.append(MonthDay(field.value(match[1]), nearest=True))
        else:
            days += (MonthDay(field.folded(day)) for day in field.values(term))
    return tuple(days)


def _quartz_weekdays(text: str) -> tuple[WeekDay, ...]:
    field = _QUARTZ[5]
    days: list[WeekDay] = []
    for term in text.split(","):
        if term == "L":
            days.append(WeekDay(6))
        elif match := _LAST_WEEKDAY.fullmatch(term):
            days.append(WeekDay(field.value(match[1]) - 1, nth=-1))
        elif match := _NTH_WEEKDAY.fullmatch(term):
            nth = int(match[2])
            if not 1 <= nth <= 5:
                raise BadTerm(f"{field.title} {term} is not one of the first to the fifth")
            days.append(WeekDay(field.value(match[1]) - 1, nth=nth))
        else:
            days += (WeekDay(field.folded(day) - 1) for day in field.values(term))
    return tuple(days)
