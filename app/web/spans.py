"""How long things took, for people."""

from app.domain.clock import SECOND, Instant, parse_rfc3339

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def instant(text: str | None) -> Instant | None:
    """Read a time of a document of ours."""
    return None if text is None else parse_rfc3339(text)


def lasted(begun: str | None, ended: str | None, now: Instant) -> str:
    """Tell how long something took, or has taken so far; "" for what has not begun."""
    start, end = instant(begun), instant(ended)
    return "" if start is None else span((now if end is None else end) - start)


def span(length: int) -> str:
    """Tell a duration in microseconds by its two largest units, such as `2 h 5 min`."""
    if length < 10 * SECOND:
        return f"{max(0, length) / SECOND:.1f} s"
    left, told = length // SECOND, list[str]()
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or told:
            told.append(f"{count} {unit}" if count else "")
        if len(told) == 2:
            break
    return " ".join(filter(None, told))
