"""Watching what runs: a recorder, conditions, and what the machine says."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.worker.runtimes.base import Signal

DEADLINE_S = 90


class Recorder:
    """A watch that keeps what it is told."""

    def __init__(self):
        self.cancelled = Signal()
        self.pieces = []
        self.sink = []
        self.percents = []
        self.addresses = []
        self.full = False
        self.changed = threading.Condition()

    def output(self, data, *, sink=False):
        with self.changed:
            if sink:
                self.sink.append(data)
            self.pieces.append(data)
            self.changed.notify_all()

    def is_full(self):
        return self.full

    def progress(self, percent):
        with self.changed:
            self.percents.append(percent)
            self.changed.notify_all()

    def ready(self, addresses):
        with self.changed:
            self.addresses.append(addresses)
            self.changed.notify_all()

    @property
    def text(self):
        return b"".join(self.pieces)

    def wait_for(self, condition: Callable[[], bool]):
        with self.changed:
            assert self.changed.wait_for(condition, DEADLINE_S), self.text


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail loudly when it never does."""
    end = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        pause.wait(0.02)


def alive(pid: int) -> bool:
    """Say whether a process runs; a zombie does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in ("Z", "X")


def in_thread(call):
    """Start a call in a thread; give the thread and the list its answer goes to."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(call()), daemon=True)
    thread.start()
    return thread, answers


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def names_in(path: Path) -> list[str]:
    return sorted(one.name for one in path.iterdir())
