"""One watcher's ear: what it listens to, and whether it was rung since it last looked."""

import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, Self


class Exchange(Protocol):
    """What a subscription asks of the bus it belongs to."""

    def connect(self, subscription: "Subscription", topic: str) -> None:
        """Let rings for the topic reach the subscription."""

    def disconnect(self, subscription: "Subscription", topic: str) -> None:
        """Let rings for the topic no longer reach the subscription."""

    def forget(self, subscription: "Subscription") -> None:
        """Drop the subscription with all its topics."""

    def listen(self) -> None:
        """See to it that rings from other processes arrive in this one; quick, never raises."""


class Subscription:
    """Made by `Bus.subscribe`; close it, or use it in a `with` block.

    Meant for one waiter. Waiting costs a thread nothing but itself and, under gevent, a greenlet
    one timer: there is no thread of its own and no polling behind it.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._rung = threading.Event()
        self._closed = False
        self._lock = threading.Lock()
        self._heard: set[str] = set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for a ring; True when there was one since the last wait, False after `timeout_s`.

        Rings between two waits count as one. A True may be a false alarm: look at the rows.
        Closing, the bus's included, ends the wait with False, and every later one at once: a loop
        around it must look at `closed`.
        """
        if self._closed:
            return False
        self._exchange.listen()
        if not self._rung.wait(max(0.0, timeout_s)):
            return False
        # Cleared before the caller reads the rows: a ring from now on is for rows it may miss.
        self._rung.clear()
        if self._closed:
            self._rung.set()  # the clear above may have hidden the close from a second waiter
            return False
        return True

    def add(self, topic: str) -> None:
        """Listen to one more topic; nothing happens on a closed subscription."""
        self._exchange.connect(self, topic)

    def discard(self, topic: str) -> None:
        """Listen to the topic no longer; nothing happens when it was not listened to."""
        self._exchange.disconnect(self, topic)

    def heard(self) -> set[str]:
        """Give those of its topics that rang since this was last asked; for one with many.

        Ask after each wait.
        """
        with self._lock:
            heard, self._heard = self._heard, set()
        return heard

    def wake(self, topics: Iterable[str] = ()) -> None:
        """Mark the subscription as rung, by these of its topics; for the bus."""
        with self._lock:
            self._heard.update(topics)
        self._rung.set()

    @property
    def closed(self) -> bool:
        """True once no ring will ever come again."""
        return self._closed

    def close(self) -> None:
        """End the subscription and wake its waiter; may be repeated."""
        self._closed = True
        self._exchange.forget(self)
        self._rung.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
