"""Addresses as users see them: plain, or names under a public domain.

Labels are digests of the environment's id, which nobody is told: so they cannot be guessed, are the
same in every process and after every restart, and need no rows.
"""

import hashlib
import random
from collections.abc import Mapping

from app.api.manticore import tables
from app.wiring import Services
from config.dialects import ManticoreSettings

TCP = frozenset({"core-tcp"})
WEB = frozenset({"core-file", "core-policy", "core-store", "hmi-user"})
_LABEL_CHARS = 16
_SHORT = {"core-ws-server": 6}
"""People type it."""


def shown(services: Services, job_id: str) -> Mapping[str, str]:
    """Give the addresses of an environment that runs. Raises JobNotFound, PluginFailed."""
    settings = services.settings.manticore
    plain = services.engine.services.shown(job_id)
    if not settings.public_addresses:
        return plain
    return {name: _public(services, job_id, name) for name in plain}


def _public(services: Services, job_id: str, name: str) -> str:
    settings = services.settings.manticore
    if name in TCP:
        return f"{settings.domain}:{_port(services, job_id)}"
    scheme = "http" if name in WEB else "ws"
    return f"{scheme}://{label(job_id, name)}.{settings.domain}:{settings.public_port}"


def label(job_id: str, name: str) -> str:
    """Give the host name of a service below the domain."""
    text = hashlib.sha256(f"{job_id}/{name}".encode()).hexdigest()
    return text[: _SHORT.get(name, _LABEL_CHARS)]


def _port(services: Services, job_id: str) -> int:
    store = services.engine.store
    settings = services.settings.manticore
    with store.transaction():
        choices = _shuffled(settings)
        # There are never more environments than ports, so one is free.
        return tables.port_of(store, job_id, choices) or choices[0]


def _shuffled(settings: ManticoreSettings) -> list[int]:
    choices = list(range(settings.tcp_port_start or 0, (settings.tcp_port_end or 0) + 1))
    random.shuffle(choices)
    return choices
