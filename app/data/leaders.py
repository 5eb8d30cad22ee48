"""Rows of `leader` and `mark`: who acts alone, and how far a reader has come."""

from app.data.db import Store
from app.domain.clock import SECOND, Instant

IMPLAUSIBLE: Instant = 300 * SECOND
"""A leadership that ends so long after the one wanted now was taken before a clock was set back."""


def take(store: Store, name: str, holder: str, *, until: Instant, now: Instant) -> bool:
    """Take or keep a leadership until then; False while another holder's has not run out."""
    row = store.run(
        "INSERT INTO leader (name, holder, until) VALUES (?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until"
        " WHERE leader.holder = excluded.holder OR leader.until < ? OR leader.until > ?"
        " RETURNING holder",
        (name, holder, until, now, until + IMPLAUSIBLE),
    ).fetchone()
    return row is not None


def give_up(store: Store, name: str, holder: str) -> None:
    """Let another take over at once."""
    store.run("DELETE FROM leader WHERE name = ? AND holder = ?", (name, holder))


def holder(store: Store, name: str, now: Instant) -> str | None:
    """Tell who leads; None when nobody does."""
    row = store.run(
        "SELECT holder FROM leader WHERE name = ? AND until >= ?", (name, now)
    ).fetchone()
    return None if row is None else str(row[0])


def clock(store: Store) -> Instant | None:
    """Give what the database's own clock shows; None for a file, which has none."""
    if store.backend == "sqlite":
        return None
    row = store.run("SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint").fetchone()
    return int(row[0]) if row else None


def mark(store: Store, name: str) -> str:
    """Give a remembered value; "" when there is none."""
    row = store.run("SELECT value FROM mark WHERE name = ?", (name,)).fetchone()
    return "" if row is None else str(row[0])


def set_mark(store: Store, name: str, value: str) -> None:
    """Remember a value."""
    store.run(
        "INSERT INTO mark (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
