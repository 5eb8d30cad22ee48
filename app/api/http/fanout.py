"""Events for any number of streams, read from the database once.

A process has one reader, and only while somebody listens. It hands each event to the clients that
want it, into a bounded queue each. A client that does not keep up loses its queue and is told so;
its stream reads the rows themselves until it has caught up, at the pace of its own connection.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from app.domain.errors import EventsPruned, Unavailable
from app.domain.events import Event, parse_position
from app.engine import Engine
from app.engine.transaction import EVENTS_TOPIC

log = structlog.get_logger(__name__)

QUEUE_EVENTS = 256
"""What waits for one client at most."""
BATCH = 500
SWEEP_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events a client wants: those that fit every part that is set. kinds: exact words."""

    job_id: str | None = None
    dialect: str | None = None
    kinds: frozenset[str] = frozenset()

    def holds(self, event: Event) -> bool:
        """Tell whether an event is wanted."""
        return (
            (self.job_id is None or event.job_id == self.job_id)
            and (self.dialect is None or event.dialect == self.dialect)
            and (not self.kinds or event.kind in self.kinds)
        )


@dataclass(frozen=True, slots=True)
class Take:
    """What a client was given. lost: events between the last take and `position` are missing.

    position: how far in commit order this goes, whether or not there was anything in it.
    """

    events: Sequence[Event]
    lost: bool
    position: str


@dataclass(slots=True, eq=False)
class Client:
    """One stream. position: where it joined; "" before the first event of all.

    ended: there is no more to come.
    """

    hub: "Hub"
    wanted: Wanted
    position: str
    rung: threading.Event
    ended: bool = False
    queue: deque[Event] = field(default_factory=deque)
    lost: bool = False

    def take(self, timeout_s: float) -> Take:
        """Wait for events, and give what has come; nothing after the timeout or at the end."""
        self.rung.wait(timeout_s)
        return self.hub.taken(self)

    def end(self) -> None:
        """Wake the stream for the last time."""
        self.ended = True
        self.rung.set()


class Hub:
    """The reader of one process and its clients."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        # By the job they want, so that an event costs nothing to those who want another's.
        self._clients: dict[str | None, set[Client]] = {}
        self._position = ""
        self._reading = False

    @contextmanager
    def joined(self, wanted: Wanted, bell: threading.Event | None = None) -> Iterator[Client]:
        """Be a client for the block. bell: rung for it beside whatever else the client waits for.

        Raises StoreUnavailable.
        """
        client = self._join(wanted, bell or threading.Event())
        try:
            yield client
        finally:
            self._leave(client)

    def taken(self, client: Client) -> Take:
        """Empty a client's queue."""
        with self._lock:
            if not client.ended:
                client.rung.clear()
            events, client.queue = list(client.queue), deque()
            lost, client.lost = client.lost, False
            return Take(events, lost, self._position)

    def _join(self, wanted: Wanted, bell: threading.Event) -> Client:
        with self._lock:
            if not self._reading:
                self._position = self._engine.events.last_position()
                self._reading = True
                threading.Thread(target=self._read, name="jobyard-events", daemon=True).start()
            client = Client(self, wanted, self._position, bell)
            self._clients.setdefault(wanted.job_id, set()).add(client)
            return client

    def _leave(self, client: Client) -> None:
        with self._lock:
            others = self._clients.get(client.wanted.job_id, set())
            others.discard(client)
            if not others:
                self._clients.pop(client.wanted.job_id, None)

    def _read(self) -> None:
        try:
            with self._engine.bus.subscribe(EVENTS_TOPIC) as bell:
                while not bell.closed:
                    if not self._needed():
                        return
                    if self._read_on() < BATCH:
                        bell.wait(SWEEP_S)
                    else:
                        time.sleep(0)  # let those write who have something to write
        except Exception:
            log.exception("events-not-read")
        self._end_all()

    def _needed(self) -> bool:
        with self._lock:
            if not self._clients:
                self._reading = False
            return self._reading

    def _read_on(self) -> int:
        try:
            events = self._engine.events.after(self._position, limit=BATCH)
        except Unavailable:
            return 0
        except EventsPruned:
            self._begin_anew()
            return 0
        with self._lock:
            for event in events:
                self._deliver(event)
            if events:
                self._position = events[-1].position
        return len(events)

    def _begin_anew(self) -> None:
        """Let everybody know that something is missing: this process slept for very long."""
        position = self._engine.events.last_position()
        with self._lock:
            self._position = position
            for clients in self._clients.values():
                for client in clients:
                    client.queue.clear()
                    client.lost = True
                    client.rung.set()

    def _deliver(self, event: Event) -> None:
        keys = (None,) if event.job_id is None else (None, event.job_id)
        for key in keys:
            for client in self._clients.get(key, ()):
                if client.lost or not client.wanted.holds(event):
                    continue
                if len(client.queue) >= QUEUE_EVENTS:
                    client.queue.clear()
                    client.lost = True
                else:
                    client.queue.append(event)
                client.rung.set()

    def _end_all(self) -> None:
        """Let the streams end when the reader has, so that their clients come back."""
        with self._lock:
            self._reading = False
            for clients in self._clients.values():
                for client in clients:
                    client.end()


def is_behind(position: str, other: str) -> bool:
    """Tell whether a position comes after another in commit order."""
    return parse_position(position) > parse_position(other)
