"""The bus between all processes that reach one Redis server: one pub/sub channel."""

import os
import secrets
import threading
from collections.abc import Callable

import redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry

from app.bus.memory import MemoryBus
from app.bus.topics import EVERYTHING, Ring, bounded, decode, encode

#: Seconds to connect, to send, and to wait for an answer.
_TIMEOUT_S = 1.0
#: Seconds of silence on the line after which the server is asked for a sign of life.
_QUIET_S = 5.0
#: Seconds before the first and at most before each further try to reach a server that is away.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0


class RedisBus(MemoryBus):
    """Rings reach every process that uses the same server and namespace.

    One thread (a greenlet in a patched process) publishes and one hears; each starts when it is
    first needed. What waits to be published is a single bounded set of topics, so that a server
    that is away costs neither time nor memory. Whenever the line is (re)established, all
    subscriptions are woken once: rings may have been missed.
    """

    def __init__(self, url: str, *, namespace: str = "default") -> None:
        """Prepare the bus without connecting; ValueError for an address that is not Redis's.

        namespace: installations that share a server must differ in it.
        """
        super().__init__()
        self._url = url
        self._channel = f"jobyard:{namespace}"
        self._connect().close()
        self._equip()

    def _equip(self) -> None:
        self._origin = secrets.token_hex(8)
        self._thread_lock = threading.Lock()
        self._publisher: threading.Thread | None = None
        self._hearer: threading.Thread | None = None
        self._outgoing: frozenset[str] = frozenset()
        self._has_outgoing = threading.Event()
        self._stopping = threading.Event()
        self._line: PubSub | None = None

    def probe(self) -> bool:
        """Publish a ring without topics, and return `healthy`."""
        try:
            with self._connect() as client:
                client.publish(self._channel, encode(Ring(self._origin, frozenset())))
        except (redis.RedisError, OSError) as error:
            self._note("publishing", error)
        else:
            self._note("publishing", None)
        return self.healthy

    def listen(self) -> None:
        """Keep the hearing thread alive in this process."""
        self._mind_fork()
        if not self._closed and not _runs(self._hearer):
            with self._thread_lock:
                if not self._closed and not _runs(self._hearer):
                    self._hearer = self._start("hearing", self._hear)

    def _carry(self, topics: frozenset[str]) -> None:
        with self._lock:
            self._outgoing = bounded(self._outgoing | topics)
        self._has_outgoing.set()
        if not _runs(self._publisher):
            with self._thread_lock:
                if not self._closed and not _runs(self._publisher):
                    self._publisher = self._start("publishing", self._publish)

    def _forked(self) -> None:
        self._cut_line()
        self._equip()

    def _hang_up(self) -> None:
        self._stopping.set()
        self._has_outgoing.set()
        with self._thread_lock:
            publisher, hearer = self._publisher, self._hearer
        self._cut_line()
        for thread in (publisher, hearer):
            if thread is not None:
                thread.join(timeout=2 * _TIMEOUT_S)

    def _cut_line(self) -> None:
        """End a read that waits for the next message; in a child only its copy of the handle."""
        connection = None if self._line is None else self._line.connection
        if connection is not None:
            connection.disconnect()

    def _start(self, part: str, work: Callable[[], None]) -> threading.Thread | None:
        thread = threading.Thread(target=work, name=f"jobyard-bus-{part}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the machine gives no more threads; tried again next time
            self._note(part, error)
            return None
        return thread

    def _connect(self) -> "redis.Redis":
        # No retry by the client: it would hide from us that the line was down for a while.
        return redis.Redis.from_url(
            self._url,
            socket_connect_timeout=_TIMEOUT_S,
            socket_timeout=_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )

    def _publish(self) -> None:
        pid, stopping, has_outgoing = os.getpid(), self._stopping, self._has_outgoing
        pause_s = _FIRST_PAUSE_S
        with self._connect() as client:
            while True:
                has_outgoing.wait()
                has_outgoing.clear()
                with self._lock:
                    topics, self._outgoing = self._outgoing, frozenset()
                try:
                    if topics:
                        client.publish(self._channel, encode(Ring(self._origin, topics)))
                        self._note("publishing", None)
                    pause_s = _FIRST_PAUSE_S
                except Exception as error:  # noqa: BLE001  # whatever it was, ringing must go on
                    self._note("publishing", error)
                    with self._lock:
                        self._outgoing = bounded(self._outgoing | topics)
                    has_outgoing.set()
                    stopping.wait(pause_s)
                    pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                # After the try and not before it: a ring just before the close still goes out.
                if _is_over(stopping, pid):
                    return

    def _hear(self) -> None:
        pid, stopping = os.getpid(), self._stopping
        pause_s = _FIRST_PAUSE_S
        while not _is_over(stopping, pid):
            heard = False
            try:
                with self._connect() as client, client.pubsub() as line:
                    self._line = line
                    line.subscribe(self._channel)
                    while not _is_over(stopping, pid):
                        self._next_message(line)
                        heard = True
            except Exception as error:  # noqa: BLE001  # a thread that ends leaves us deaf
                if not _is_over(stopping, pid):
                    self._note("hearing", error)
            pause_s = _FIRST_PAUSE_S if heard else min(2 * pause_s, _LONGEST_PAUSE_S)
            stopping.wait(pause_s)

    def _next_message(self, line: PubSub) -> None:
        """Handle one message, waiting for it; raises when the server gives no sign of life."""
        message = line.get_message(timeout=_QUIET_S)
        if message is None:
            line.ping()
            message = line.get_message(timeout=_TIMEOUT_S)
        if message is None:
            raise redis.ConnectionError("the server does not answer")
        if message["type"] == "subscribe":
            self._note("hearing", None)
            self._wake(frozenset((EVERYTHING,)))
        elif message["type"] == "message":
            ring = decode(message["data"])
            if ring is not None and ring.origin != self._origin:
                self._wake(ring.topics)


def _runs(thread: threading.Thread | None) -> bool:
    return thread is not None and thread.is_alive()


def _is_over(stopping: threading.Event, pid: int) -> bool:
    # Under gevent a fork copies the greenlets, too; in the child the copies have to end.
    return stopping.is_set() or os.getpid() != pid
