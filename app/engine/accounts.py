"""Verbs on accounts, the users of a dialect that has its own, and on their roles."""

import uuid
from collections.abc import Collection, Mapping

from app.data import accounts
from app.domain.errors import AccountNotFound
from app.domain.records import Account, Role
from app.engine.passwords import Passwords
from app.engine.transaction import Transactions


class Accounts:
    """Users and their passwords."""

    def __init__(self, transactions: Transactions, passwords: Passwords) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._passwords = passwords

    def create(self, dialect: str, *, username: str, password: str, name: str = "") -> Account:
        """Store a user; of the password only a salted slow hash.

        Raises AlreadyExists; RateLimited while too many passwords are being hashed.
        """
        # Before the transaction: it takes its time.
        password_hash = self._passwords.hash(password)
        with self._tx() as tx:
            account = Account(
                id=uuid.uuid4().hex,
                dialect=dialect,
                username=username,
                name=name,
                password_hash=password_hash,
                created_at=tx.now,
            )
            accounts.insert(self._store, account)
        return account

    def authenticate(self, dialect: str, username: str, password: str) -> Account | None:
        """Give the user with this name and password; None for anybody else, and when disabled.

        What was changed before the call counts, whichever process changed it. Holds no connection
        while the password is checked. Raises RateLimited while too many wait for that.
        """
        with self._store.session():
            account = accounts.find(self._store, dialect, username)
        password_hash = account.password_hash if account else None
        good = self._passwords.match(f"{dialect}/{username}", password, password_hash)
        return account if good and account and not account.disabled else None

    def get(self, dialect: str, username: str) -> Account:
        """Give a user with all roles. Raises AccountNotFound."""
        with self._store.session():
            found = accounts.find(self._store, dialect, username)
        if found is None:
            raise AccountNotFound(f"there is no user {username}", name=username)
        return found

    def listed(self, dialect: str) -> list[Account]:
        """Give all users of a dialect with their roles, by username."""
        with self._store.session():
            return accounts.listed(self._store, dialect)

    def named(self, dialect: str, usernames: Collection[str]) -> Mapping[str, Account]:
        """Give those of some users that there are, by username; without their roles."""
        if not usernames:
            return {}
        with self._store.session():
            return accounts.named(self._store, dialect, usernames)

    def exist(self, dialect: str) -> bool:
        """Tell whether a dialect has any user."""
        with self._store.session():
            return accounts.exist(self._store, dialect)

    def disable(self, dialect: str, username: str) -> None:
        """Let a user in no more, from the next request on. Raises AccountNotFound."""
        with self._tx():
            accounts.set_disabled(self._store, dialect, username, disabled=True)

    def enable(self, dialect: str, username: str) -> None:
        """Let a user in again. Raises AccountNotFound."""
        with self._tx():
            accounts.set_disabled(self._store, dialect, username, disabled=False)

    def set_password(self, dialect: str, username: str, password: str) -> None:
        """Change a password; the old one is worth nothing from the next request on.

        Raises AccountNotFound; RateLimited while too many passwords are being hashed.
        """
        password_hash = self._passwords.hash(password)
        with self._tx():
            accounts.set_password(self._store, dialect, username, password_hash)


class Roles:
    """What users have in common; a job may be shown to one."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store = transactions.store

    def create(self, dialect: str, slug: str, *, name: str = "") -> Role:
        """Store a role; without a name it has that of its slug. Raises AlreadyExists."""
        with self._tx() as tx:
            role = Role(
                id=uuid.uuid4().hex,
                dialect=dialect,
                slug=slug,
                name=name or slug,
                created_at=tx.now,
            )
            accounts.insert_role(self._store, role)
        return role

    def listed(self, dialect: str) -> list[Role]:
        """Give all roles of a dialect, by slug."""
        with self._store.session():
            return accounts.roles(self._store, dialect)

    def named(self, dialect: str, slugs: Collection[str]) -> Mapping[str, Role]:
        """Give those of some roles that there are, by slug."""
        if not slugs:
            return {}
        with self._store.session():
            return accounts.named_roles(self._store, dialect, slugs)

    def assign(self, dialect: str, username: str, slug: str) -> None:
        """Give a role to a user. Raises AccountNotFound, RoleNotFound."""
        with self._tx():
            account = self._account(dialect, username)
            accounts.assign(self._store, account, accounts.role(self._store, dialect, slug))

    def withdraw(self, dialect: str, username: str, slug: str) -> None:
        """Take a role from a user. Raises AccountNotFound, RoleNotFound."""
        with self._tx():
            account = self._account(dialect, username)
            accounts.withdraw(self._store, account, accounts.role(self._store, dialect, slug))

    def _account(self, dialect: str, username: str) -> Account:
        found = accounts.find(self._store, dialect, username)
        if found is None:
            raise AccountNotFound(f"there is no user {username}", name=username)
        return found
