"""`make fuzz` draws as many examples as it is asked for."""

import pytest
from hypothesis import settings

from tests.fuzzing import examples


@pytest.fixture
def profile():
    """Return what switches to another profile; the present one is back afterwards."""
    present = settings.get_current_profile_name()
    yield settings.load_profile
    settings.load_profile(present)


def test_the_suite_draws_as_many_as_the_test_says_and_always_the_same(profile):
    profile("suite")
    assert (examples(7).max_examples, examples(7).derandomize) == (7, True)


def test_fuzzing_draws_as_many_as_are_asked_for_and_others_each_time(profile):
    profile("fuzz")
    asked = settings.get_profile("fuzz").max_examples
    assert asked != 7
    assert (examples(7).max_examples, examples(7).derandomize) == (asked, False)
