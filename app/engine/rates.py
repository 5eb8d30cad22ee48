"""Rates that belong to a transaction: what it undoes has used nothing up.

Unlike `limits`, which count requests wherever that is cheapest, these are always rows: a use that
is taken and the work it is for are committed together.
"""

from app.data.buckets import RowBuckets
from app.domain.clock import Clock
from app.domain.errors import RateLimited
from app.engine.transaction import Transactions


class Rates:
    """Buckets, each drained at its own rate."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._clock: Clock = transactions.clock
        self._rows = RowBuckets(transactions.store)

    def take(self, name: str, rate: float, *, burst: float = 1.0) -> None:
        """Use one of a bucket that holds `burst` and drains by `rate` a second.

        Raises RateLimited with `retry_after_s`. Joins an open transaction.
        """
        with self._tx() as tx:
            wait_s = self._rows.take(name, rate=rate, burst=burst, now=tx.now)
            if wait_s > 0:
                raise RateLimited(retry_after_s=wait_s)

    def charge(self, name: str, count: int) -> None:
        """Use so many more of a bucket that was taken from, whether they are there or not.

        Whoever comes next waits for them. Negative: give some back.
        """
        with self._tx():
            self._rows.charge(name, count)

    def fill(self, name: str) -> None:
        """Let a bucket begin anew."""
        with self._tx():
            self._rows.forget(name)
