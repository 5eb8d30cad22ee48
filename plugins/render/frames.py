"""Frames of an animation: lists of them, and how they are cut into ranges."""

import re
from collections.abc import Iterator, Sequence

#: `coarse`: every tenth range comes first, so that a broken animation shows early.
ORDERS = ("linear", "coarse")
COARSE = 10
MOST_FRAMES = 1_000_000

_MOST_TEXT = 100_000
_ENTRY = re.compile(r"(-?\d{1,9})(?:-(-?\d{1,9})(?:x(\d{1,9}))?)?")

Range = tuple[int, int]


def frame_list(text: object) -> list[int]:
    """Read `1-10,15,20-100x5`: single frames, ranges, and ranges with a step.

    Gives each frame once, in rising order. Raises ValueError, whose text goes on after the name
    of the field.
    """
    if not isinstance(text, str):
        raise ValueError("must be a string")  # noqa: TRY004 - as every fault here
    if len(text) > _MOST_TEXT:
        raise ValueError(f"must be at most {_MOST_TEXT} characters long")
    found: set[int] = set()
    named = 0
    for entry in text.split(","):
        match = _ENTRY.fullmatch(entry.strip())
        if match is None:
            raise ValueError(f"has {entry.strip()[:40]!r}, which is none of 5, 1-10, 20-100x5")
        first = int(match[1])
        last = int(match[2] or first)
        step = int(match[3] or 1)
        if last < first:
            raise ValueError(f"has {entry.strip()!r}, which ends before it begins")
        if step == 0:
            raise ValueError(f"has {entry.strip()!r}, whose step is 0")
        span = range(first, last + 1, step)
        named += len(span)
        if named > MOST_FRAMES:
            raise ValueError(f"must name at most {MOST_FRAMES} frames")
        found.update(span)
    return sorted(found)


def runs(frames: Sequence[int]) -> Iterator[Range]:
    """Join frames that follow each other into ranges."""
    first = last = frames[0]
    for frame in frames[1:]:
        if frame != last + 1:
            yield first, last
            first = frame
        last = frame
    yield first, last


def chunks(ranges: Iterator[Range], size: int | None) -> Iterator[Range]:
    """Cut each range into consecutive ones of `size` frames, the last of each perhaps shorter."""
    for first, last in ranges:
        step = size or last - first + 1
        for start in range(first, last + 1, step):
            yield start, min(start + step - 1, last)


def coarse(ranges: Sequence[Range]) -> list[Range]:
    """Give every tenth range, then the others."""
    rest = [one for number, one in enumerate(ranges) if number % COARSE]
    return [*ranges[::COARSE], *rest]
