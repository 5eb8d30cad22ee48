"""One round of a duty over many things, of which none may hold up the others."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from app.domain.errors import Unavailable

T = TypeVar("T")


def each(found: Iterable[T], verb: Callable[[T], int]) -> int:
    """Do a thing for each of many and give the sum.

    What fails for one is raised after all the others: the same one comes first in the next round,
    too, and they would never have their turn. A store that is away ends the round at once.
    """
    count = 0
    failed: Exception | None = None
    for one in found:
        try:
            count += verb(one)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - raised below
            failed = error
    if failed is not None:
        raise failed
    return count
