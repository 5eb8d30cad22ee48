"""How many requests are where."""

from app.api.manticore.service.requests import POOL, UNLIMITED, slots
from app.domain.records import Json
from app.wiring import Services


def queue(services: Services) -> Json:
    """Count who waits, whose environment is being started, and who has one."""
    counts = services.engine.waiting.counts(POOL)
    most = slots(services.settings.manticore)
    return {**counts._asdict(), "slots": None if most >= UNLIMITED else most}
