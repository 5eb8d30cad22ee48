"""Raises when it is asked for job types."""

from app.hooks import JobInterface, hookimpl


@hookimpl
def job_interfaces() -> list[JobInterface]:
    """Fail."""
    raise KeyError("codec")
