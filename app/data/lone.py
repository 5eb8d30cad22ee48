"""Tasks that belong to no job, many at a time: those of a queue, or of a group.

Whatever may touch many rows takes a limit, and is called until nothing is left: no transaction
may hold SQLite's write lock for long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.data import samples
from app.data.db import Row, Store
from app.domain.clock import Instant
from app.domain.records import Lease

_COLUMNS = (
    "queue, name, state, group_id, priority, payload, max_attempts, max_losses, verifications,"
    " unique_key, lease_us, created_at, queued_at, due_at, expires_at"
)
_INSERT = (
    f"INSERT INTO task ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
)
_INSERT_POSTGRES = (
    f"INSERT INTO task ({_COLUMNS}) SELECT * FROM unnest(?::text[], ?::text[], ?::text[],"
    " ?::bigint[], ?::int[], ?::text[], ?::int[], ?::int[], ?::int[], ?::text[], ?::bigint[],"
    " ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[]) ON CONFLICT DO NOTHING"
    " RETURNING unique_key"
)
_COPY = (
    "INSERT INTO task (queue, name, state, group_id, priority, payload, max_attempts, max_losses,"
    " verifications, unique_key, lease_us, created_at, queued_at)"
    " SELECT g.dialect || '/' || g.chain, t.name, 'QUEUED', g.chain, t.priority, t.payload,"
    " t.max_attempts, t.max_losses, t.verifications, t.unique_key, t.lease_us, ?, ?"
    " FROM task t JOIN job_group g ON g.id = t.group_id JOIN job_group c ON c.id = g.chain"
    " WHERE t.id = ? ON CONFLICT DO NOTHING RETURNING id, queue"
)
_OPEN = (
    "SELECT id FROM task WHERE queue = ? AND state = 'QUEUED' AND id <= ? AND job_id IS NULL",
    "SELECT id FROM task WHERE queue = ? AND state = 'FAILED' AND id <= ? AND job_id IS NULL",
    (
        "SELECT id FROM task WHERE queue = ? AND leased_until IS NOT NULL AND id <= ?"
        " AND job_id IS NULL"
    ),
    (
        "SELECT id FROM task WHERE queue = ? AND state = 'CREATED' AND due_at IS NOT NULL"
        " AND id <= ? AND job_id IS NULL"
    ),
)
_RESET = (
    "UPDATE task SET state = 'QUEUED', failures = 0, error = NULL, worker_id = NULL,"
    " started_at = NULL, ended_at = NULL, expires_at = NULL, queued_at = ?"
    " WHERE id IN (SELECT id FROM task WHERE queue = ? AND state = 'FAILED' AND job_id IS NULL"
    " AND id <= ? ORDER BY id LIMIT ?)"
)
_FINISHED = (
    "SELECT id, group_id, worker_id, queue, queued_at, started_at, ended_at FROM task"
    " WHERE state = 'COMPLETED' AND job_id IS NULL"
    " AND group_id IS NOT NULL LIMIT ?"
)


@dataclass(slots=True, kw_only=True)
class LoneTask:
    """A row to insert; payload is JSON text. due_at: None for one that is ready.

    expires_at: when it is given up if nobody has taken it by then.
    """

    queue: str
    name: str
    group_id: int | None
    payload: str
    lease_us: int | None
    priority: int = 0
    max_attempts: int = 1
    max_losses: int = 5
    verifications: int = 1
    unique_key: str | None = None
    due_at: Instant | None = None
    expires_at: Instant | None = None

    def row(self, now: Instant) -> tuple[object, ...]:
        """Give the values in the order of the columns."""
        ready = self.due_at is None
        return (
            self.queue,
            self.name,
            "QUEUED" if ready else "CREATED",
            self.group_id,
            self.priority,
            self.payload,
            self.max_attempts,
            self.max_losses,
            self.verifications,
            self.unique_key,
            self.lease_us,
            now,
            now if ready else None,
            self.due_at,
            self.expires_at,
        )


_QUEUES = 100
"""Queues that one statement asks about."""


class Held(NamedTuple):
    """How many open tasks of a queue a worker holds; `worker_id` None for those nobody does."""

    worker_id: int | None
    tasks: int


def insert(store: Store, wanted: Sequence[LoneTask], now: Instant) -> set[str]:
    """Store tasks of one queue; give the unique keys that were taken, whose tasks are left out.

    No key may stand twice in `wanted`.
    """
    keys = [task.unique_key for task in wanted if task.unique_key is not None]
    if store.backend == "postgres":
        columns = [list(column) for column in zip(*(one.row(now) for one in wanted), strict=True)]
        stored = {row[0] for row in store.run(_INSERT_POSTGRES, columns).fetchall()}
        return set(keys) - stored
    taken: set[str] = set()
    if keys:
        marks = ", ".join("?" * len(keys))
        found = store.run(
            f"SELECT unique_key FROM task WHERE queue = ? AND unique_key IN ({marks})",
            [wanted[0].queue, *keys],
        )
        taken = {row[0] for row in found.fetchall()}
    store.run_many(_INSERT, [one.row(now) for one in wanted if one.unique_key not in taken])
    return taken


def copy_along(store: Store, task_id: int, now: Instant) -> tuple[int, str] | None:
    """Copy a task to the group that its own is chained to; give the copy's id and queue.

    None when there is no such group, or when it has a task of that unique key.
    """
    row = store.run(_COPY, (now, now, task_id)).fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def newest(store: Store) -> int:
    """Give the highest id there is: what a sweep of a queue that is filled meanwhile ends at."""
    row = store.run("SELECT MAX(id) FROM task").fetchone()
    return int(row[0] or 0) if row else 0


def reset(store: Store, queue: str, *, up_to: int, limit: int, now: Instant) -> int:
    """Queue failed tasks anew as if they had never been tried; give how many."""
    return store.run(_RESET, (now, queue, up_to, limit)).rowcount


def set_expiry(store: Store, task_id: int, at: Instant) -> None:
    """Set when a task is given up that nobody has taken."""
    store.run("UPDATE task SET expires_at = ? WHERE id = ?", (at, task_id))


def has_expired(store: Store, now: Instant) -> bool:
    """Tell whether `expire` would find anything."""
    row = store.run(
        "SELECT 1 FROM task WHERE expires_at <= ? AND expires_at IS NOT NULL"
        " AND state IN ('QUEUED', 'CREATED') LIMIT 1",
        (now,),
    ).fetchone()
    return row is not None


def expire(store: Store, now: Instant, error: str, limit: int) -> list[tuple[int, str]]:
    """Fail tasks whose time is over and that nobody has in hand; give (id, queue) of each."""
    lock = " FOR UPDATE SKIP LOCKED" if store.backend == "postgres" else ""
    rows = store.run(
        "UPDATE task SET state = 'FAILED', error = ?, ended_at = ?, due_at = NULL WHERE id IN"
        " (SELECT id FROM task WHERE expires_at <= ? AND expires_at IS NOT NULL"
        f" AND state IN ('QUEUED', 'CREATED') ORDER BY expires_at LIMIT ?{lock})"
        " RETURNING id, queue",
        (store.vault.write(error), now, now, limit),
    )
    return [(int(row[0]), str(row[1])) for row in rows.fetchall()]


def delete(store: Store, queue: str, *, up_to: int, limit: int) -> int:
    """Delete tasks that are not completed, with their history; give how many."""
    for found in _OPEN:
        ids = [row[0] for row in store.run(f"{found} LIMIT ?", (queue, up_to, limit)).fetchall()]
        if ids:
            _delete(store, ids)
            return len(ids)
    return 0


def held(store: Store, queue: str, *, up_to: int, limit: int) -> list[Lease]:
    """Give leases that stand on tasks of a queue."""
    rows = store.run(
        "SELECT id, number FROM task WHERE leased_until IS NOT NULL AND queue = ? AND id <= ?"
        " AND state IN ('LEASED', 'RUNNING') ORDER BY id LIMIT ?",
        (queue, up_to, limit),
    )
    return [Lease(row[0], row[1]) for row in rows.fetchall()]


def holders(store: Store, queue: str) -> list[Held]:
    """Count the open tasks of a queue by who holds them, most first."""
    rows = store.run(
        "SELECT worker_id, COUNT(*) FROM task WHERE leased_until IS NOT NULL AND queue = ?"
        " AND state IN ('LEASED', 'RUNNING') GROUP BY worker_id",
        (queue,),
    )
    found = [Held(row[0], row[1]) for row in rows.fetchall()]
    free = _count(store, _WAITING, queue) + _count(store, _BROKEN, queue)
    if free:
        found.append(Held(None, free))
    return sorted(found, key=lambda one: (-one.tasks, one.worker_id or 0))


# Each reads one index and nothing else.
_QUEUED = "SELECT COUNT(*) FROM task WHERE queue = ? AND state = 'QUEUED'"
_LATER = "SELECT COUNT(*) FROM task WHERE queue = ? AND state = 'CREATED' AND due_at IS NOT NULL"
_WAITING = f"SELECT ({_QUEUED}) + ({_LATER})"
_BROKEN = "SELECT COUNT(*) FROM task WHERE queue = ? AND state = 'FAILED' AND job_id IS NULL"
_AGREED = "SELECT COUNT(*) FROM task WHERE queue = ? AND agreed > 0 AND ended_at IS NULL"
_HELD = (
    "SELECT COUNT(*) FROM task WHERE leased_until IS NOT NULL AND queue = ?"
    " AND state IN ('LEASED', 'RUNNING')"
)


def _count(store: Store, sql: str, queue: str) -> int:
    row = store.run(sql, (queue,) * sql.count("?")).fetchone()
    return int(row[0]) if row else 0


def waiting(store: Store, queue: str) -> int:
    """Count tasks that are ready, or will be at a time."""
    return _count(store, _WAITING, queue)


def ready(store: Store, queues: Sequence[str]) -> set[str]:
    """Give those of the queues that have a task to be claimed, by whomever."""
    found: set[str] = set()
    for begin in range(0, len(queues), _QUEUES):
        some = queues[begin : begin + _QUEUES]
        names = " UNION ALL ".join(["SELECT CAST(? AS TEXT) AS queue"] * len(some))
        rows = store.run(
            f"SELECT v.queue FROM ({names}) v WHERE EXISTS"
            " (SELECT 1 FROM task t WHERE t.queue = v.queue AND t.state = 'QUEUED')",
            some,
        )
        found.update(row[0] for row in rows.fetchall())
    return found


def in_hand(store: Store, queue: str) -> int:
    """Count tasks in workers' hands."""
    return _count(store, _HELD, queue)


def agreed(store: Store, queue: str) -> int:
    """Count open tasks that at least one worker has verified."""
    return _count(store, _AGREED, queue)


def broken(store: Store, queue: str) -> int:
    """Count failed tasks."""
    return _count(store, _BROKEN, queue)


def fresh_finished(store: Store) -> dict[tuple[int, int], int]:
    """Count finished tasks that no counter has yet, by (group, worker)."""
    rows = store.run(
        "SELECT group_id, worker_id, COUNT(*) FROM task WHERE state = 'COMPLETED'"
        " AND job_id IS NULL AND group_id IS NOT NULL GROUP BY group_id, worker_id"
    )
    return {(row[0], row[1]): int(row[2]) for row in rows.fetchall()}


def fold_finished(store: Store, limit: int) -> int:
    """Add finished tasks to the counters and samples and delete them; give how many."""
    rows = store.run(_FINISHED, (limit,)).fetchall()
    samples.add(store, samples.with_sums(_flow(row) for row in rows))
    for column, table in ((1, "job_group"), (2, "worker")):
        counts: dict[int, int] = {}
        for row in rows:
            counts[row[column]] = counts.get(row[column], 0) + 1
        store.run_many(
            f"UPDATE {table} SET finished = finished + ? WHERE id = ?",
            [(counts[about], about) for about in sorted(counts)],
        )
    if rows:
        _delete(store, [row[0] for row in rows])
    return len(rows)


def _flow(row: Row) -> tuple[int, str, samples.Flow]:
    """Give what a finished task adds to the sample of its minute and queue."""
    queue, queued_at, started_at, ended_at = row[3:]
    waited = ran = 0
    if started_at is not None:
        waited = max(started_at - (queued_at or started_at), 0)
        ran = max(ended_at - started_at, 0)
    began = int(started_at is not None)
    flow = samples.Flow(completed=1, started=began, waited_us=waited, ran_us=ran)
    return ended_at // samples.MINUTE, queue, flow


def _delete(store: Store, ids: Sequence[int]) -> None:
    for table, column in (("attempt", "task_id"), ("task", "id")):
        marks = ", ".join("?" * len(ids))
        store.run(f"DELETE FROM {table} WHERE {column} IN ({marks})", ids)
