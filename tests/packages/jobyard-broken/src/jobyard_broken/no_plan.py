"""Gives a job type that cannot plan."""

from app.hooks import JobInterface, hookimpl


class Planless(JobInterface):
    """Has a name and nothing else."""

    name = "planless"


@hookimpl
def job_interfaces() -> list[JobInterface]:
    """Give it."""
    return [Planless()]
