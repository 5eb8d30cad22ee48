"""Rows of `account`."""

from app.data.db import Store
from app.domain.errors import AlreadyExists
from app.domain.records import Account

_INSERT = (
    "INSERT INTO account (id, dialect, username, name, password, disabled, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id"
)


def insert(store: Store, account: Account) -> None:
    """Store a new account. Raises AlreadyExists for a username that is taken."""
    row = store.run(
        _INSERT,
        (
            account.id,
            account.dialect,
            account.username,
            account.name,
            account.password_hash,
            int(account.disabled),
            account.created_at,
        ),
    ).fetchone()
    if row is None:
        raise AlreadyExists(name=account.username)
