"""The Flask application: every dialect under its settings, the pages, one way out for errors."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from flask import Flask, Request, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import MapAdapter

from app import web
from app.api import DIALECTS
from app.api.http import context, documents, plain, sockets
from app.api.http.bodies import FormRequest
from app.api.http.dialect import Mounted, Owners
from app.api.http.drain import Drain
from app.api.http.encoding import OrjsonProvider
from app.api.http.fanout import Hub
from app.api.http.lobby import Lobby
from app.api.http.problems import problem_of
from app.api.http.sinks import Sinks
from app.api.http.site import Site, attach
from app.domain.errors import EngineError
from app.wiring import VERSION, Services, build
from config.settings import Settings

_log = logging.getLogger(__name__)


def create_app(settings: Settings, *, services: Services | None = None) -> Flask:
    """Build the application of one web process.

    services: made from the settings when not given. Make it after the fork, and under gevent after
    the patching: it holds sockets, threads and connection pools.
    """
    services = services or build(settings)
    app = _App("app", static_folder=None)
    app.json = OrjsonProvider(app)
    app.config["SOCK_SERVER_OPTIONS"] = sockets.OPTIONS
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    mounted = [Mounted(dialect, dialect.terms(settings)) for dialect in DIALECTS]
    owners = Owners(mounted, Mounted(plain.NOBODY, plain.NOBODY.terms(settings)))
    drain = Drain()
    site = Site(
        services=services,
        owners=owners,
        hub=Hub(services.engine),
        lobby=Lobby(services.engine, drain),
        sinks=Sinks(services.engine),
        drain=drain,
    )
    attach(app, site)
    context.install(app, owners)
    for each in owners.mounted:
        blueprints = each.dialect.blueprints(settings)
        site.documents[each.dialect.name] = documents.mount(app, each, blueprints, VERSION)
    web.mount(app, settings)
    _prepare_guards(site)
    app.register_error_handler(Exception, _Failures(app, owners))
    if settings.server.trusted_proxies:
        count = settings.server.trusted_proxies
        proxied = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count, x_port=count)
        app.wsgi_app = proxied  # type: ignore[method-assign]
    return app


class _App(Flask):
    """An application of plain views alone; Flask asks of each at every call whether it is async."""

    request_class = FormRequest

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Match as a websocket only what has one; elsewhere such a wish is ignored."""
        adapter = super().create_url_adapter(request)
        if adapter is not None and adapter.websocket:
            try:
                adapter.match()
            except HTTPException:
                adapter.websocket = False
        return adapter

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Give the function as it is."""
        return func


def _prepare_guards(site: Site) -> None:
    """Let guards get ready now; what the database prevents, the first request makes up for."""
    for each in site.owners.mounted:
        if each.terms.guard is not None:
            with suppress(EngineError):
                each.terms.guard.prepare(site.services)


class _Failures:
    """Words every error of every path in the form of the dialect that owns the path."""

    def __init__(self, app: Flask, owners: Owners) -> None:
        self._app = app
        self._owners = owners

    def __call__(self, error: Exception) -> ResponseReturnValue:
        """Answer an error; one that nobody expected is logged with its traceback."""
        if isinstance(error, HTTPException) and (error.code or 500) < 400:
            return error
        problem = problem_of(error)
        exchange = g.get("exchange")
        owner = exchange.owner if exchange else self._owners.of(request.path)
        failure = owner.dialect.failure(problem)
        if failure.status >= 500 and not isinstance(error, EngineError):
            _log.error("unexpected error", exc_info=error)
        answer = self._app.json.response(failure.body)
        answer.status_code = failure.status
        answer.headers.update(failure.headers)
        return answer
