"""How a client opens its websocket."""

from app.api.manticore.words import JOB
from app.domain.records import Json
from config.dialects import ManticoreSettings


def connection(settings: ManticoreSettings, passcode: str, *, secure: bool) -> Json:
    """Tell where the websocket of a passcode is."""
    found: Json = {
        "path": f"{settings.prefix}{JOB}/",
        "protocol": "wss" if secure else "ws",
        "passcode": passcode,
    }
    if settings.public_addresses:
        found.update(domain=settings.domain, port=settings.public_port)
    return found
