"""Which paths are the farm's, and which numbers in them are ids."""

import pytest

from app.api.flamenco import paths


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("/tasks", True),
        ("/tasks/12", True),
        ("/tasks/12/log", True),
        ("/tasks/" + "1" * 31, True),
        ("/tasks/" + "1" * 32, False),
        ("/tasks/" + "1" * 32 + "/log", False),
        ("/tasks/" + "1" * 33, True),
        ("/tasks/12a", False),
        ("/tasks/", False),
        ("/tasks/compiled", True),
        ("/tasks/compiled/0", True),
        ("/tasks/compiledx", False),
        ("/tasks/zip/sup/1", True),
        ("/tasks/thumbnails", True),
        ("/workers", True),
        ("/workers/status/1", True),
        ("/workersx", False),
        ("/settings/a", True),
        ("/static/storage/1/jobfile_1.zip", True),
        ("/static/other", False),
        ("/", False),
    ],
)
def test_ownership(path, ours):
    assert paths.owns(path) is ours


@pytest.mark.parametrize(
    ("digits", "number"),
    [("0", 0), ("12", 12), ("000000000000000000012", 12), ("9" * 15, 10**15 - 1)],
)
def test_numbers(digits, number):
    assert paths.number(digits) == number


@pytest.mark.parametrize("digits", ["9" * 16, "1" + "0" * 5000])
def test_numbers_that_nobody_has(digits):
    assert paths.number(digits) == paths.NOBODY
