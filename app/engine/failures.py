"""Verbs on single failed tasks of a group; what is done to all of them is in `groups`."""

from collections.abc import Sequence

from app.data import failures
from app.domain.events import EventKind
from app.domain.records import FailedTask, Group
from app.engine.groups import queue_of
from app.engine.transaction import Transaction, Transactions, queue_topic


class Failures:
    """Looks at tasks that were given up, and decides on them one by one."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store = transactions.store

    def page(self, group: Group, *, after: int = 0, limit: int = 100) -> Sequence[FailedTask]:
        """Give a group's failed tasks with ids above `after`, lowest first."""
        with self._store.session():
            return failures.page(self._store, queue_of(group), after=after, limit=limit)

    def reset(self, group: Group, task_id: int) -> bool:
        """Queue a failed task as if it was never tried; False when the group has none such."""
        queue = queue_of(group)
        with self._tx() as tx:
            if not failures.reset(self._store, queue, task_id, tx.now):
                return False
            self._tell(tx, group, "reset")
            tx.ring(queue_topic(queue))
        return True

    def drop(self, group: Group, task_id: int) -> bool:
        """Delete a failed task without a trace; False when the group has none such."""
        with self._tx() as tx:
            if not failures.drop(self._store, queue_of(group), task_id):
                return False
            self._tell(tx, group, "cleared")
        return True

    def _tell(self, tx: Transaction, group: Group, change: str) -> None:
        tx.note(EventKind.GROUP_CHANGED, group.dialect, group=group.id, change=change, count=1)
