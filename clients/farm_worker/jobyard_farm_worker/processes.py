"""Programs in process groups of their own: two small classes, one for each family of systems."""

import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any


class Program(ABC):
    """A program that was started without a shell, with its output in a file.

    What it starts itself belongs to its group, unless it takes pains to leave that.
    """

    def __init__(
        self, words: Sequence[str], *, folder: Path, env: Mapping[str, str], output: Path
    ) -> None:
        """Start it; raises OSError when that is not possible."""
        with output.open("ab") as log:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - it is what a worker is for
                list(words),
                cwd=folder,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **self.group(),
            )

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def wait(self, seconds: float) -> int | None:
        """Wait for its end at most so long; gives its exit code, None while it runs.

        Negative: the signal that ended it, where the system has such.
        """
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, grace_s: float) -> None:
        """Ask the group to end, and end it after `grace_s` seconds at the latest."""
        self.ask()
        if self.wait(grace_s) is None:
            self.kill()
            self._process.wait()
        else:
            self.kill()  # what it left behind

    @abstractmethod
    def group(self) -> dict[str, Any]:
        """Give the arguments of Popen that make a group."""

    @abstractmethod
    def ask(self) -> None:
        """Ask the whole group to end."""

    @abstractmethod
    def kill(self) -> None:
        """End whatever is left of the group at once."""

    @property
    @abstractmethod
    def killed(self) -> bool:
        """Whether it ended by a kill."""


class PosixProgram(Program):
    """On Linux and macOS: a process group."""

    def group(self) -> dict[str, Any]:
        """Put it into a session, and so a group, of its own."""
        return {"start_new_session": True}

    def ask(self) -> None:
        """Send SIGTERM."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._signal(signal.SIGKILL)

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self._process.returncode == -signal.SIGKILL

    def _signal(self, number: signal.Signals) -> None:
        # macOS says the latter of a group of which only dead members are left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


class WindowsProgram(Program):
    """On Windows: a group for console events, and `taskkill` for the tree."""

    def group(self) -> dict[str, Any]:
        """Put it into a group that events can be sent to."""
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}

    def ask(self) -> None:
        """Send Ctrl-Break, which is what can be sent to another group."""
        try:
            self._process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))
        except OSError:
            self.kill()  # it has no console

    def kill(self) -> None:
        """End the process with all below it."""
        if self._process.poll() is None:
            subprocess.run(  # noqa: S603
                ["taskkill", "/T", "/F", "/PID", str(self._process.pid)],  # noqa: S607
                check=False,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    @property
    def killed(self) -> bool:
        """Whether somebody ended it: the system keeps no signal, taskkill leaves a 1."""
        return False


def start(words: Sequence[str], *, folder: Path, env: Mapping[str, str], output: Path) -> Program:
    """Start a program in the way of this system; raises OSError when that is not possible.

    output: a file that its output is appended to, errors among it.
    """
    kind = WindowsProgram if sys.platform == "win32" else PosixProgram
    return kind(words, folder=folder, env=env, output=output)
