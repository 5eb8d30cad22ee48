"""What is an integer, and which JSON can be stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.flamenco.fields import sound, whole
from app.api.flamenco.service.archives import safe


@pytest.mark.parametrize(
    ("value", "number"), [(5, 5), ("5", 5), ("-5", -5), ("007", 7), (0, 0), (10**30, 10**30)]
)
def test_integers(value, number):
    assert whole(value) == number


@pytest.mark.parametrize(
    "value",
    ["", "+5", " 5", "5 ", "1.5", "1e3", "high", "٣", "--1", True, False, 1.5, [], {}, None],
)
def test_what_is_no_integer(value):
    assert whole(value) is None


@pytest.mark.parametrize(
    "value", ["a\0b", ["\0"], {"\0": 1}, {"a": {"b": "\\\0"}}, "\ud800", 2**70]
)
def test_what_cannot_be_stored(value):
    assert not sound({"x": value})


@pytest.mark.parametrize(
    "value", ["\\u0000", "a\\\\u0000", "ü", 2**63, [None, 1.5], {"a": {"b": []}}]
)
def test_what_can_be_stored(value):
    assert sound({"x": value})


def test_nesting_without_end_cannot_be_stored():
    value: list = []
    for _ in range(5000):
        value = [value]
    assert not sound({"x": value})


@given(st.text(alphabet=st.sampled_from("ab./\\:C"), max_size=12))
def test_no_member_of_a_zip_leaves_its_folder(name):
    found = safe(name)
    if found is not None:
        assert not found.startswith(("/", "\\"))
        assert ":" not in found.split("/")[0]
        assert ".." not in found.split("/")
