"""Duties that keep work moving: leases that ran out, tasks whose time has come."""

from typing import Protocol

from app.data import leases, tasks
from app.domain.clock import Instant
from app.domain.records import Lease
from app.engine.creation import make_ready
from app.engine.rounds import each
from app.engine.transaction import Transactions

BATCH = 500


class Lose(Protocol):
    """`attempts.lose`."""

    def __call__(self, lease: Lease, *, before: Instant) -> bool:
        """Take a lease back if it ended before then."""


class Rescue:
    """Hands out again what a vanished worker held."""

    def __init__(self, transactions: Transactions, lose: Lose) -> None:
        self._store = transactions.store
        self._lose = lose

    def run_once(self, now: Instant) -> int:
        """Take back every lease that ran out; give how many."""
        with self._store.session():
            found = leases.expired(self._store, now, BATCH)
        return each(found, lambda lease: int(self._lose(lease, before=now)))


class Due:
    """Queues tasks that waited for a time: retries after a delay, work for later."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store = transactions.store

    def run_once(self, now: Instant) -> int:
        """Queue what is due; give how many."""
        with self._store.session():
            found = tasks.due(self._store, now, BATCH)
        if not found:
            return 0
        with self._tx() as tx:
            return make_ready(self._store, tx, found)
