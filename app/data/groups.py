"""Rows of `job_group`."""

from app.data.codec import dumps, loads
from app.data.db import Row, Store
from app.domain.clock import Instant
from app.domain.errors import AlreadyExists, GroupNotFound
from app.domain.records import Group, Json

_COLUMNS = "id, dialect, name, version, paused, max_running, data, created_at"


def _record(row: Row) -> Group:
    return Group(
        id=row[0],
        dialect=row[1],
        name=row[2],
        version=row[3],
        paused=bool(row[4]),
        max_running=row[5],
        data=loads(row[6]),
        created_at=row[7],
    )


def insert(
    store: Store, *, dialect: str, name: str, max_running: int | None, data: Json, now: Instant
) -> int:
    """Store a new group and give its id. Raises AlreadyExists."""
    row = store.run(
        "INSERT INTO job_group (dialect, name, max_running, data, created_at)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
        (dialect, name, max_running, dumps(data), now),
    ).fetchone()
    if row is None:
        raise AlreadyExists(name=name)
    return int(row[0])


def get(store: Store, group_id: int) -> Group:
    """Give a group. Raises GroupNotFound."""
    row = store.run(f"SELECT {_COLUMNS} FROM job_group WHERE id = ?", (group_id,)).fetchone()
    if row is None:
        raise GroupNotFound(group_id=group_id)
    return _record(row)


def by_name(store: Store, dialect: str, name: str) -> Group:
    """Give a group by its name. Raises GroupNotFound."""
    row = store.run(
        f"SELECT {_COLUMNS} FROM job_group WHERE dialect = ? AND name = ?", (dialect, name)
    ).fetchone()
    if row is None:
        raise GroupNotFound(name=name)
    return _record(row)


def page(store: Store, dialect: str, *, limit: int, offset: int) -> list[Group]:
    """Give groups of a dialect by name."""
    rows = store.run(
        f"SELECT {_COLUMNS} FROM job_group WHERE dialect = ? ORDER BY name LIMIT ? OFFSET ?",
        (dialect, limit, offset),
    ).fetchall()
    return [_record(row) for row in rows]


def update(store: Store, group: Group) -> bool:
    """Write a group over the version it was read with; False when that moved."""
    cursor = store.run(
        "UPDATE job_group SET version = version + 1, paused = ?, max_running = ?, data = ?"
        " WHERE id = ? AND version = ?",
        (int(group.paused), group.max_running, dumps(group.data), group.id, group.version),
    )
    return cursor.rowcount == 1


def delete(store: Store, group_id: int) -> None:
    """Delete a group's row."""
    store.run("DELETE FROM job_group WHERE id = ?", (group_id,))
