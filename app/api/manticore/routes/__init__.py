"""Views of this dialect: who asks, what they want, one call of a service."""

from flask_smorest import Blueprint

from app.api.manticore.routes import jobs, sockets, updates
from app.api.manticore.watch import Watch
from config.settings import Settings


def blueprints(settings: Settings) -> list[Blueprint]:
    """Give what is to be mounted."""
    del settings
    watch = Watch()
    return [jobs.blueprint, sockets.made(watch), updates.made(watch)]
