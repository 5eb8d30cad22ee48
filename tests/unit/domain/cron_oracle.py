"""A second, slow reading of cron expressions: asks of each day whether a term names it.

Shares no code with `app.domain.cron`, and asks the question the other way round (does this value
match this text?), so that the same slip is unlikely on both sides. Knows valid texts only.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice, product

MONTHS = ["", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


def number(word, names):
    return names.index(word) if word in names else int(word)


def named(text, value, low, high, names=()):
    """Whether a list of plain terms names the value. Ranges wrap at `high`."""
    return any(_term(term, value, low, high, list(names)) for term in text.split(","))


def _term(term, value, low, high, names):
    base, slash, step = term.partition("/")
    if base in {"*", "?", ""}:
        start, stop = low, high
    elif "-" in base:
        start, stop = (number(word, names) for word in base.split("-"))
    else:
        start = number(base, names)
        stop = high if slash else start
    size = high - low + 1
    distance = (value - start) % size
    return distance <= (stop - start) % size and distance % int(step or 1) == 0


def month_day(term, day):
    length = monthrange(day.year, day.month)[1]
    if not (term.startswith("L") or term.endswith("W")):
        return named(term, day.day, 1, 31)
    bare = term.removesuffix("W")
    if bare.startswith("L"):
        base = length - int(bare[2:] or 0)
        if base < 1:
            return False
    else:
        base = int(bare)
    if bare == term:
        return day.day == base
    working = [d for d in range(1, length + 1) if day.replace(day=d).isoweekday() < 6]
    return day.day == min(working, key=lambda d: abs(d - base))


def quartz_weekday(term, day):
    mine = day.isoweekday() % 7 + 1
    if term == "L":
        return mine == 7
    if term.endswith("L"):
        last = (day + timedelta(days=7)).month != day.month
        return last and mine == number(term[:-1], ["", *DAYS])
    if "#" in term:
        weekday, nth = term.split("#")
        return mine == number(weekday, ["", *DAYS]) and (day.day - 1) // 7 + 1 == int(nth)
    return named(term, mine, 1, 7, ["", *DAYS])


def crontab_weekday(term, day):
    """Sunday is asked as 0 and as 7; only plain terms, whose ranges do not wrap."""
    base, slash, step = term.partition("/")
    if base in {"*", "?"}:
        base = "0-6"
    low, dash, high = base.partition("-")
    start = number(low, DAYS)
    stop = number(high, DAYS) if dash else 6 if slash else start
    if start == 7 and (stop < 7 or (slash and not dash)):
        start = 0
    if dash and stop < start:
        stop = 7
    return any(
        start <= mine <= stop and (mine - start) % int(step or 1) == 0
        for mine in {day.isoweekday(), day.isoweekday() % 7}
    )


def any_of(rule, text, day):
    return any(rule(term, day) for term in text.split(","))


def day_matches(form, fields, day):
    if form == "quartz":
        month_days, month, weekdays = fields[3:6]
        if not named(month, day.month, 1, 12, MONTHS):
            return False
        if month_days == "?":
            return any_of(quartz_weekday, weekdays, day)
        return any_of(month_day, month_days, day)
    month_days, month, weekdays = fields[2:5]
    if not named(month, day.month, 1, 12, MONTHS):
        return False
    by_date = any_of(month_day, month_days, day)
    by_weekday = any_of(crontab_weekday, weekdays, day)
    everyday = {"*", "?", "*/1", "?/1"}
    if everyday & {*month_days.split(","), *weekdays.split(",")}:
        return by_date and by_weekday
    return by_date or by_weekday


def wall_firings(form, text, start, last_day):
    """All wall times at or after a naive start, up to the end of the last day."""
    fields = text.upper().split()
    clock = fields[:3] if form == "quartz" else ["0", *fields[:2]]
    second, minute, hour = (
        [n for n in range(size) if named(part, n, 0, size - 1)]
        for part, size in zip(clock, (60, 60, 24), strict=True)
    )
    day = start.date()
    while day <= last_day:
        if len(fields) == 7 and (day.year > 2099 or not named(fields[6], day.year, 1970, 2099)):
            day = date(day.year + 1, 1, 1)
            continue
        if day_matches(form, fields, day):
            for h, m, s in product(hour, minute, second):
                wall = datetime(day.year, day.month, day.day, h, m, s)  # noqa: DTZ001
                if wall >= start:
                    yield wall
        day += timedelta(days=1)


def firings(form, text, after, count, years=41):
    """The first `count` firings in UTC strictly after an aware time of whole seconds."""
    start = after.astimezone(UTC).replace(tzinfo=None) + timedelta(seconds=1)
    last_day = date(start.year + years, 12, 31)
    walls = wall_firings(form, text, start, last_day)
    return [wall.replace(tzinfo=UTC) for wall in islice(walls, count)]


def zone_firings(form, text, begin, end, zone):
    """Firings in a zone within [begin, end], whole UTC minutes; texts without seconds.

    A wall time fires when the zone's clock first shows it or anything later; so `begin` must not
    lie in an hour that comes again.
    """
    clock = minutes_shown(begin, end, zone)
    walls = wall_firings(form, text, clock[0][1], (end + timedelta(days=2)).date())
    due = next(walls)
    fired = []
    for moment, local in clock:
        if due <= local:
            fired.append(moment)
            while due <= local:
                due = next(walls)
    return fired


@cache
def minutes_shown(begin, end, zone):
    """Each UTC minute of [begin, end] with what the zone's clock shows then."""
    count = (end - begin) // timedelta(minutes=1)
    moments = [begin + timedelta(minutes=n) for n in range(count + 1)]
    return [(moment, moment.astimezone(zone).replace(tzinfo=None)) for moment in moments]
