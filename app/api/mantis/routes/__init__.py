"""Views of this dialect: what is asked for, one call of a service, what is answered."""

from flask_smorest import Blueprint

from app.api.mantis.routes import admin, clusters, jobs, streams
from config.settings import Settings


def blueprints(settings: Settings) -> list[Blueprint]:
    """Give what is to be mounted."""
    del settings
    return [clusters.blueprint, jobs.blueprint, admin.blueprint, streams.made()]
