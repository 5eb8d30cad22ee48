"""Durations written as numbers with units, as in `1h30m` or `300ms`."""

import re
from typing import Final

_UNIT_NS: Final = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # micro sign
    "\u03bcs": 1_000,  # Greek mu, which looks the same
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_LARGEST_NS: Final = 2**63 - 1
# Far beyond any duration a person writes; keeps the digits below what int() takes.
_LONGEST_TEXT: Final = 256
_WANTED: Final = "must be a duration such as 300ms, 90s or 1h30m"
_PART: Final = re.compile(r"(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?(?P<unit>[a-z\u00b5\u03bc]+)")


def parse_duration(text: str) -> float:
    """Return the seconds that `text` names.

    A sequence of decimal number and unit (`ns us ms s m h`), optionally after a sign; `0` may stand
    alone. Raises ValueError, whose text is fit for a client, for anything else, a number without
    unit included, and for what exceeds 292 years.
    """
    return parse_nanoseconds(text) / 1e9


def parse_nanoseconds(text: str) -> int:
    """Return the whole nanoseconds that `text` names; see `parse_duration`."""
    if len(text) > _LONGEST_TEXT:
        raise ValueError("is too long for a duration")
    sign = -1 if text.startswith("-") else 1
    body = text[1:] if text[:1] in {"-", "+"} else text
    if body == "0":
        return 0
    total, at = 0, 0
    while at < len(body):
        match = _PART.match(body, at)
        if match is None:
            break
        total += _part_ns(match)
        at = match.end()
    if at < len(body) or not body:
        raise ValueError(_WANTED)
    if total > _LARGEST_NS:
        raise ValueError("must be at most 292 years")
    return sign * total


def _part_ns(match: re.Match[str]) -> int:
    whole, part, unit = match["whole"], match["part"] or "", match["unit"]
    if not whole and not part:
        raise ValueError(_WANTED)
    if unit not in _UNIT_NS:
        raise ValueError("has an unknown unit; use ns, us, ms, s, m or h")
    scale = _UNIT_NS[unit]
    tens: int = 10 ** len(part)
    # Digits below a nanosecond are dropped; floats would round 0.1s + 0.2s differently.
    return int(whole or "0") * scale + int(part or "0") * scale // tens


def format_duration(seconds: float) -> str:
    """Write `seconds` the way Go prints a duration: `1h30m0s`, `1.5s`, `300ms`, `0s`."""
    total = round(seconds * 1e9)
    if total == 0:
        return "0s"
    sign, total = ("-", -total) if total < 0 else ("", total)
    for unit, scale in (("ns", 1), ("\u00b5s", 1_000), ("ms", 1_000_000)):
        if total < scale * 1_000 and total < _UNIT_NS["s"]:
            return f"{sign}{_decimal(total, scale)}{unit}"
    hours, rest = divmod(total, _UNIT_NS["h"])
    minutes, rest = divmod(rest, _UNIT_NS["m"])
    text = f"{_decimal(rest, _UNIT_NS['s'])}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    if hours:
        text = f"{hours}h{text}"
    return sign + text


def _decimal(count: int, scale: int) -> str:
    whole, rest = divmod(count, scale)
    if not rest:
        return str(whole)
    digits = len(str(scale)) - 1
    return f"{whole}.{rest:0{digits}d}".rstrip("0")
