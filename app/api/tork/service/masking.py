"""The redactor that the settings ask for."""

from functools import lru_cache

from app.api.tork.redaction import DEFAULT_PATTERNS, Redactor
from app.wiring import Services


def redactor(services: Services) -> Redactor:
    """Give the redactor of this server."""
    tork = services.settings.tork
    return _made(tork.redact_patterns or DEFAULT_PATTERNS, tork.redact_enabled)


@lru_cache(maxsize=8)
def _made(patterns: tuple[str, ...], enabled: bool) -> Redactor:
    return Redactor(patterns, enabled=enabled)
