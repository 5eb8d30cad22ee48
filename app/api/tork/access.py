"""Who may use Tork's paths, and what each caller may see.

Basic authentication takes the users of `POST /users`, key authentication one key. With both on,
either is enough: a request has one `Authorization` header. Who shows the key is the guest.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from flask import Request

from app.api.http import credentials, rates
from app.api.http.callers import ANYBODY, Caller
from app.api.tork import people
from app.api.tork.errors import Refused
from app.api.tork.words import DIALECT
from app.engine import keys
from app.wiring import Services
from config.tork import TorkSettings

KEY = "tork"
_USERS = "/users"
_PASSED_ON = ("X-Forwarded-For", "Forwarded", "X-Real-IP")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Access:
    """The guard of this dialect, as the settings want it."""

    refusals: ClassVar[Sequence[int]] = (400, 401, 429)
    tork: TorkSettings
    _digest: str = field(default="", repr=False)

    def prepare(self, services: Services) -> None:
        """Make up the key if one is wanted and none is given, so that it is logged at the start."""
        if self.tork.keyauth_enabled:
            self._key_digest(services)

    def admit(self, services: Services, request: Request) -> Caller:
        """Say who asks. Raises RateLimited, Unauthorized, and Refused for a missing key."""
        tork = self.tork
        if tork.ratelimit_enabled:
            rates.take(services, request, DIALECT, tork.ratelimit_rps)
        if tork.keyauth_enabled and self._key_is_shown(services, request):
            return _guest() if tork.basicauth_enabled else ANYBODY
        if tork.basicauth_enabled:
            return self._user(services, request)
        return ANYBODY

    def _key_is_shown(self, services: Services, request: Request) -> bool:
        shown = credentials.bearer(request)
        if shown is None:
            if self.tork.basicauth_enabled:
                return False
            raise Refused(400, "missing key: send it as Authorization: Bearer <key>")
        if credentials.same(keys.digest(shown), self._key_digest(services)):
            return True
        raise credentials.unauthorized(self._schemes(), DIALECT)

    def _key_digest(self, services: Services) -> str:
        if not self._digest:
            if self.tork.keyauth_key:
                self._digest = keys.digest(self.tork.keyauth_key)
            else:
                made = services.engine.keys.ensure(KEY)
                if made.fresh is not None:
                    # The one place where it can be read; the store has its digest alone.
                    _log.warning(
                        "made up the key of Tork's API, as none is set: %s",
                        made.fresh,
                        extra={"action": "key_made_up"},
                    )
                self._digest = made.digest
        return self._digest

    def _user(self, services: Services, request: Request) -> Caller:
        given = credentials.basic(request)
        if given is not None:
            account = services.engine.accounts.authenticate(DIALECT, *given)
            if account is not None:
                return Caller(account.username, people.counts_as(account.username, account.roles))
        elif self._creates_the_first_user(services, request):
            return _guest()
        raise credentials.unauthorized(self._schemes(), DIALECT)

    def _creates_the_first_user(self, services: Services, request: Request) -> bool:
        """Whether nobody could log in yet, and somebody on this machine is about to change that."""
        if request.method != "POST" or request.path != self.tork.prefix + _USERS:
            return False
        if rates.client_of(request) not in ("127.0.0.1", "::/64", "local"):
            return False
        # What a proxy on this machine passes on comes from elsewhere.
        passed_on = any(name in request.headers for name in _PASSED_ON)
        return not passed_on and not services.engine.accounts.exist(DIALECT)

    def _schemes(self) -> list[str]:
        schemes = (("basic", self.tork.basicauth_enabled), ("bearer", self.tork.keyauth_enabled))
        return [scheme for scheme, on in schemes if on]


def _guest() -> Caller:
    return Caller(None, people.counts_as(people.GUEST, ()))
