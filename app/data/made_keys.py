"""Rows of `made_key`: digests of keys that no setting gives."""

from app.data.db import Store
from app.domain.clock import Instant


def get(store: Store, name: str) -> str | None:
    """Give the digest of a key; None when none was made up yet."""
    row = store.run("SELECT digest FROM made_key WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def insert(store: Store, name: str, digest: str, now: Instant) -> bool:
    """Store the digest of a new key; False when another process was faster."""
    row = store.run(
        "INSERT INTO made_key (name, digest, created_at) VALUES (?, ?, ?)"
        " ON CONFLICT DO NOTHING RETURNING name",
        (name, digest, now),
    ).fetchone()
    return row is not None
