"""The compiler `print_string`: a text, to see whether a farm works."""

from collections.abc import Mapping
from typing import ClassVar

from app.hooks import Command, Compiler, Json, Step, TaskView, WorkerView, os_of
from plugins.render.settings import PrintSettings


class PrintString(Compiler):
    """Prints a text on the worker."""

    name = "print_string"
    title = "Print a text"
    spec_schema = PrintSettings
    programs: ClassVar[Mapping[str, str]] = {"Linux": "echo", "Darwin": "echo", "Windows": "cmd"}

    def label(self, settings: Json) -> str:
        """Name it by its type."""
        del settings
        return self.name

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Give the command; Windows has no program of that name, only its shell knows it."""
        system = os_of(worker.system)
        words = ("cmd", "/c", "echo") if system == "Windows" else ("echo",)
        return Command(runtime="farm", main=Step(cmd=(*words, task.payload["settings"]["text"])))
