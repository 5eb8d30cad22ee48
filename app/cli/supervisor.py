"""Keeping processes alive: a part that dies is started again, a signal ends all of them.

The supervisor holds the listening socket itself and hands it down, so that connections wait
rather than fail while the web part is replaced. Its children die with it, however it dies.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

import structlog

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 60.0
LONGEST_AFTER_A_KILL_S = 5.0
"""A part that was killed may do well the next time; one that ended by itself hardly will."""
WRONG_SETTINGS = 2
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""A terminal that is closed sends SIGHUP."""
STEADY_S = 10.0
"""A part that ran for so long may be started again at once."""


@dataclass(slots=True)
class Part:
    """A process to keep alive. words: its arguments behind `jobyard`."""

    name: str
    words: Sequence[str]
    pass_fds: Sequence[int] = ()
    process: "subprocess.Popen[bytes] | None" = None
    begun: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    was_steady: bool = False
    again_at: float = field(default=0.0)


class Supervisor:
    """Starts parts and keeps them; `run` returns when all of them have ended.

    refused: the part that cannot work with these settings, which ended all others; else empty.
    """

    def __init__(
        self, parts: Sequence[Part], environment: Mapping[str, str], *, stop_within_s: float
    ) -> None:
        self._parts = parts
        self._environment = dict(environment)
        self._stop_within_s = stop_within_s
        self.refused = ""

    def run(self) -> None:
        """Keep the parts alive until SIGTERM, SIGINT or SIGHUP.

        Ends as well when a part says at its start that the settings are wrong. One that has
        worked with them may have read a file that is just being changed: it is tried again.
        """
        waited = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP}
        # A signal that is blocked and waited for cannot arrive at the wrong moment.
        signal.pthread_sigmask(signal.SIG_BLOCK, waited)
        signal.signal(signal.SIGCHLD, _ignore)
        try:
            while True:
                self._start_missing()
                if self.refused:
                    break
                found = signal.sigtimedwait(waited, self._next_look_s())
                if found is not None and found.si_signo in ENDING:
                    log.info("stopping")
                    break
        finally:
            self._stop_all()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, waited)

    def _start_missing(self) -> None:
        now = time.monotonic()
        for part in self._parts:
            if part.process is not None:
                status = part.process.poll()
                if status is None:
                    continue
                part.process = None
                if now - part.begun > STEADY_S:
                    part.pause_s = FIRST_PAUSE_S
                    part.was_steady = True
                log.warning("part-died", died=part.name, status=status)
                if status == WRONG_SETTINGS and not part.was_steady:
                    self.refused = part.name
                    return
                if status < 0:
                    part.pause_s = min(part.pause_s, LONGEST_AFTER_A_KILL_S)
                _postpone(part, now)
            if now >= part.again_at:
                try:
                    part.process = self._spawn(part)
                except OSError as error:  # no memory or no process to be had at the moment
                    _postpone(part, now)
                    log.warning("part-not-started", missing=part.name, reason=str(error))
                part.begun = now

    def _next_look_s(self) -> float:
        now = time.monotonic()
        waits = [part.again_at - now for part in self._parts if part.process is None]
        return max(0.01, min(waits, default=60.0))

    def _spawn(self, part: Part) -> "subprocess.Popen[bytes]":
        words = [sys.executable, "-m", "app.cli", *part.words, "--parent", str(os.getpid())]
        # A session of its own: Ctrl-C in a terminal reaches the supervisor, and that one alone
        # ends the parts, in its own order.
        return subprocess.Popen(  # noqa: S603
            words,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            pass_fds=tuple(part.pass_fds),
            start_new_session=True,
            preexec_fn=_unblock,  # noqa: PLW1509 - the supervisor has one thread
        )

    def _stop_all(self) -> None:
        alive = [part.process for part in self._parts if part.process is not None]
        for process in alive:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + self._stop_within_s
        for process in alive:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("part-killed", pid=process.pid)
                process.kill()
                process.wait()


def _postpone(part: Part, now: float) -> None:
    """Set the next start, each time a little later."""
    part.again_at = now + part.pause_s
    part.pause_s = min(part.pause_s * 2, LONGEST_PAUSE_S)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Take SIGCHLD: one whose action is the default is never delivered to a wait."""
    del number, frame


def _unblock() -> None:
    """Let a child hear the signals that the supervisor waits for."""
    signal.pthread_sigmask(
        signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP}
    )
