"""What the audit log is told of requests: who asked for what, and from where."""

import ipaddress

from flask import Request, g, request

from app.api.http.site import services
from app.domain.doings import Doing
from app.domain.records import ApiToken
from config.settings import Settings

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip")
HERE, ELSEWHERE = "somebody at this machine", "somebody"


def note(action: str, subject: object = "", *, who: str, via: str = "api", **facts: object) -> None:
    """Write down what was just done by the request at hand; never fails.

    action: a noun and a verb, such as `job.cancel`. subject: what it was done to. facts: what else
    tells what happened; never a secret, a password or a body.
    """
    services().engine.audit.note(
        Doing(
            who=who,
            via=via,
            action=action,
            subject=str(subject),
            address=request.remote_addr or "",
            request_id=g.exchange.id,
            facts={name: str(value) for name, value in facts.items()},
        )
    )


def by_token(token: ApiToken | None) -> str:
    """Name whoever shows a token, or none."""
    return anybody() if token is None else f"token {token.name}"


def anybody() -> str:
    """Name whoever made the request at hand without saying who it is."""
    return HERE if is_here(request, services().settings) else ELSEWHERE


def is_here(request: Request, settings: Settings) -> bool:
    """Tell whether a request comes from the server's own machine.

    What a proxy sends on comes from elsewhere, even if that proxy is on this machine. One that is
    trusted has been believed already: the address is then the client's own.
    """
    if not settings.server.trusted_proxies and any(name in request.headers for name in _FORWARDED):
        return False
    try:
        given = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        # Through a Unix socket: a proxy's.
        return False
    mapped = getattr(given, "ipv4_mapped", None)
    return bool((mapped or given).is_loopback)
