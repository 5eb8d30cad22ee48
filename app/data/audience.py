"""Rows of `audience`: who may see a job or schedule. What has no row is for everybody."""

from collections.abc import Collection, Sequence

from app.data.db import Store

_INSERT = "INSERT INTO audience (of_id, who) VALUES (?, ?) ON CONFLICT DO NOTHING"


def insert(store: Store, of_id: str, who: Collection[str]) -> None:
    """Say who may see something; nobody named leaves it to everybody."""
    store.run_many(_INSERT, [(of_id, each) for each in dict.fromkeys(who)])


def inherit(store: Store, of_id: str, *, heir: str) -> None:
    """Let a new thing be seen by those who may see another."""
    store.run(
        "INSERT INTO audience (of_id, who) SELECT ?, who FROM audience WHERE of_id = ?",
        (heir, of_id),
    )


def delete(store: Store, of_id: str) -> None:
    """Forget the audience of something that is deleted."""
    store.run("DELETE FROM audience WHERE of_id = ?", (of_id,))


def visible(id_column: str, viewer: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Give SQL that is true of what a viewer may see, and its parameters.

    id_column: SQL of the id of the job or schedule. viewer: every `who` the viewer counts as.
    """
    marks = ", ".join("?" * len(viewer)) or "NULL"
    of = f"SELECT 1 FROM audience WHERE of_id = {id_column}"
    return f"(NOT EXISTS ({of}) OR EXISTS ({of} AND who IN ({marks})))", viewer


def sees(store: Store, of_id: str, viewer: Sequence[str]) -> bool:
    """Tell whether a viewer may see one thing."""
    condition, params = visible("?", viewer)
    row = store.run(f"SELECT 1 WHERE {condition}", (of_id, of_id, *params)).fetchone()
    return row is not None
