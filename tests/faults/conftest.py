"""Whole servers, to be killed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.yard import Yard


@pytest.fixture
def yards(data_dir: Path) -> Iterator[Callable[..., Yard]]:
    """Make servers in the test's folder; whatever is left of them is killed afterwards."""
    made: list[Yard] = []

    def make(**environment: str) -> Yard:
        made.append(Yard(data_dir, **environment))
        return made[-1]

    yield make
    for yard in made:
        yard.end()


@pytest.fixture
def yard(yards: Callable[..., Yard]) -> Yard:
    """A running server on SQLite."""
    return yards().start()
