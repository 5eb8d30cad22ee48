"""Transactions of the engine: what changes, and who is told of it.

A verb notes events while it works. They are stored by the same transaction; when the outermost one
has committed, the bus rings for those who watch. A rollback drops both.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from app.bus import Bus
from app.data import deliveries, events
from app.data.db import Store
from app.domain.clock import Clock, Instant
from app.domain.errors import Contended, EngineError
from app.domain.events import Event, EventKind
from app.domain.records import Watch
from app.engine.outbox import Outbox

T = TypeVar("T")
TRIES = 200
"""How often a verb decides again because others changed the job; each time one of them got on."""
EVENTS_TOPIC = "events"
SLOTS_TOPIC = "slots"
"""Rung when a slot of any pool may have become free."""
SUBJOBS_TOPIC = "subjobs"
"""Rung when a job that a task started is to be started, has ended, or lost that task."""
DELIVERIES_TOPIC = "deliveries"
"""Rung when there is something new to send."""


def queue_topic(queue: str) -> str:
    """Name the doorbell of a queue: work has become ready there."""
    return f"queue:{queue}"


def worker_topic(worker_id: int) -> str:
    """Name the doorbell of a worker: something it holds is to be ended."""
    return f"worker:{worker_id}"


def job_topic(job_id: str) -> str:
    """Name the doorbell of a job: something of it has changed."""
    return f"job:{job_id}"


class Moved(EngineError):
    """The job has changed since it was read; decide again."""


def retried(store: Store, verb: Callable[[], T]) -> T:
    """Run a verb that rests on a snapshot, and again where others were faster. Raises Contended.

    In an outer transaction that the database has given up, trying again is for who opened it.
    """
    for _ in range(TRIES):
        try:
            return verb()
        except Moved:
            continue
        except Contended:
            if store.in_transaction:
                raise
    raise Contended


class Transaction:
    """What one transaction has to tell. now: the instant all of it happens at."""

    __slots__ = ("events", "now", "outbox", "topics")

    def __init__(self, now: Instant, outbox: Outbox) -> None:
        self.now = now
        self.outbox = outbox
        self.events: list[Event] = []
        self.topics: set[str] = set()

    def note(
        self,
        kind: EventKind,
        dialect: str,
        *,
        job_id: str | None = None,
        task_id: int | None = None,
        **data: Any,
    ) -> None:
        """Note an event, to be stored and told of at the commit.

        Note it when the rows say what it says: they are copied for those who watch the job.
        """
        event = Event(
            kind=kind, dialect=dialect, at=self.now, job_id=job_id, task_id=task_id, data=data
        )
        self.events.append(event)
        if job_id is not None:
            self.topics.add(job_topic(job_id))
            self.outbox.note(event)

    def watch(self, job_id: str, watches: Sequence[Watch] | None = None) -> None:
        """Tell of the job's events from now on. watches: read when needed where not known."""
        self.outbox.watch(job_id, watches)

    def ring(self, topic: str) -> None:
        """Ring a doorbell at the commit."""
        self.topics.add(topic)


class _Local(threading.local):
    current: Transaction | None = None


class Transactions:
    """Opens transactions; calling it inside one joins that one."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self.store = store
        self._bus = bus
        self.clock = clock
        self._local = _Local()

    @contextmanager
    def single(self) -> Iterator[Transaction]:
        """Do the same for a block that writes by one statement, which stores its events as well.

        No other verb joins it; inside a transaction it is a part of that.
        """
        if self._local.current is not None:
            yield self._local.current
            return
        current = Transaction(self.clock.now(), Outbox(self.store))
        with self.store.single():
            yield current
        if current.topics:
            self._bus.ring(current.topics)

    @contextmanager
    def __call__(self) -> Iterator[Transaction]:
        """Commit the block as a whole and then ring; an error inside undoes all of it."""
        local = self._local
        if local.current is not None:
            yield local.current
            return
        current = Transaction(self.clock.now(), Outbox(self.store))
        with self.store.transaction():
            local.current = current
            try:
                yield current
                if current.events:
                    events.insert(self.store, current.events)
                    current.topics.add(EVENTS_TOPIC)
                if current.outbox.messages:
                    deliveries.insert(self.store, current.outbox.messages, current.now)
                    current.topics.add(DELIVERIES_TOPIC)
            finally:
                local.current = None
        if current.topics:
            self._bus.ring(current.topics)
