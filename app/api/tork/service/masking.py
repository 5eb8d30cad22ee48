"""Masking of what is shown, as the settings ask for it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from app.api.tork.redaction import DEFAULT_PATTERNS, Redactor
from app.domain.records import Job, Json
from app.wiring import Services


def masked(services: Services, document: Json, job: Job) -> Mapping[str, object]:
    """Give a document of a job, or of one of its tasks, without the job's secrets."""
    return redactor(services).document(document, secrets_of(services, job))


def secrets_of(services: Services, job: Job) -> Sequence[str]:
    """Give the values of a job that must not show."""
    return services.plugins.secrets(job.type, job.spec, job.state_data)


def redactor(services: Services) -> Redactor:
    """Give the redactor of this server."""
    tork = services.settings.tork
    return _made(tork.redact_patterns or DEFAULT_PATTERNS, tork.redact_enabled)


@lru_cache(maxsize=8)
def _made(patterns: tuple[str, ...], enabled: bool) -> Redactor:
    return Redactor(patterns, enabled=enabled)
