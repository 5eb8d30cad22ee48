"""What plots show, as JSON, as lines, as a sentence and as a table."""

import pytest

from app.domain.clock import SECOND
from app.engine.figures import Point, Span
from app.web import plots


def point(minute, **words):
    given = {"ready": None, "running": None, "completed": 0.0, "failed": 0.0, "wait_s": None}
    return Point(at=minute * 60 * SECOND, **{**given, **words})


def hour(**words):
    return [point(minute, **words) for minute in range(60)]


def test_json_has_columns_and_null_for_the_unknown():
    told = plots.document(Span.HOUR, [point(1, ready=1 / 3), point(2, completed=5.0)])
    assert told == {
        "span": "hour",
        "at": [60, 120],
        "completed": [0.0, 5.0],
        "failed": [0.0, 0.0],
        "ready": [0.333333, None],
        "running": [None, None],
        "wait_s": [None, None],
    }


def test_lines_are_broken_where_nothing_is_known():
    points = [point(1, ready=0.0), point(2, ready=4.0), point(3), point(4, ready=2.0)]
    depth = plots.drawn(points)[1]
    [(line, pieces), (_, running)] = depth.curves
    assert line.name == "ready"
    assert pieces == ["0,98.0 200,2.0", "600,50.0 600,50.0"]
    assert running == []


def test_a_plot_is_told_in_a_sentence():
    points = [point(1, completed=2.0, wait_s=30.0), point(2, completed=4.0, wait_s=7200.0)]
    throughput, depth, wait = plots.drawn(points)
    assert throughput.told.startswith("completed: 4 at the end, 3 on average, 4 at most; failed: 0")
    assert depth.told == "Nothing is known yet."
    assert wait.told == "wait: 2 h at the end, 60.2 min on average, 2 h at most."


@pytest.mark.parametrize(("span", "count"), [(Span.HOUR, 12), (Span.DAY, 12), (Span.WEEK, 7)])
def test_the_table_has_few_rows_the_newest_first(span, count):
    minutes, size = span.minutes
    points = [point(number * size, completed=1.0) for number in range(minutes // size)]
    rows = plots.rows(span, points)
    assert len(rows) == count
    assert rows[0].at > rows[-1].at
    assert rows[0].values == ["1", "0", "\u2013", "\u2013", "\u2013"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "\u2013"), (0.0, "0"), (0.00312, "0.003"), (0.236, "0.236"), (12.0, "12"),
     (12.345, "12.3"), (1234.5, "1,234")],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert plots.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "\u2013"), (0.25, "0.25 s"), (119.0, "119 s"), (150.0, "2.5 min"), (7200.0, "2 h"),
     (200_000.0, "2.31 d")],
)  # fmt: skip
def test_durations_have_a_fitting_unit(value, text):
    assert plots.duration(value) == text
