"""API tokens in requests: `Authorization: Bearer jy_…`."""

import time
from collections.abc import Iterator

from flask import request

from app.domain.errors import TokenNotFound, Unavailable
from app.domain.records import ApiToken, Scope
from app.engine import Engine

RECHECK_S = 15.0
"""How long a stream may go on with a token that was revoked."""


class Unauthorized(Exception):
    """Who asks must show a token. challenge: for the header WWW-Authenticate."""

    challenge = 'Bearer realm="jobyard"'


class BadToken(Unauthorized):
    """The token is unknown, revoked or expired."""

    challenge = 'Bearer realm="jobyard", error="invalid_token"'

    def __init__(self) -> None:
        super().__init__("the API token is unknown, revoked or expired")


class OutOfScope(Exception):
    """The token is good, but not for this."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(f"this needs a token with the scope {scope}")
        self.challenge = f'Bearer realm="jobyard", error="insufficient_scope", scope="{scope}"'


def demand(engine: Engine, scope: Scope, *, required: bool) -> ApiToken | None:
    """Give the token of the request at hand, or None where none came and none is required.

    One that came must be good, required or not. Raises Unauthorized, OutOfScope.
    """
    secret = secret_given()
    if secret is None:
        if required:
            raise Unauthorized("an API token is needed, as Authorization: Bearer TOKEN")
        return None
    try:
        token = engine.tokens.admit(secret)
    except TokenNotFound as error:
        raise BadToken from error
    if not token.allows(scope):
        raise OutOfScope(scope)
    return token


def secret_given() -> str | None:
    """Give the text of the token that came with the request at hand; None when none did."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else None


def while_admitted(frames: Iterator[bytes], engine: Engine, secret: str | None) -> Iterator[bytes]:
    """Give a stream on for as long as its token is good; it must give a sign of life now and then.

    A database that does not answer ends no stream.
    """
    checked = time.monotonic()
    for frame in frames:
        if secret is not None and time.monotonic() - checked >= RECHECK_S:
            try:
                engine.tokens.admit(secret)
            except TokenNotFound:
                return
            except Unavailable:
                pass
            checked = time.monotonic()
        yield frame
