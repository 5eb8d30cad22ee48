"""Seats: which daemon of this machine sits where, and what its dead predecessor left.

A seat is a numbered folder in the work directory, held by a file lock for as long as its daemon
lives; the kernel gives the lock back however the daemon dies. Whoever takes a seat first ends the
processes its predecessor left, and only then hands that one's tasks out again.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOST = 64


@dataclass(frozen=True, slots=True)
class Seat:
    """A held seat. instance: its name among all machines. tasks: folder of the attempts."""

    number: int
    folder: Path
    instance: str
    _lock: int

    @property
    def tasks(self) -> Path:
        """The folder that holds one folder for each attempt."""
        return self.folder / "tasks"

    def give_up(self) -> None:
        """Let another daemon have it."""
        os.close(self._lock)


def take(work_dir: Path) -> Seat:
    """Take the first free seat. Raises OSError when none is, or the folder cannot be written."""
    for number in range(1, MOST + 1):
        seat = _try(work_dir, number)
        if seat is not None:
            return seat
    raise OSError(f"{MOST} worker daemons sit in {work_dir} already")


def deserted(work_dir: Path, mine: Seat) -> Iterator[Seat]:
    """Hold, one after another, the other seats whose daemons are gone."""
    for number in range(1, MOST + 1):
        if number == mine.number or not (work_dir / f"seat-{number}").is_dir():
            continue
        seat = _try(work_dir, number)
        if seat is not None:
            try:
                yield seat
            finally:
                seat.give_up()


def _try(work_dir: Path, number: int) -> Seat | None:
    folder = work_dir / f"seat-{number}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError:
        os.close(lock)
        raise
    return Seat(number, folder, f"{socket.gethostname()}:{folder.resolve()}", lock)
