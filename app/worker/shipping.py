"""Shipping of output: from a task's pipe into log parts, in bounded pieces.

Output gathers in memory and is stored once a flush interval for all tasks together, at once when
much has come, and in full before the task's end is reported. A task that writes faster than the
database takes it waits on its own pipe.
"""

import codecs
import threading
from collections.abc import Callable, Sequence

import structlog

from app.domain.errors import Unavailable
from app.domain.records import Claimed
from app.engine.logs import PART_BYTES, Logs

log = structlog.get_logger(__name__)

FLUSH_S = 0.5
KICK_BYTES = 256 * 1024
MOST_BYTES = 4 * 1024 * 1024
WAIT_S = 0.8


class Shipment:
    """The output of one hand-out that is not stored yet."""

    def __init__(self, claimed: Claimed, first: int, kick: Callable[[], None]) -> None:
        self.claimed = claimed
        self._next = first
        self._kick = kick
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pieces: list[str] = []
        self._size = 0
        self._waited = False
        self._parts: list[tuple[int, str]] = []
        self._parts_size = 0
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        self._room = threading.Event()

    def add(self, data: bytes) -> None:
        """Take output; waits up to a second while the database is far behind."""
        with self._lock:
            self._pieces.append(self._decoder.decode(data))
            self._size += len(data)
            size = self._size
        if size >= KICK_BYTES:
            self._kick()
        if size >= MOST_BYTES:
            self._room.clear()
            self._room.wait(WAIT_S)

    def finish(self) -> None:
        """Note that no more will come: an unfinished character is replaced."""
        with self._lock:
            self._pieces.append(self._decoder.decode(b"", final=True))

    def store(self, logs: Logs, *, whole: bool = False) -> None:
        """Store what has come. Raises EngineError and keeps everything when that fails.

        A line that has only begun is left for the next time, once. whole: store that as well.
        """
        with self._storing:
            # A try that failed may have been stored all the same. What bears a number keeps it
            # and its text, or what came since would be taken for stored.
            self._append(logs)
            self._cut(whole=whole)
            self._append(logs)
            self._room.set()

    def _cut(self, *, whole: bool) -> None:
        with self._lock:
            text = "".join(self._pieces)
            end = text.rfind("\n") + 1
            if whole or (end == 0 and self._waited):
                end = len(text)
            rest = text[end:]
            self._pieces = [rest]
            self._waited = bool(rest)
            self._parts_size = self._size - len(rest.encode())
        self._parts = list(enumerate(split(text[:end]), self._next)) if end else []
        self._next += len(self._parts)

    def _append(self, logs: Logs) -> None:
        if self._parts:
            logs.append(
                task_id=self.claimed.task_id,
                job_id=self.claimed.job_id,
                position=self.claimed.position,
                task_created_at=self.claimed.created_at,
                parts=self._parts,
            )
        with self._lock:
            self._size -= self._parts_size
        self._parts, self._parts_size = [], 0


def split(text: str) -> Sequence[str]:
    """Cut text into parts of at most 64 KiB of UTF-8, at line ends where possible."""
    # Most output is far from the limit; four bytes is the longest character.
    if len(text) * 4 <= PART_BYTES:
        return [text]
    data = text.encode()
    parts: list[str] = []
    begin = 0
    while begin < len(data):
        end = min(begin + PART_BYTES, len(data))
        if end < len(data):
            line = data.rfind(b"\n", begin, end)
            if line >= begin:
                end = line + 1
            else:
                while data[end] & 0xC0 == 0x80:
                    end -= 1
        parts.append(data[begin:end].decode())
        begin = end
    return parts


class Shipper:
    """Stores the output of all running tasks, every half second or sooner."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._open: set[Shipment] = set()
        self._wanted = threading.Event()
        self._stopping = False

    def open(self, claimed: Claimed) -> Shipment:
        """Begin the output of a hand-out; a later one goes on with the numbers of the first."""
        first = 1
        if claimed.number > 1:
            first += self._logs.last_number(claimed.task_id)
        shipment = Shipment(claimed, first, self._wanted.set)
        self._open.add(shipment)
        return shipment

    def close(self, shipment: Shipment) -> None:
        """Store the rest. Raises EngineError, and can be called again."""
        shipment.finish()
        shipment.store(self._logs, whole=True)
        self._open.discard(shipment)

    def drop(self, shipment: Shipment) -> None:
        """Forget a shipment whose rest cannot be stored."""
        self._open.discard(shipment)

    def run(self) -> None:
        """Store until stopped; a database that does not answer is tried again."""
        while not self._stopping:
            self._wanted.wait(FLUSH_S)
            self._wanted.clear()
            for shipment in list(self._open):
                try:
                    shipment.store(self._logs)
                except Unavailable:
                    break
                except Exception:
                    # One task's fault must not hold back the output of the others.
                    log.exception("output-not-stored", task_id=shipment.claimed.task_id)

    def stop(self) -> None:
        """End `run`."""
        self._stopping = True
        self._wanted.set()
