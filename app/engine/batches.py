"""Batches: what comes up at the same moment for one key is done together.

While one batch is being done, what comes for the same key gathers and is the next. Who is alone
waits for nobody.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 50
"""How many are done together: SQLite's write lock is held for some 10 ms."""


class _Place(Generic[T]):
    """A place in line. batch: what its holder is to do, itself first; empty for one who is led."""

    __slots__ = ("batch", "done", "item", "ready")

    def __init__(self, item: T) -> None:
        self.item = item
        self.ready = threading.Event()
        self.batch: list[_Place[T]] = []
        self.done = False


class Batches(Generic[T]):
    """The lines of one process, one a key.

    do: does several at once and tells of each whether it is done. It may raise where it is given
    only one.
    """

    def __init__(self, do: Callable[[Sequence[T]], Sequence[bool]]) -> None:
        self._do = do
        self._lines: dict[str, deque[_Place[T]]] = {}
        self._lock = threading.Lock()

    def join(self, key: str, item: T) -> bool:
        """Do something with the others of its key; False when it is to be done alone.

        Nobody may join who holds what the one before might wait for.
        """
        mine = _Place(item)
        with self._lock:
            line = self._lines.get(key)
            if line is None:
                self._lines[key] = deque()
                mine.batch = [mine]
            else:
                line.append(mine)
        if line is not None:
            mine.ready.wait()
        if mine.batch:
            self._lead(key, mine.batch)
        return mine.done

    def _lead(self, key: str, batch: list[_Place[T]]) -> None:
        try:
            for place, done in zip(batch, self._do([one.item for one in batch]), strict=True):
                place.done = done
        finally:
            self._hand_over(key)
            for place in batch[1:]:
                place.ready.set()

    def _hand_over(self, key: str) -> None:
        with self._lock:
            line = self._lines[key]
            if not line:
                del self._lines[key]
                return
            batch = [line.popleft() for _ in range(min(MOST, len(line)))]
        batch[0].batch = batch
        batch[0].ready.set()
