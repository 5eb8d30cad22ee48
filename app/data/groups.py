"""Rows of `job_group`."""

from collections.abc import Sequence

from app.data import lone
from app.data.codec import dumps, loads
from app.data.db import IntegrityErrors, Row, Store
from app.domain.clock import Instant
from app.domain.errors import AlreadyExists, GroupNotFound
from app.domain.records import Group, Json

_COLUMNS = "id, dialect, name, version, paused, max_running, data, created_at, chain, finished"


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
        chain=row[8],
        finished=row[9],
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


def exist(store: Store) -> bool:
    """Tell whether there is any group."""
    return store.run("SELECT 1 FROM job_group LIMIT 1").fetchone() is not None


def update(store: Store, group: Group) -> bool:
    """Write a group over the version it was read with; False when that moved.

    Raises AlreadyExists for a name that another group has.
    """
    try:
        cursor = store.run(
            "UPDATE job_group SET version = version + 1, name = ?, paused = ?, max_running = ?,"
            " data = ?, chain = ? WHERE id = ? AND version = ?",
            (
                group.name,
                int(group.paused),
                group.max_running,
                dumps(group.data),
                group.chain,
                group.id,
                group.version,
            ),
        )
    except IntegrityErrors as error:
        raise AlreadyExists(name=group.name) from error
    return cursor.rowcount == 1


def delete(store: Store, group_id: int) -> None:
    """Delete a group's row."""
    store.run("DELETE FROM job_group WHERE id = ?", (group_id,))


def finished(store: Store, group_id: int) -> int:
    """Count the tasks of a group that were completed without a job, ever."""
    row = store.run(
        "SELECT g.finished + (SELECT COUNT(*) FROM task t WHERE t.group_id = g.id"
        " AND t.state = 'COMPLETED' AND t.job_id IS NULL) FROM job_group g WHERE g.id = ?",
        (group_id,),
    ).fetchone()
    if row is None:
        raise GroupNotFound(group_id=group_id)
    return int(row[0])


def finished_by(store: Store, worker_ids: Sequence[int] | None) -> dict[int, int]:
    """Count the tasks of groups that workers have completed; of all workers if None."""
    where, params = "w.finished > 0", []
    if worker_ids is not None:
        where = f"w.id IN ({', '.join('?' * len(worker_ids)) or 'NULL'})"
        params = list(worker_ids)
    rows = store.run(f"SELECT w.id, w.finished FROM worker w WHERE {where}", params).fetchall()
    counts = {row[0]: int(row[1]) for row in rows}
    for (_, worker_id), count in lone.fresh_finished(store).items():
        if worker_ids is None or worker_id in counts:
            counts[worker_id] = counts.get(worker_id, 0) + count
    return counts
