"""A worker's place on its machine: its folder is its alone, and a predecessor leaves nothing."""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class Taken(Exception):
    """Another worker uses the folder."""


class Seat:
    """Holds the folder until this process ends, however that happens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: IO[Any] | None = None
        self._record = folder / "running.json"

    def take(self) -> None:
        """Take the folder, and end the program of a worker that died in it. Raises Taken."""
        self._lock = (self.folder / "lock").open("ab")
        if fcntl is not None:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as fault:
                self._lock.close()
                raise Taken(
                    f"another worker is at work in {self.folder}: give this one another --port"
                ) from fault
        self._end_predecessor()

    def leave(self) -> None:
        """Give the folder back."""
        if self._lock is not None:
            self._lock.close()

    def note(self, pid: int | None) -> None:
        """Write down which program runs, None: none does."""
        began = _began(pid) if pid is not None else None
        if began is None:
            self._record.unlink(missing_ok=True)
        else:
            self._record.write_text(json.dumps({"pid": pid, "began": began}), encoding="utf-8")

    def _end_predecessor(self) -> None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            record = json.loads(self._record.read_text(encoding="utf-8"))
            pid, began = int(record["pid"]), record["began"]
            # The number may be another program's by now; the two together are not.
            if began is not None and _began(pid) == began:
                os.killpg(pid, signal.SIGKILL)
        self._record.unlink(missing_ok=True)


def _began(pid: int) -> str | None:
    """Tell when a process began, in a form that can be compared; None where nothing tells that."""
    try:
        # The name, in brackets, may hold anything.
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {words.rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        return None
