"""Rates by client address, for whole dialects or single routes."""

import ipaddress

from flask import Request

from app.wiring import Services

_NETWORK_BITS = 64
"""A client of IPv6 has a network of so many bits and may use any address in it."""


def client_of(request: Request) -> str:
    """Name the client that a limit is counted for: its address, or the network it chooses it in."""
    text = request.remote_addr or ""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        # A Unix socket has no addresses; all who use it count as one.
        return "local"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
    return str(address)


def take(services: Services, request: Request, what: str, per_second: float) -> None:
    """Count a request of a client against a rate; a second's worth may come at once.

    what: what is limited. Raises RateLimited.
    """
    services.engine.limits.take(
        f"{what}/{client_of(request)}", rate=per_second, burst=max(1.0, per_second)
    )
