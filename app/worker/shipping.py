"""Shipping of output: from a task's pipe into log parts, in bounded pieces.

Output gathers in memory and is stored a second after it came at the latest, at once when somebody
watches or when much has come, and in full before the task's end is reported. A task that writes
faster than the database takes it, or while there is no database, waits on its own pipe once 4 MiB
are waiting here.
"""

import codecs
import threading
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter

import structlog

from app.domain.errors import Unavailable
from app.domain.records import Claimed
from app.engine.logs import PART_BYTES, Logs
from app.engine.watching import Demand
from app.worker.lines import Lines, Piece

log = structlog.get_logger(__name__)

PACE_S = 0.05
"""How often it is looked whether output is due: how long a watcher waits at most."""
FLUSH_S = 0.9
"""How long output that nobody watches is gathered."""
SILENT_S = 0.05
"""After so long a line that has only begun is taken for one that stays so for a while."""
AWAY_S = 1.0
"""How long a database that did not answer is left alone."""
KICK_BYTES = 256 * 1024
MOST_BYTES = 4 * 1024 * 1024
"""How much of one task's output waits here, but for a few pieces."""
WAIT_S = 0.8


class Shipment:
    """The output of one hand-out that is not stored yet.

    after: number of the task's newest part. kick: tells that much has come. demand: who watches.
    """

    def __init__(
        self, claimed: Claimed, after: int, kick: Callable[[], None], demand: Demand
    ) -> None:
        self.claimed = claimed
        self._demand = demand
        self._since: float | None = None
        self._last = 0.0
        self._after = after
        self._kick = kick
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lines = Lines()
        self._pieces: list[Piece] = []
        self._size = 0
        self._parts: Sequence[Piece] = []
        self._parts_size = 0
        self._parts_at = 0
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        self._room = threading.Event()

    def add(self, data: bytes, *, sink: bool = False) -> None:
        """Take output; waits up to a second while this is full. sink: it is lines for others."""
        with self._lock:
            if sink:
                self._pieces += self._lines.feed(data)
            else:
                self._pieces.append(Piece(self._decoder.decode(data), sink=False))
            self._size += len(data)
            self._last = time.monotonic()
            if self._since is None:
                self._since = self._last
            size = self._size
        if size >= KICK_BYTES:
            self._kick()
        if size >= MOST_BYTES:
            self._room.clear()
            self._room.wait(WAIT_S)

    def is_full(self) -> bool:
        """Say whether the database is so far behind that the task has to wait."""
        return self._size >= MOST_BYTES

    def is_due(self) -> bool:
        """Say whether what has come should be stored now."""
        # Looked at always, or an old mark would count once there is output.
        watched = self._demand.present()
        with self._lock:
            if self._since is None:
                return False
            return watched or self._size >= KICK_BYTES or time.monotonic() - self._since >= FLUSH_S

    def close(self) -> None:
        """Listen for watchers no longer."""
        self._demand.close()

    def finish(self) -> None:
        """Note that no more will come: an unfinished character is replaced, a line ends."""
        with self._lock:
            self._pieces += self._lines.feed(b"", final=True)
            self._pieces.append(Piece(self._decoder.decode(b"", final=True), sink=False))

    def store(self, logs: Logs, *, whole: bool = False) -> None:
        """Store what has come. Raises EngineError and keeps everything when that fails.

        A line that has only begun is left for the next time while more of it comes. whole: store
        that as well.
        """
        with self._storing:
            # A try that failed may have been stored all the same. It is made again exactly as it
            # was, and known by that; what came since is not added to it.
            self._append(logs)
            self._cut(logs, whole=whole)
            self._append(logs)
            self._room.set()

    def _cut(self, logs: Logs, *, whole: bool) -> None:
        with self._lock:
            runs = _joined(self._pieces)
            now = time.monotonic()
            rest = ""
            if runs and not runs[-1].sink and not whole and now - self._last < SILENT_S:
                text = runs[-1].text
                end = text.rfind("\n") + 1
                old = end == 0 and now - (self._since or now) >= FLUSH_S
                rest = "" if old else text[end:]
                runs[-1] = Piece(text[: len(text) - len(rest)], sink=False)
            self._pieces = [Piece(rest, sink=False)]
            if not rest:
                self._since = None
            elif len(runs) > 1 or runs[0].text:
                self._since = now
            self._parts_size = self._size - len(rest.encode())
        self._parts = [
            Piece(part, run.sink) for run in runs if run.text for part in split(run.text)
        ]
        self._parts_at = logs.now()

    def _append(self, logs: Logs) -> None:
        if self._parts:
            self._after = logs.append(
                task_id=self.claimed.task_id,
                job_id=self.claimed.job_id,
                position=self.claimed.position,
                task_created_at=self.claimed.created_at,
                texts=[part.text for part in self._parts],
                sink=[at for at, part in enumerate(self._parts) if part.sink],
                after=self._after,
                at=self._parts_at,
            )
        with self._lock:
            self._size -= self._parts_size
        self._parts, self._parts_size = [], 0


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Join pieces of the same stream that follow each other."""
    return [
        Piece("".join(piece.text for piece in run), sink)
        for sink, run in groupby(pieces, attrgetter("sink"))
    ]


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
    """Stores the output of all running tasks when it is due."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._open: set[Shipment] = set()
        self._wanted = threading.Event()
        self._stopping = threading.Event()

    def open(self, claimed: Claimed) -> Shipment:
        """Begin the output of a hand-out; that of a later one follows that of the first."""
        after = 0 if claimed.number == 1 else self._logs.last_number(claimed.task_id)
        demand = self._logs.demand(claimed.task_id, claimed.job_id)
        shipment = Shipment(claimed, after, self._wanted.set, demand)
        self._open.add(shipment)
        self._wanted.set()
        return shipment

    def close(self, shipment: Shipment) -> None:
        """Store the rest. Raises EngineError, and can be called again."""
        shipment.finish()
        shipment.store(self._logs, whole=True)
        self.drop(shipment)

    def drop(self, shipment: Shipment) -> None:
        """Forget a shipment, also one whose rest cannot be stored."""
        self._open.discard(shipment)
        shipment.close()

    def run(self) -> None:
        """Store until stopped; a database that does not answer is tried again."""
        while not self._stopping.is_set():
            self._wanted.wait(PACE_S if self._open else None)
            self._wanted.clear()
            for shipment in list(self._open):
                if not shipment.is_due():
                    continue
                try:
                    shipment.store(self._logs)
                except Unavailable:
                    self._stopping.wait(AWAY_S)
                    break
                except Exception:
                    # One task's fault must not hold back the output of the others.
                    log.exception("output-not-stored", task_id=shipment.claimed.task_id)

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()
        self._wanted.set()
