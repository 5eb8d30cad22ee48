"""Who looks at the pages, and what they may do: as much as by the APIs, and no more.

A manager who is admin may do everything. Whoever sits at this machine may do what our own API lets
anybody do, and so may every other manager; where that API wants a token, a manager who is no admin
has the projects of the tracker alone.
"""

import ipaddress
from dataclasses import dataclass

from flask import Request, g, request

from app.api.http import sessions
from app.api.http.site import services
from app.domain.records import Manager, Scope
from config.settings import Settings

OPEN = frozenset({Scope.READ, Scope.SUBMIT, Scope.CONTROL})
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody with a browser. manager: None for whoever has not logged in.

    is_known: has logged in, or sits at this machine.
    """

    manager: Manager | None
    scopes: frozenset[Scope]
    is_known: bool = False

    def may(self, scope: Scope | None) -> bool:
        """Tell whether something is for this visitor. None: it is for everybody."""
        return scope is None or scope in self.scopes

    @property
    def name(self) -> str | None:
        """What entries about their doings say."""
        return self.manager.username if self.manager else None


def visitor() -> Visitor:
    """Give who asks for the page at hand."""
    found: Visitor | None = g.get("visitor")
    if found is None:
        found = g.visitor = _found()
    return found


def _found() -> Visitor:
    settings = services().settings
    manager = sessions.manager(by_link=True)
    if manager is not None and manager.admin:
        return Visitor(manager, frozenset(Scope), is_known=True)
    is_known = manager is not None or _is_let_in(request, settings)
    scopes = OPEN if is_known and not settings.api.require_token else frozenset()
    return Visitor(manager, scopes, is_known)


def _is_let_in(request: Request, settings: Settings) -> bool:
    """Tell whether a browser may see pages without login: on this machine, or by a setting.

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
