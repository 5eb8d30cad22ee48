"""Reading and writing durations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.durations import format_duration, parse_duration, parse_nanoseconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("-0", 0),
        ("0s", 0),
        ("300ms", 0.3),
        ("90s", 90),
        ("1.5h", 5400),
        ("2h45m", 9900),
        ("1h1h", 7200),
        (".5s", 0.5),
        ("5.s", 5),
        ("-5s", -5),
        ("+5s", 5),
        ("5us", 5e-6),
        ("5\u00b5s", 5e-6),
        ("5\u03bcs", 5e-6),
        ("7ns", 7e-9),
        ("0.0000000001s", 0),
        ("1m30.25s", 90.25),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "must be a duration"),
        ("1234", "must be a duration"),
        ("1.5", "must be a duration"),
        ("s", "must be a duration"),
        (".s", "must be a duration"),
        ("5 s", "must be a duration"),
        (" 5s", "must be a duration"),
        ("5s\n", "must be a duration"),
        ("--5s", "must be a duration"),
        ("5s-3s", "must be a duration"),
        ("5s3", "must be a duration"),
        ("1e3s", "has an unknown unit"),
        ("\u0665s", "must be a duration"),
        ("5d", "has an unknown unit"),
        ("5S", "must be a duration"),
        ("300000h" * 9, "must be at most 292 years"),
        ("9" * 200 + "s", "must be at most 292 years"),
        ("1s" * 200, "is too long"),
        ("9" * 100_000 + "s", "is too long"),
    ],
)
def test_anything_else_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parse_duration(text)


def test_nanoseconds_are_exact() -> None:
    assert parse_nanoseconds("0.1s0.2s") == 300_000_000
    assert parse_nanoseconds("9223372036854775807ns") == 2**63 - 1
    with pytest.raises(ValueError, match="292 years"):
        parse_nanoseconds("9223372036854775808ns")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (90, "1m30s"),
        (5400, "1h30m0s"),
        (3600.5, "1h0m0.5s"),
        (0.3, "300ms"),
        (0.0015, "1.5ms"),
        (1.5e-6, "1.5\u00b5s"),
        (7e-9, "7ns"),
        (-1.25, "-1.25s"),
        (60, "1m0s"),
        (100 * 3600, "100h0m0s"),
        (0.999999999, "999.999999ms"),
    ],
)
def test_durations_are_written(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(-(10**15), 10**15))
def test_what_is_written_is_read_again(nanoseconds: int) -> None:
    assert abs(parse_nanoseconds(format_duration(nanoseconds / 1e9)) - nanoseconds) <= 1


@given(st.text(alphabet="0123456789.hmsnu\u00b5+- ", max_size=12))
def test_any_text_is_a_duration_or_a_fault(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert parse_duration(format_duration(seconds)) == pytest.approx(seconds)
    assert refusal or text
