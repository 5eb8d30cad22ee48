"""Processes and folders of the test services: nothing outlives the run, nothing stays behind."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
#: What asks the whole run to end; it is passed on to the command.
FORWARDED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
ANSWER_S = 60
STOP_S = 15
_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A service could not be started; the text says why in one line."""


def child_setup(death_signal: int) -> Callable[[], None]:
    """Return what a child does before its program starts.

    It gets `death_signal` when its parent dies, however that happens, and takes signals as usual
    although the parent holds them back and whoever started that may ignore them, as a shell lets
    its background jobs ignore SIGINT. A change of user would clear the former: subprocess
    changes it before it calls this.
    """
    parent = os.getpid()

    def setup() -> None:
        for number in FORWARDED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        _libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return setup


def wait_for(answers: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until `answers`; raises Failed with the log's end if the process dies or stays mute."""
    deadline = time.monotonic() + ANSWER_S
    while not answers():
        if process.poll() is not None:
            raise Failed(f"ended with status {process.returncode}: {tail(log)}")
        if time.monotonic() > deadline:
            raise Failed(f"no answer within {ANSWER_S} s: {tail(log)}")
        time.sleep(0.03)


def stop(process: subprocess.Popen[bytes] | None, with_signal: int) -> None:
    """End a process: the signal it stops orderly at, then SIGKILL."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(with_signal)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(command: list[str], **options: object) -> bytes:
    """Run a preparing command; returns its output, raises Failed with the last line it said."""
    done = subprocess.run(  # type: ignore[call-overload]
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    )
    if done.returncode != 0:
        lines = done.stdout.decode(errors="replace").strip().splitlines()
        raise Failed(f"{Path(command[0]).name} failed: {lines[-1] if lines else 'no output'}")
    return bytes(done.stdout)


def tail(log: Path) -> str:
    """Return the last lines of a log as one."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return " | ".join(lines[-3:]) or "it said nothing"


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def talk(address: tuple[str, int] | str, question: bytes, expected: bytes) -> bool:
    """Ask over a new connection (TCP or a Unix socket); tell whether `expected` is answered."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(2)
        try:
            connection.connect(address)
            connection.sendall(question)
            return expected in connection.recv(1024)
        except OSError:
            return False


def remove_folder(folder: Path) -> None:
    """Remove a folder with whatever is mounted or still being written in it."""
    inside = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((m for m in inside if m.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False, stderr=subprocess.DEVNULL)
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    print(f"services: {folder} could not be removed")
