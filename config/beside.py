"""Ticker and worker beside a web part that gunicorn runs: one keeper process for both.

The keeper is plain Python without gevent. gunicorn's master cannot do its work: it reaps all of
its children itself, and a thread in it would not survive, or worse would survive, its forks.
"""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time

from config.settings import Settings

_log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_PAUSE_S = 1.0
"""Between the end of the parts and their next start, so that a bad start does not spin."""
_LOOK_S = 0.05


class Keeper:
    """The keeper process as gunicorn's master knows it: started again whenever it is gone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._handle = -1
        self._begun = 0.0

    def look(self) -> None:
        """Start it where there is none; call this often, and only where children are reaped."""
        if self._runs() or time.monotonic() < self._begun + _PAUSE_S:
            return
        self._begun = time.monotonic()
        self._forget()
        # The number of a process that was reaped may be another's soon; this handle never is.
        try:
            self._handle = os.pidfd_open(_start(self._settings))
        except OSError as error:
            # Nothing to be had at the moment, or it ended already and was reaped; the master must
            # not end for that, and looks again.
            _log.warning("ticker and worker were not started: %s", error)

    def renew(self, settings: Settings) -> None:
        """Let the next one work by new settings; it is started by a `look` after this one's end."""
        self._settings = settings
        self._send(signal.SIGTERM)

    def stop(self, *, within_s: float) -> None:
        """End it and wait until it is gone; kill it when it takes longer."""
        self._send(signal.SIGTERM)
        until = time.monotonic() + within_s
        while self._runs() and not self._reaped():
            if time.monotonic() > until:
                self._send(signal.SIGKILL)
            time.sleep(_LOOK_S)
        self._forget()

    def _runs(self) -> bool:
        return self._send(0)

    def _reaped(self) -> bool:
        try:
            return os.waitid(os.P_PIDFD, self._handle, os.WEXITED | os.WNOHANG) is not None
        except ChildProcessError:
            return True  # whoever else reaps here was first

    def _send(self, number: int) -> bool:
        """Send a signal; False when there is nobody to get it."""
        if self._handle < 0:
            return False
        try:
            signal.pidfd_send_signal(self._handle, number)
        except ProcessLookupError:
            return False
        return True

    def _forget(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def migrate(settings: Settings) -> None:
    """Bring the database to the present schema, before anybody is served.

    A database that is away is no reason not to start: the keeper's parts try again.
    """
    words = [sys.executable, "-m", "app.cli", "migrate"]
    # By hand: gunicorn's master has patched what `subprocess` is made of.
    os.waitpid(os.posix_spawn(sys.executable, words, _environment(settings)), 0)


def _start(settings: Settings) -> int:
    """Start the keeper and give its process id. It ends with the calling process."""
    parts = ["ticker", "worker"] if settings.worker.enabled else ["ticker"]
    words = [sys.executable, "-m", "config.beside", str(os.getpid()), *parts]
    return os.posix_spawn(sys.executable, words, _environment(settings))


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "JOBYARD_DATA_DIR": str(settings.server.data_dir),
        "JOBYARD_EMBEDDED": "false",
    }


def keep(parent: int, parts: list[str]) -> None:
    """Run the parts, again whenever they end, until SIGTERM or the parent's death."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    stopping = False
    child: subprocess.Popen[bytes] | None = None

    def end(_number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True
        if child is not None:
            child.terminate()

    signal.signal(signal.SIGTERM, end)
    # A Ctrl-C reaches the whole group of the terminal; the master tells us when it is time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    words = [sys.executable, "-m", "app.cli", "serve", "--parent", str(os.getpid())]
    for part in parts:
        words += ["--part", part]
    while not stopping and os.getppid() == parent:
        child = subprocess.Popen(words)  # noqa: S603 - our own program
        if stopping:  # the signal came while it was being started
            child.terminate()
        child.wait()
        if not stopping:
            time.sleep(_PAUSE_S)


if __name__ == "__main__":
    keep(int(sys.argv[1]), sys.argv[2:])
