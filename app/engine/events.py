"""Reading events back, in commit order."""

from collections.abc import Sequence

from app.data import events
from app.domain.events import Event
from app.engine.transaction import Transactions


class Events:
    """The record of what happened; rows are pruned by age."""

    def __init__(self, transactions: Transactions) -> None:
        self._store = transactions.store

    def after(self, position: str, *, limit: int = 500) -> Sequence[Event]:
        """Give events behind a position; "" is before the oldest that is kept.

        Raises EventsPruned when the reader has missed some: it looks at everything anew, and goes
        on from the `last_position` of before that look. Raises ValueError for a bad position.
        """
        with self._store.session():
            return events.after(self._store, position, limit=limit)

    def last_position(self) -> str:
        """Give the position of the newest event; "" without any."""
        with self._store.session():
            return events.last_position(self._store)
