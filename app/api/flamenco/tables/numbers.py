"""Rows of `flamenco_number`: the last number given out of a kind."""

from app.data.db import Store


def next_job(store: Store, given: int | None) -> int:
    """Give the job of a new task: the given one, or a fresh number above all that were used."""
    if given is not None:
        store.run(
            "UPDATE flamenco_number SET value = ? WHERE name = 'job' AND value < ?", (given, given)
        )
        return given
    row = store.run(
        "UPDATE flamenco_number SET value = value + 1 WHERE name = 'job' RETURNING value"
    ).fetchone()
    return int(row[0]) if row else 1


def last(store: Store, name: str) -> int:
    """Give a number as it stands."""
    row = store.run("SELECT value FROM flamenco_number WHERE name = ?", (name,)).fetchone()
    return 0 if row is None else int(row[0])


def put(store: Store, name: str, value: int) -> None:
    """Write a number."""
    store.run("UPDATE flamenco_number SET value = ? WHERE name = ?", (value, name))
