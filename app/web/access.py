"""Who may see the pages that want no login: whoever sits at this machine."""

import ipaddress

from flask import Request

from config.settings import Settings

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip")


def is_let_in(request: Request, settings: Settings) -> bool:
    """Tell whether a browser may have such a page: from loopback, or where a setting opens them.

    What a proxy sends on comes from elsewhere, even if that proxy is on this machine. One that is
    trusted has been believed already: the address is then the browser's own.
    """
    if settings.web.open_pages:
        return True
    if not settings.server.trusted_proxies and any(name in request.headers for name in _FORWARDED):
        return False
    return _is_loopback(request.remote_addr or "")


def _is_loopback(address: str) -> bool:
    try:
        given = ipaddress.ip_address(address)
    except ValueError:
        # Through a Unix socket: a proxy's.
        return False
    mapped = getattr(given, "ipv4_mapped", None)
    return (mapped or given).is_loopback
