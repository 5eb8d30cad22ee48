"""What every long-running part does at its start, and how it learns to stop."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

_PR_SET_PDEATHSIG = 1


def die_with(parent: int | None) -> None:
    """Be told to stop when the supervisor dies, however it dies.

    The kernel tells only of a death from now on, so one that happened already is looked for.
    """
    if parent is None:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


def on_stop(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM and SIGINT."""

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
