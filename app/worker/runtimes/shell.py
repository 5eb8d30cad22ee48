"""The shell runtime: steps as processes of this machine, each with its own clean environment."""

import math
import os
import posix
import shlex
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from app.hooks.types import Command, Step
from app.worker.runtimes import gate, processes
from app.worker.runtimes.base import (
    PROGRESS_S,
    Cancelled,
    Deadline,
    Outcome,
    StepFailed,
    Tail,
    Undisturbed,
    Watch,
    Workspace,
    deadline_of,
    duration,
    is_shortage,
    must_run,
    outcome_of,
    percent,
    posts,
    result_text,
)
from app.worker.runtimes.folders import AttemptFolder, StepFolder, clean_up_leftovers
from app.worker.runtimes.output import Pump

#: How long what is left of a step may go on by itself once its first process has ended, as long
#: as it is silent: `exec > >(tee log)` leaves a `tee` that has yet to write the last lines.
_SETTLE_S = 0.25
_SETTLE_MOST_S = 2.0
#: How long after SIGKILL a process may take to be gone before it is given up, in seconds.
_GONE_S = 2.5
_LOOK_S = 0.02
_NOT_HERE = "not supported on shell runtime"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellRuntime:
    """Runs scripts as processes.

    work_dir: parent of the attempts' directories, used by this daemon alone.
    cmd: words in front of the script's path. path, home: PATH and HOME of a step that sets none.
    uid, gid: who the steps run as; None keeps the daemon's own.
    """

    work_dir: Path
    cmd: Sequence[str] = ("bash", "-c")
    path: str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    home: str = "/"
    uid: int | None = None
    gid: int | None = None
    name: str = "shell"

    def available(self) -> str | None:
        """Say what is missing: the interpreter, or a directory programs can be run from."""
        if not self.cmd or gate.program(self.cmd[0], self.path) is None:
            return f"{' '.join(self.cmd) or 'the shell'} was not found"
        place = self.work_dir
        while not place.exists():
            place = place.parent
        if os.statvfs(place).f_flag & os.ST_NOEXEC:
            return f"programs in {place} cannot be executed (mounted noexec)"
        return None

    def clean_up(self) -> frozenset[str]:
        """End what a dead predecessor left running and remove its directories."""
        clean_up_leftovers(self.work_dir)
        return frozenset()

    def settle(self) -> frozenset[str]:
        """Do nothing: a process that a kill does not end runs no more, it only is not gone yet."""
        return frozenset()

    def tidy(self) -> None:
        """Keep nothing between tasks, so there is nothing to remove."""

    def run(self, command: Command, workspace: Workspace, watch: Watch) -> Outcome:
        """Run pre steps, the main one and post steps, up to the first that fails."""
        folder = AttemptFolder(self.work_dir / workspace.name)
        run = _Run(self, command, folder, watch, deadline_of(command))
        try:
            return outcome_of(run.all)
        finally:
            folder.remove()


@dataclass(frozen=True, slots=True)
class _Run:
    """One command being run."""

    runtime: ShellRuntime
    command: Command
    folder: AttemptFolder
    watch: Watch
    deadline: Deadline

    def all(self) -> str:
        """Run everything in order; give the result of the main step."""
        _refuse(self.command)
        self.folder.create()
        left = posts(self.command)
        try:
            for number, step in enumerate(self.command.pre, 1):
                self.step(step, f"pre-{number}")
            result = self.step(self.command.main, "main", main=True)
            while left:
                place, step = left.pop(0)
                self.step(step, place)
        except (Cancelled, StepFailed):
            self._clean_up(must_run(left))
            raise
        return result

    def _clean_up(self, steps: Sequence[tuple[str, Step]]) -> None:
        with closing(Undisturbed(self.watch)) as watch:
            run = replace(self, watch=watch, deadline=Deadline())
            for place, step in steps:
                with suppress(StepFailed):  # the task's own error is the one that is told
                    run.step(step, place)

    def step(self, step: Step, place: str, *, main: bool = False) -> str:
        """Run one step in its own directory; give the result if it is the main one."""
        name = step.name or place
        deadline = self.deadline.sooner(
            step.timeout_s, f"step {name} timed out after {duration(step.timeout_s or 0)}"
        )
        deadline.check(self.watch.cancelled)
        folder = self.folder.step(place)
        folder.fill(step, uid=self.runtime.uid, gid=self.runtime.gid)
        tail = Tail()
        code = self._process(step, folder, deadline, tail, main=main)
        if code:
            raise tail.failure(code)
        limit = self.command.result_bytes
        return result_text(folder.read(folder.output, limit), limit) if main else ""

    def _process(
        self, step: Step, folder: StepFolder, deadline: Deadline, tail: Tail, *, main: bool
    ) -> int:
        def take(data: bytes) -> None:
            tail.add(data)
            self.watch.output(data)

        def take_lines(data: bytes) -> None:
            tail.add(data)
            self.watch.output(data, sink=True)

        with ExitStack() as reading:
            with ExitStack() as writing:
                takers, ends = {}, []
                for taker in (take_lines, take) if main and self.command.sink else (take,):
                    read_end, write_end = os.pipe2(os.O_CLOEXEC)
                    reading.callback(os.close, read_end)
                    writing.callback(posix.close, write_end)
                    os.set_blocking(read_end, False)
                    takers[read_end] = taker
                    ends.append(write_end)
                process = self._spawn(step, folder, ends)
            pump = Pump(takers)
            follower = _Follower(process, pump, self.command.kill_after_s)
            hurry = True
            try:
                self.folder.write_record(process)
                process.release()
                if main and self.command.ready_at_start:
                    self.watch.ready({})
                progress = _Progress(folder, self.watch) if main else None
                follower.follow(deadline, self.watch, progress)
                hurry = False
            finally:
                follower.finish(hurry=hurry)
                code = process.reap()
            return code

    def _spawn(self, step: Step, folder: StepFolder, ends: Sequence[int]) -> gate.Process:
        env = {"PATH": self.runtime.path, "HOME": self.runtime.home, **step.env}
        env[self.command.output_env] = str(folder.output)
        env[self.command.progress_env] = str(folder.progress)
        env["WORKDIR"] = str(folder.work)
        name, *words = self.runtime.cmd
        interpreter = gate.program(name, self.runtime.path)
        if interpreter is None:
            raise StepFailed(f"{name} was not found on this worker")
        try:
            return gate.spawn(
                # The script is executed, not read in: a `#!` line of its own counts, and the
                # one word handed to `bash -c` stays short however long the script is.
                [interpreter, *words, shlex.quote(str(folder.script))],
                env=env,
                folder=folder.work,
                output=ends[0],
                errors=ends[-1],
                uid=self.runtime.uid,
                gid=self.runtime.gid,
            )
        except ValueError as error:
            raise StepFailed(str(error)) from error
        except OSError as error:
            if is_shortage(error):
                raise
            raise StepFailed(f"cannot start the process: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class _Follower:
    """Follows one process to its end, and ends all that it left."""

    process: gate.Process
    pump: Pump
    kill_after_s: float

    def follow(self, deadline: Deadline, watch: Watch, progress: "_Progress | None") -> None:
        """Wait for the process; raises Cancelled or StepFailed when it must end before."""
        fds = (self.process.pidfd, watch.cancelled.fileno())
        while not self.process.exited():
            wait_s = deadline.check(watch.cancelled)
            if progress:
                wait_s = min(wait_s, progress.look())
            self.pump.wait(wait_s, *fds, hold=watch.is_full())
        if progress:
            progress.read()

    def finish(self, *, hurry: bool) -> None:
        """See that no process of the step is left, and that all output was handed over.

        hurry: the step was cancelled, or ran out of time; nothing gets time to end by itself.
        The first process, not reaped yet, keeps its id, so its session cannot be another's.
        """
        try:
            self._end(hurry=hurry)
        except BaseException:
            # Whoever takes the output failed: end the processes all the same, unheard.
            self.pump.close()
            self._end(hurry=True)
            raise

    def _end(self, *, hurry: bool) -> None:
        begin = quiet_since = time.monotonic()
        stop_at = math.inf if not hurry else begin
        number = signal.SIGTERM
        signalled: set[int] = set()
        while pids := self._left():
            now = time.monotonic()
            if stop_at == math.inf and not self._may_settle(now - begin, now - quiet_since):
                stop_at = now
            if now >= stop_at + self.kill_after_s:
                number = signal.SIGKILL
            if now >= stop_at:
                fresh = set(pids) if number == signal.SIGKILL else set(pids) - signalled
                processes.send(fresh, self.process.mark, number)
                signalled |= fresh
            if now >= stop_at + self.kill_after_s + _GONE_S:
                raise StepFailed("processes of the task could not be ended")
            if self.pump.wait(_LOOK_S):
                quiet_since = time.monotonic()
            processes.reap(signalled)
        processes.reap(signalled)
        self.pump.drain()

    def _left(self) -> list[int]:
        while True:
            try:
                if self.process.exited() and not processes.have_orphans():
                    return []
                return processes.members(self.process.mark)
            except OSError as error:
                if not is_shortage(error):
                    raise
                time.sleep(_LOOK_S)  # nobody may run the task again before this is known

    def _may_settle(self, passed_s: float, quiet_s: float) -> bool:
        return self.pump.open and passed_s < _SETTLE_MOST_S and quiet_s < _SETTLE_S


class _Progress:
    """Reads a progress file every two seconds and tells what has changed."""

    def __init__(self, folder: StepFolder, watch: Watch) -> None:
        self._folder = folder
        self._watch = watch
        self._last: float | None = None
        self._next = time.monotonic() + PROGRESS_S

    def look(self) -> float:
        """Read if it is time to; give the seconds until the next look."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + PROGRESS_S
            self.read()
        return self._next - now

    def read(self) -> None:
        """Read now."""
        try:
            value = percent(self._folder.read(self._folder.progress, 64))
        except (StepFailed, OSError):  # not a file any more: no progress, no harm
            return
        if value is not None and value != self._last:
            self._last = value
            self._watch.progress(value)


def _refuse(command: Command) -> None:
    """Raise StepFailed for what only a container can have."""
    limits = command.limits
    for wanted, words in (
        (command.mounts, "mounts are"),
        (command.networks, "networks are"),
        (command.sidecars, "sidecars are"),
        (limits.own and replace(limits, own=True) != type(limits)(), "limits are"),
    ):
        if wanted:
            raise StepFailed(f"{words} {_NOT_HERE}")
    for step in (*command.pre, command.main, *command.post):
        for value, words in (
            (step.image, "image is"),
            (step.cmd, "cmd is"),
            (step.entrypoint, "entrypoint is"),
            (step.registry, "registry is"),
        ):
            if value:
                raise StepFailed(f"{words} {_NOT_HERE}")
