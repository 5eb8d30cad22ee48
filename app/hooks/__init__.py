"""All that a plugin may import.

A plugin is a package with an entry point in the group `jobyard`; its module implements one or more
of the hooks of `app.hooks.spec` with `@hookimpl`.
"""

from app.domain.masking import Masker
from app.hooks.compiler import JOB_PATH, OUTPUT_PATH, PROGRAM, Compiler, Part, os_of
from app.hooks.fields import WorkSchema, no_nul, relative_name, work
from app.hooks.interface import JobInterface
from app.hooks.spec import hookimpl
from app.hooks.types import (
    Advance,
    Answer,
    Command,
    Fail,
    Finish,
    JobSpec,
    JobView,
    Json,
    Limits,
    Mount,
    Parsed,
    Port,
    Probe,
    Service,
    Step,
    TaskClose,
    TaskEnd,
    TaskSpec,
    TaskView,
    Watch,
    WorkerView,
)

__all__ = [
    "JOB_PATH",
    "OUTPUT_PATH",
    "PROGRAM",
    "Advance",
    "Answer",
    "Command",
    "Compiler",
    "Fail",
    "Finish",
    "JobInterface",
    "JobSpec",
    "JobView",
    "Json",
    "Limits",
    "Masker",
    "Mount",
    "Parsed",
    "Part",
    "Port",
    "Probe",
    "Service",
    "Step",
    "TaskClose",
    "TaskEnd",
    "TaskSpec",
    "TaskView",
    "Watch",
    "WorkSchema",
    "WorkerView",
    "hookimpl",
    "no_nul",
    "os_of",
    "relative_name",
    "work",
]
