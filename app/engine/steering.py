"""Verbs on tasks of no job that wait for each other: made, held, cancelled, run again, deleted.

Reports of whoever holds such a task are those of `attempts`; `follow` belongs into the same
transaction. The states are those of every task, and so are the moves.
"""

from collections.abc import Collection, Sequence

from app.data import leases, steering
from app.data.steering import GivenTask, Place
from app.domain.errors import TaskNotFound
from app.domain.events import EventKind
from app.domain.records import Lease
from app.domain.states import LEASED_TASK, TASK_MOVES, AttemptState, TaskState, require
from app.engine.transaction import Transaction, Transactions, queue_topic

_TOLD = {
    TaskState.HELD: EventKind.TASK_HELD,
    TaskState.CANCELLED: EventKind.TASK_CANCELLED,
    TaskState.CREATED: EventKind.TASK_CREATED,
    TaskState.QUEUED: EventKind.TASK_QUEUED,
}


class Steering:
    """What those do who watch over tasks without jobs. Every verb joins an open transaction."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store = transactions.store

    def reserve(self, count: int) -> list[int]:
        """Give ids for new tasks, rising; inside the transaction that stores them."""
        return steering.reserve(self._store, count)

    def add(self, wanted: Sequence[GivenTask], pairs: Sequence[tuple[int, int]] = ()) -> None:
        """Store tasks of one queue. pairs: who of them waits, and for whom.

        Those that wait say so themselves, in `waits`.
        """
        with self._tx() as tx:
            steering.insert(self._store, wanted, tx.now)
            steering.add_needs(self._store, pairs)
            first, count = wanted[0], len(wanted)
            dialect = first.queue.partition("/")[0]
            kind = EventKind.TASK_CREATED if first.waits else EventKind.TASK_QUEUED
            tx.note(kind, dialect, task_id=first.id, count=count)
            tx.ring(queue_topic(first.queue))

    def places(self, ids: Sequence[int]) -> dict[int, Place]:
        """Give where tasks stand, and keep them there until the transaction ends."""
        return steering.lock(self._store, ids)

    def place(self, task_id: int) -> Place:
        """Give where one stands, as `places` does. Raises TaskNotFound."""
        found = steering.lock(self._store, [task_id]).get(task_id)
        if found is None:
            raise TaskNotFound(task_id=task_id)
        return found

    def members(self, parent_id: int) -> list[int]:
        """Give all tasks that a composite holds, by id."""
        found: list[int] = []
        with self._store.session():
            while some := steering.members(self._store, parent_id, after=found[-1] if found else 0):
                found += some
        return found

    def needs(self, ids: Sequence[int]) -> dict[int, list[int]]:
        """Give by task what it was made to wait for, done or not."""
        with self._store.session():
            return steering.needs(self._store, ids)

    def open_among(self, ids: Sequence[int]) -> list[int]:
        """Give those of some tasks that who waits for them would wait for."""
        return steering.open_among(self._store, ids)

    def wait(self, task_id: int, needed: Sequence[int]) -> None:
        """Let a ready or waiting task wait for others too."""
        with self._tx() as tx:
            steering.add_needs(self._store, [(task_id, other) for other in needed])
            if steering.unmet(self._store, [task_id]) and steering.unqueue(self._store, task_id):
                place = self.place(task_id)
                tx.note(EventKind.TASK_CREATED, _dialect(place), task_id=task_id)

    def stop(self, place: Place, state: TaskState) -> None:
        """Hold or cancel a task, whoever has it. Raises IllegalMove."""
        require(TASK_MOVES, place.state, state)
        with self._tx() as tx:
            self._put(tx, place, state, AttemptState.CANCELLED)
            if state is TaskState.CANCELLED and place.parent_id is not None:
                self.follow([place.parent_id])

    def restart(self, place: Place) -> None:
        """Make a task ready that is held or over, or ready again; it waits where it must.

        Raises IllegalMove.
        """
        with self._tx() as tx:
            waits = bool(steering.unmet(self._store, [place.id]))
            state = TaskState.CREATED if waits else TaskState.QUEUED
            if place.state is not state:
                require(TASK_MOVES, place.state, state)
            self._put(tx, place, state, AttemptState.RELEASED)

    def wait_no_more(self, place: Place, *, sparing: int | None = None) -> bool:
        """Let a waiting task wait for nothing more; whether it is ready now.

        sparing: a composite whose tasks it still waits for.
        """
        with self._tx() as tx:
            still = steering.unmet(self._store, [place.id]).get(place.id, [])
            dropped = [one for one, parent in still if sparing is None or parent != sparing]
            steering.drop_needs(self._store, place.id, dropped)
            return len(dropped) == len(still) and self._queue(tx, [place.id])

    def follow(self, ended: Sequence[int]) -> None:
        """Queue what waited for tasks that are complete by now, or for the composites they are in.

        After the end of a task, in its transaction.
        """
        with self._tx() as tx:
            waiting = steering.waiting_for(self._store, ended)
            if not waiting:
                return
            # Who ends the other task that one of these waits for must see this end, or wait.
            steering.lock(self._store, waiting)
            still = steering.unmet(self._store, waiting)
            self._queue(tx, [one for one in waiting if one not in still])

    def prioritise(self, ids: Sequence[int], priority: int) -> None:
        """Give tasks a priority; it counts from the next claim on."""
        with self._tx():
            steering.prioritise(self._store, ids, priority)

    def delete(self, places: Collection[Place]) -> None:
        """Delete tasks, whoever has them; what waits for them waits until a person acts."""
        with self._tx() as tx:
            for place in places:
                if place.state not in _OVER:
                    tx.note(EventKind.TASK_CANCELLED, _dialect(place), task_id=place.id)
            steering.delete(self._store, [place.id for place in places])
            parents = {place.parent_id for place in places if place.parent_id is not None}
            self.follow(sorted(parents))

    def _put(self, tx: Transaction, place: Place, state: TaskState, attempt: AttemptState) -> None:
        if place.state in LEASED_TASK:
            lease = Lease(place.id, place.number)
            leases.end_attempt(self._store, lease, state=attempt, now=tx.now)
        steering.put(self._store, place.id, state, tx.now)
        tx.note(_TOLD[state], _dialect(place), task_id=place.id)
        if state is TaskState.QUEUED:
            tx.ring(queue_topic(place.queue))

    def _queue(self, tx: Transaction, ids: Sequence[int]) -> bool:
        for task_id, queue in steering.queue(self._store, ids, tx.now):
            tx.note(EventKind.TASK_QUEUED, queue.partition("/")[0], task_id=task_id)
            tx.ring(queue_topic(queue))
        return bool(ids)


_OVER = frozenset({TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED, TaskState.SKIPPED})


def _dialect(place: Place) -> str:
    return place.queue.partition("/")[0]
