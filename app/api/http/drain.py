"""Ending what would outlast a graceful stop: streams, sockets, requests that wait."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Drain:
    """One of a process. stopping: the process is to end; nothing that waits may begin."""

    def __init__(self) -> None:
        self.stopping = False
        self._closers: set[Callable[[], None]] = set()

    def begin(self) -> None:
        """Tell everybody who waits; the requests end by themselves. May be repeated."""
        self.stopping = True
        for close in list(self._closers):
            close()

    @contextmanager
    def watching(self, close: Callable[[], None]) -> Iterator[None]:
        """Have `close` called when the stop begins during the block, or at once when it has."""
        self._closers.add(close)
        try:
            if self.stopping:
                close()
            yield
        finally:
            self._closers.discard(close)
