"""Who may use this dialect's paths where the settings want an API token."""

from collections.abc import Sequence
from typing import ClassVar

from flask import Request
from werkzeug.exceptions import Forbidden

from app.api.http import bearer, credentials
from app.api.http.callers import ANYBODY, Caller
from app.domain.records import Scope
from app.wiring import Services

REALM = "mantis"
_READING = frozenset(("GET", "HEAD", "OPTIONS"))


class Tokens:
    """Lets in who shows an API token: to read, or for all else to control."""

    refusals: ClassVar[Sequence[int]] = (401, 403)

    def prepare(self, services: Services) -> None:
        """Need nothing."""

    def admit(self, services: Services, request: Request) -> Caller:
        """Say who asks. Raises Unauthorized, Forbidden."""
        if request.method == "OPTIONS":
            return ANYBODY
        scope = Scope.READ if request.method in _READING else Scope.CONTROL
        try:
            token = bearer.demand(services.engine, scope, required=True)
        except bearer.Unauthorized as error:
            raise credentials.unauthorized(["Bearer"], REALM) from error
        except bearer.OutOfScope as error:
            raise Forbidden from error
        return Caller(name=None if token is None else token.name)
