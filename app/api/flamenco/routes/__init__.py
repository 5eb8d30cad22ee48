"""Views of this dialect: what a request says, one call of a service, the answer."""

from flask_smorest import Blueprint

from app.api.flamenco.routes import compiled, files, settings, sleep, tasks, workers
from config.settings import Settings


def blueprints(given: Settings) -> list[Blueprint]:
    """Give what is to be mounted."""
    del given
    return [
        tasks.blueprint,
        compiled.blueprint,
        files.blueprint,
        workers.blueprint,
        sleep.blueprint,
        settings.blueprint,
    ]
