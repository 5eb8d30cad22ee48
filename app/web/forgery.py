"""Against forms that other sites make a browser send: a token in each of ours.

The token belongs to a signed cookie, which also carries the sentence shown after an action. The key
that signs it is made up once for all processes of the server.
"""

from typing import Any

from flask import Blueprint, Flask, Request, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import generate_csrf, validate_csrf
from markupsafe import Markup
from wtforms.validators import ValidationError

from app.api.http.site import site_of
from app.domain.errors import Unavailable

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def field() -> Markup:
    """Give the hidden field with the token, for a form of the page at hand."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token())


class Forged(Exception):
    """The request does not come from a form of ours."""

    status = 400

    def __init__(self) -> None:
        super().__init__("This form has grown old. Reload the page and try again.")


def install(app: Flask, blueprint: Blueprint) -> None:
    """Have everything that changes something on a page checked."""
    # A token is good for as long as the cookie it belongs to.
    app.config.update(
        WTF_CSRF_TIME_LIMIT=None, SESSION_COOKIE_NAME="jobyard", SESSION_COOKIE_SAMESITE="Lax"
    )
    app.session_interface = _Cookies()

    @blueprint.before_request
    def check() -> None:
        if request.method in _SAFE:
            return
        try:
            validate_csrf(request.headers.get(HEADER) or request.form.get(FIELD))
        except ValidationError as error:
            raise Forged from error


def token() -> str:
    """Give the token for the forms of the page at hand."""
    made: str = generate_csrf()
    return made


class _Cookies(SecureCookieSessionInterface):
    """Flask's sessions, for pages alone: the APIs pay nothing for them."""

    def open_session(self, app: Flask, request: Request) -> Any:
        """Read the cookie; None where there is nothing to be read or no key to read it by."""
        if not request.path.startswith("/ui/"):
            return None
        if app.secret_key is None:
            try:
                # Of a made-up key its digest is what every process can see, and nobody else.
                app.secret_key = site_of(app).services.engine.keys.ensure("pages").digest
            except Unavailable:
                return None
        return super().open_session(app, request)

    def get_cookie_secure(self, _app: Flask) -> bool:
        """Keep the cookie of a page that came by TLS off plain connections."""
        return request.is_secure
