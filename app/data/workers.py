"""Rows of `worker`."""

from collections.abc import Sequence

from app.data.codec import dumps, loads
from app.data.db import Row, Store
from app.domain.clock import Instant
from app.domain.errors import WorkerNotFound
from app.domain.records import Worker

COLUMNS = (
    "w.id, w.dialect, w.kind, w.public_id, w.name, w.status, w.active, w.hostname, w.instance,"
    " w.queues, w.cpu_percent, w.port, w.version, w.data, w.started_at, w.heartbeat_at"
)
RUNNING = (
    "(SELECT COUNT(*) FROM task t WHERE t.worker_id = w.id AND t.leased_until IS NOT NULL"
    " AND t.state IN ('LEASED', 'RUNNING'))"
)
_INSERT = (
    "INSERT INTO worker (dialect, kind, public_id, name, hostname, instance, queues, port, version,"
    " data, started_at, heartbeat_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) RETURNING id"
)


def record(row: Row) -> Worker:
    """Give the record of a row in the order of COLUMNS and RUNNING."""
    return Worker(
        id=row[0],
        dialect=row[1],
        kind=row[2],
        public_id=row[3],
        name=row[4],
        status=row[5],
        active=bool(row[6]),
        hostname=row[7],
        instance=row[8],
        queues=loads(row[9]),
        cpu_percent=row[10],
        port=row[11],
        version=row[12],
        data=loads(row[13]),
        started_at=row[14],
        heartbeat_at=row[15],
        tasks_running=row[16],
    )


def insert(store: Store, worker: Worker) -> int:
    """Store a new worker and give its id."""
    row = store.run(
        _INSERT,
        (
            worker.dialect,
            worker.kind,
            worker.public_id,
            worker.name,
            worker.hostname,
            worker.instance,
            dumps(dict(worker.queues)),
            worker.port,
            worker.version,
            dumps(worker.data),
            worker.started_at,
            worker.heartbeat_at,
        ),
    ).fetchone()
    if row is None:
        raise WorkerNotFound
    return int(row[0])


def get(store: Store, worker_id: int) -> Worker:
    """Give a worker. Raises WorkerNotFound."""
    row = store.run(
        f"SELECT {COLUMNS}, {RUNNING} FROM worker w WHERE w.id = ?", (worker_id,)
    ).fetchone()
    if row is None:
        raise WorkerNotFound(worker_id=worker_id)
    return record(row)


def is_active(store: Store, worker_id: int) -> bool:
    """Tell whether a worker is here: it registered, has not left and is not forgotten."""
    row = store.run("SELECT 1 FROM worker WHERE id = ? AND active = 1", (worker_id,)).fetchone()
    return row is not None


def remote(store: Store) -> bool:
    """Tell whether any worker is remote."""
    row = store.run("SELECT 1 FROM worker WHERE kind = 'remote' LIMIT 1").fetchone()
    return row is not None


def public_ids(store: Store, worker_ids: Sequence[int]) -> dict[int, str]:
    """Give the public ids of some workers."""
    return _texts(store, "public_id", worker_ids)


def names(store: Store, worker_ids: Sequence[int]) -> dict[int, str]:
    """Give the names of some workers."""
    return _texts(store, "name", worker_ids)


def _texts(store: Store, column: str, worker_ids: Sequence[int]) -> dict[int, str]:
    if not worker_ids:
        return {}
    marks = ", ".join("?" * len(worker_ids))
    rows = store.run(f"SELECT id, {column} FROM worker WHERE id IN ({marks})", worker_ids)
    return {row[0]: row[1] for row in rows.fetchall()}


def seen_since(store: Store, since: Instant, *, dialect: str | None = None) -> list[Worker]:
    """Give the active workers that were heard from since then, by name, then start."""
    sql = f"SELECT {COLUMNS}, {RUNNING} FROM worker w WHERE w.active = 1 AND w.heartbeat_at >= ?"
    params: list[object] = [since]
    if dialect is not None:
        sql += " AND w.dialect = ?"
        params.append(dialect)
    rows = store.run(f"{sql} ORDER BY w.name, w.started_at, w.id LIMIT 10000", params).fetchall()
    return [record(row) for row in rows]


def of_instance(store: Store, instance: str) -> list[int]:
    """Give the ids of active workers that sat on one seat."""
    rows = store.run("SELECT id FROM worker WHERE active = 1 AND instance = ?", (instance,))
    return [row[0] for row in rows.fetchall()]


def beat(store: Store, worker_id: int, *, status: str, cpu_percent: float, now: Instant) -> bool:
    """Note a sign of life; False when the worker is not active."""
    cursor = store.run(
        "UPDATE worker SET heartbeat_at = ?, status = ?, cpu_percent = ?"
        " WHERE id = ? AND active = 1",
        (now, status, cpu_percent, worker_id),
    )
    return cursor.rowcount == 1


def rename(store: Store, worker_id: int, name: str) -> bool:
    """Change a worker's name; False when there is none."""
    cursor = store.run("UPDATE worker SET name = ? WHERE id = ?", (name, worker_id))
    return cursor.rowcount == 1


def leave(store: Store, worker_id: int) -> bool:
    """Note that a worker is gone for good; False when it was."""
    cursor = store.run("UPDATE worker SET active = 0 WHERE id = ? AND active = 1", (worker_id,))
    return cursor.rowcount == 1


def forget(store: Store, before: Instant, limit: int) -> int:
    """Delete workers of ours that have been silent since before then and hold nothing."""
    cursor = store.run(
        "DELETE FROM worker WHERE id IN (SELECT w.id FROM worker w WHERE w.heartbeat_at < ?"
        " AND w.kind <> 'remote' AND NOT EXISTS (SELECT 1 FROM task t WHERE t.worker_id = w.id"
        " AND t.leased_until IS NOT NULL) LIMIT ?)",
        (before, limit),
    )
    return cursor.rowcount
