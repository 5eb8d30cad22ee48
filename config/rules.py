"""What must hold between settings, and what a server refuses to start with."""

import ipaddress
import zoneinfo
from itertools import chain
from typing import TYPE_CHECKING

from config.catalogue import DIALECTS

if TYPE_CHECKING:
    from config.settings import Settings

_NOT_FOR_DIALECTS = ("/ui", "/health", "/metrics", "/api/jobyard", "/api/docs")


def conflicts(settings: "Settings") -> list[str]:
    """Give a line for each pair of settings that cannot both hold."""
    return list(chain(_leases(settings), _admin(settings), _manticore(settings), _paths(settings)))


def doubts(settings: "Settings") -> list[str]:
    """Give a line for each setting that does nothing as things stand; a warning, not a fault."""
    lines = []
    manticore = settings.manticore
    usage = {
        "usage_duration": manticore.usage_duration,
        "warning_duration": manticore.warning_duration,
        "reset_timer_allowed": manticore.reset_timer_allowed,
    }
    address = {
        "domain": manticore.domain or None,
        "public_port": manticore.public_port,
        "tcp_port_start": manticore.tcp_port_start,
        "tcp_port_end": manticore.tcp_port_end,
    }
    for group in (usage, address):
        missing = [f"manticore.{name}" for name, value in group.items() if value is None]
        if 0 < len(missing) < len(group):
            given = [f"manticore.{name}" for name, value in group.items() if value is not None]
            lines.append(f"{', '.join(given)}: no effect without {', '.join(missing)}")
    return lines


def refusals(settings: "Settings", *, has_manager: bool | None = None) -> list[str]:
    """Give the reasons not to serve on the address that is set; none means go ahead.

    has_manager: whether the database holds a web manager; None leaves that question out.
    """
    if _is_loopback(settings.server.host):
        return []
    reasons = []
    doors = _open_doors(settings)
    if doors and not settings.security.allow_anonymous:
        reasons.append(
            f"{settings.server.bind} can be reached from other machines, and anybody could have"
            f" commands run through {', '.join(doors)}: set allow_anonymous = true to accept that,"
            " or turn on authentication there, or bind to 127.0.0.1"
        )
    if has_manager is False and not settings.security.admin:
        reasons.append(
            f"{settings.server.bind} can be reached from other machines, and there is no web"
            " manager yet, so the first to register would become admin: set"
            " JOBYARD_ADMIN=name:password"
        )
    return reasons


def _open_doors(settings: "Settings") -> list[str]:
    """Name the APIs that take work from anybody."""
    tork = settings.tork
    closed = {
        "manticore": bool(settings.manticore.jwt_secret),
        "mantis": settings.mantis.require_token,
        "task_tracker": settings.task_tracker.require_token,
        "flamenco": settings.flamenco.require_token,
        "tork": tork.keyauth_enabled or tork.basicauth_enabled,
    }
    doors = [name for name in DIALECTS if getattr(settings, name).enabled and not closed[name]]
    return doors if settings.api.require_token else [*doors, "the API of Jobyard (api)"]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # A name may mean any address tomorrow.
        return False


def _leases(settings: "Settings") -> list[str]:
    mantis_s = 1.5 * settings.mantis.worker_timeout_s
    pairs = [
        ("worker.lease_s", settings.worker.lease_s, "worker.renew_s", settings.worker.renew_s),
        ("ticker.lease_s", settings.ticker.lease_s, "ticker.renew_s", settings.ticker.renew_s),
        ("mantis.worker_timeout_s x 1.5", mantis_s, "worker.renew_s", settings.worker.renew_s),
        (
            "mantis.worker_timeout_s x 1.5",
            mantis_s,
            "mantis.heartbeat_interval_s",
            settings.mantis.heartbeat_interval_s,
        ),
    ]
    return [
        f"{lease} ({lease_s:g} s) must be longer than twice {beat} ({beat_s:g} s),"
        " or one late heartbeat loses the lease"
        for lease, lease_s, beat, beat_s in pairs
        if lease_s <= 2 * beat_s
    ]


def _admin(settings: "Settings") -> list[str]:
    if not settings.security.admin:
        return []
    name, _, password = settings.security.admin.partition(":")
    lines = []
    if not 3 <= len(name.encode()) <= 16:
        lines.append("admin: the name must have 3 to 16 bytes")
    if not 8 <= len(password.encode()) <= 1024:
        lines.append("admin: the password must have 8 to 1024 bytes")
    return lines


def _manticore(settings: "Settings") -> list[str]:
    lines = []
    own = settings.manticore
    start, end = own.tcp_port_start, own.tcp_port_end
    if start is not None and end is not None and start > end:
        lines.append("manticore.tcp_port_start must not be above manticore.tcp_port_end")
    services = settings.services
    if services.port_start > services.port_end:
        lines.append("services.port_start must not be above services.port_end")
    if own.min_delay_buffer > own.max_delay_buffer:
        lines.append("manticore.min_delay_buffer must not be above manticore.max_delay_buffer")
    return lines


def _paths(settings: "Settings") -> list[str]:
    lines = []
    for name in DIALECTS:
        prefix: str = getattr(settings, name).prefix
        lines += [
            f"{name}.prefix: {taken} belongs to the server itself"
            for taken in _NOT_FOR_DIALECTS
            if f"{prefix}/".startswith(f"{taken}/")
        ]
    if not settings.serve.parts:
        lines.append("serve.parts must name at least one part")
    try:
        zoneinfo.ZoneInfo(settings.mantis.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        lines.append(f"mantis.time_zone: no time zone is called {settings.mantis.time_zone}")
    return lines
