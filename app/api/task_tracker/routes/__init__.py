"""Views of the tracker: who asks, what they say, one call of a service, the envelope."""

from flask_smorest import Blueprint

from app.api.task_tracker.routes import (
    access,
    claims,
    logs,
    managers,
    monitoring,
    projects,
    stats,
    tasks,
    workers,
)
from config.settings import Settings


def blueprints(settings: Settings) -> list[Blueprint]:
    """Give what is to be mounted."""
    del settings
    return [
        workers.blueprint,
        projects.blueprint,
        access.blueprint,
        tasks.blueprint,
        claims.blueprint,
        logs.blueprint,
        monitoring.blueprint,
        stats.blueprint,
        managers.blueprint,
    ]
