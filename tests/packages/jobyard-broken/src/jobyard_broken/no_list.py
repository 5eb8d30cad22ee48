"""Gives a job type bare, not in a list."""

from app.hooks import hookimpl
from jobyard_broken.parts import Plain


@hookimpl
def job_interfaces() -> Plain:
    """Give it bare."""
    return Plain("no-list")
