"""Why a service ended, as the first word of its error; its job's error begins with the same."""

from enum import StrEnum


class ServiceEnd(StrEnum):
    """What came first. Users are shown it, so that a broken version and a crash look different."""

    START_FAILED = "start_failed"  #: it never answered
    EXITED = "exited"  #: it ended by itself, or was lost with its worker, while it was used
    SHUTDOWN = "shutdown"  #: its worker was stopped by an operator

    def text(self, detail: str) -> str:
        """Give the error of a task that ended like this."""
        return f"{self}: {detail}"
