"""Gives a job type whose name is not allowed."""

from app.hooks import JobInterface, hookimpl
from jobyard_broken.parts import Plain


@hookimpl
def job_interfaces() -> list[JobInterface]:
    """Give it after a sound one."""
    return [Plain("sound"), Plain("Not Allowed/here")]
