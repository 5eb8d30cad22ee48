"""The bus inside one process: the whole bus of a test, and the inner half of the others."""

import logging
import os
import threading
from collections.abc import Collection

from app.bus.subscription import Subscription
from app.bus.topics import EVERYTHING, bounded

_log = logging.getLogger(__name__)


class MemoryBus:
    """A table of topic to subscriptions, guarded by a lock that is never held while waiting.

    A bus that reaches other processes extends it in four places: `_carry` takes a ring outside,
    `listen` sees to it that rings come in, `_forked` drops what a child process inherited and
    `_hang_up` ends the transport. Only `_wake` is called for rings from outside.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._closed = False
        self._topics: dict[Subscription, set[str]] = {}
        self._listeners: dict[str, set[Subscription]] = {}
        self._errors: dict[str, str] = {}

    def ring(self, topics: Collection[str]) -> None:
        """See `app.bus.Bus.ring`."""
        rung = bounded(topics)
        if self._closed or not rung:
            return
        self._mind_fork()
        self._wake(rung)
        self._carry(rung)

    def subscribe(self, *topics: str) -> Subscription:
        """See `app.bus.Bus.subscribe`."""
        self._mind_fork()
        subscription = Subscription(self)
        with self._lock:
            is_open = not self._closed
            if is_open:
                self._topics[subscription] = set()
        if not is_open:
            subscription.close()
            return subscription
        for topic in topics:
            self.connect(subscription, topic)
        self.listen()
        return subscription

    def probe(self) -> bool:
        """See `app.bus.Bus.probe`; inside one process there is nothing to try."""
        return self.healthy

    @property
    def healthy(self) -> bool:
        """See `app.bus.Bus.healthy`."""
        return not self._errors

    @property
    def last_error(self) -> str | None:
        """See `app.bus.Bus.last_error`."""
        return next(iter(self._errors.copy().values()), None)

    def close(self) -> None:
        """See `app.bus.Bus.close`."""
        self._mind_fork()
        with self._lock:
            self._closed = True
            subscriptions = list(self._topics)
        for subscription in subscriptions:
            subscription.close()
        self._hang_up()

    def connect(self, subscription: Subscription, topic: str) -> None:
        """See `app.bus.subscription.Exchange.connect`."""
        with self._lock:
            topics = self._topics.get(subscription)
            if topics is not None:
                topics.add(topic)
                self._listeners.setdefault(topic, set()).add(subscription)

    def disconnect(self, subscription: Subscription, topic: str) -> None:
        """See `app.bus.subscription.Exchange.disconnect`."""
        with self._lock:
            self._topics.get(subscription, set()).discard(topic)
            self._drop(subscription, topic)

    def forget(self, subscription: Subscription) -> None:
        """See `app.bus.subscription.Exchange.forget`."""
        with self._lock:
            for topic in self._topics.pop(subscription, ()):
                self._drop(subscription, topic)

    def listen(self) -> None:
        """See `app.bus.subscription.Exchange.listen`; called at each wait, so it must be cheap."""

    def _carry(self, topics: frozenset[str]) -> None:
        """Take a bounded ring to the other processes; must neither wait nor raise."""

    def _forked(self) -> None:
        """Let go of what belongs to the parent process, which goes on using it."""

    def _hang_up(self) -> None:
        """End the threads and sockets of this process; the bus is marked closed already."""

    def _wake(self, topics: frozenset[str]) -> None:
        with self._lock:
            if EVERYTHING in topics:
                woken = {subscription: list(own) for subscription, own in self._topics.items()}
            else:
                woken = {}
                for topic in (EVERYTHING, *topics):
                    for subscription in self._listeners.get(topic, ()):
                        woken.setdefault(subscription, []).append(topic)
        for subscription, heard in woken.items():
            subscription.wake(heard)

    def _drop(self, subscription: Subscription, topic: str) -> None:
        listeners = self._listeners.get(topic)
        if listeners is not None:
            listeners.discard(subscription)
            if not listeners:
                del self._listeners[topic]

    def _mind_fork(self) -> None:
        if os.getpid() == self._pid:
            return
        # A preloading web server builds the bus and forks. The lock may have been copied while a
        # thread held it that does not exist here; the subscriptions stay, a greenlet may wait.
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._errors = {}
        self._forked()

    def _note(self, part: str, error: Exception | None) -> None:
        """Remember whether one part of the transport works; logged only when that changes."""
        text = None if error is None else str(error) or type(error).__name__
        if text is None:
            if self._errors.pop(part, None) is not None:
                _log.info("bus: %s works again", part, extra={"action": "bus_restored"})
        else:
            if part not in self._errors:
                _log.warning("bus: %s fails: %s", part, text, extra={"action": "bus_impaired"})
            self._errors[part] = text
