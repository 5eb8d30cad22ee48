"""What a worker is told when it is started."""

import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path


def default_hostname() -> str:
    """Give this machine's name, as others see it."""
    return socket.gethostname() or "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The address of the manager and all that may be left as it is.

    manager: `http://host:port`, with a path where the farm has been moved under one. folder: for
    files of jobs and tasks; None: one of its own below the temporary folder. hostname and port:
    who this worker is, together with its address; workers on one machine need ports of their own,
    nothing listens there. token: where the manager asks for one. Times are in seconds.
    """

    manager: str
    folder: Path | None = None
    hostname: str = field(default_factory=default_hostname)
    port: int = 5000
    token: str | None = None
    #: Between two questions for work; up to a fifth more, so that a farm does not ask in step.
    poll_s: float = 5.0
    #: Between two reports while there is output, and while there is none.
    report_s: float = 1.0
    silent_s: float = 10.0
    #: How long a program has after SIGTERM.
    kill_after_s: float = 10.0
    #: Longest pause while the manager does not answer.
    patience_s: float = 60.0
    #: Between two reports of what changes slowly about the machine.
    less_frequent_s: float = 120.0
    #: Bytes that one archive may unpack to.
    unpack_bytes: int = 64 * 1024**3
    #: Bytes that one program may print.
    print_bytes: int = 256 * 1024**2
    #: End once the manager has nothing to do.
    once: bool = False

    @property
    def directory(self) -> Path:
        """Where the files of jobs and tasks go."""
        return self.folder or Path(tempfile.gettempdir()) / f"jobyard-farm-worker-{self.port}"
