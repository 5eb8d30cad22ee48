"""The doorbell: it wakes watchers in all processes after a commit, and carries nothing else.

Events are rows in the database. A watcher subscribes to topics, reads the rows, waits for a ring or
at most a second, and reads again. A ring may therefore be lost without harm, and several rings may
melt into one; what a ring must never do is hold up, or break, the one who has just committed.

Three implementations share one behaviour: `app.bus.local.LocalBus` (every process of one machine,
no service needed), `app.bus.redis.RedisBus` (every process that reaches one Redis server) and
`app.bus.memory.MemoryBus` (this process alone). They are imported from their own modules, so that
an embedded installation never loads the Redis client.
"""

from collections.abc import Collection
from typing import Protocol

from app.bus.subscription import Subscription
from app.bus.topics import EVERYTHING

__all__ = ["EVERYTHING", "Bus", "Subscription"]


class Bus(Protocol):
    """What the engine and the streams know of a bus; all of it is safe from any thread."""

    def ring(self, topics: Collection[str]) -> None:
        """Wake every subscription to one of the topics, here and in all other processes.

        Call it after the commit. Never waits and never raises; a ring that cannot be delivered is
        dropped. Too many topics, or too long ones, become `EVERYTHING`, which wakes everybody.
        """

    def subscribe(self, *topics: str) -> Subscription:
        """Open a subscription; `EVERYTHING` as a topic hears every ring.

        Subscribe first and read the database after that, or a change between the two is missed.
        On a closed bus the subscription is closed from the start.
        """

    def probe(self) -> bool:
        """Try the transport now, for at most about two seconds, and return `healthy`."""

    @property
    def healthy(self) -> bool:
        """False while rings between processes are known to be lost; rings inside this one work."""

    @property
    def last_error(self) -> str | None:
        """What is wrong with the transport in words fit for an operator; None while healthy."""

    def close(self) -> None:
        """Close all subscriptions, waking their waiters, and end the threads. May be repeated."""
