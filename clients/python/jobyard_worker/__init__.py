"""Workers for the tracker of a Jobyard server."""

from jobyard_worker.client import Client
from jobyard_worker.errors import RateLimited, Refused, TrackerError, Unreachable
from jobyard_worker.loop import GiveBack, Loop
from jobyard_worker.records import Credentials, Project, Release, Result, Task, Work

__all__ = [
    "Client",
    "Credentials",
    "GiveBack",
    "Loop",
    "Project",
    "RateLimited",
    "Refused",
    "Release",
    "Result",
    "Task",
    "TrackerError",
    "Unreachable",
    "Work",
]
