"""Rows of `flamenco_number`: the last number given out of a kind."""

from app.data.db import Store

_NEXT = (
    "INSERT INTO flamenco_number (name, value) VALUES ('job', 1) ON CONFLICT (name)"
    " DO UPDATE SET value = flamenco_number.value + 1 RETURNING value"
)
_AT_LEAST = (
    "INSERT INTO flamenco_number (name, value) VALUES ('job', ?) ON CONFLICT (name)"
    " DO UPDATE SET value = excluded.value WHERE flamenco_number.value < excluded.value"
)
_PUT = (
    "INSERT INTO flamenco_number (name, value) VALUES (?, ?) ON CONFLICT (name)"
    " DO UPDATE SET value = excluded.value"
)
_LOCK = (
    "INSERT INTO flamenco_number (name, value) VALUES (?, 0) ON CONFLICT (name)"
    " DO UPDATE SET value = flamenco_number.value"
)


def next_job(store: Store, given: int | None) -> int:
    """Give the job of a new task: the given one, or a fresh number above all that were used."""
    if given is not None:
        store.run(_AT_LEAST, (given,))
        return given
    row = store.run(_NEXT).fetchone()
    return int(row[0]) if row else 1


def last(store: Store, name: str) -> int:
    """Give a number as it stands."""
    row = store.run("SELECT value FROM flamenco_number WHERE name = ?", (name,)).fetchone()
    return 0 if row is None else int(row[0])


def put(store: Store, name: str, value: int) -> None:
    """Write a number."""
    store.run(_PUT, (name, value))


def lock(store: Store, name: str) -> None:
    """Keep others from what a number stands for until the transaction ends."""
    store.run(_LOCK, (name,))
