"""Views of this dialect: who asks, what they want, one call of a service."""

from flask_smorest import Blueprint

from app.api.manticore.routes import jobs, sockets
from config.settings import Settings


def blueprints(settings: Settings) -> list[Blueprint]:
    """Give what is to be mounted."""
    del settings
    return [jobs.blueprint, sockets.made()]
