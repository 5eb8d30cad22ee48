"""Verbs on managers: people who log in, and their sessions.

A session is a row, so it holds in every process and survives their restart. Its token is 256
random bits that only the manager has; what is stored is its digest. Rights are read with every
request, so what changes them counts from the next one on.
"""

import secrets

from app.data import managers
from app.domain.clock import Instant, seconds
from app.domain.errors import ManagerNotFound
from app.domain.records import Manager
from app.engine.keys import digest
from app.engine.passwords import Passwords
from app.engine.transaction import Transactions

_TOKEN_BYTES = 32
BATCH = 1000


class Managers:
    """People and what they may do everywhere; the first one of all is admin."""

    def __init__(self, transactions: Transactions, passwords: Passwords) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._passwords = passwords

    def register(self, username: str, password: str) -> Manager:
        """Store a new manager; of the password only a salted slow hash. Raises AlreadyExists.

        Raises RateLimited while too many passwords are being hashed.
        """
        # Before the transaction: it takes its time.
        password_hash = self._passwords.hash(password)
        with self._tx() as tx:
            return managers.insert(
                self._store, username=username, password_hash=password_hash, now=tx.now
            )

    def authenticate(self, username: str, password: str) -> Manager | None:
        """Give the manager of this name and password; None for anybody else.

        Raises RateLimited while too many passwords are being checked.
        """
        with self._store.session():
            found = managers.by_name(self._store, username)
        known = found.password_hash if found else None
        return found if self._passwords.match(f"manager/{username}", password, known) else None

    def get(self, manager_id: int) -> Manager:
        """Give a manager. Raises ManagerNotFound."""
        with self._store.session():
            return managers.get(self._store, manager_id)

    def listed(self) -> list[Manager]:
        """Give all managers by id."""
        with self._store.session():
            return managers.listed(self._store)

    def set_admin(self, manager_id: int, *, admin: bool) -> None:
        """Make somebody an admin, or a plain manager again. Raises ManagerNotFound."""
        with self._tx():
            if not managers.set_admin(self._store, manager_id, admin=admin):
                raise ManagerNotFound(manager_id=manager_id)

    def set_password(self, manager_id: int, password: str) -> None:
        """Change a password and end all sessions. Raises ManagerNotFound, RateLimited."""
        password_hash = self._passwords.hash(password)
        with self._tx():
            managers.get(self._store, manager_id)
            managers.set_password(self._store, manager_id, password_hash)
            managers.close_sessions(self._store, manager_id)

    def open_session(self, manager: Manager, *, lasts_s: float) -> str:
        """Begin a session and give its token, which nobody can read back."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._tx() as tx:
            managers.open_session(self._store, digest(token), manager.id, tx.now + seconds(lasts_s))
        return token

    def of_session(self, token: str) -> Manager | None:
        """Give whose session a token is, as the manager is now; None for one that has ended."""
        with self._store.session():
            return managers.of_session(self._store, digest(token), self._tx.clock.now())

    def close_session(self, token: str) -> None:
        """End a session; its token is worth nothing from then on."""
        with self._tx():
            managers.close_session(self._store, digest(token))

    def close_sessions(self, manager_id: int) -> None:
        """End all sessions of a manager."""
        with self._tx():
            managers.close_sessions(self._store, manager_id)

    def run_once(self, now: Instant) -> int:
        """Forget sessions that have run out; give how many."""
        with self._store.transaction():
            return managers.delete_ended(self._store, now, BATCH)
