"""The duty that keeps lists of jobs fast: it tidies what they are found and counted by.

Lists are right without it, whoever leads and however late; they only become slower.
"""

from app.data import listing
from app.domain.clock import Instant
from app.engine.transaction import Transactions

ROUNDS = 20


class Listing:
    """Takes new jobs into the index of words, and sums up the counts of jobs."""

    def __init__(self, transactions: Transactions) -> None:
        self._store = transactions.store

    def run_once(self, now: Instant) -> int:
        """Tidy up, in short transactions of their own; give how many rows were there to tidy."""
        del now
        done = 0
        for _ in range(ROUNDS):
            with self._store.session():
                waiting = listing.loose_words(self._store)
            if not waiting:
                break
            with self._store.transaction():
                done += listing.fold_words(self._store)
        with self._store.session():
            waiting = listing.loose_tallies(self._store)
        if waiting:
            with self._store.transaction():
                done += listing.fold_tallies(self._store)
        return done
