"""A limit on how long a plain Python call may take, without a thread for each call.

In the main thread one interval timer of the process interrupts the running code; elsewhere a
single watchdog thread sets an exception in the late thread. Either costs a few microseconds a call.
What is raised inside is a `BaseException`, so that `except Exception` in a plugin does not swallow
it. Python code is interrupted between two bytecodes: a call into C that never returns, such as a
catastrophic `re` match, is not, and in other threads than the main one a sleep is waited for.

Under gevent several greenlets may be inside a bounded call at once, since one that waits lets the
others run. The timer serves the earliest of them, and an interrupt reaches the greenlet it is
meant for: raised at once when that one is running, thrown into it from the hub when it waits.
"""

import _signal  # type: ignore[import-not-found]  # `signal.signal` costs 3 us more a call, in enums
import _thread
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

#: Seconds after which a late call is interrupted again, for one that lost the first interrupt in
#: a place where Python drops exceptions, such as a `__del__`.
AGAIN_S = 0.1


class Overrun(Exception):  # a verdict about the call, raised to whoever made it
    """The call took longer than it may."""


class Interrupt(BaseException):
    """Raised inside a call that is late; never leaves this module."""


class _Call:
    """One bounded call under way. owner: its greenlet or native thread."""

    __slots__ = ("deadline", "fired", "live", "owner")

    def __init__(self, deadline: float, owner: Any) -> None:
        self.deadline = deadline
        self.owner = owner
        self.live = True
        self.fired = False


def call(limit_s: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function and give its result, or raise Overrun when it is not back in time.

    May be nested, with any limits. Whatever the function raises passes through.
    """
    try:
        previous = _signal.signal(_signal.SIGALRM, _on_alarm)
    except ValueError:  # Python sets handlers in the main thread alone
        return _call_in_thread(limit_s, function, args, kwargs)
    mine = _Call(time.monotonic() + limit_s, _current())
    # A handler of a stranger comes back when the last bounded call is over, and so does his timer.
    if not _alarms:
        _outside.handler = previous
        _outside.remaining, _outside.interval = signal.setitimer(
            signal.ITIMER_REAL, limit_s, AGAIN_S
        )
        _outside.since = mine.deadline - limit_s
        _alarms.append(mine)
    else:
        _alarms.append(mine)
        _arm_earliest()
    try:
        try:
            return function(*args, **kwargs)
        finally:
            mine.live = False
    except Interrupt as interrupt:
        mine.live = False
        if not mine.fired:
            raise
        # The cause tells where it was caught.
        raise Overrun(f"not back within {limit_s:g} s") from interrupt
    finally:
        # All that are over, not only this one: an outer call may have been interrupted just here.
        _alarms[:] = [one for one in _alarms if one.live]
        if _alarms:
            _arm_earliest()
        else:
            _give_back()


class _Outside:
    """The timer and handler that were set before the first bounded call."""

    handler: Any = None
    remaining = 0.0
    interval = 0.0
    since = 0.0


_outside = _Outside()
_alarms: list[_Call] = []


def _give_back() -> None:
    if _outside.remaining:
        left = max(_outside.since + _outside.remaining - time.monotonic(), 1e-6)
        _signal.signal(_signal.SIGALRM, _outside.handler)
        signal.setitimer(signal.ITIMER_REAL, left, _outside.interval)
    else:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _signal.signal(_signal.SIGALRM, _outside.handler)


def _arm_earliest() -> None:
    waiting = [one.deadline for one in _alarms if one.live]
    if waiting:
        left = max(min(waiting) - time.monotonic(), 1e-6)
        signal.setitimer(signal.ITIMER_REAL, left, AGAIN_S)


def _on_alarm(_signum: int, _frame: object) -> None:
    now = time.monotonic()
    here = _current()
    late: _Call | None = None
    for one in _alarms:  # oldest first, so that of nested calls the outermost wins
        if not one.live or one.deadline > now:
            continue
        if one.owner is here:
            late = late or one
        elif not one.fired:
            one.fired = True
            _throw(one)
    # The interval goes on for those that are late; later deadlines are looked at with it.
    if late is not None:
        late.fired = True
        raise Interrupt


def _current() -> Any:
    """The running greenlet, None in a process without greenlets."""
    greenlet = sys.modules.get("greenlet")
    return None if greenlet is None else greenlet.getcurrent()


def _throw(late: _Call) -> None:
    """Wake a waiting greenlet with the interrupt, from the hub, unless it got out meanwhile."""
    gevent = sys.modules.get("gevent")
    if gevent is None:
        return

    def throw() -> None:
        if late.live:
            late.owner.throw(Interrupt)

    gevent.get_hub().loop.run_callback(throw)


# -- other threads ---------------------------------------------------------------------------


class _Watchdog:
    """One thread that wakes at the earliest deadline of all bounded calls outside the main one.

    Locks and threads are the interpreter's own even where gevent has replaced them, since the
    threads watched here are real.
    """

    def __init__(self) -> None:
        self._lock = _native("allocate_lock")()
        self._bell = _native("allocate_lock")()
        self._bell.acquire()
        self._calls: list[_Call] = []
        self._wakes_at: float | None = None
        self._running = False

    def watch(self, one: _Call) -> None:
        with self._lock:
            self._calls.append(one)
            if not self._running:
                self._running = True
                _native("start_new_thread")(self._run, ())
            elif self._wakes_at is None or one.deadline < self._wakes_at:
                self._wakes_at = one.deadline
                if self._bell.locked():
                    self._bell.release()

    def forget(self, one: _Call) -> None:
        """Stop watching; afterwards no interrupt of this call is on its way."""
        with self._lock:
            if one.live:
                one.live = False
                self._calls.remove(one)
                if one.fired:
                    _interrupt(one.owner, None)

    def _run(self) -> None:
        while True:
            with self._lock:
                now = time.monotonic()
                for one in self._calls:
                    if one.deadline <= now and not one.fired:
                        one.fired = True
                        _interrupt(one.owner, Interrupt)
                self._wakes_at = min(
                    (one.deadline for one in self._calls if not one.fired), default=None
                )
                wait_s = -1.0 if self._wakes_at is None else max(self._wakes_at - now, 0.0)
            self._bell.acquire(timeout=wait_s)


def _call_in_thread(
    limit_s: float,
    function: Callable[..., R],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> R:
    mine = _Call(time.monotonic() + limit_s, _native("get_ident")())
    watchdog = _watchdogs[0]
    try:
        watchdog.watch(mine)
        try:
            return function(*args, **kwargs)
        finally:
            watchdog.forget(mine)
    except Interrupt as interrupt:
        watchdog.forget(mine)
        if not mine.fired:
            raise
        raise Overrun(f"not back within {limit_s:g} s") from interrupt


def _interrupt(thread: int, exception: type[BaseException] | None) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), None if exception is None else ctypes.py_object(exception)
    )


def _native(name: str) -> Any:
    monkey = sys.modules.get("gevent.monkey")
    return getattr(_thread, name) if monkey is None else monkey.get_original("_thread", name)


def _after_fork() -> None:
    """Begin with a new watchdog: threads do not live on in a child process.

    The main thread's timer does not either, and the child of a fork inside a bounded call goes
    on without a limit.
    """
    _watchdogs[:] = [_Watchdog()]


_watchdogs = [_Watchdog()]
os.register_at_fork(after_in_child=_after_fork)
