"""The header `Authorization`, read without trust in its form."""

import base64
import binascii
import hmac
from collections.abc import Sequence

from flask import Request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized


def basic(request: Request) -> tuple[str, str] | None:
    """Give the name and password of basic authentication; None when there are none to be read."""
    given = _given(request, "basic")
    if given is None:
        return None
    try:
        text = base64.b64decode(given, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    name, colon, password = text.partition(":")
    return (name, password) if colon else None


def bearer(request: Request) -> str | None:
    """Give what is shown as `Authorization: Bearer`; None when that is not what is there."""
    return _given(request, "bearer")


def same(one: str, other: str) -> bool:
    """Compare secrets in a time that tells nothing about them."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def unauthorized(schemes: Sequence[str], realm: str) -> Unauthorized:
    """Make the 401 that asks for one of some schemes."""
    return Unauthorized(
        www_authenticate=[WWWAuthenticate(scheme, {"realm": realm}) for scheme in schemes]
    )


def _given(request: Request, wanted: str) -> str | None:
    scheme, _, rest = request.headers.get("Authorization", "").strip().partition(" ")
    rest = rest.strip()
    return rest if scheme.lower() == wanted and rest else None
