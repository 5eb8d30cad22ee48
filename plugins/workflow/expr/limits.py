"""The bounds of one evaluation, and the meter that holds them.

A bound is either checked before the work (sizes) or while it goes on (time): every loop over data
calls `Meter.tick`, every new string or list passes `Meter.text` or `Meter.items`. Code outside
closures needs no tick, since an expression has at most `MAX_CHARACTERS` parts.
"""

from collections.abc import Callable

from plugins.workflow.expr.errors import ExpressionError

MAX_CHARACTERS = 10_000
MAX_NESTING = 100
MAX_ITEMS = 100_000
MAX_STRING_BYTES = 1024 * 1024
MAX_SECONDS = 1.0

# Cumulative over one evaluation, released or not: without it `map(1..100000, repeat('x', 1000000))`
# would take gigabytes long before the second is over.
MAX_BUILT_BYTES = 128 * 1024 * 1024
# A result can be small in memory and huge once written out (one long string listed many times).
MAX_RESULT_BYTES = 16 * 1024 * 1024

MIN_INT = -(2**63)
MAX_INT = 2**63 - 1

_ITEM_BYTES = 40  # a pointer in the list and a small object behind it
_TICKS_PER_LOOK = 256
_BYTES_PER_TICK = 1024


class Meter:
    """Time and memory left for one evaluation.

    monotonic: seconds from any start. deadline_s: seconds from now.
    """

    __slots__ = ("_built_bytes", "_ends_at", "_monotonic", "_ticks_left")

    def __init__(self, monotonic: Callable[[], float], deadline_s: float) -> None:
        self._monotonic = monotonic
        self._ends_at = monotonic() + deadline_s
        self._ticks_left = _TICKS_PER_LOOK
        self._built_bytes = 0

    def tick(self, cost: int = 1) -> None:
        """Count `cost` small steps; look at the clock now and then.

        Raises ExpressionError once the deadline has passed.
        """
        self._ticks_left -= cost
        if self._ticks_left < 0:
            self._ticks_left = _TICKS_PER_LOOK
            self.remaining_s()

    def remaining_s(self) -> float:
        """Seconds left, more than 0. Raises ExpressionError when there are none."""
        remaining = self._ends_at - self._monotonic()
        if remaining <= 0:
            raise ExpressionError("it took too long")
        return remaining

    def scan(self, characters: int) -> None:
        """Count one pass over a text of this length."""
        self.tick(1 + characters // _BYTES_PER_TICK)

    def room(self, characters: int) -> None:
        """Raise ExpressionError when a string of this length must not be built."""
        if characters > MAX_STRING_BYTES:
            raise ExpressionError("a string would be longer than 1 MiB")

    def text(self, value: str) -> str:
        """The new string itself, once counted; raises ExpressionError when it is too long."""
        size = len(value)
        if not value.isascii() and size * 4 > MAX_STRING_BYTES:
            size = len(value.encode("utf-8", "surrogatepass"))
        self.text_size(size)
        return value

    def text_size(self, size_bytes: int) -> None:
        """Count a string about to be built; raises ExpressionError when it would be too long."""
        self.room(size_bytes)
        self._build(size_bytes)
        self.scan(size_bytes)

    def items(self, count: int) -> None:
        """Count a list or map about to be built; raises ExpressionError when it is too long."""
        if count > MAX_ITEMS:
            raise ExpressionError(f"a list would have more than {MAX_ITEMS} elements")
        self._build(count * _ITEM_BYTES)
        self.tick(1 + count // 16)

    def _build(self, size_bytes: int) -> None:
        self._built_bytes += size_bytes
        if self._built_bytes > MAX_BUILT_BYTES:
            raise ExpressionError("it needs too much memory")


def check_depth(depth: int) -> None:
    """Raise ExpressionError when a value holds lists or maps more than 100 levels deep."""
    if depth >= MAX_NESTING:
        raise ExpressionError(f"a value nests more than {MAX_NESTING} levels deep")
