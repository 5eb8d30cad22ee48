"""What is news to a client, and how its tag says what it knows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.manticore.words import OVER, Standing, Telling, detail, reason

NOW = 1_700_000_000_000_000
places = st.builds(Standing, position=st.integers(0, 999_999_999), wait=st.booleans(),
                   eta_s=st.none() | st.floats(0, 1e9))  # fmt: skip
claimed = st.builds(
    Standing,
    services=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    ends_at=st.none() | st.integers(NOW, NOW + 10**12),
)
gone = st.builds(Standing, dead=st.sampled_from(["deleted", "exited"]), detail=st.text(max_size=9))
standings = places | claimed | gone


def told(telling, standing):
    return list(telling.news(standing, NOW))


@given(st.lists(places | claimed, min_size=1, max_size=6), standings)
def test_who_goes_on_by_a_tag_hears_what_the_one_before_would_have_heard(before, after):
    telling = Telling(60, 5)
    for standing in before:
        told(telling, standing)
    resumed = Telling(60, 5, telling.tag)
    assert resumed.tag == telling.tag
    assert told(resumed, before[-1]) == []
    assert told(resumed, after) == told(telling, after)
    assert resumed.tag == telling.tag


@given(st.text(max_size=30), standings)
def test_whatever_a_client_calls_a_tag_it_is_told_how_things_are(since, standing):
    kinds = [message["type"] for message in told(Telling(60, 5, since), standing)]
    assert len(kinds) == len(set(kinds))
    if standing.dead is not None:
        assert kinds == ["dead"]


@given(standings)
def test_who_begins_is_told_the_present_once(standing):
    telling = Telling(60, 5)
    assert telling.tag == ""
    kinds = [message["type"] for message in told(telling, standing)]
    assert kinds[0] == ("dead" if standing.dead is not None else "position")
    assert (telling.tag == OVER) == (standing.dead is not None)
    if standing.dead is None:
        assert told(telling, standing) == []


def test_another_guess_is_no_other_standing():
    assert Standing(position=1, eta_s=5.0) == Standing(position=1, eta_s=9.0)
    telling = Telling(None, None)
    [first] = told(telling, Standing(position=1, eta_s=4.2))
    assert first["data"] == {"position": 1, "wait": True, "eta_seconds": 5}
    assert told(telling, Standing(position=1, eta_s=9.0)) == []


@pytest.mark.parametrize(
    ("error", "why", "more"),
    [
        (None, "deleted", ""),
        ("deleted", "deleted", ""),
        ("deleted: not needed: sorry", "deleted", "not needed: sorry"),
        ("exited: last words", "exited", "last words"),
        ("shutdown: x", "shutdown", ""),
        ("whatever: else", "start_failed", ""),
    ],
)
def test_who_is_gone_is_told_why(error, why, more):
    assert (reason(error, started=False), detail(error)) == (why, more)
