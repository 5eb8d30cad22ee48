"""Query strings of Tork's lists, from any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.tork.errors import Refused
from app.api.tork.query import MOST_WORDS, search, text_words, window


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({}, (1, 10)),
        ({"page": "", "size": ""}, (1, 10)),
        ({"page": "3", "size": "7"}, (3, 7)),
        ({"page": "0", "size": "0"}, (1, 1)),
        ({"page": "-9223372036854775808", "size": "-1"}, (1, 1)),
        ({"page": "+2", "size": "9223372036854775807"}, (2, 20)),
    ],
)
def test_numbers_are_clamped(args, expected):
    found = window(args, size=10, most=20)
    assert (found.number, found.size) == expected


@pytest.mark.parametrize(
    "text",
    ["x", "1.0", "1e3", " 1", "1_0", "0x1", "9223372036854775808", "9" * 5000, "\u0661", "\0"],
)
def test_what_is_no_integer_of_64_bits_is_not_found(text):
    for name, words in (("page", "invalid page number: "), ("size", "invalid size: ")):
        with pytest.raises(Refused) as refused:
            window({name: text}, size=10, most=20)
        assert refused.value.status == 404
        assert str(refused.value) == words + text[:100]


def test_search_parts_tags_from_words():
    found = search("  Nightly tag:a,b tags:x,,y red-ish (OR) tag: ")
    assert found.tags == ("a,b", "x", "y")
    assert found.words == ("nightly", "red", "ish", "or")


def test_words_beyond_the_bound_are_passed_over():
    many = " ".join(f"w{number}" for number in range(200))
    assert len(search(many).words) == MOST_WORDS
    assert len(text_words(many)) == MOST_WORDS


@given(st.text())
def test_any_text_can_be_searched(text):
    found = search(text)
    assert all(found.words)
    assert all(found.tags)
    assert not any("\0" in each for each in (*found.words, *found.tags, *text_words(text)))
