"""The bus between the processes of one machine: a Unix datagram socket for each that listens.

The sockets lie in `<data_dir>/bus/`. Ringing lists that directory and sends one datagram to each
socket in it, without waiting. Listing costs about 10 µs and is done each time: a remembered list
would miss a process that began to listen within the granularity of the directory's time stamp.

A busy process would spend more on ringing than on what it rings about, and wake all others as
often. So after a few rings on end it gathers what follows and rings for all of it every 20 ms.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.bus.memory import MemoryBus
from app.bus.topics import MAX_MESSAGE_BYTES, Ring, bounded, decode, encode

_SUFFIX = ".sock"
#: Seconds between two looks whether our own socket can still be reached.
_CHECK_EVERY_S = 1.0
#: Rings that are sent at once after a rest, and how many a second become free again.
_AT_ONCE, _PER_S = 8, 50
#: How long rings are gathered beyond that.
_GATHER_S = 0.02
#: Pauses before rings are offered again to a full socket: 1.1 s in all, then the watchers' own
#: sweep has found what the ring was about.
_OFFER_AGAIN_S = (0.002, 0.004, 0.008, 0.016, 0.032, 0.064, *(0.1,) * 10)


class LocalBus(MemoryBus):
    """Rings reach every process that uses the same data directory."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__()
        self._directory = data_dir.absolute() / "bus"
        self._equip()

    def _equip(self) -> None:
        self._ear: _Ear | None = None
        self._ear_lock = threading.Lock()
        self._next_check = 0.0
        self._mail = _Mail(self._directory)

    def probe(self) -> bool:
        """Listen, ring without a topic, and return `healthy`."""
        self._mind_fork()
        self._next_check = 0.0
        self.listen()
        self._carry(frozenset())
        return self.healthy

    def listen(self) -> None:
        """Keep one socket open in this process, and open another when it was lost.

        It is lost after a fork, and when somebody cleared the data directory.
        """
        self._mind_fork()
        if self._closed or time.monotonic() < self._next_check:
            return
        with self._ear_lock:
            # Before the work and not after it: whoever comes meanwhile need not queue up.
            self._next_check = time.monotonic() + _CHECK_EVERY_S
            try:
                if self._closed or (self._ear is not None and self._ear.is_reachable()):
                    return
                lost, self._ear = self._ear, None
                if lost is not None:
                    lost.close()
                self._ear = _Ear(self._directory, self._wake)
                self._mail.origin = self._ear.name
                self._note("listening", None)
            except (OSError, RuntimeError) as error:
                self._note("listening", error)

    def _carry(self, topics: frozenset[str]) -> None:
        trouble: Exception | None = None
        try:
            self._mail.post(topics)
        except FileNotFoundError:
            pass  # no directory: nobody has ever listened
        except (OSError, RuntimeError) as error:
            trouble = error
        self._note("ringing", trouble)

    def _forked(self) -> None:
        if self._ear is not None:
            self._ear.abandon()
        self._mail.abandon()
        self._equip()

    def _hang_up(self) -> None:
        with self._ear_lock:
            ear, self._ear = self._ear, None
        if ear is not None:
            ear.close()
        self._mail.close()


class _Ear:
    """The socket of this process and the thread, or greenlet, that reads it."""

    def __init__(self, directory: Path, wake: Callable[[frozenset[str]], None]) -> None:
        self._wake = wake
        self._pid = os.getpid()
        self._closing = False
        self.name = f"{self._pid}-{secrets.token_hex(8)}{_SUFFIX}"
        self._path = directory / self.name
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # Connected to our own socket: it can end the reader even when the file is gone.
        self._stopper = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._stopper.setblocking(False)
        try:
            with _opened(directory) as folder:
                self._socket.bind(_address(folder, self.name))
                self._stopper.connect(_address(folder, self.name))
            self._reader = threading.Thread(target=self._read, name="jobyard-bus", daemon=True)
            self._reader.start()
        except (OSError, RuntimeError):
            self.abandon()
            self._path.unlink(missing_ok=True)
            raise

    def is_reachable(self) -> bool:
        return self._reader.is_alive() and self._path.exists()

    def close(self) -> None:
        self._closing = True
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        with suppress(OSError):  # a full queue: the reader is busy and will see the mark
            self._stopper.send(b"")
        self._reader.join(timeout=1.0)
        self.abandon()

    def abandon(self) -> None:
        """Close the handles and leave the file: in a child process it is the parent's."""
        self._socket.close()
        self._stopper.close()

    def _read(self) -> None:
        while True:
            try:
                message = self._socket.recv(MAX_MESSAGE_BYTES)
            except OSError:
                return
            # Under gevent a fork copies this reader, too; it must not go on eating the parent's
            # rings.
            if self._closing or os.getpid() != self._pid:
                return
            ring = decode(message)
            if ring is not None:
                self._wake(ring.topics)


class _Mail:
    """Delivers rings to all sockets but our own.

    A socket's queue is short (10 messages where nobody raised the limit) and full as soon as its
    process is busy for a moment. What it did not take is owed to it and offered again a little
    later; the debt of each socket is one bounded set of topics.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.origin = ""
        self._lock = threading.Lock()
        self._owed: dict[str, frozenset[str]] = {}
        self._offering: threading.Thread | None = None
        self._closing = threading.Event()
        self._sender: socket.socket | None = None
        self._gathered: frozenset[str] = frozenset()
        self._gathering: threading.Thread | None = None
        self._busy = 0.0
        self._busy_at = 0.0

    def post(self, topics: frozenset[str]) -> None:
        """Send to everybody, or soon with others.

        FileNotFoundError without a directory, OSError when it is unusable.
        """
        with self._lock:
            now = time.monotonic()
            self._busy = max(0.0, self._busy - (now - self._busy_at) * _PER_S)
            self._busy_at = now
            if self._gathered or self._busy >= _AT_ONCE:
                self._gathered = bounded(self._gathered | topics)
                if self._gathering is None and not self._closing.is_set():
                    self._gathering = threading.Thread(
                        target=self._gather, name="jobyard-bus-later", daemon=True
                    )
                    self._gathering.start()
                return
            self._busy += 1.0
        self._deliver(topics)

    def _gather(self) -> None:
        while not self._closing.wait(_GATHER_S):
            if not self._deliver_gathered():
                return

    def _deliver_gathered(self) -> bool:
        with self._lock:
            topics, self._gathered = self._gathered, frozenset()
            if not topics:
                self._gathering = None
        with suppress(OSError):
            if topics:
                self._deliver(topics)
        return bool(topics)

    def _deliver(self, topics: frozenset[str]) -> None:
        message = encode(Ring(self.origin, topics))
        with _opened(self._directory) as folder:
            for name in os.listdir(folder):  # noqa: PTH208  # by handle, which pathlib cannot
                if name.endswith(_SUFFIX) and name != self.origin:
                    self._send(folder, name, topics, message)
        if self._owed:
            self._offer_again()

    def close(self) -> None:
        self._closing.set()
        with self._lock:
            helpers = (self._offering, self._gathering)
        for helper in helpers:
            if helper is not None:
                helper.join(timeout=1.0)
        self._deliver_gathered()
        self.abandon()

    def abandon(self) -> None:
        if self._sender is not None:
            self._sender.close()

    def _send(self, folder: int, name: str, topics: frozenset[str], message: bytes) -> None:
        """Send the topics, written down as the message already, and what is owed with them."""
        with self._lock:
            owed = self._owed.pop(name, None)
            if self._sender is None:
                self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._sender.setblocking(False)
        if owed is not None:
            topics = bounded(topics | owed)
            message = encode(Ring(self.origin, topics))
        try:
            self._sender.sendto(message, _address(folder, name))
        except BlockingIOError:
            with self._lock:
                self._owed[name] = bounded(topics | self._owed.get(name, frozenset()))
        except ConnectionRefusedError:
            # Its process was killed. The name is never used again, so nobody else can lose it.
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
        except OSError:
            pass  # gone meanwhile, or not ours to write to: the sweep of its watchers remains

    def _offer_again(self) -> None:
        with self._lock:
            if self._offering is None and not self._closing.is_set():
                offering = threading.Thread(
                    target=self._offer, name="jobyard-bus-again", daemon=True
                )
                offering.start()
                self._offering = offering

    def _offer(self) -> None:
        for pause_s in _OFFER_AGAIN_S:
            if self._closing.wait(pause_s):
                break
            with self._lock:
                names = list(self._owed)
                if not names:
                    self._offering = None
                    return
            with suppress(OSError), _opened(self._directory) as folder:
                for name in names:
                    self._send(folder, name, frozenset(), b"")
        with self._lock:
            self._owed.clear()
            self._offering = None


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    # Anew each time: a directory that was removed and made again is the new one at once.
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield folder
    finally:
        os.close(folder)


def _address(folder: int, name: str) -> str:
    # A socket's address has at most 108 bytes, and a data directory may lie deeper than that.
    return f"/proc/self/fd/{folder}/{name}"
