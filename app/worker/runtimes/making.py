"""Making the runtimes of a seat from the settings."""

from app.worker.runtimes.base import Runtime
from app.worker.runtimes.shell import ShellRuntime
from app.worker.seat import Seat
from config.settings import Settings


def make_runtimes(settings: Settings, seat: Seat) -> list[Runtime]:
    """Make every runtime this machine may have; whether one works it tells itself."""
    shell = settings.tork
    seat.tasks.mkdir(parents=True, exist_ok=True, mode=0o711)
    return [
        ShellRuntime(
            work_dir=seat.tasks, cmd=shell.shell_command, uid=shell.shell_uid, gid=shell.shell_gid
        )
    ]
