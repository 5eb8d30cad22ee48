"""Go durations: `300ms`, `1.5h`, `2h45m`, `-3s`, `0`.

A sequence of decimal numbers each with a unit, one sign in front of the whole. A number without a
unit is refused except the bare `0`. Kept as whole nanoseconds within 64 bits (about 292 years).
"""

import re
from dataclasses import dataclass

_UNIT_NS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # micro sign
    "\u03bcs": 1_000,  # Greek mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
_MAX_NS = 2**63 - 1
_MAX_CHARACTERS = 200


class DurationInvalid(ValueError):
    """The text is no duration, or one that is not allowed here."""


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time in nanoseconds; may be negative. `str` gives Go's text (`1h0m0s`)."""

    ns: int

    def __str__(self) -> str:
        return format_duration(self.ns)


def parse_nanoseconds(text: str, *, negative: bool = True) -> int:
    """The duration in nanoseconds.

    negative: False refuses durations below 0. Raises DurationInvalid.
    """
    shown = text if len(text) <= 40 else text[:40] + "…"
    body = text[1:] if text[:1] in {"+", "-"} else text
    if body == "0":
        return 0
    if not body or len(text) > _MAX_CHARACTERS:
        raise DurationInvalid(f"invalid duration {shown!r}")
    total = 0
    position = 0
    while position < len(body):
        part = _PART.match(body, position)
        if part is None or not (part[1] or part[2]):
            raise DurationInvalid(_complaint(body[position:], shown))
        unit = _UNIT_NS[part[3]]
        total += int(part[1] or "0") * unit
        if part[2]:
            total += int(part[2]) * unit // 10 ** len(part[2])
        position = part.end()
    if total > _MAX_NS:
        raise DurationInvalid(f"duration {shown!r} is too long")
    if text.startswith("-"):
        if not negative and total:
            raise DurationInvalid(f"duration {shown!r} must not be negative")
        return -total
    return total


def parse_microseconds(text: str, *, negative: bool = False) -> int:
    """The duration in whole microseconds, rounded towards 0. Raises DurationInvalid."""
    total = parse_nanoseconds(text, negative=negative)
    return -(-total // 1_000) if total < 0 else total // 1_000


def parse_seconds(text: str, *, negative: bool = False) -> float:
    """The duration in seconds. Raises DurationInvalid."""
    return parse_nanoseconds(text, negative=negative) / 1_000_000_000


def format_duration(ns: int) -> str:
    """Go's text of a duration: `2h45m0s`, `1.5s`, `300ms`, `0s`."""
    if ns == 0:
        return "0s"
    sign = "-" if ns < 0 else ""
    size = abs(ns)
    if size < 1_000_000_000:
        for unit in ("ms", "\u00b5s", "ns"):
            if size >= _UNIT_NS[unit]:
                return f"{sign}{_decimal(size, _UNIT_NS[unit])}{unit}"
    minutes, rest = divmod(size, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_decimal(rest, 1_000_000_000)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}"
    return f"{sign}{minutes}m{seconds}" if minutes else f"{sign}{seconds}"


def _decimal(size: int, unit: int) -> str:
    whole, rest = divmod(size, unit)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).zfill(len(str(unit)) - 1).rstrip('0')}"


def _complaint(rest: str, shown: str) -> str:
    number = re.match(r"[0-9]*\.?[0-9]*", rest)
    if number is None or not number[0].strip("."):
        return f"invalid duration {shown!r}"
    if number.end() == len(rest):
        return f"missing unit in duration {shown!r}"
    return f"unknown unit in duration {shown!r}"
