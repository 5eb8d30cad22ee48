"""Directories of the shell runtime, and what is left in them by a dead daemon.

<work_dir>/<task>-<number>/process.json    who runs, written before it may
<work_dir>/<task>-<number>/<step>.script   what runs
<work_dir>/<task>-<number>/<step>.output   the result file, .progress the progress file
<work_dir>/<task>-<number>/<step>/         the working directory, with the step's files

Making a file or directory is a good part of what a small task costs: there are no more of them.
"""

import json
import os
import posix
import select
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from app.hooks.types import Step
from app.worker.runtimes import gate, processes
from app.worker.runtimes.base import StepFailed, relative_parts

_RECORD = "process.json"
_REMOVERS = (
    ("/bin/rm", "-rf", "--"),
    ("/bin/chmod", "-R", "u+rwX", "--"),
    ("/bin/rm", "-rf", "--"),
)


class StepFolder:
    """The working directory of one step, and the files beside it."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.script = work.with_name(f"{work.name}.script")
        self.output = work.with_name(f"{work.name}.output")
        self.progress = work.with_name(f"{work.name}.progress")

    def fill(self, step: Step, *, uid: int | None, gid: int | None) -> None:
        """Write script and files, empty result and progress files.

        Raises OSError, and StepFailed for a file name that leads outside.
        """
        self.work.mkdir(mode=0o755)
        _write(self.script, (step.run or "").encode("utf-8", "surrogatepass"), 0o555, exact=True)
        for path in (self.output, self.progress):
            _write(path, b"", 0o644)
        write_files(self.work, step.files)
        if uid is not None or gid is not None:
            for path in (self.work, self.output, self.progress):
                os.chown(path, -1 if uid is None else uid, -1 if gid is None else gid)

    def read(self, path: Path, limit_bytes: int) -> bytes:
        """Give what a task left in its file, at most so much and one byte more.

        A missing file counts as empty. Raises StepFailed for what is no plain file: the task may
        have put a link there, and the daemon may read more than the task may.
        """
        return read_plain(str(path), limit_bytes)


class AttemptFolder:
    """The directory of one attempt: made when the attempt starts, removed with all below it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make it, in place of one that an attempt of the same name left. Raises OSError."""
        self.path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        try:
            self.path.mkdir(mode=0o711)
        except FileExistsError:
            self.remove()
            self.path.mkdir(mode=0o711)

    def step(self, name: str) -> StepFolder:
        """Give a step's directory and files, not yet made."""
        return StepFolder(self.path / name)

    def write_record(self, process: gate.Process) -> None:
        """Write down who is about to run.

        Not synced to the disk: what a crash of the machine loses, its processes do not survive.
        """
        _write(self.path / _RECORD, json.dumps(process.record()).encode("ascii"), 0o644)

    def read_record(self) -> str:
        """Give what was written down; empty when nothing was."""
        try:
            return (self.path / _RECORD).read_text("ascii", "replace")
        except OSError:
            return ""

    def remove(self) -> None:
        """Remove it and everything below; what cannot be removed stays.

        The usual few files go at once. A big tree is left to `rm`, because removing it here
        would stop every other greenlet of the daemon.
        """
        try:
            with os.scandir(self.path) as found:
                entries = list(found)
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    os.rmdir(entry)  # noqa: PTH106  hot, as the next
                else:
                    os.unlink(entry)  # noqa: PTH108
            self.path.rmdir()
        except FileNotFoundError:
            if not self.path.exists():
                return
        except OSError:
            pass
        else:
            return
        # Where not even that works now, the next daemon does it.
        with suppress(OSError):
            self._remove_tree()

    def _remove_tree(self) -> None:
        for words in _REMOVERS:
            with Path(os.devnull).open("wb") as nothing:
                remover = gate.spawn(
                    [*words, str(self.path)], env={}, folder=Path("/"), output=nothing.fileno()
                )
            remover.release()
            poll = select.poll()
            poll.register(remover.pidfd, select.POLLIN)
            poll.poll()
            remover.reap()
            if not self.path.exists():
                return


def clean_up_leftovers(work_dir: Path, *, kill_after_s: float = 2.0) -> int:
    """End what attempts of a dead daemon left running and remove their directories.

    Gives how many attempts there were; one without a record never ran anything. For whoever holds
    the seat and has begun no attempt: the lock tells that the daemon is dead. Its process id does
    not, because a killed process keeps it until its parent looks, which may never happen.
    """
    if not work_dir.is_dir():
        return 0
    folders = [AttemptFolder(Path(entry.path)) for entry in os.scandir(work_dir) if entry.is_dir()]
    marks = [gate.recorded(one.read_record()) for one in folders]
    processes.end_all([mark for mark in marks if mark], kill_after_s=kill_after_s)
    for folder in folders:
        folder.remove()
    return len(folders)


def _write(path: Path, data: bytes, mode: int, *, exact: bool = False) -> None:
    """Write a small file. exact: with that mode whatever the umask."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, mode)
    try:
        if exact:
            os.fchmod(fd, mode)
        while data:
            data = data[os.write(fd, data) :]
    finally:
        posix.close(fd)  # not gevent's, which looks for those who wait for it


def write_files(root: Path, files: Mapping[str, str]) -> None:
    """Write files read-only below a directory. Raises OSError, StepFailed for a bad name."""
    for name, text in files.items():
        path = root.joinpath(*relative_parts(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        path.chmod(0o444)


def read_plain(path: str, limit_bytes: int, *, dir_fd: int | None = None) -> bytes:
    """Read at most `limit_bytes` + 1 of a file a task may have replaced; missing is empty.

    Raises StepFailed for what is not a plain file, and OSError.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    name = Path(path).name
    try:
        fd = os.open(path, flags, dir_fd=dir_fd)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StepFailed(f"cannot read the file {name}: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise StepFailed(f"not a plain file any more: {name}")
        data = b""
        while len(data) <= limit_bytes:
            piece = os.read(fd, limit_bytes + 1 - len(data))
            if not piece:
                break
            data += piece
        return data
    finally:
        posix.close(fd)
