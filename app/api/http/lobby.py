"""The waiting room of a process: requests that wait until work appears in a queue.

All waiters of a process share one subscription and one greenlet that listens. Each queue has a line
of its own. A ring calls the first of the line; when that one took work it calls the next, since
there may be more, and when it found none the rest sleep on. So N tasks wake N waiters and one in
vain, however many wait. Once a second one statement asks which of these queues have work, for rings
that were lost. Whoever waits holds no connection of the database.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from app.api.http.drain import Drain
from app.bus import Subscription
from app.domain.errors import EngineError, RateLimited
from app.engine import Engine
from app.engine.transaction import queue_topic

T = TypeVar("T")
SWEEP_S = 1.0
"""How often queues with waiters are looked at without any ring."""
IN_VAIN = 16
"""How many of a line one ring calls although what is ready was not for them. They then stand at the
end of it, so that the next ring or sweep calls others."""


class Shut(Exception):
    """Raised by a look: nobody can take work of that queue at present."""


class Waiter:
    """One request. turn: the line that has called it; it stands in none then."""

    __slots__ = ("bell", "lines", "turn")

    def __init__(self) -> None:
        self.bell = threading.Event()
        self.lines: Sequence[Line] = ()
        self.turn: Line | None = None


class Line:
    """Who waits for a queue. busy: one of it is looking. again: it rang meanwhile.

    users: requests that stand in it or have stepped out to look. later: when to call after a pause.
    """

    __slots__ = ("again", "busy", "in_vain", "later", "queue", "users", "waiters")

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.waiters: OrderedDict[Waiter, None] = OrderedDict()
        self.users = 0
        self.busy = False
        self.again = False
        self.in_vain = 0
        self.later: float | None = None


class Lobby:
    """One of a process; it costs nothing while nobody waits."""

    def __init__(self, engine: Engine, drain: Drain) -> None:
        self._engine = engine
        self._drain = drain
        self._lock = threading.Lock()
        self._lines: dict[str, Line] = {}
        self._paused: set[Line] = set()
        self._bell: Subscription | None = None

    def wait(
        self,
        queues: Sequence[str],
        timeout_s: float,
        look: Callable[[], T | None],
        *,
        gone: Callable[[], bool] = lambda: False,
    ) -> T | None:
        """Give what `look` finds as soon as it finds something; None at the end of the time.

        queues: named once each; without any it only waits.
        look: takes work, and is called when there may be some, and at the end of the time. What it
        raises passes, but for Shut, and for RateLimited, after which its turn comes again later.
        gone: tells whether whoever asked has hung up; work stays for others then.
        Ends early when the process is to stop.
        """
        waiter = Waiter()
        end = time.monotonic() + timeout_s
        with self._drain.watching(waiter.bell.set):
            fresh = self._enter(waiter, queues)
            try:
                # It may have rung before anybody listened.
                found = _quietly(look) if fresh else None
                while found is None and time.monotonic() < end and not self._drain.stopping:
                    waiter.bell.wait(max(0.0, end - time.monotonic()))
                    if waiter.turn is not None:
                        if gone():
                            return None
                        found = self._take_turn(waiter, look)
            finally:
                self._leave(waiter)
        if found is None and not self._drain.stopping and not gone():
            found = _quietly(look)
        return found

    # -- a waiter's turn ----------------------------------------------------------------------

    def _take_turn(self, waiter: Waiter, look: Callable[[], T | None]) -> T | None:
        pause_s = 0.0
        others = False
        try:
            found = look()
            if found is not None:
                return found  # `_leave` calls the next
            others = self._any_left(waiter)
        except Shut:
            pass
        except RateLimited as error:
            pause_s = float(str(error.facts.get("retry_after_s", SWEEP_S)))
        with self._lock:
            self._step_back(waiter, others=others, pause_s=pause_s)
        if self._drain.stopping:
            waiter.bell.set()
        return None

    def _any_left(self, waiter: Waiter) -> bool:
        with suppress(EngineError):
            return bool(self._engine.queues.ready([line.queue for line in waiter.lines]))
        return False

    def _step_back(self, waiter: Waiter, *, others: bool, pause_s: float) -> None:
        """Stand in line again, in front when there was nothing for anybody, and call who is due."""
        line, waiter.turn = waiter.turn, None
        waiter.bell.clear()
        for each in waiter.lines:
            each.waiters[waiter] = None
            if not others:
                each.waiters.move_to_end(waiter, last=False)
        if line is None:
            return
        line.busy = False
        if pause_s:
            line.later = time.monotonic() + pause_s
            self._paused.add(line)
            if self._bell is not None:
                self._bell.wake()
        elif others and line.in_vain < min(IN_VAIN, len(line.waiters) - 1):
            line.in_vain += 1
            self._call(line)
        else:
            line.in_vain = 0
            if line.again:
                self._call(line)

    # -- lines --------------------------------------------------------------------------------

    def _enter(self, waiter: Waiter, queues: Sequence[str]) -> bool:
        """Stand in the lines of queues; True when nobody has listened for one of them so far."""
        fresh = False
        with self._lock:
            if queues and self._bell is None:
                self._bell = self._engine.bus.subscribe()
                listener = threading.Thread(
                    target=self._listen, args=(self._bell,), name="jobyard-lobby", daemon=True
                )
                listener.start()
            for queue in queues:
                line = self._lines.get(queue)
                if line is None:
                    fresh = True
                    line = self._lines[queue] = Line(queue)
                    if self._bell is not None:
                        self._bell.add(queue_topic(queue))
                line.users += 1
                line.waiters[waiter] = None
            waiter.lines = [self._lines[queue] for queue in queues]
        return fresh

    def _leave(self, waiter: Waiter) -> None:
        """Stand in no line any more; whoever was called passes that on."""
        with self._lock:
            line, waiter.turn = waiter.turn, None
            for each in waiter.lines:
                each.waiters.pop(waiter, None)
                each.users -= 1
            if line is not None:
                line.busy = False
                line.in_vain = 0
                self._call(line)
            for each in waiter.lines:
                if not each.users:
                    del self._lines[each.queue]
                    self._paused.discard(each)
                    if self._bell is not None:
                        self._bell.discard(queue_topic(each.queue))

    def _call(self, line: Line) -> None:
        """Call the first of a line, unless one is looking already."""
        if line.busy:
            line.again = True
            return
        line.again = False
        waiter = next(iter(line.waiters), None)
        if waiter is None:
            return
        for each in waiter.lines:
            each.waiters.pop(waiter, None)
        line.busy = True
        waiter.turn = line
        waiter.bell.set()

    # -- the one that listens -----------------------------------------------------------------

    def _listen(self, bell: Subscription) -> None:
        sweep_at = time.monotonic() + SWEEP_S
        try:
            while self._next_round(bell, sweep_at):
                if time.monotonic() >= sweep_at:
                    self._sweep()
                    sweep_at = time.monotonic() + SWEEP_S
        finally:
            bell.close()
            with self._lock:
                if self._bell is bell:
                    self._bell = None

    def _next_round(self, bell: Subscription, sweep_at: float) -> bool:
        """Wait for a ring, or until there is something to do, and call; False when all is over."""
        with self._lock:
            if not self._lines:
                self._bell = None
                return False
            due = min([sweep_at, *(line.later or 0.0 for line in self._paused)])
        bell.wait(due - time.monotonic())
        if bell.closed:
            return False
        heard = bell.heard()
        with self._lock:
            now = time.monotonic()
            rested = [line for line in self._paused if (line.later or 0.0) <= now]
            self._paused.difference_update(rested)
            for line in rested:
                self._call(line)
            for topic in heard:
                rung = self._lines.get(topic.removeprefix(queue_topic("")))
                if rung is not None and rung not in self._paused:
                    self._call(rung)
        return True

    def _sweep(self) -> None:
        with self._lock:
            queues = [line.queue for line in self._lines.values() if line.waiters]
        found: set[str] = set()
        with suppress(EngineError):
            found = self._engine.queues.ready(queues)
        with self._lock:
            for queue in found:
                line = self._lines.get(queue)
                if line is not None and line not in self._paused and not line.busy:
                    self._call(line)


def _quietly(look: Callable[[], T | None]) -> T | None:
    try:
        return look()
    except (Shut, RateLimited):
        return None
