"""Masking: whatever the values and however a text is cut, none of them is left."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.masking import REDACTED, Masker
from tests.fuzzing import examples

PEM = "-----BEGIN KEY-----\nMIIEpAIBAAKC\nx\nAQEA7fhZkYlR\n-----END KEY-----\n"
# Few letters, so that values overlap each other and themselves all the time.
LETTERS = st.text("ab\n", max_size=12)
VALUES = st.lists(st.text("ab\n", max_size=6), max_size=4)


def masked(text: str, *values: str) -> str:
    return Masker(values)(text)


@pytest.mark.parametrize(
    ("text", "values", "shown"),
    [
        ("nothing here", ["secret"], "nothing here"),
        ("a secret!", ["secret", ""], f"a {REDACTED}!"),
        ("banana", ["a"], f"b{REDACTED}n{REDACTED}n{REDACTED}"),
        ("to be", ["to"], f"{REDACTED} be"),
        ("abcdef", ["abcd", "cdef"], REDACTED),
        ("xabcdefx", ["abcdef", "abc"], f"x{REDACTED}x"),
        ("aaaaa", ["aa"], REDACTED),
        ("abab", ["ab"], REDACTED * 2),
        ("it is x[REDACTED]y", ["x[REDACTED]y"], f"it is {REDACTED}"),
        ("[REDACTED] and DACT", ["DACT"], f"{REDACTED} and {REDACTED}"),
        ("RED[REDACTED]", ["RED"], REDACTED * 2),
        ("token", ["token\n"], REDACTED),
        ('{"a":"q\\"u\\u00e9"}', ['q"ué'], f'{{"a":"{REDACTED}"}}'),
        ('{"a":"q\\"ué"}', ['q"ué'], f'{{"a":"{REDACTED}"}}'),
    ],
)  # fmt: skip
def test_values_are_replaced(text: str, values: list[str], shown: str) -> None:
    assert masked(text, *values) == shown


def test_a_value_of_several_lines_is_hidden_whole_and_line_by_line() -> None:
    assert masked(f"<{PEM}>", PEM) == f"<{REDACTED}>"
    shown = masked("\r\n".join(f"  | {line}" for line in PEM.splitlines()), PEM)
    assert "KEY" not in shown
    assert "MIIE" not in shown
    assert "AQEA" not in shown
    assert masked("the box", PEM) == "the box"


def test_a_text_without_values_is_given_back_as_it_is() -> None:
    text = "plain"
    assert masked(text, "secret") is text
    assert not Masker([""])


@given(LETTERS, VALUES)
def test_no_value_is_left(text: str, values: list[str]) -> None:
    shown = masked(text, *values).replace(REDACTED, "|")
    assert not any(value in shown for value in values if value)


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=8), max_size=4))
def test_a_second_time_leaves_no_value_either(text: str, values: list[str]) -> None:
    once = masked(text, *values)
    twice = masked(once, *values).replace(REDACTED, "\ue000")
    assert not any(value in twice for value in values)


@given(st.lists(LETTERS, max_size=8), VALUES)
@examples(500)
def test_a_text_in_pieces_is_masked_like_the_whole(pieces: list[str], values: list[str]) -> None:
    masker = Masker(values)
    stream = masker.stream()
    given_out = [stream.feed(piece) for piece in pieces]
    given_out.append(stream.feed("", final=True))
    assert "".join(given_out) == masker("".join(pieces))


@given(st.lists(LETTERS, max_size=8), VALUES)
def test_what_cannot_become_a_value_is_given_out_at_once(
    pieces: list[str], values: list[str]
) -> None:
    stream = Masker(values).stream()
    for piece in pieces:
        stream.feed(piece)
    # A character no value has decides everything that was held.
    assert stream.feed("|").endswith("|")


def test_only_the_beginning_of_a_value_is_held_back() -> None:
    stream = Masker(["hunter2"]).stream()
    assert stream.feed("the password is hun") == "the password is "
    assert stream.feed("gry\n") == "hungry\n"
    assert stream.feed("hunter") == ""
    assert stream.feed("2\n") == f"{REDACTED}\n"


def test_long_values_that_repeat_themselves_take_no_longer() -> None:
    """Linear: the naive ways take minutes here."""
    value = "a" * 200_000 + "b"
    masker = Masker([value, "a" * 150_000 + "c"])
    text = "a" * 600_000
    assert masker(text) is text
    stream = masker.stream()
    assert len(stream.feed(text)) == 600_000 - 200_000
    assert stream.feed("b") == REDACTED
    assert Masker(["a" * 1000])(text) == REDACTED


def test_many_values_are_found_like_few() -> None:
    values = [f"value-{number}" for number in range(500)] + ["a", "bc", "v" * 30]
    text = " ".join(["value-7", "value-499", "value-x", "xay", "bcd", "v" * 31, "none"])
    shown = f"{REDACTED} {REDACTED} v{REDACTED}lue-x x{REDACTED}y {REDACTED}d {REDACTED} none"
    assert masked(text, *values) == shown


def test_a_value_shows_in_no_json_text() -> None:
    value = 'two "quoted"\nlines\tü'
    for ascii_only in (True, False):
        text = json.dumps({"all": f"<{value}>"}, ensure_ascii=ascii_only)
        assert json.loads(masked(text, value)) == {"all": f"<{REDACTED}>"}
