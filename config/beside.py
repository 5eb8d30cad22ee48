"""Ticker and worker beside a web part that gunicorn runs: one keeper process for both.

The keeper is plain Python without gevent. gunicorn's master cannot do its work: it reaps all of
its children itself, and a thread in it would not survive, or worse would survive, its forks.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

from config.settings import Settings

_PR_SET_PDEATHSIG = 1
_PAUSE_S = 1.0
"""Between the end of the parts and their next start, so that a bad start does not spin."""
_LOOK_S = 0.05


def start(settings: Settings) -> int:
    """Start the keeper and give its process id. It ends with the calling process."""
    parts = ["ticker", "worker"] if settings.worker.enabled else ["ticker"]
    words = [sys.executable, "-m", "config.beside", str(os.getpid()), *parts]
    given = {
        **os.environ,
        "JOBYARD_DATA_DIR": str(settings.server.data_dir),
        "JOBYARD_EMBEDDED": "false",
    }
    return os.posix_spawn(sys.executable, words, given)


def stop(pid: int, *, within_s: float) -> None:
    """End the keeper and wait until it is gone; kill it when it takes longer."""
    try:
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                return
            time.sleep(_LOOK_S)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        return  # gone, and reaped by whoever reaps here


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
