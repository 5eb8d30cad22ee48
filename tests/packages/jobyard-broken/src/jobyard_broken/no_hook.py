"""Forgets to mark its hook."""

from app.hooks import JobInterface
from jobyard_broken.parts import Plain


def job_interfaces() -> list[JobInterface]:
    """Give a job type that nobody asks for."""
    return [Plain("no-hook")]
