"""What the plots of the first page show: as JSON, as a line that needs no script, as a table."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from app.domain.clock import SECOND, rfc3339
from app.engine.figures import Point, Span

WIDTH, HEIGHT = 600, 100
ROWS = {Span.HOUR: 5, Span.DAY: 12, Span.WEEK: 24}
"""Points that make one row of the table."""


class Line(NamedTuple):
    """One curve of a plot. name: of the field of a point, and in the JSON."""

    name: str
    label: str


class Plot(NamedTuple):
    """A plot. unit: of all its curves."""

    id: str
    title: str
    unit: str
    lines: tuple[Line, ...]


PLOTS = (
    Plot("throughput", "Throughput", "tasks a minute", (
        Line("completed", "completed"), Line("failed", "failed"),
    )),
    Plot("depth", "Queue depth", "tasks", (Line("ready", "ready"), Line("running", "running"))),
    Plot("wait", "Wait", "seconds from ready to begun", (Line("wait_s", "wait"),)),
)  # fmt: skip


class Drawn(NamedTuple):
    """A plot with what it shows. curves: points of SVG polylines, a list of pieces for each line.

    told: all of it in one sentence.
    """

    plot: Plot
    curves: list[tuple[Line, list[str]]]
    told: str


class Row(NamedTuple):
    """Some points in a row: when they begin, and the means of each line of each plot."""

    at: str
    values: list[str]


def document(span: Span, points: Sequence[Point]) -> dict[str, Any]:
    """Give columns, of which `at` is seconds since 1970; null where nothing is known."""
    names = [line.name for plot in PLOTS for line in plot.lines]
    return {
        "span": span,
        "at": [point.at // SECOND for point in points],
        **{name: [_rounded(getattr(point, name)) for point in points] for name in names},
    }


def drawn(points: Sequence[Point]) -> list[Drawn]:
    """Give each plot as lines."""
    return [
        Drawn(plot, [(line, _pieces(points, line, _most(points, plot))) for line in plot.lines],
              _sentence(points, plot))
        for plot in PLOTS
    ]  # fmt: skip


def rows(span: Span, points: Sequence[Point]) -> list[Row]:
    """Give the points as the rows of a table, the newest first, several in each."""
    size = ROWS[span]
    found = []
    for begin in range(len(points) - size, -1, -size):
        some = points[begin : begin + size]
        values = [
            number(_mean([getattr(point, line.name) for point in some]))
            for plot in PLOTS
            for line in plot.lines
        ]
        found.append(Row(rfc3339(some[0].at), values))
    return found


def number(value: float | None) -> str:
    """Write a number for people: three digits are enough."""
    if value is None:
        return "\u2013"
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.01 else f"{value:.1g}"


def duration(value: float | None) -> str:
    """Write seconds for people."""
    if value is None:
        return "\u2013"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if value >= 2 * size:
            return f"{value / size:.3g} {unit}"
    return f"{number(value)} s"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def _known(points: Sequence[Point], line: Line) -> list[float]:
    values: list[float | None] = [getattr(point, line.name) for point in points]
    return [value for value in values if value is not None]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _most(points: Sequence[Point], plot: Plot) -> float:
    return max((value for line in plot.lines for value in _known(points, line)), default=0) or 1


def _pieces(points: Sequence[Point], line: Line, most: float) -> list[str]:
    """Give a curve as polylines; where nothing is known it is broken."""
    found: list[list[str]] = [[]]
    for index, point in enumerate(points):
        value = getattr(point, line.name)
        if value is None:
            found.append([])
        else:
            x = index * WIDTH / max(len(points) - 1, 1)
            found[-1].append(f"{x:.0f},{HEIGHT - value * (HEIGHT - 4) / most - 2:.1f}")
    # One point alone would be no line.
    return [" ".join(piece if len(piece) > 1 else piece * 2) for piece in found if piece]


def _sentence(points: Sequence[Point], plot: Plot) -> str:
    write: Callable[[float | None], str] = duration if plot.id == "wait" else number
    told = []
    for line in plot.lines:
        known = _known(points, line)
        if known:
            latest, mean, most = known[-1], sum(known) / len(known), max(known)
            told.append(
                f"{line.label}: {write(latest)} at the end, {write(mean)} on average,"
                f" {write(most)} at most"
            )
    return "; ".join(told) + "." if told else "Nothing is known yet."
