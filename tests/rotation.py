"""Cases of many values on many routes, where one code reads each value on every route."""

from collections.abc import Sequence
from typing import Any


def rotated(*columns: Sequence[Any], rounds: int = 1) -> list[tuple[Any, ...]]:
    """Give rows in which every value of every column is, but not every one beside every other.

    columns: of cases; they come in the order of the arguments. rounds: in how many rows a value of
    the longest column is, each time beside others. A product has as many rows as all rounds there
    can be, and most of them repeat what the others have told.
    """
    longest = max(columns, key=len)
    return [
        tuple(
            column[(place + (turn * number if column is not longest else 0)) % len(column)]
            for number, column in enumerate(columns, 1)
        )
        for turn in range(rounds)
        for place in range(len(longest))
    ]


def short(value: Any) -> str:
    """Name a value in a case: the same in every process, and not for ever."""
    return getattr(value, "name", None) or ascii(value)[:24]
