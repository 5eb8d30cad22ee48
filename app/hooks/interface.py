"""The job interface: the whole contract of a job type."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from marshmallow import Schema

from app.hooks.secrecy import telling_values
from app.hooks.types import Answer, Command, JobView, Json, Parsed, TaskView, Watch, WorkerView


class JobInterface:
    """One job type. Subclass it, give it a `name` and `bind`, and register it with a hook.

    Every method must be pure: values in, values out, no I/O, no clock, no randomness that matters.
    A call that raises, or does not return within 2 s, fails that one job with `PluginFailed`.
    """

    #: Identity, in lower case, such as `transcode`; unique among all installed job types.
    name: ClassVar[str]
    #: What people read in lists and forms; the name when empty.
    title: ClassVar[str] = ""
    #: Shape of the job's parameters; None accepts any object.
    spec_schema: ClassVar[type[Schema] | None] = None
    #: Whether each task gets a UUID4 in hex beside its number, for clients that know it by that.
    public_task_ids: ClassVar[bool] = False
    #: How many jobs of this type may run at a time, the rest waiting in line; None: no limit.
    max_running: ClassVar[int | None] = None

    def options(self) -> Mapping[str, Any]:
        """Tell what can be asked for: versions, images, compilers. Called for forms and lists."""
        return {}

    def task_count(self, spec: Json) -> int:
        """Tell how many top-level steps a job of these parameters has, for its progress."""
        del spec
        return 1

    def secrets(self, spec: Json, state: Json) -> Iterable[str]:
        """Give the values of a job that no answer, list, log or message may show.

        state: what this interface remembers of the job. As it stands: texts of the parameters
        under keys that sound secret (`password`, `api_token`), from four characters on.
        """
        del state
        return telling_values(spec)

    def plan(self, job: JobView) -> Answer:
        """Give the first tasks. Called when the job starts, and again after a restart.

        At a restart `job.position` is that of the step to begin again; it is 0 at the first start.
        """
        raise NotImplementedError

    def advance(self, job: JobView, task: TaskView) -> Answer:
        """Give what follows the end of a task. Called after every one, in any order."""
        del job, task
        return None

    def change(self, job: JobView, wish: Json) -> Answer:
        """Give what follows from a wish of a user about a job that goes on.

        wish: in this interface's own words. Raises ValueError, whose text tells what is wrong.
        """
        del job, wish
        raise ValueError(f"jobs of type {self.name} cannot be changed")

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Give the command of a claimed task for that worker. Called in the worker's process."""
        raise NotImplementedError

    def parse(self, task: TaskView, lines: Sequence[str], state: Json) -> Parsed | None:
        """Read progress from output lines. Called in the worker's process as they arrive."""
        del task, lines, state
        return None

    def services(self, job: JobView) -> Mapping[str, str]:
        """Name the addresses of the services that are ready, to be shown to the user.

        `job.services` has them. By default each is called `<task>-<port>`.
        """
        return {
            f"{task}-{port}": address
            for task, ports in job.services.items()
            for port, address in ports.items()
        }

    def watches(self, spec: Json) -> Sequence[Watch]:
        """Tell which events of a job of these parameters are to be told to others.

        Called when it is submitted. The dialect it came by makes the messages.
        """
        del spec
        return ()

    def evaluate(self, kind: str, text: str, names: Mapping[str, Any]) -> object:
        """Evaluate a text of the embedded language that `check` knows.

        names: what the text may speak of. Raises ValueError, whose text tells what is wrong.
        """
        del names
        raise ValueError(f"{self.name} has no language to read {kind} {text!r} in")

    def check(self, kind: str, text: str) -> None:
        """Check the syntax of an embedded language, for a submit route that wants it checked.

        kind: what the text is to be, in this interface's own words; one that has no such
        language accepts everything. Raises ValueError, whose text tells what is wrong.
        """
        del kind, text
