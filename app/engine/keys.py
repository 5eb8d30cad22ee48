"""Keys that an operator wants but has not given: made up once, for all processes."""

import hashlib
import secrets
from typing import NamedTuple

from app.data import made_keys
from app.engine.transaction import Transactions

_BYTES = 32


class MadeKey(NamedTuple):
    """digest: what a key is compared with. fresh: the key itself, for who has just made it up."""

    digest: str
    fresh: str | None


def digest(key: str) -> str:
    """Give what is stored of a key, and what one that is shown is compared by.

    A made-up key has 256 random bits: nothing slower is needed to keep it secret.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class Keys:
    """Makes keys up."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store = transactions.store

    def ensure(self, name: str) -> MadeKey:
        """Give the key of that name; of all who ask, exactly one makes it up and gets to see it."""
        with self._store.session():
            known = made_keys.get(self._store, name)
        if known is not None:
            return MadeKey(known, None)
        key = secrets.token_urlsafe(_BYTES)
        with self._tx() as tx:
            if made_keys.insert(self._store, name, digest(key), tx.now):
                return MadeKey(digest(key), key)
            return MadeKey(made_keys.get(self._store, name) or "", None)
