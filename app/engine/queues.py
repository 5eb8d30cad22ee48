"""Figures of queues, and the dropping of what waits in one."""

from collections.abc import Callable, Mapping, Sequence

from app.data import lone, tasks, workers
from app.domain.clock import Instant, seconds
from app.domain.records import Queue
from app.engine.transaction import Transactions

SUBSCRIBED_S = 60.0
"""A worker that has been silent for longer listens no more."""


class Queues:
    """Lanes of ready tasks. A queue exists while somebody listens or something waits."""

    def __init__(self, transactions: Transactions, drop: Callable[[int, str], bool]) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._drop = drop

    def figures(self, prefix: str) -> Sequence[Queue]:
        """Give the queues whose names begin with `prefix`, by name."""
        since = self._tx.clock.now() - seconds(SUBSCRIBED_S)
        with self._store.session():
            sizes = tasks.queue_sizes(self._store, prefix)
            taken = tasks.queue_leases(self._store, prefix)
            here = workers.seen_since(self._store, since)
        slots: dict[str, int] = {}
        for worker in here:
            for name, count in worker.queues.items():
                if name.startswith(prefix):
                    slots[name] = slots.get(name, 0) + count
        names = sorted(sizes.keys() | taken.keys() | slots.keys())
        return [
            Queue(
                name=name,
                size=sizes.get(name, 0),
                subscribers=slots.get(name, 0),
                unacked=taken.get(name, 0),
            )
            for name in names
        ]

    def first_since(self, queues: Sequence[str]) -> Mapping[str, Instant]:
        """Give since when the task waits that each of the queues hands out next."""
        with self._store.session():
            found = {queue: tasks.first_since(self._store, queue) for queue in queues}
        return {queue: since for queue, since in found.items() if since is not None}

    def ready(self, queues: Sequence[str]) -> set[str]:
        """Give those of the queues where somebody could claim a task at this moment."""
        with self._store.session():
            return lone.ready(self._store, queues)

    def drop(self, queue: str, error: str) -> int:
        """Fail every task that waits in a queue; running ones are untouched. Gives how many."""
        dropped = 0
        while True:
            with self._store.session():
                waiting = tasks.in_queue(self._store, queue, 500)
            ended = sum(1 for task in waiting if self._drop(task.id, error))
            dropped += ended
            if ended == 0:
                return dropped
