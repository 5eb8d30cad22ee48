"""Compilers: job types whose tasks are programs that render workers run.

A compiler checks settings, cuts them into parts, and gives each part's argument list for the
worker that took it. What it reads from the output of such a program is its `parse`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from app.hooks.interface import JobInterface
from app.hooks.types import Answer, Fail, JobView, Json

#: Stand in an argument list for what differs by worker; the worker fills the two paths in.
PROGRAM, JOB_PATH, OUTPUT_PATH = "==command==", "==jobpath==", "==outputpath=="


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One task that settings are cut into.

    type: the compiler that gives its command. name: unique among the parts. frames: first and
    last, None where it has none. after: names of parts that must be completed first.
    """

    name: str
    type: str
    settings: Json
    frames: tuple[int, int] | None = None
    after: tuple[str, ...] = ()


class Compiler(JobInterface):
    """A job type of the render farm: subclass it, give it `name`, `spec_schema` and `bind`.

    `spec_schema` checks the settings; each message names its field, for it is shown alone.
    `bind` is given {"settings"} as payload and gives a Command of the runtime `farm`: `main.cmd` is
    the whole argument list, without a shell, that begins with PROGRAM where the farm chooses the
    program; `main.files` are support files of the job's directory, the same for every worker.
    `parse` is given {"settings", "frame_start", "frame_end", "frame_current", "activity"} as
    payload, None for what is not known; without lines it tells the progress anew.
    """

    #: The name under which its `parse` is known and by default used; None: it reads nothing.
    parser: ClassVar[str | None] = None
    #: The program by operating system: `Linux`, `Darwin`, `Windows`.
    programs: ClassVar[Mapping[str, str]] = {}

    def frames(self, settings: Json) -> tuple[int, int] | None:
        """Tell the first and the last frame of checked settings; None where there are none."""
        del settings
        return None

    def label(self, settings: Json) -> str:
        """Tell what a task of checked settings is called by default."""
        frames = self.frames(settings)
        return f"{frames[0]}-{frames[1]}" if frames else self.name

    def parts(self, settings: Json) -> Iterable[Part]:
        """Cut checked settings into tasks, in the order in which they are to be handed out.

        A single one is a plain task, several make a group. They are taken only as far as a job
        may have tasks, so that a generator may promise more.
        """
        yield Part(
            name=self.label(settings),
            type=self.name,
            settings=settings,
            frames=self.frames(settings),
        )

    def plan(self, job: JobView) -> Answer:
        """Refuse: the farm makes tasks of settings, on routes of its own."""
        del job
        return Fail("tasks of the render farm are created by POST /tasks of its own API")


def os_of(system: str) -> str:
    """Tell `Linux`, `Darwin` or `Windows` from what a worker calls its system."""
    # In this order: `Darwin` contains `win`.
    return next((name for name in ("Darwin", "Windows") if name in system), "Linux")
