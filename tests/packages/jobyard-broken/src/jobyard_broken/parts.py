"""A sound job type, for plugins whose fault lies elsewhere."""

from app.hooks import Answer, JobInterface, JobView, TaskSpec


class Plain(JobInterface):
    """One task that nobody binds."""

    def __init__(self, name: str = "plain") -> None:
        self.name = name  # type: ignore[misc]

    def plan(self, job: JobView) -> Answer:
        """Give the one task."""
        return [TaskSpec(name=job.name)]
