"""How many jobs of a group are started and stopped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.sla import HEADROOM, decide


def jobs(text):
    """Make jobs of a text, the newest first: `L` runs, `a` does not yet."""
    return [(f"{len(text) - place}", letter == "L") for place, letter in enumerate(text)]


@pytest.mark.parametrize(
    ("there", "least", "most", "start", "stop"),
    [
        ("", 0, 0, 0, ""),
        ("", 2, 2, 2, ""),
        ("a", 2, 2, 1, ""),
        ("aL", 2, 3, 0, ""),
        ("LLLLL", 0, 0, 0, ""),
        ("LL", 0, 1, 0, "1"),
        ("aL", 0, 1, 0, ""),
        ("LaL", 0, 1, 0, "2 1"),
        ("aaLaL", 0, 1, 0, "2 1"),
        ("LLL", 0, 2, 0, "1"),
        ("aaaaa", 0, 1, 0, "1"),
        ("aaaaaL", 0, 1, 0, "3 2"),
        ("aaaL", 0, 1, 0, ""),
    ],
)
def test_decisions(there, least, most, start, stop):
    decision = decide(jobs(there), least=least, most=most)
    assert (decision.start, " ".join(decision.stop)) == (start, stop)


def test_the_headroom_says_how_many_may_wait():
    assert decide(jobs("aaaa"), least=0, most=1, headroom=0).stop == ("3", "2", "1")


@given(
    st.text(alphabet="La", max_size=20),
    st.integers(0, 5),
    st.integers(0, 10),
    st.integers(0, 5),
)
def test_a_decision_holds(there, least, more, headroom):
    """After it is carried out there is nothing more to do, and too many never run."""
    most = least + more
    before = jobs(there)
    decision = decide(before, least=least, most=most, headroom=headroom)
    assert not (decision.start and decision.stop)
    left = [one for one in before if one[0] not in decision.stop]
    left = [(f"new{n}", False) for n in range(decision.start)] + left
    again = decide(left, least=least, most=most, headroom=headroom)
    assert again.start == 0
    if decision.start == 0:
        assert again.stop == ()
    if most:
        running = [runs for _, runs in left if runs]
        assert len(running) <= max(most, len([1 for _, runs in before if runs and decision.start]))
        assert len(left) >= min(least, len(before) + decision.start)
    assert HEADROOM == 3
