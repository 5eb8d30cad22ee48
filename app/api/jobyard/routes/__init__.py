"""Views of our own API, a module for each noun."""

from flask_smorest import Blueprint

from app.api.jobyard.routes import events, fleet, jobs, logs, schedules, tokens
from app.api.jobyard.routes.blueprint import blueprint
from config.settings import Settings

__all__ = ["blueprints", "events", "fleet", "jobs", "logs", "schedules", "tokens"]


def blueprints(settings: Settings) -> list[Blueprint]:
    """Give what is to be mounted."""
    del settings
    return [blueprint]
