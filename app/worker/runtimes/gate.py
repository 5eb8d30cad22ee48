"""Starting a process of a task: behind a gate, so that it can be written down before it runs.

A process is not the command yet when it is spawned, but a shell that waits for a line on its
standard input and only then becomes the command. So its id can be written down first; if the
daemon dies before, the line never comes, end of file does, and the gate exits.

`os.posix_spawn` and a pidfd stand in for `subprocess`: spawning does not copy the page tables of
a big daemon, and a pidfd can be polled beside pipes. Under gevent, `subprocess.Popen` would fork,
and its watcher reaps every child of the process, those of others included; so the unpatched call
is taken from `posix`, where `os` has it from. So is `close` for descriptors that nobody waits for:
the patched one looks for those who do, which costs more than all else of a small file.
"""

import json
import os
import posix
import re
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from app.worker.runtimes import processes
from app.worker.runtimes.processes import Mark, boot_id, start_time

_DEFAULT_SIGNALS = (
    signal.SIGPIPE,
    signal.SIGXFSZ,
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGCHLD,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_PLAIN_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
#: Names that a shell takes for itself and does not hand on as they were.
_SHELL_NAMES = frozenset(
    b"IFS OPTIND PPID PWD OLDPWD LINENO SHELLOPTS BASHOPTS BASH_ENV ENV UID EUID SHLVL _"
    # and those that would run code of the task before the gate opens
    b" LD_PRELOAD LD_AUDIT LD_LIBRARY_PATH".split()
)
_SHELL_GATE = (
    'read -r line || exit 125; cd "$1" || exit 126; unset OLDPWD; shift; exec "$@" </dev/null'
)
_PYTHON_GATE = """
import os, sys
if not os.read(0, 1): os._exit(125)
uid, gid, folder, *argv = sys.argv[1:]
size = os.fstat(3).st_size
pairs = os.pread(3, size, 0).split(b"\\0")[:-1]
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.close(3)
try:
    if gid: os.setgroups([]); os.setgid(int(gid))
    if uid: os.setuid(int(uid))
    os.chdir(folder)
    os.execve(argv[0], argv, dict(pair.split(b"=", 1) for pair in pairs))
except OSError as error:
    os.write(2, f"{argv[0]}: {error.strerror}\\n".encode())
    os._exit(126)
"""


_found: dict[tuple[str, str], str] = {}


class Process:
    """A spawned process behind its gate, not yet reaped."""

    def __init__(self, pid: int, gate: int) -> None:
        self.pid = pid
        self.started = start_time(pid) or 0
        self.mark = Mark(processes.set_tag(pid), pid)
        processes.lower_file_limit(pid)
        self._gate = gate
        self.pidfd = os.pidfd_open(pid)

    def record(self) -> dict[str, object]:
        """Give what a successor needs to find this process and all it will start."""
        return {
            "pid": self.pid,
            "start": self.started,
            "session": self.pid,
            "tag": self.mark.tag,
            "boot": boot_id(),
        }

    def release(self) -> None:
        """Open the gate; called once, after the record is written."""
        gate, self._gate = self._gate, -1
        with suppress(BrokenPipeError):  # killed from outside already: its end tells
            os.write(gate, b"\n")
        posix.close(gate)

    def exited(self) -> bool:
        """Say whether it has ended; it keeps its id until it is reaped."""
        looked = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PIDFD, self.pidfd, looked) is not None

    def reap(self) -> int:
        """Collect the end of a process that has exited: its code, or 128 + n for signal n."""
        if self._gate >= 0:
            posix.close(self._gate)
        end = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
        os.close(self.pidfd)
        processes.spawned.discard(self.pid)
        if end is None:  # cannot be: without WNOHANG it waits
            return 255
        return end.si_status if end.si_code == os.CLD_EXITED else 128 + end.si_status


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    folder: Path,
    output: int,
    errors: int | None = None,
    uid: int | None = None,
    gid: int | None = None,
) -> Process:
    """Start a process behind a gate, in a session of its own, with exactly this environment.

    argv: the first is a full path. output: descriptor for both of its streams; errors: another one
    for the second. uid, gid: who it
    becomes behind the gate. Raises ValueError for what cannot be an argument or a variable,
    OSError when the operating system refuses, E2BIG for too long ones included.
    """
    _keep_to_ourselves()
    pairs = {_encode(name): _encode(value) for name, value in env.items()}
    for name, value in pairs.items():
        if not name or b"=" in name or b"\0" in name or b"\0" in value:
            raise ValueError(f"not usable as an environment variable: {plain_name(name)}")
    odd = any(not _PLAIN_NAME.fullmatch(name) or name in _SHELL_NAMES for name in pairs)
    actions: list[tuple[int, int, int] | tuple[int, int]] = [
        (os.POSIX_SPAWN_DUP2, output, 1),
        (os.POSIX_SPAWN_DUP2, output if errors is None else errors, 2),
    ]
    held: list[int] = []
    gate_read, gate_write = os.pipe2(os.O_CLOEXEC)
    held.append(gate_read)
    actions.insert(0, (os.POSIX_SPAWN_DUP2, gate_read, 0))
    try:
        if odd or uid is not None or gid is not None:
            # A shell drops variables whose names it cannot have, and as root it must not meet
            # the task's LD_PRELOAD: so Python, which gets the environment as a file.
            memory = os.memfd_create("environment", os.MFD_CLOEXEC)
            held.append(memory)
            os.write(memory, b"".join(b"%s=%s\0" % pair for pair in pairs.items()))
            actions.append((os.POSIX_SPAWN_DUP2, memory, 3))
            who = ["" if uid is None else str(uid), "" if gid is None else str(gid)]
            words = [sys.executable, "-I", "-S", "-c", _PYTHON_GATE, *who, str(folder), *argv]
            pairs = {}
        else:
            words = ["/bin/sh", "-c", _SHELL_GATE, "sh", str(folder), *argv]
        pid = posix.posix_spawn(
            words[0],
            words,
            pairs,
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=_DEFAULT_SIGNALS,
        )
    except BaseException:
        os.close(gate_write)
        raise
    finally:
        for fd in held:
            posix.close(fd)
    processes.spawned.add(pid)
    try:
        return Process(pid, gate_write)
    except BaseException:
        # Its gate was never opened, so nothing of the command has run.
        os.close(gate_write)
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED)
        processes.spawned.discard(pid)
        raise


def recorded(text: str) -> Mark | None:
    """Give the mark of a record if its processes may still live; None when they cannot.

    They cannot when the machine was started anew, or when the record is incomplete: then the
    gate was never opened.
    """
    try:
        record = json.loads(text)
        pid, start, tag = record["pid"], record["start"], record["tag"]
        if record["boot"] != boot_id():
            return None
    except (ValueError, KeyError, TypeError):
        return None
    return Mark(tag, pid if start_time(pid) == start else None)


def program(name: str, path: str) -> str | None:
    """Give the full path of a program looked for as a shell would; None if there is none."""
    found = _found.get((name, path))
    # Looking through PATH costs a call a directory, for each task.
    if found is None or not os.access(found, os.X_OK):
        found = shutil.which(name, path=path)
        if found is not None:
            _found[name, path] = found
    return found


def plain_name(name: bytes) -> str:
    """Give the name of a variable for an error message, never its value."""
    return repr(name[:100].decode("utf-8", "replace"))


@cache
def _keep_to_ourselves() -> None:
    """Mark what this process inherited open itself, once; Python's own are marked already.

    Nobody closes descriptors between spawn and exec, which `subprocess` does by forking.
    """
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  names are numbers, not paths
        with suppress(OSError):  # the one the listing itself used
            if int(name) > 2:
                os.set_inheritable(int(name), False)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
