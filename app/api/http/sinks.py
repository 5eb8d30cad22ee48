"""The sinks of jobs, line by line, for any number of clients.

A sink is what the tasks of a job write to their standard output, merged in the order in which it
was stored. While somebody follows one, this process has one reader for it; it hands each line to
all who follow, into a bounded queue each. Who does not keep up misses new lines, and slows neither
the job nor the others.
"""

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

import structlog

from app.domain.errors import EngineError, NotFound, Unavailable
from app.domain.events import parse_position
from app.domain.records import LogPart
from app.engine import Engine
from app.engine.logs import PART_BYTES
from app.engine.transaction import job_topic

log = structlog.get_logger(__name__)

QUEUE_LINES = 1000
"""What waits for one client at most."""
BATCH = 100
SWEEP_S = 0.5
SOON_S = 0.03
"""What rang may wait for an older transaction; so long until it is looked for again."""
GATHER_S = 0.02
"""Pause after a look, so that many short outputs cost few looks."""
LAST_WORDS_S = 5.0
"""How long the processes of a job that is over are listened to."""
LINES_OF_A_PART = PART_BYTES // 2
_ID = re.compile(r"[0-9]{1,18}-[0-9]{1,18}\.[0-9]{1,9}", re.ASCII)
Place = tuple[int, int]


class Line(NamedTuple):
    """One line of a sink. id: its place among all, by which a client can go on behind it."""

    text: str
    id: str = ""


class Follower:
    """One client of a sink, for one waiter.

    bell: rung when there is something to take. ended: nothing comes any more but what waits.
    after: the place of the last part that was stored when it joined.
    """

    def __init__(self, bell: threading.Event, after: Place) -> None:
        self.bell = bell
        self.ended = False
        self.after = after
        self.earlier: Iterator[Sequence[Line]] = iter(())
        self._queue: deque[Line] = deque()
        self._lock = threading.Lock()

    def take(self, timeout_s: float) -> Sequence[Line]:
        """Give the next lines, waiting for some; nothing after the timeout and at the end."""
        lines = self.ready()
        if not lines and not self.ended:
            self.bell.wait(timeout_s)
            self.bell.clear()
            lines = self.ready()
        return lines

    def ready(self) -> Sequence[Line]:
        """Give the next lines that are there, some of them if they are many."""
        for lines in self.earlier:
            return lines
        with self._lock:
            return [self._queue.popleft() for _ in range(min(len(self._queue), BATCH))]

    def put(self, lines: Sequence[Line]) -> None:
        """Queue lines; what is too much is lost."""
        with self._lock:
            self._queue += lines[: QUEUE_LINES - len(self._queue)]
            self.bell.set()

    def end(self) -> None:
        """Wake the client for the last time."""
        self.ended = True
        self.bell.set()


class Sinks:
    """The readers of one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._readers: dict[str, _Reader] = {}

    @contextmanager
    def following(
        self,
        job_id: str,
        *,
        replay: int | None = 0,
        behind: str = "",
        bell: threading.Event | None = None,
        use: Callable[[], None] = lambda: None,
    ) -> Iterator[Follower]:
        """Follow a job's sink from now on, during the block.

        replay: how many of its last lines come first; None is all that there are.
        behind: the id of a line, of this job or of another; all that was stored after it comes
        first. bell: rung beside whatever else the client waits for. use: says that the job is
        followed; called twice a second for all of a process together, and when the last one leaves.
        Raises StoreUnavailable.
        """
        newest = self._engine.logs.last_of_sink(job_id, limit=1)
        place = parse_position(newest[0].position if newest else "")
        with self._lock:
            reader = self._readers.get(job_id)
            if reader is None:
                reader = self._readers[job_id] = _Reader(self._engine, job_id, place, use)
                threading.Thread(
                    target=self._run, args=(reader,), name="jobyard-sink", daemon=True
                ).start()
            follower = Follower(bell or threading.Event(), max(place, reader.handed_out))
            reader.followers.add(follower)
        if behind:
            follower.earlier = _behind(self._engine, job_id, behind, follower.after)
        elif replay != 0:
            follower.earlier = _earlier(self._engine, job_id, follower.after, replay)
        try:
            yield follower
        finally:
            with self._lock:
                reader.followers.discard(follower)
            if not reader.followers:
                reader.use()

    def _run(self, reader: "_Reader") -> None:
        """Read while anybody follows, and until the job is over."""
        try:
            with self._engine.logs.watch(
                job_id=reader.job_id, also=(job_topic(reader.job_id),)
            ) as bell:
                rung = False
                while self._needed(reader) and not bell.closed:
                    parts = reader.look()
                    with self._lock:
                        reader.hand_out(parts)
                    if reader.over:
                        break
                    if len(parts) < BATCH:
                        rung = bell.wait(SOON_S if rung and not parts else SWEEP_S)
                        time.sleep(GATHER_S)
        except Exception:
            log.exception("sink-not-read", job_id=reader.job_id)
        with self._lock:
            if self._readers.get(reader.job_id) is reader:
                del self._readers[reader.job_id]
            for follower in reader.followers:
                follower.end()

    def _needed(self, reader: "_Reader") -> bool:
        with self._lock:
            if not reader.followers:
                del self._readers[reader.job_id]
            return bool(reader.followers)


class _Reader:
    """Reads one sink. handed_out: the place of the last part that was. over: no more will come."""

    def __init__(self, engine: Engine, job_id: str, after: Place, use: Callable[[], None]) -> None:
        self.job_id = job_id
        self.handed_out = after
        self.followers: set[Follower] = set()
        self.over = False
        self._engine = engine
        self._use = use
        self._ended_at: float | None = None
        self._used_at = 0.0

    def look(self) -> Sequence[LogPart]:
        """Give the next parts."""
        if time.monotonic() - self._used_at >= SWEEP_S:
            self.use()
        try:
            # In this order: what was written before the end is stored before it.
            quiet = self._is_quiet()
            parts = self._engine.logs.sink_after(
                self.job_id, _written(self.handed_out), limit=BATCH, settled=not quiet
            )
        except Unavailable:
            return ()
        self.over = quiet and len(parts) < BATCH
        return parts

    def hand_out(self, parts: Sequence[LogPart]) -> None:
        """Give the lines of parts to all who had joined before these were stored."""
        placed = [(parse_position(part.position), lines_of(part)) for part in parts]
        if not placed:
            return
        self.handed_out = placed[-1][0]
        everything = [line for _, lines in placed for line in lines]
        for follower in self.followers:
            if follower.after < placed[0][0]:
                follower.put(everything)
            else:
                follower.put(
                    [x for place, lines in placed if place > follower.after for x in lines]
                )

    def use(self) -> None:
        """Say that the job is followed; what fails now is made up for a second later."""
        self._used_at = time.monotonic()
        with suppress(EngineError):
            self._use()

    def _is_quiet(self) -> bool:
        """Tell whether all that the job will ever write is stored."""
        try:
            if not self._engine.jobs.state(self.job_id).final:
                return False
        except NotFound:
            return True
        now = time.monotonic()
        if self._ended_at is None:
            self._ended_at = now
        return now - self._ended_at >= LAST_WORDS_S or not self._engine.jobs.is_held(self.job_id)


def lines_of(part: LogPart) -> Sequence[Line]:
    """Give the lines of a part of a sink without their ends, and without blank ones."""
    texts = (line.removesuffix("\r") for line in part.contents.split("\n"))
    return [
        Line(text, f"{part.position}.{number}")
        for number, text in enumerate(text for text in texts if text.strip())
    ]


def is_id(text: str) -> bool:
    """Tell whether a text may be the id of a line."""
    return _ID.fullmatch(text) is not None


def _behind(engine: Engine, job_id: str, line_id: str, end: Place) -> Iterator[Sequence[Line]]:
    """Give the lines behind one up to a place."""
    position, _, number = line_id.partition(".")
    transaction, part = parse_position(position)
    before = _written((transaction, part - 1))
    told = {f"{position}.{one}" for one in range(min(int(number), LINES_OF_A_PART) + 1)}
    for lines in _between(engine, job_id, before, end):
        if fresh := [line for line in lines if line.id not in told]:
            yield fresh


def _earlier(
    engine: Engine, job_id: str, end: Place, count: int | None
) -> Iterator[Sequence[Line]]:
    """Give the last lines up to a place, oldest first and in batches; of None all."""
    position, skip = ("", 0) if count is None else _start(engine, job_id, end, count)
    for lines in _between(engine, job_id, position, end):
        if len(lines) > skip:
            yield lines[skip:]
        skip = max(0, skip - len(lines))


def _between(engine: Engine, job_id: str, position: str, end: Place) -> Iterator[Sequence[Line]]:
    """Give the lines behind a position up to a place, in batches."""
    while parts := engine.logs.sink_after(job_id, position, limit=BATCH, settled=False):
        yield [
            line
            for part in parts
            if parse_position(part.position) <= end
            for line in lines_of(part)
        ]
        position = parts[-1].position
        if parse_position(position) >= end:
            return


def _start(engine: Engine, job_id: str, end: Place, count: int) -> tuple[str, int]:
    """Give the position behind which the last lines begin, and how many to leave out there."""
    seen = 0
    while parts := engine.logs.last_of_sink(job_id, _written(end), limit=BATCH):
        for part in parts:
            transaction, number = parse_position(part.position)
            end = (transaction, number - 1)
            seen += len(lines_of(part))
            if seen >= count:
                return _written(end), seen - count
    return "", 0


def _written(place: Place) -> str:
    return "" if min(place) < 0 else f"{place[0]}-{place[1]}"
