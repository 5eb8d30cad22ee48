"""Points in time: reading them by Go layouts, writing them as RFC 3339."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plugins.workflow.expr.durations import Duration
from plugins.workflow.expr.errors import ExpressionError

# Tried in this order when `date` is given no layout.
_LAYOUTS = (
    "2006-01-02",
    "2006-01-02 15:04:05",
    "2006-01-02T15:04:05Z07:00",
    "2006-01-02T15:04:05.999999999Z07:00",
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 -0700",
)
_DIRECTIVES = {
    "2006": "%Y",
    "January": "%B",
    "Jan": "%b",
    "Monday": "%A",
    "Mon": "%a",
    "MST": "%Z",
    "Z07:00": "%z",
    "-07:00": "%z",
    "Z0700": "%z",
    "-0700": "%z",
    "01": "%m",
    "02": "%d",
    "03": "%I",
    "04": "%M",
    "05": "%S",
    "06": "%y",
    "15": "%H",
    "_2": "%d",
    "PM": "%p",
    "pm": "%p",
    "1": "%m",
    "2": "%d",
    "3": "%I",
    "4": "%M",
    "5": "%S",
}
# A fraction is ".000" or ".999"; the reader drops digits below a microsecond.
_PART = re.compile(
    r"\.(?:0{1,9}|9{1,9})(?![0-9])|" + "|".join(re.escape(part) for part in _DIRECTIVES)
)
_FRACTION = re.compile(r"(?<=:[0-9]{2}\.)([0-9]{1,6})[0-9]{0,3}")
_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z0-9_+-]{1,32}){0,2}")
_MAX_CHARACTERS = 100


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """A point in time with its offset, to the microsecond; `str` gives RFC 3339."""

    moment: datetime

    def __str__(self) -> str:
        text = self.moment.isoformat()
        if self.moment.microsecond:
            head, fraction = text[:19], f".{self.moment.microsecond:06d}".rstrip("0")
            text = f"{head}{fraction}{text[26:]}"
        return text[:-6] + "Z" if text.endswith("+00:00") else text


def shifted(instant: Instant, by_ns: int) -> Instant:
    """The instant some nanoseconds later; raises ExpressionError outside years 1 to 9999."""
    try:
        return Instant(instant.moment + timedelta(microseconds=by_ns // 1_000))
    except OverflowError:
        raise ExpressionError("a time is out of range") from None


def between(later: Instant, earlier: Instant) -> Duration:
    """The time from one instant to another; negative when they come the other way round."""
    return Duration((later.moment - earlier.moment) // timedelta(microseconds=1) * 1_000)


def read_instant(text: str, layout: str | None, zone: str | None) -> Instant:
    """The time a text states.

    layout: how it is written, as Go's reference time (`2006-01-02 15:04:05`); None tries dates,
    `2006-01-02 15:04:05`, RFC 3339, RFC 822, RFC 850 and RFC 1123. zone: the time zone of texts
    that state none, default UTC. Raises ExpressionError.
    """
    place = UTC if zone is None else _zone(zone)
    if len(text) <= _MAX_CHARACTERS and (layout is None or len(layout) <= _MAX_CHARACTERS):
        for candidate in _LAYOUTS if layout is None else (layout,):
            moment = _read(text, candidate)
            if moment is not None:
                return Instant(moment if moment.tzinfo else moment.replace(tzinfo=place))
    shown = text if len(text) <= 40 else text[:40] + "…"
    raise ExpressionError(f"invalid date {shown!r}")


def _read(text: str, layout: str) -> datetime | None:
    pattern = ""
    position = 0
    for part in _PART.finditer(layout):
        pattern += layout[position : part.start()].replace("%", "%%")
        pattern += ".%f" if part[0].startswith(".") else _DIRECTIVES[part[0]]
        position = part.end()
    pattern += layout[position:].replace("%", "%%")
    if "%f" in pattern:
        text = _FRACTION.sub(r"\1", text)
    try:
        # A layout without an offset gives no zone here; read_instant adds it.
        moment = datetime.strptime(text, pattern)  # noqa: DTZ007
    except (ValueError, re.error, IndexError):
        return None
    if moment.tzinfo is None and "%Z" in pattern and not text.endswith(("UTC", "GMT")):
        return None
    return moment.replace(tzinfo=UTC) if "%Z" in pattern else moment


def _zone(name: str) -> ZoneInfo:
    if len(name) <= _MAX_CHARACTERS and _ZONE_NAME.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise ExpressionError(f"unknown time zone {name[:40]!r}")
