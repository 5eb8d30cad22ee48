"""What happens around every request: its id, its limits, its headers, its log line."""

import logging
import os
import re
import time
from dataclasses import dataclass

import structlog
from flask import Flask, Request, Response, g
from flask.globals import request_ctx
from werkzeug.exceptions import NotFound

from app.api.http.callers import ANYBODY, Caller
from app.api.http.cors import is_preflight
from app.api.http.dialect import Mounted, Owners
from app.api.http.site import services

ID_HEADER = "X-Request-Id"
_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_LONGEST_PATH = 512
_TURN_S = 0.005
"""How long one connection keeps a process busy before others have their turn."""
# For HTML that is ours; a page that needs more sets its own policy and keeps it.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_log = structlog.get_logger("jobyard.access")
_lines = logging.getLogger("jobyard.access")


@dataclass(slots=True)
class Exchange:
    """One request under way. began: on the monotonic clock, in seconds. caller: who asks."""

    id: str
    owner: Mounted
    began: float
    caller: Caller = ANYBODY


def install(app: Flask, owners: Owners) -> None:
    """Hook into every request of an application; before anything else is mounted."""
    turn_ends = 0.0

    @app.before_request
    def begin() -> Response | None:
        nonlocal turn_ends
        # A busy keep-alive connection never waits for its socket, and the others of this process
        # would starve; under gevent this lets them run.
        if time.monotonic() >= turn_ends:
            turn_ends = time.monotonic() + _TURN_S
            time.sleep(0)
        # Every use of the proxy looks the request up anew.
        asked = request_ctx.request
        owner = owners.of(asked.path)
        given = asked.headers.get(ID_HEADER)
        request_id = given if given and _SANE_ID.fullmatch(given) else os.urandom(16).hex()
        g.exchange = exchange = Exchange(request_id, owner, time.monotonic())
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        asked.max_content_length = owner.terms.max_body_bytes
        if asked.environ["PATH_INFO"].startswith("//"):
            # Routing would pass over the second slash, and a path is exact.
            raise NotFound
        answer = None if owner.terms.cors is None else owner.terms.cors.preflight(asked)
        if owner.terms.guard is not None and not is_preflight(asked):
            exchange.caller = owner.terms.guard.admit(services(), asked)
        return answer

    @app.after_request
    def end(response: Response) -> Response:
        exchange: Exchange | None = g.get("exchange")
        if exchange is None:
            return response
        asked = request_ctx.request
        _dress(exchange, asked, response)
        _write_line(exchange, asked, response)
        return response


def _dress(exchange: Exchange, asked: Request, response: Response) -> None:
    """Put on the headers that every answer has."""
    terms = exchange.owner.terms
    headers = response.headers
    # `add` and not `[]` for what nobody else sets: that looks through all that are there.
    headers.add(ID_HEADER, exchange.id)
    headers.add("X-Content-Type-Options", "nosniff")
    if terms.cors is not None:
        for name, value in terms.cors.answer_headers(asked).items():
            headers[name] = value
        if "Vary" in headers:
            response.vary.add("Origin")
        else:
            headers.add("Vary", "Origin")
    kind = response.mimetype
    if kind == "application/json":
        if headers.get("Content-Type") != terms.json_type:
            headers["Content-Type"] = terms.json_type
    elif kind == "text/html":
        for name, value in _PAGE_HEADERS.items():
            headers.setdefault(name, value)


def _write_line(exchange: Exchange, asked: Request, response: Response) -> None:
    terms = exchange.owner.terms
    level = terms.log_level
    if response.status_code >= 500:
        level = logging.ERROR
    if level is None or not _lines.isEnabledFor(level):
        return
    path = asked.path
    if terms.log_skip and f"{asked.method} {path}" in terms.log_skip:
        return
    # Without the query, which may carry anything.
    _log.log(
        level,
        "request",
        action="request",
        method=asked.method,
        path=terms.log_path(path)[:_LONGEST_PATH],
        status=response.status_code,
        duration_ms=round((time.monotonic() - exchange.began) * 1000, 3),
        client=asked.remote_addr,
        dialect=exchange.owner.dialect.name,
    )
