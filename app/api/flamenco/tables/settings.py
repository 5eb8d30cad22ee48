"""Rows of `flamenco_setting`: names, and values as JSON text."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.data.codec import dumps, loads
from app.data.db import Store


def every(store: Store) -> dict[str, Any]:
    """Give all stored settings by name."""
    rows = store.run("SELECT name, value FROM flamenco_setting ORDER BY name").fetchall()
    return {row[0]: loads(store.vault.read(row[1]) or "null") for row in rows}


def some(store: Store, names: Sequence[str]) -> dict[str, Any]:
    """Give those of the named settings that are stored."""
    marks = ", ".join("?" * len(names))
    rows = store.run(f"SELECT name, value FROM flamenco_setting WHERE name IN ({marks})", names)
    return {row[0]: loads(store.vault.read(row[1]) or "null") for row in rows.fetchall()}


def store_all(store: Store, values: Mapping[str, Any]) -> None:
    """Store settings, in place of what they held."""
    store.run_many(
        "INSERT INTO flamenco_setting (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [(name, store.vault.write(dumps(values[name]))) for name in sorted(values)],
    )
