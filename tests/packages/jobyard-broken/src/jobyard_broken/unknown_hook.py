"""Implements a hook that does not exist, beside one that does."""

from app.hooks import JobInterface, hookimpl
from jobyard_broken.parts import Plain


@hookimpl
def job_interfaces() -> list[JobInterface]:
    """Give a sound job type, which must not be taken either."""
    return [Plain("unknown-hook")]


@hookimpl
def job_interface() -> None:
    """Be misspelt."""
