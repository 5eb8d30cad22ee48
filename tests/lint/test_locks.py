"""The locks pin everything exactly, name no index, and cover what is asked for."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "requirements"
PIN = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)==([0-9][0-9a-z.]*)")


def pins(file):
    """Return {name: version}; anything but a comment or an exact pin fails."""
    lines = (FOLDER / file).read_text().splitlines()
    matches = [PIN.fullmatch(line) for line in lines if not line.startswith("#")]
    assert None not in matches
    return dict(match.groups() for match in matches)


def wanted(file):
    """Return the names that a file of requirements asks for."""
    lines = [line for line in (FOLDER / file).read_text().splitlines() if line[:1].isalpha()]
    return {re.match(r"[A-Za-z0-9-]+", line)[0].lower() for line in lines}


@pytest.mark.parametrize(
    ("source", "locks"),
    [
        ("run.in", ["run.lock"]),
        ("build.in", ["run.lock"]),
        ("test.in", ["run.lock", "test.lock"]),
    ],
)
def test_lock_covers_its_source(source, locks):
    pinned = {name for lock in locks for name in pins(lock)}
    assert wanted(source)
    assert wanted(source) <= pinned


def test_test_lock_repeats_nothing_of_the_run_lock():
    assert not pins("test.lock").keys() & pins("run.lock").keys()


def test_gunicorn_is_the_release_line_that_was_measured():
    assert pins("run.lock")["gunicorn"].startswith("27.")
