"""Views of the Tork dialect: parse, one call of a service, answer."""

from flask_smorest import Blueprint

from app.api.tork.routes import bulk, fleet, jobs, schedules, tasks, users
from config.settings import Settings


def blueprints(settings: Settings) -> list[Blueprint]:
    """Give the families that the settings leave on; the paths of others answer 404."""
    tork = settings.tork
    chosen = (
        (tork.endpoint_jobs, jobs.blueprint),
        (tork.endpoint_jobs, bulk.blueprint),
        (tork.endpoint_jobs, schedules.blueprint),
        (tork.endpoint_tasks, tasks.blueprint),
        (tork.endpoint_nodes, fleet.nodes_blueprint),
        (tork.endpoint_queues, fleet.queues_blueprint),
        (tork.endpoint_metrics, fleet.metrics_blueprint),
        (tork.endpoint_users, users.blueprint),
    )
    return [blueprint for on, blueprint in chosen if on]
