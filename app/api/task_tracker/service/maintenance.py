"""What a manager does to all tasks of a project at once."""

from collections.abc import Callable

from app.api.task_tracker.records import Project
from app.wiring import Services

Verb = Callable[[Services, Project], int]


def reset_failed(services: Services, project: Project) -> int:
    """Let failed tasks begin anew; give how many."""
    groups = services.engine.groups
    return groups.reset_failed(groups.get(project.id))


def clear(services: Services, project: Project) -> int:
    """Delete all tasks, assigned or not; give how many."""
    groups = services.engine.groups
    return groups.clear(groups.get(project.id))


def reclaim(services: Services, project: Project) -> int:
    """Take back every task from the worker that has it; give how many."""
    groups = services.engine.groups
    return groups.reclaim(groups.get(project.id))
