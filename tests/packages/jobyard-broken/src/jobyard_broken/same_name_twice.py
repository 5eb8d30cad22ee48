"""Gives two job types of one name."""

from app.hooks import JobInterface, hookimpl
from jobyard_broken.parts import Plain


@hookimpl
def job_interfaces() -> list[JobInterface]:
    """Give both."""
    return [Plain("double"), Plain("double")]
