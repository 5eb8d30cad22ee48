"""Numbers over time as a small drawing; pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

WIDTH, HEIGHT = 300, 100
POINTS = 150
"""Places that a drawing has at most; of those that fall together the last one counts."""


class Spark(NamedTuple):
    """A drawing of `WIDTH` by `HEIGHT`. line: its points; area: what is below them; both for SVG.

    sample: some of the numbers with their times, for who cannot see it.
    """

    line: str
    area: str
    least: float
    most: float
    last: float
    sample: Sequence[tuple[int, float]]


def spark(points: Sequence[tuple[int, float]], begin: int, end: int) -> Spark | None:
    """Draw (time, number) in order of time, from `begin` to `end`; None without two of them."""
    kept: dict[int, tuple[int, float]] = {}
    length = max(end - begin, 1)
    for at, value in points:
        if begin <= at <= end:
            kept[(at - begin) * POINTS // length] = (at, value)
    shown = [kept[place] for place in sorted(kept)]
    if len(shown) < 2:
        return None
    values = [value for _, value in shown]
    most = max(*values, 1)
    drawn = [
        f"{(at - begin) * WIDTH / length:.1f},{HEIGHT - value * (HEIGHT - 6) / most - 2:.1f}"
        for at, value in shown
    ]
    left, right = drawn[0].partition(",")[0], drawn[-1].partition(",")[0]
    line = " ".join(drawn)
    step = max(1, len(shown) // 12)
    return Spark(
        line=line,
        area=f"{left},{HEIGHT} {line} {right},{HEIGHT}",
        least=min(values),
        most=max(values),
        last=values[-1],
        sample=shown[::-step][:12],
    )


def per_minute(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Give how fast a number grows that only falls when it begins anew."""
    return [
        (at, round(max(value - before, 0) * 60 / (at - earlier), 2))
        for (earlier, before), (at, value) in pairwise(points)
        if at > earlier
    ]
