"""Filters in addresses, and durations in words."""

import pytest
from werkzeug.datastructures import MultiDict

from app.domain.clock import SECOND
from app.web import filters
from app.web.spans import lasted, span


def test_boxes_and_empty_fields_of_a_form():
    args = MultiDict([("q", ""), ("state", "FAILED"), ("state", "CANCELLED"), ("odd", "x")])
    wanted = filters.given(args)
    assert wanted == {"state": "FAILED,CANCELLED"}
    assert filters.as_query(wanted, after=None) == "state=FAILED%2CCANCELLED"


def test_several_tags_survive_an_address():
    wanted = filters.given(MultiDict([("tag", "a, b"), ("tag", "c"), ("tag", " ")]))
    again = filters.given(MultiDict([("tag", wanted["tag"])]))
    assert filters.as_args(again).getlist("tag") == ["a, b", "c"]
    assert filters.as_args({}).getlist("tag") == []


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2026-01-31T12:00", "2026-01-31T12:00Z"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00-02:00", "2026-01-31T12:00:00-02:00"),
        ("yesterday", "yesterday"),
    ],
)
def test_times_without_a_zone_are_utc(given, read):
    assert filters.given(MultiDict({"created_from": given})) == {"created_from": read}


@pytest.mark.parametrize(
    ("length", "told"),
    [
        (-1, "0.0 s"),
        (0.25, "0.2 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (60, "1 min"),
        (3605, "1 h"),
        (7500, "2 h 5 min"),
        (90_000, "1 d 1 h"),
        (10**9, "11574 d 1 h"),
    ],
)
def test_durations(length, told):
    assert span(int(length * SECOND)) == told


def test_what_has_not_begun_has_no_duration():
    assert lasted(None, None, 0) == ""
    begun = "1970-01-01T00:00:10.000000Z"
    assert lasted(begun, "1970-01-01T00:01:10.000000Z", 0) == "1 min"
    assert lasted(begun, None, 40 * SECOND) == "30 s"
