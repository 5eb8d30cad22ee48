"""Processes of tasks: how they are found again, ended and reaped.

Parents die, sessions are left by `setsid`, environments and open files can be changed: none of
them finds every process of a task. Resource limits are inherited by every descendant, and
`RLIMIT_LOCKS` has had no effect since Linux 2.4.25, so each step's processes get a random number
as that limit before they begin: their tag. Nothing but a privileged process that sets this very
limit loses it, and looking at all processes of the machine costs two calls each.
"""

import ctypes
import os
import posix
import resource
import secrets
import select
import signal
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_RLIMIT_LOCKS = 10
_PIECE_BYTES = 4096
#: Ids of processes that `gate.spawn` started and that were not reaped yet: nobody else's to reap.
spawned: set[int] = set()
_subreaper: list[bool] = []
_file_limit: list[tuple[int, int]] = []
_reserve: list[int] = []


@dataclass(frozen=True, slots=True)
class Mark:
    """By what all processes of one step are known.

    tag: their RLIMIT_LOCKS, None where it could not be set. session: id of the first one's
    session, valid only as long as that process was not reaped; None when it may be another's.
    """

    tag: int | None
    session: int | None


def raise_file_limit() -> None:
    """Let this process open as many files as it may, and keep one open in reserve.

    The usual 1024 are soon used up by pipes and pidfds. What tasks may open stays as it was:
    some programs close all descriptors they might have, one by one.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        _file_limit[:] = [(soft, hard)]
    _keep_reserve()


def lower_file_limit(pid: int) -> None:
    """Give a process of a task the limit that this process began with."""
    for limit in _file_limit:
        with suppress(OSError, ValueError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)


def _keep_reserve() -> None:
    if not _reserve:
        with suppress(OSError):
            _reserve.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))


@contextmanager
def _with_reserve() -> Iterator[None]:
    """Use the descriptor in reserve: what runs must be found and ended when none is left, too."""
    while _reserve:
        os.close(_reserve.pop())
    try:
        yield
    finally:
        if _file_limit:
            _keep_reserve()


def set_tag(pid: int) -> int | None:
    """Give a process a tag that all its descendants will bear; None when that is impossible."""
    try:
        hard = resource.prlimit(pid, _RLIMIT_LOCKS)[1]
        room = 1 << 62 if hard == resource.RLIM_INFINITY else hard
        if room < 1 << 30:  # too few numbers to be sure of another's
            return None
        tag = room - 1 - secrets.randbelow(room // 2)
        resource.prlimit(pid, _RLIMIT_LOCKS, (tag, tag))
    except (OSError, ValueError):  # gone already, or the call is filtered here
        return None
    return tag


def members(mark: Mark) -> list[int]:
    """Give the living processes of a step, in no order; zombies do not count. Raises OSError."""
    with _with_reserve():
        return [
            pid
            for pid in _all_pids()
            if _belongs(pid, mark) and _stat(pid)[:1] not in ([], ["Z"], ["X"])
        ]


def send(pids: Iterable[int], mark: Mark, number: signal.Signals) -> None:
    """Send a signal to processes of a step, and to no other that took one's id meanwhile."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError), _with_reserve():
            fd = os.pidfd_open(pid)
            try:
                if _belongs(pid, mark):
                    signal.pidfd_send_signal(fd, number)
            finally:
                os.close(fd)


def reap(pids: Iterable[int]) -> None:
    """Collect those of some ended processes that became our children."""
    for pid in pids:
        if pid not in spawned:
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)


def become_subreaper() -> None:
    """Make this process the parent of all orphans below it. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become subreaper")
    _subreaper.append(True)


def have_orphans() -> bool:
    """Say whether something may be left of processes that have ended.

    A subreaper without other children than those it spawned knows that nothing is, which spares
    it the look at every process of the machine.
    """
    return not _subreaper or any(pid not in spawned for pid in _children())


def reap_orphans(known: Collection[int] = ()) -> int:
    """Collect ended orphans that came to us as subreaper; give how many.

    known: children that somebody else waits for; those of `spawn` need not be named. Called now
    and then: what runtimes kill they reap themselves, this is for what ended on its own.
    """
    count = 0
    for pid in _children():
        if pid in known or pid in spawned:
            continue
        with suppress(ChildProcessError):
            count += os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is not None
    return count


def end_all(marks: Sequence[Mark], *, kill_after_s: float) -> bool:
    """End all processes of several steps; say whether none is left. Waits, some seconds at most.

    They get a termination signal at once, and are killed when that did not help in time.
    """
    begin = time.monotonic()
    number = signal.SIGTERM
    signalled: set[int] = set()
    while True:
        found = [(mark, members(mark)) for mark in marks]
        reap(signalled)
        if not any(pids for _, pids in found):
            return True
        passed_s = time.monotonic() - begin
        if passed_s > kill_after_s + 2.5:
            return False
        if passed_s >= kill_after_s:
            number = signal.SIGKILL
        for mark, pids in found:
            fresh = pids if number == signal.SIGKILL else [p for p in pids if p not in signalled]
            send(fresh, mark, number)
            signalled.update(fresh)
        select.select([], [], [], 0.02)


def start_time(pid: int) -> int | None:
    """Give when a process began, in clock ticks since boot; None when there is none."""
    fields = _stat(pid)
    return int(fields[19]) if fields else None


@cache
def boot_id() -> str:
    """Give the id of this run of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def _belongs(pid: int, mark: Mark) -> bool:
    # Called for every process of the machine: no context managers here.
    try:
        if mark.session is not None and os.getsid(pid) == mark.session:
            return True
        return bool(mark.tag is not None and resource.prlimit(pid, _RLIMIT_LOCKS)[0] == mark.tag)
    except OSError:  # gone, or another user's and we are not root
        return False


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208  hot


def _stat(pid: int) -> list[str]:
    """Give the fields of /proc/PID/stat from the third on; nothing when there is no process.

    Raises OSError when that cannot be known.
    """
    try:
        text = _read(f"/proc/{pid}/stat")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    return text[text.rindex(")") + 2 :].split()


def _children() -> list[int]:
    pids: list[int] = []
    for thread in os.listdir("/proc/self/task"):  # noqa: PTH208  hot
        try:
            pids += map(int, _read(f"/proc/self/task/{thread}/children").split())
        except FileNotFoundError:  # a kernel without that list, or a thread that ended
            own = str(os.getpid())
            pids = [pid for pid in _all_pids() if _stat(pid)[1:2] == [own]]
            break
    return pids


def _read(path: str) -> str:
    """Read a file of /proc, a few times as fast as a `Path` does."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    text = b""
    try:
        while piece := os.read(fd, _PIECE_BYTES):
            text += piece
    finally:
        posix.close(fd)  # not gevent's, which looks for those who wait for it
    return text.decode("ascii", "replace")
