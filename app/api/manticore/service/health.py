"""How well environments can be started, from how the latest tries went."""

from app.domain.records import Json
from app.wiring import Services


def health(services: Services) -> Json:
    """Tell whether the latest try succeeded, or found no room; nothing in basic mode."""
    if services.settings.manticore.health_check_period is None:
        return {}
    return {}
