"""Verbs on accounts: the users of a dialect that has its own."""

import uuid

from argon2 import PasswordHasher

from app.data import accounts
from app.domain.records import Account
from app.engine.transaction import Transactions


class Accounts:
    """Users and their passwords."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._hasher = PasswordHasher()

    def create(self, dialect: str, *, username: str, password: str, name: str = "") -> Account:
        """Store a user; of the password only a salted slow hash. Raises AlreadyExists."""
        # Before the transaction: it takes its time.
        password_hash = self._hasher.hash(password)
        with self._tx() as tx:
            account = Account(
                id=uuid.uuid4().hex,
                dialect=dialect,
                username=username,
                name=name,
                password_hash=password_hash,
                created_at=tx.now,
            )
            accounts.insert(self._tx.store, account)
        return account
