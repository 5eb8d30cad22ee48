"""What a plugin gives a render farm: compilers of commands, and parsers of what programs print.

Both are job interfaces, found by `job_interfaces` like every other, and as pure: they work on the
values they are given. A third-party package with one appears on the farm by being installed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from app.hooks.interface import JobInterface
from app.hooks.types import Command, Json, TaskView, WorkerView

COMMAND = "==command=="
"""Stands for the program in `Compiled.arguments`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What a farm shows of a task's settings. The frames are None for a type without frames."""

    name: str
    format: str = ""
    frame_start: int | None = None
    frame_end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One task of several that are made of one.

    type: the compiler. then: places, among the pieces before this one, of those that wait for it.
    """

    name: str
    type: str
    settings: Json
    then: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A task's command for one operating system.

    arguments: begins with COMMAND where the program is to be `program`. files: by name, small texts
    that must lie in the job's directory when the command starts.
    """

    arguments: tuple[str, ...]
    program: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


class Compiler(JobInterface):
    """Turns settings into the command of a remote worker; `spec_schema` checks the settings."""

    #: Name of the parser of a task that names none; None leaves the output unread.
    parser: ClassVar[str | None] = None

    def programs(self) -> Json:
        """Give what the setting with this compiler's name holds until somebody stores one."""
        return {"commands": {"default": {}}}

    def sheet(self, settings: Json) -> Sheet:
        """Tell what to show of checked settings."""
        del settings
        return Sheet(name=self.name)

    def cut(self, settings: Json) -> Iterable[Piece]:
        """Give the tasks that one of these settings becomes, one by one; nothing leaves it whole.

        Their settings need no further check.
        """
        del settings
        return ()

    def compile(self, settings: Json, system: str, programs: Json) -> Compiled:
        """Give the command for a worker.

        system: how the worker calls its operating system, such as `Darwin 14.1.0`. programs: what
        the setting with this compiler's name holds.
        """
        raise NotImplementedError

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Refuse: these tasks are run by workers that ask for them, not by the server's own."""
        raise NotImplementedError(f"{self.name} is run by the workers of a render farm")


class OutputParser(JobInterface):
    """Reads what a program prints, by `parse`.

    The task's payload has `frame_start` and `frame_end` (None without frames). Lines come complete
    and without their ends; an unfinished last one comes in a call whose state is thrown away.
    `Parsed.facts` may hold `current_frame`, `process`, `remaining` (seconds), `saved_file` and
    `path_not_found`, each left out while the output does not tell; `saved`, how many different
    frames of the task were saved; `part`, how much of the present frame is done (0-1); `frame_s`,
    the mean time of a frame in seconds, None while unknown.
    """

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Refuse: a parser is no job."""
        raise NotImplementedError(f"{self.name} is a parser")
