"""What a view reaches beside the request: the services of the process, and who else is mounted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, current_app

from app.api.http.dialect import Owners
from app.api.http.drain import Drain
from app.api.http.fanout import Hub
from app.api.http.lobby import Lobby
from app.api.http.sinks import Sinks
from app.wiring import Services

_KEY = "jobyard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One web process. documents: what makes the OpenAPI document of each dialect, by name."""

    services: Services
    owners: Owners
    hub: Hub
    lobby: Lobby
    sinks: Sinks
    drain: Drain
    documents: dict[str, Callable[[], dict[str, Any]]] = field(default_factory=dict)


def attach(app: Flask, site: Site) -> None:
    """Make a site the one of an application."""
    app.extensions[_KEY] = site


def site_of(app: Flask) -> Site:
    """Give the site of an application."""
    site: Site = app.extensions[_KEY]
    return site


def site() -> Site:
    """Give the site of the request at hand."""
    return site_of(current_app)


def services() -> Services:
    """Give the services of the request at hand."""
    return site().services
