"""Tasks that failed for good: looking at them, and deciding on single ones."""

from collections.abc import Sequence

from app.api.task_tracker import words
from app.api.task_tracker.records import Project
from app.domain.records import Json
from app.wiring import Services

MOST = 100
"""Tasks of one page: each may hold a mebibyte."""
PAGE = 20


def page(services: Services, project: Project, *, after: int, limit: int) -> Sequence[Json]:
    """Give failed tasks with ids above `after`, in their order."""
    engine = services.engine
    with engine.store.session():
        found = engine.failures.page(engine.groups.get(project.id), after=after, limit=limit)
    return [words.failed_task(one) for one in found]


def reset(services: Services, project: Project, task_id: int) -> bool:
    """Let a failed task begin anew; False when the project has none such."""
    engine = services.engine
    return engine.failures.reset(engine.groups.get(project.id), task_id)


def drop(services: Services, project: Project, task_id: int) -> bool:
    """Delete a failed task; False when the project has none such."""
    engine = services.engine
    return engine.failures.drop(engine.groups.get(project.id), task_id)
