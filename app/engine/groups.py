"""Verbs on groups: named sets of jobs or tasks, and what is done to all tasks of one at once.

The tasks of a group that belong to no job have a queue of their own, `queue_of`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.data import groups, leases, lone
from app.data.lone import Held
from app.domain.clock import Instant
from app.domain.errors import Contended, Rejected
from app.domain.events import EventKind
from app.domain.records import Group, GroupFigures, Json
from app.domain.states import AttemptState
from app.engine.transaction import Transaction, Transactions, queue_topic, retried

BATCH = 500
"""Rows that one transaction touches: SQLite's write lock is held for a few milliseconds."""
FOLDED = 2000
"""Finished tasks that one round of the duty takes up."""


def queue_of(group: Group) -> str:
    """Name the queue of a group's tasks."""
    return f"{group.dialect}/{group.id}"


class Groups:
    """Clusters, projects: whatever a dialect calls its named sets."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store = transactions.store

    def create(
        self,
        dialect: str,
        name: str,
        *,
        max_running: int | None = None,
        data: Json | None = None,
        chain: int | None = None,
    ) -> Group:
        """Store a new group. Raises AlreadyExists."""
        with self._tx() as tx:
            group_id = groups.insert(
                self._store,
                dialect=dialect,
                name=name,
                max_running=max_running,
                data=data or {},
                now=tx.now,
            )
            group = groups.get(self._store, group_id)
            if chain is not None:
                group = self._write(replace(group, chain=chain))
            tx.note(EventKind.GROUP_CHANGED, dialect, group=group_id, change="created")
        return group

    def get(self, group_id: int) -> Group:
        """Give a group. Raises GroupNotFound."""
        with self._store.session():
            return groups.get(self._store, group_id)

    def by_name(self, dialect: str, name: str) -> Group:
        """Give a group by its name. Raises GroupNotFound."""
        with self._store.session():
            return groups.by_name(self._store, dialect, name)

    def find(self, dialect: str, *, limit: int = 1000, offset: int = 0) -> Sequence[Group]:
        """Give groups of a dialect by name."""
        with self._store.session():
            return groups.page(self._store, dialect, limit=limit, offset=offset)

    def exist(self) -> bool:
        """Tell whether there is any group, of whatever dialect."""
        with self._store.session():
            return groups.exist(self._store)

    def update(self, group_id: int, change: Callable[[Group], Group]) -> Group:
        """Change a group's name, pause, limit, chain or data; give it as it is then.

        change: gives the group as wanted; it is asked again where another was faster.
        Raises GroupNotFound, AlreadyExists for a name that is taken.
        """

        def attempt() -> Group:
            with self._tx() as tx:
                found = groups.get(self._store, group_id)
                wanted = self._write(change(found))
                change_word = "paused" if wanted.paused and not found.paused else "updated"
                tx.note(EventKind.GROUP_CHANGED, found.dialect, group=group_id, change=change_word)
                if found.paused and not wanted.paused:
                    tx.ring(queue_topic(queue_of(wanted)))
                return wanted

        return retried(self._store, attempt)

    def delete(self, group_id: int) -> None:
        """Delete a group and its tasks without jobs. Raises GroupNotFound."""
        group = self.get(group_id)
        self.clear(group)
        with self._tx() as tx:
            groups.delete(self._store, group_id)
            tx.note(EventKind.GROUP_CHANGED, group.dialect, group=group_id, change="deleted")

    # -- all tasks of one ---------------------------------------------------------------------

    def figures(self, group: Group) -> GroupFigures:
        """Count the tasks of a group that belong to no job."""
        queue = queue_of(group)
        with self._store.session():
            held = lone.in_hand(self._store, queue)
            agreed = lone.agreed(self._store, queue)
            return GroupFigures(
                fresh=lone.waiting(self._store, queue) + held - agreed,
                agreed=agreed,
                held=held,
                failed=lone.broken(self._store, queue),
                finished=groups.finished(self._store, group.id),
            )

    def holders(self, group: Group) -> Sequence[Held]:
        """Count a group's open and failed tasks by the worker that holds them, most first."""
        with self._store.session():
            return lone.holders(self._store, queue_of(group))

    def finished_by(self, worker_ids: Sequence[int] | None = None) -> Mapping[int, int]:
        """Count the tasks that workers have completed, in all groups; of all workers if None."""
        with self._store.session():
            return groups.finished_by(self._store, worker_ids)

    def reset_failed(self, group: Group) -> int:
        """Queue a group's failed tasks anew as if they were never tried; give how many."""
        queue = queue_of(group)

        def some(tx: Transaction, up_to: int) -> int:
            count = lone.reset(self._store, queue, up_to=up_to, limit=BATCH, now=tx.now)
            if count:
                tx.ring(queue_topic(queue))
            return count

        return self._sweep(group, "reset", some)

    def clear(self, group: Group) -> int:
        """Delete a group's tasks, in workers' hands or not, without a trace; give how many."""
        queue = queue_of(group)

        def some(_tx: Transaction, up_to: int) -> int:
            return lone.delete(self._store, queue, up_to=up_to, limit=BATCH)

        return self._sweep(group, "cleared", some)

    def reclaim(self, group: Group) -> int:
        """Take back a group's tasks from the workers that hold them; give how many."""
        queue = queue_of(group)

        def some(tx: Transaction, up_to: int) -> int:
            found = lone.held(self._store, queue, up_to=up_to, limit=BATCH)
            for lease in found:
                leases.again(self._store, lease, due_at=None, now=tx.now)
                leases.end_attempt(self._store, lease, state=AttemptState.RELEASED, now=tx.now)
            if found:
                tx.ring(queue_topic(queue))
            return len(found)

        return self._sweep(group, "reclaimed", some)

    def run_once(self, now: Instant) -> int:
        """Count finished tasks and delete their rows; give how many."""
        del now
        with self._store.transaction():
            return lone.fold_finished(self._store, FOLDED)

    # -- pieces -------------------------------------------------------------------------------

    def _write(self, group: Group) -> Group:
        if group.chain == group.id:
            raise Rejected("a group cannot be chained to itself")
        if not groups.update(self._store, group):
            raise Contended
        return replace(group, version=group.version + 1)

    def _sweep(self, group: Group, change: str, some: Callable[[Transaction, int], int]) -> int:
        """Do a thing to what is there now, some rows a transaction, and tell of it."""
        with self._store.session():
            up_to = lone.newest(self._store)

        def once() -> int:
            with self._tx() as tx:
                count = some(tx, up_to)
                if count:
                    data: dict[str, Any] = {"group": group.id, "change": change, "count": count}
                    tx.note(EventKind.GROUP_CHANGED, group.dialect, **data)
                return count

        total = 0
        while count := retried(self._store, once):
            total += count
        return total
