"""Rows of `pool` and `waiting`: who may run, and who waits for a place.

A position is a count, never a stored number, so there is nothing to renumber.
"""

from typing import NamedTuple

from app.data.db import Store
from app.domain.clock import Instant
from app.domain.errors import EntryNotFound
from app.domain.records import WaitingEntry

_POSITION = "(SELECT COUNT(*) FROM waiting o WHERE o.pool = w.pool AND o.id < w.id)"


class PoolCounts(NamedTuple):
    """How many jobs of a pool wait for a slot, are being started on its list, and run."""

    waiting: int
    starting: int
    running: int


def set_limit(store: Store, pool: str, max_running: int) -> None:
    """Create a pool, or change how many of its jobs may run at a time."""
    store.run(
        "INSERT INTO pool (name, max_running) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET max_running = excluded.max_running",
        (pool, max_running),
    )


def lock(store: Store, pool: str) -> int | None:
    """Keep others from admitting to a pool until the commit; its limit, None without a pool."""
    row = store.run(
        "UPDATE pool SET version = version + 1 WHERE name = ? RETURNING max_running", (pool,)
    ).fetchone()
    return None if row is None else int(row[0])


def slots_held(store: Store, pool: str) -> int:
    """Count the jobs that occupy a slot."""
    row = store.run("SELECT COUNT(*) FROM job WHERE pool = ? AND holds_slot = 1", (pool,))
    found = row.fetchone()
    return int(found[0]) if found else 0


def join(store: Store, pool: str, job_id: str, *, admitted: bool, now: Instant) -> None:
    """Put a job at the end of the list."""
    store.run(
        "INSERT INTO waiting (pool, job_id, admitted, joined_at) VALUES (?, ?, ?, ?)",
        (pool, job_id, int(admitted), now),
    )


def head(store: Store, pool: str) -> str | None:
    """Give the job that has waited longest and is not admitted yet."""
    row = store.run(
        "SELECT job_id FROM waiting WHERE pool = ? AND admitted = 0 ORDER BY id LIMIT 1", (pool,)
    ).fetchone()
    return None if row is None else str(row[0])


def admit(store: Store, job_id: str) -> None:
    """Note that a waiting job has its slot; it keeps its place until it runs."""
    store.run("UPDATE waiting SET admitted = 1 WHERE job_id = ?", (job_id,))


def leave(store: Store, job_id: str) -> bool:
    """Take a job off the list; False when it was on none."""
    return store.run("DELETE FROM waiting WHERE job_id = ?", (job_id,)).rowcount == 1


def entry(store: Store, job_id: str) -> WaitingEntry:
    """Give a job's place. Raises EntryNotFound."""
    row = store.run(
        f"SELECT w.pool, w.job_id, {_POSITION}, w.joined_at, w.admitted FROM waiting w"
        " WHERE w.job_id = ?",
        (job_id,),
    ).fetchone()
    if row is None:
        raise EntryNotFound(job_id=job_id)
    return WaitingEntry(
        pool=row[0], job_id=row[1], position=row[2], joined_at=row[3], admitted=bool(row[4])
    )


def entries(store: Store, pool: str, *, limit: int, offset: int = 0) -> list[WaitingEntry]:
    """Give the list from the front."""
    rows = store.run(
        "SELECT pool, job_id, joined_at, admitted FROM waiting WHERE pool = ?"
        " ORDER BY id LIMIT ? OFFSET ?",
        (pool, limit, offset),
    ).fetchall()
    return [
        WaitingEntry(
            pool=row[0],
            job_id=row[1],
            position=offset + index,
            joined_at=row[2],
            admitted=bool(row[3]),
        )
        for index, row in enumerate(rows)
    ]


def counts(store: Store, pool: str) -> PoolCounts:
    """Count the list of a pool, and what runs in it."""
    row = store.run(
        "SELECT (SELECT COUNT(*) FROM waiting WHERE pool = ? AND admitted = 0),"
        " (SELECT COUNT(*) FROM waiting WHERE pool = ? AND admitted = 1),"
        " (SELECT COUNT(*) FROM job WHERE pool = ? AND holds_slot = 1 AND state = 'RUNNING')",
        (pool, pool, pool),
    ).fetchone()
    return PoolCounts(*map(int, row)) if row else PoolCounts(0, 0, 0)


def stays(store: Store, pool: str, limit: int) -> list[int]:
    """Give how long the latest jobs of a pool that ran and are over held their slots, at most.

    In microseconds, the latest first. Jobs with a unique key are left out: they come by a clock.
    """
    rows = store.run(
        "SELECT ended_at - scheduled_at, unique_key FROM job WHERE pool = ?"
        " AND started_at IS NOT NULL AND ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT ?",
        (pool, limit),
    ).fetchall()
    return [int(row[0]) for row in rows if row[1] is None and row[0] is not None]


def pools_to_admit(store: Store) -> list[str]:
    """Give the pools with somebody waiting and a free slot."""
    rows = store.run(
        "SELECT p.name FROM pool p WHERE EXISTS"
        " (SELECT 1 FROM waiting w WHERE w.pool = p.name AND w.admitted = 0)"
        " AND p.max_running > (SELECT COUNT(*) FROM job j WHERE j.pool = p.name"
        " AND j.holds_slot = 1)"
    ).fetchall()
    return [row[0] for row in rows]


def slots_to_free(store: Store, limit: int) -> list[tuple[str, str]]:
    """Give (job, pool) where a job is over, nothing of it runs, and it still holds its slot."""
    rows = store.run(
        "SELECT j.id, j.pool FROM job j WHERE j.holds_slot = 1 AND j.ended_at IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM task t WHERE t.job_id = j.id"
        " AND t.leased_until IS NOT NULL) LIMIT ?",
        (limit,),
    ).fetchall()
    return [(row[0], row[1]) for row in rows]
