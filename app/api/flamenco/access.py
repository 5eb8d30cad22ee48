"""Who may use this dialect's paths when the deployment wants a token there."""

from collections.abc import Sequence
from typing import ClassVar

from flask import Request

from app.api.http.bearer import demand
from app.api.http.callers import ANYBODY, Caller
from app.domain.records import Scope
from app.wiring import Services

_READING = ("GET", "HEAD", "OPTIONS")


class Tokens:
    """Lets in who shows an API token: one that may read, or for all else one that may submit."""

    refusals: ClassVar[Sequence[int]] = (401, 403)

    def prepare(self, services: Services) -> None:
        """Get ready: there is nothing to do."""

    def admit(self, services: Services, request: Request) -> Caller:
        """Say who asks. Raises Unauthorized, OutOfScope."""
        takes = "/tasks/compiled/" in request.path  # a GET that may hand out work
        reading = request.method in _READING and not takes
        demand(services.engine, Scope.READ if reading else Scope.SUBMIT, required=True)
        return ANYBODY
