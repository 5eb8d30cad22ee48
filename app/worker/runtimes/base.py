"""What a runtime is given, what it gives, and the rules both runtimes share.

Everything here waits with `select.poll` and locks of `threading` only, so the same code runs in
plain threads and, monkey patched, in the greenlets of the daemon.
"""

import errno
import math
import os
import re
import select
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from app.hooks.types import Command, Step

T = TypeVar("T")

#: Lines of output that an error message quotes, and the most bytes kept for them.
TAIL_LINES = 10
TAIL_BYTES = 8 * 1024
#: Seconds between two looks at a progress file.
PROGRESS_S = 2.0
#: How long a step may take that runs even after a failure, where it does not say so itself.
ALWAYS_S = 30.0

#: What a machine may lack at the moment: descriptors, memory, processes.
SHORTAGES = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN))

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


class Signal:
    """A flag set once from anywhere, which can be waited for together with pipes and sockets.

    A `threading.Event` has no descriptor, and looking at one ten times a second for each of a
    hundred long tasks is a busy loop; an eventfd is free while nothing happens. `close` it when
    the task is over; setting a closed one does nothing.
    """

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = threading.Lock()
        self._set = False

    def set(self) -> None:
        """Raise the flag and wake everybody who waits."""
        with self._lock:
            self._set = True
            if self._fd >= 0:
                os.eventfd_write(self._fd, 1)

    def is_set(self) -> bool:
        """Say whether the flag is up."""
        return self._set

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the flag is up, or so many seconds; say whether it is."""
        if not self._set and self._fd >= 0:
            poll = select.poll()
            poll.register(self._fd, select.POLLIN)
            poll.poll(None if timeout_s is None else math.ceil(max(timeout_s, 0) * 1000))
        return self._set

    def fileno(self) -> int:
        """Give the descriptor, readable once the flag is up."""
        return self._fd

    def close(self) -> None:
        """Give the descriptor back. Nobody may be waiting."""
        with self._lock:
            fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class Watch(Protocol):
    """Where a running task is seen from; given by the daemon.

    cancelled: raised when the task must be killed.
    """

    cancelled: Signal

    def output(self, data: bytes, *, sink: bool = False) -> None:
        """Take a piece of output, at most 64 KiB, both streams in order of arrival.

        sink: it is of the standard output of a command that has a sink.
        May wait, and the task then waits on its full pipe; but not longer than about a second,
        because nobody looks at the clock or at `cancelled` meanwhile.
        """

    def is_full(self) -> bool:
        """Say whether output should be left with the task for now, so that it waits."""

    def progress(self, percent: float) -> None:
        """Take the number of the progress file, 0 to 100; called when it has changed."""

    def ready(self, addresses: Mapping[str, str]) -> None:
        """Take where a service is reached that answers now, by name of the port."""


class Undisturbed:
    """The watch of a step that runs even though its task was cancelled. `close` it afterwards."""

    def __init__(self, watch: Watch) -> None:
        self.cancelled = Signal()
        self.output = watch.output
        self.is_full = watch.is_full

    def progress(self, percent: float) -> None:
        """Tell nobody: the task is over."""

    def ready(self, addresses: Mapping[str, str]) -> None:
        """Tell nobody: the task is over."""

    def close(self) -> None:
        """Give the descriptor back."""
        self.cancelled.close()


@dataclass(frozen=True, slots=True)
class Workspace:
    """Which attempt runs: names its directory and labels its containers.

    task: id or public key of the task. number: of the attempt, from 1. attempt: its id.
    Raises ValueError for a task that could not be part of a file name.
    """

    task: str
    number: int = 1
    attempt: str = ""

    def __post_init__(self) -> None:
        if not _SAFE.fullmatch(self.task):
            raise ValueError(f"not usable as a file name: {self.task!r}")

    @property
    def name(self) -> str:
        """Give the name of the attempt's directory."""
        return f"{self.task}-{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended.

    error: None means success. result: the result file's text, empty if nothing was written; None
    without success. exit_code: of the step that failed or of the main one; 128 + n for signal n;
    None when no step ended by itself. cancelled: killed because `Watch.cancelled` was raised.
    unable: this machine lacked something; the task is not to blame and is to be given back.
    full: likewise, but only tasks of this kind have no place here for now.
    """

    result: str | None = None
    error: str | None = None
    exit_code: int | None = None
    cancelled: bool = False
    unable: bool = False
    full: bool = False


class Runtime(Protocol):
    """One way to run commands."""

    @property
    def name(self) -> str:
        """The word by which a command asks for it."""

    def available(self) -> str | None:
        """Say why it cannot be used now; None when it can. The answer may be seconds old.

        Raises StepFailed when that cannot be known for a shortage.
        """

    def run(self, command: Command, workspace: Workspace, watch: Watch) -> Outcome:
        """Run a command to its end, in the caller's thread or greenlet.

        When it returns all output was handed to `watch.output`, and nothing the command started
        is left. Whatever is wrong with the command is an Outcome with an error; never raises for
        it. What `watch` raises passes through, after the command was killed.
        """

    def clean_up(self) -> frozenset[str]:
        """End and remove what a dead predecessor left; give the attempts that may still run.

        For the start of a daemon, before its first run: it would hit attempts of a living one.
        """

    def settle(self) -> frozenset[str]:
        """Try again to remove what could not be; give all attempts that may still run.

        Called every few seconds, also while tasks run; costs nothing when there is nothing.
        """

    def tidy(self) -> None:
        """Remove what is kept no longer; called now and then while nothing runs."""


class StepFailed(Exception):
    """Ends a command with an error; the text is the error of its Outcome."""

    def __init__(self, error: str, exit_code: int | None = None) -> None:
        super().__init__(error)
        self.exit_code = exit_code


class Cancelled(Exception):
    """Ends a command because it was cancelled."""


def outcome_of(run: Callable[[], str]) -> Outcome:
    """Run a command, which gives the result of its main step, and say how it ended."""
    try:
        return Outcome(result=run(), exit_code=0)
    except Cancelled:
        return Outcome(error="cancelled", cancelled=True)
    except StepFailed as failed:
        return Outcome(error=str(failed), exit_code=failed.exit_code, unable=is_shortage(failed))
    except OSError as error:
        error_text = f"cannot run on this worker: {error.strerror}"
        return Outcome(error=error_text, unable=is_shortage(error))


def is_shortage(error: BaseException | None) -> bool:
    """Say whether an error came from something that this machine lacks at the moment."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in SHORTAGES:
            return True
        error = error.__cause__ or error.__context__
    return False


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of `time.monotonic` that ends a step, with the error it then fails with."""

    at: float = math.inf
    error: str = ""

    def sooner(self, timeout_s: float | None, error: str) -> "Deadline":
        """Give the earlier of this one and one that begins now."""
        if timeout_s is None or timeout_s <= 0:
            return self
        other = Deadline(time.monotonic() + timeout_s, error)
        return other if other.at < self.at else self

    def check(self, cancelled: Signal) -> float:
        """Give the seconds left; raises Cancelled, or StepFailed when none is."""
        if cancelled.is_set():
            raise Cancelled
        left_s = self.at - time.monotonic()
        if left_s <= 0:
            raise StepFailed(self.error)
        return left_s


def posts(command: Command) -> list[tuple[str, Step]]:
    """Give the steps behind the main one, each with the name of its place."""
    return [(f"post-{number}", step) for number, step in enumerate(command.post, 1)]


def must_run(left: Iterable[tuple[str, Step]]) -> list[tuple[str, Step]]:
    """Give those steps of a command that failed or was cancelled which run all the same.

    The command's own time may be over by then, so each has its own.
    """
    return [
        (place, replace(step, timeout_s=step.timeout_s or ALWAYS_S))
        for place, step in left
        if step.always
    ]


def deadline_of(command: Command) -> Deadline:
    """Give the deadline of a whole command that starts now."""
    text = command.timeout_text or duration(command.timeout_s or 0)
    return Deadline().sooner(command.timeout_s, f"task timed out after {text}")


def duration(seconds: float) -> str:
    """Write a duration as `1h30m`, `45s` or `250ms`."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{value:g}{unit}" for value, unit in parts if value)


class Tail:
    """The end of a step's output, for its error."""

    def __init__(self) -> None:
        self._kept = b""
        self._cut = False

    def add(self, data: bytes) -> None:
        """Remember the end of a piece."""
        self._cut = self._cut or len(self._kept) + len(data) > TAIL_BYTES
        self._kept = (self._kept + data[-TAIL_BYTES:])[-TAIL_BYTES:]

    def failure(self, exit_code: int, cause: str = "") -> StepFailed:
        """Give the failure of a step that ended with this code.

        cause: what is known of it besides, on the first line.
        """
        lines = self._lines()
        told = f"{cause}\n{lines}" if cause and lines else cause or lines
        return StepFailed(f"exit code {exit_code}: {told}", exit_code)

    def told(self, what: str) -> str:
        """Give a text with the last lines behind it, where there are any."""
        lines = self._lines()
        return f"{what}: {lines}" if lines else what

    def _lines(self) -> str:
        lines = plain(self._kept).rstrip("\n").split("\n")
        if self._cut and len(lines) > 1:
            del lines[0]  # half a line may show half a secret, which nobody would know for one
        return "\n".join(lines[-TAIL_LINES:])


def plain(data: bytes) -> str:
    """Give bytes of a task as text: UTF-8 with bad bytes replaced, NULs dropped."""
    return data.decode("utf-8", "replace").replace("\0", "")


def result_text(data: bytes, limit_bytes: int) -> str:
    """Give a result as text. Raises StepFailed when there is more than the limit."""
    if len(data) > limit_bytes:
        raise StepFailed(f"the result is longer than {limit_bytes} bytes")
    return plain(data)


def percent(data: bytes) -> float | None:
    """Give the number of a progress file, clamped to 0-100; None when it holds no number."""
    try:
        value = float(data.decode("ascii").strip("\0 \t\r\n"))
    except ValueError:
        return None
    return None if math.isnan(value) else min(max(value, 0.0), 100.0)


def relative_parts(name: str) -> list[str]:
    """Give the parts of the name of a file to be written; raises StepFailed for one outside."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise StepFailed(f"not a relative file name: {name!r}")
    return parts


def apart(call: Callable[[], T], cancelled: Signal, deadline: Deadline) -> T:
    """Run a call that may block for long in a thread of its own, and wait for it.

    Raises Cancelled or StepFailed as soon as the task must end; the call then goes on unheard.
    """
    done = Signal()
    answers: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(call())
        except BaseException as error:  # noqa: BLE001  handed to the waiting caller
            errors.append(error)
        done.set()

    threading.Thread(target=work, daemon=True).start()
    poll = select.poll()
    poll.register(done.fileno(), select.POLLIN)
    poll.register(cancelled.fileno(), select.POLLIN)
    try:
        while not done.is_set():
            left_s = deadline.check(cancelled)
            poll.poll(None if left_s == math.inf else math.ceil(left_s * 1000))
    finally:
        done.close()
    if errors:
        raise errors[0]
    return answers[0]
