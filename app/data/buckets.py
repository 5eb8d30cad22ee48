"""Rows of `bucket`: how much of a rate is used up, for all processes alike.

A bucket fills by one with each use and drains at its rate. How full it is stands as of an instant
that never goes back, so hosts whose clocks differ share it without starving one another.
"""

from app.data.db import Store
from app.domain.clock import SECOND, Instant

IMPLAUSIBLE: Instant = 60 * SECOND
"""A level that stands as of so much later than now was noted before a clock was set back."""

# What is left of the level by now; its parameters are (latest, now, now, per_us, now, per_us).
_LEFT = (
    "CASE WHEN bucket.at > ? THEN 0.0 WHEN bucket.at >= ? THEN bucket.level"
    " WHEN bucket.level > (? - bucket.at) * ? THEN bucket.level - (? - bucket.at) * ? ELSE 0.0 END"
)
_TAKE = (
    "INSERT INTO bucket (name, level, at) VALUES (?, 1.0, ?) ON CONFLICT (name) DO UPDATE SET"
    f" level = 1.0 + {_LEFT}, at = CASE WHEN bucket.at BETWEEN ? AND ? THEN bucket.at ELSE ? END"
    f" WHERE 1.0 + {_LEFT} <= ? RETURNING level"
)
_LEVEL = f"SELECT {_LEFT} FROM bucket WHERE name = ?"
_IDLE = (
    "DELETE FROM bucket WHERE name IN (SELECT name FROM bucket WHERE at < ?"
    " AND (level <= ? OR at < ?) ORDER BY at LIMIT ?)"
)
SHALLOW = 100.0
"""Any rate that is worth limiting has drained so much within an hour."""
# Sums of fractions end a hair beside the whole, and waits are rounded to microseconds.
_HAIR = 1e-6


class RowBuckets:
    """Buckets in the database; one statement for each use."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, name: str, *, rate: float, burst: float, now: Instant) -> float:
        """Use one of a bucket of `burst` that drains by `rate` a second.

        Gives 0.0, or in how many seconds one may be there when it is full now.
        """
        per_us = rate / SECOND
        latest = now + IMPLAUSIBLE
        left = (latest, now, now, per_us, now, per_us)
        values = (name, now, *left, now, latest, now, *left, burst + per_us + _HAIR)
        with self._store.session():
            taken = self._store.run(_TAKE, values).fetchone()
            if taken is not None:
                return 0.0
            row = self._store.run(_LEVEL, (*left, name)).fetchone()
        level = burst if row is None else float(row[0])
        return max((level + 1.0 - burst) / rate, 1.0 / SECOND)

    def charge(self, name: str, count: float) -> None:
        """Use so many more of a bucket that is there, full or not; negative gives them back."""
        with self._store.session():
            self._store.run(
                "UPDATE bucket SET level = level + ? WHERE name = ?", (float(count), name)
            )

    def forget(self, name: str) -> None:
        """Let a bucket be as if it had never been used."""
        with self._store.session():
            self._store.run("DELETE FROM bucket WHERE name = ?", (name,))


def delete_idle(store: Store, before: Instant, limit: int, *, deep_before: Instant) -> int:
    """Forget buckets nobody has used since `before`; those that were very full, `deep_before`."""
    return store.run(_IDLE, (before, SHALLOW, deep_before, limit)).rowcount
