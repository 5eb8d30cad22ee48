"""Gives a class where an object is wanted."""

from app.hooks import hookimpl
from jobyard_broken.parts import Plain


@hookimpl
def job_interfaces() -> list[type[Plain]]:
    """Give the class."""
    return [Plain]
