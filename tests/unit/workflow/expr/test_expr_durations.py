"""Go durations: reading, refusing, writing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.workflow.expr.durations import (
    DurationInvalid,
    format_duration,
    parse_microseconds,
    parse_nanoseconds,
    parse_seconds,
)
from tests.fuzzing import examples

HOUR = 3_600_000_000_000


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("-0", 0),
        ("0s", 0),
        ("300ms", 300_000_000),
        ("1.5h", HOUR * 3 // 2),
        ("2h45m", HOUR * 11 // 4),
        ("90s", 90_000_000_000),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("1μs", 1_000),
        ("7ns", 7),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("+1m", 60_000_000_000),
        ("-1m", -60_000_000_000),
        ("1m1m", 120_000_000_000),
        ("2562047h47m16.854775807s", 2**63 - 1),
    ],
)
def test_duration_is_read(text: str, ns: int) -> None:
    assert parse_nanoseconds(text) == ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1234",
        "5",
        "s",
        ".s",
        "1x",
        "1 s",
        " 1s",
        "1h5",
        "h1",
        "--1s",
        "1d",
        "1e3s",
        "٣s",
        "1s ",
        "2562048h",
        "9" * 199 + "h",
        "1s" * 200,
    ],
)
def test_duration_is_refused(text: str) -> None:
    with pytest.raises(DurationInvalid) as raised:
        parse_nanoseconds(text)
    assert len(str(raised.value)) < 100


def test_reason_is_named() -> None:
    with pytest.raises(DurationInvalid, match="missing unit in duration '1234'"):
        parse_seconds("1234")
    with pytest.raises(DurationInvalid, match="unknown unit in duration '1d'"):
        parse_seconds("1d")


def test_negative_is_refused_where_told() -> None:
    for parse in (parse_seconds, parse_microseconds):
        with pytest.raises(DurationInvalid, match="must not be negative"):
            parse("-1s")
    assert parse_seconds("-1s", negative=True) == -1.0
    assert parse_microseconds("-1500ns", negative=True) == -1


def test_units() -> None:
    assert parse_seconds("1.5m") == 90.0
    assert parse_microseconds("1.5ms") == 1500


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (2_000_000, "2ms"),
        (1_500_000_000, "1.5s"),
        (HOUR, "1h0m0s"),
        (60_000_000_000, "1m0s"),
        (-HOUR * 11 // 4, "-2h45m0s"),
    ],
)
def test_duration_is_written(ns: int, text: str) -> None:
    assert format_duration(ns) == text


@examples(200)
@given(st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1))
def test_written_duration_reads_back(ns: int) -> None:
    assert parse_nanoseconds(format_duration(ns)) == ns
