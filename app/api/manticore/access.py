"""Who may use this dialect's paths: anybody, or who shows a JSON web token.

What a passcode opens is opened by it alone, whatever the settings.
"""

import warnings
from collections.abc import Sequence
from typing import ClassVar

import jwt
from flask import Request
from jwt.types import Options
from jwt.warnings import InsecureKeyLengthWarning

from app.api.http import credentials
from app.api.http.callers import ANYBODY, Caller
from app.api.manticore import identity
from app.api.manticore.service import requests
from app.api.manticore.words import JOB
from app.wiring import Services
from config.dialects import ManticoreSettings

ALGORITHMS = ("HS256", "HS384", "HS512")
REALM = "manticore"
BY_PASSCODE = frozenset({"activity", "events", "logs"})
"""What there is below a passcode."""
# Only what says when a token counts is looked at: the rest was written for others.
_OPTIONS: Options = {
    "verify_aud": False,
    "verify_iss": False,
    "verify_iat": False,
    "verify_sub": False,
    "verify_jti": False,
}
# How long the key is, is the operator's choice; the manual says what is long enough.
warnings.filterwarnings("ignore", category=InsecureKeyLengthWarning)


class Gate:
    """Lets everybody in; opens the waiting list at the start of a process."""

    refusals: ClassVar[Sequence[int]] = ()

    def __init__(self, settings: ManticoreSettings) -> None:
        self.settings = settings

    def prepare(self, services: Services) -> None:
        """Make the waiting list as long as the settings say."""
        requests.open_list(services)

    def admit(self, services: Services, request: Request) -> Caller:
        """Say who asks: anybody."""
        del services, request
        return ANYBODY


class Tokens(Gate):
    """Lets in who shows a token; its user is who asks."""

    refusals: ClassVar[Sequence[int]] = (400, 401)

    def admit(self, services: Services, request: Request) -> Caller:
        """Give the user that a token names. Raises Unauthorized, and Refused for a bad name."""
        del services
        if request.method == "OPTIONS" or _is_websocket(request) or self._has_passcode(request):
            return ANYBODY
        token = credentials.bearer(request)
        user = None if token is None else self._user(token)
        if user is None:
            raise credentials.unauthorized(["Bearer"], REALM)
        return Caller(name=identity.read(user, "user_id"))

    def _has_passcode(self, request: Request) -> bool:
        below = request.path.removeprefix(f"{self.settings.prefix}{JOB}/")
        return below != request.path and below.partition("/")[2] in BY_PASSCODE

    def _user(self, token: str) -> object:
        """Give what a good token names as its user; None for any other."""
        try:
            claims = jwt.decode(
                token, self.settings.jwt_secret, algorithms=ALGORITHMS, options=_OPTIONS
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            # Besides its own errors the library lets through what odd claims lead to.
            return None
        return claims.get("user_id")


def _is_websocket(request: Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket" and request.method == "GET"
