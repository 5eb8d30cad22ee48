"""A set of integers that is small where they follow each other."""

from bisect import bisect_right
from collections.abc import Iterable

#: Ranges that are kept. What would need more is not counted: no renderer saves like that.
MOST = 4096


class Ranges:
    """Integers as sorted pairs of first and last, none of which touch.

    pairs: of an earlier one, as JSON keeps them; not changed.
    """

    def __init__(self, pairs: Iterable[Iterable[int]] = ()) -> None:
        self.pairs = [list(pair) for pair in pairs]
        self.count = sum(last - first + 1 for first, last in self.pairs)

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        at = bisect_right(self.pairs, number, key=_first) - 1
        return at >= 0 and number <= self.pairs[at][1]

    def add(self, number: int) -> None:
        """Take in one integer."""
        at = bisect_right(self.pairs, number, key=_first)
        before = self.pairs[at - 1] if at else None
        after = self.pairs[at] if at < len(self.pairs) else None
        if before is not None and number <= before[1]:
            return
        joins_before = before is not None and number == before[1] + 1
        joins_after = after is not None and number == after[0] - 1
        if before is not None and after is not None and joins_before and joins_after:
            before[1] = after[1]
            del self.pairs[at]
        elif before is not None and joins_before:
            before[1] = number
        elif after is not None and joins_after:
            after[0] = number
        elif len(self.pairs) < MOST:
            self.pairs.insert(at, [number, number])
        else:
            return
        self.count += 1


def _first(pair: list[int]) -> int:
    return pair[0]
