"""Leading: a lease in the database, and the doubt about it when the database is silent.

The lease saves work; what keeps double work harmless are unique keys and compared versions.
"""

import math
import os
import secrets
import socket
import time

from app.domain.errors import EngineError
from app.engine.leadership import Leadership

NAME = "ticker"
SILENT_S = 15.0
"""A database that was away for so long kept holders of leases from renewing them."""


class Leader:
    """One process's claim to lead. lease_s: how long a lease lasts after its last renewal."""

    def __init__(self, leadership: Leadership, *, lease_s: float) -> None:
        self._leadership = leadership
        self._lease_s = lease_s
        self._sure_until = 0.0
        self._answered_at = time.monotonic()
        self.back_at = -math.inf
        """When the database was back after a long silence, by the monotonic clock."""
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    def renew(self) -> bool:
        """Take or keep the lead; give whether this process leads now."""
        begun = time.monotonic()
        try:
            leads = self._leadership.take(NAME, self.holder, lease_s=self._lease_s)
        except EngineError:
            return self.leads
        answered = time.monotonic()
        if answered - self._answered_at > self._lease_s + SILENT_S:
            self.back_at = answered
        self._answered_at = answered
        self._sure_until = begun + self._lease_s if leads else 0.0
        return leads

    @property
    def leads(self) -> bool:
        """Whether nobody else can have taken over yet."""
        return time.monotonic() < self._sure_until

    def give_up(self) -> None:
        """Let another take over at once."""
        if not self.leads:
            return
        self._sure_until = 0.0
        try:
            self._leadership.give_up(NAME, self.holder)
        except EngineError:
            return
