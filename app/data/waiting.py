"""Rows of `pool` and `waiting`: who may run, and who waits for a place.

A position is a count, never a stored number, so there is nothing to renumber. Who is being started
stands before all who wait; `place` orders each of the two.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.data import jobs
from app.data.db import Store
from app.domain.clock import Instant
from app.domain.errors import EntryNotFound
from app.domain.records import Job
from app.domain.waiting import Pool, Turn, WaitingEntry

ORDER = "admitted DESC, place, id"
_POSITION = (
    "(SELECT COUNT(*) FROM waiting o WHERE o.pool = w.pool AND (o.admitted > w.admitted"
    " OR (o.admitted = w.admitted AND (o.place, o.id) < (w.place, w.id))))"
)
_TO_FRONT = (
    "UPDATE waiting SET place = (SELECT MIN(o.place) - 1 FROM waiting o"
    " WHERE o.pool = waiting.pool AND o.admitted = 0)"
    " WHERE job_id = ? AND admitted = 0 AND EXISTS (SELECT 1 FROM waiting o"
    " WHERE o.pool = waiting.pool AND o.admitted = 0 AND o.place < waiting.place)"
)
# Two that stand side by side change places; all others keep theirs.
_PAST = (
    "WITH own AS (SELECT id, pool, place FROM waiting WHERE job_id = ? AND admitted = 0),"
    " other AS (SELECT o.id, o.place FROM own JOIN waiting o ON o.pool = own.pool"
    " WHERE o.admitted = 0 AND o.place {} own.place ORDER BY o.place {} LIMIT 1),"
    " swapped (id, place) AS (SELECT own.id, other.place FROM own, other"
    " UNION ALL SELECT other.id, own.place FROM own, other)"
    " UPDATE waiting SET place = swapped.place FROM swapped WHERE waiting.id = swapped.id"
)
_MOVES: Mapping[Turn, str] = {
    "front": _TO_FRONT,
    "up": _PAST.format("<", "DESC"),
    "down": _PAST.format(">", ""),
}
_BUSY = (
    "SELECT p.name, p.max_running, x.waits, x.starts, x.held FROM (SELECT pool,"
    " SUM(waits) AS waits, SUM(starts) AS starts, SUM(held) AS held FROM"
    " (SELECT pool, 1 - admitted AS waits, admitted AS starts, 0 AS held FROM waiting"
    "  UNION ALL SELECT pool, 0, 0, 1 FROM job WHERE holds_slot = 1) y GROUP BY pool) x"
    " JOIN pool p ON p.name = x.pool ORDER BY x.waits DESC, p.name LIMIT ?"
)


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
    """Put a job at the end of the list, whose pool is locked."""
    store.run(
        "INSERT INTO waiting (pool, job_id, admitted, joined_at, place) VALUES (?, ?, ?, ?,"
        " (SELECT COALESCE(MAX(place), 0) + 1 FROM waiting WHERE pool = ? AND admitted = ?))",
        (pool, job_id, int(admitted), now, pool, int(admitted)),
    )


def head(store: Store, pool: str) -> str | None:
    """Give the job whose turn it is: the first that is not admitted yet."""
    row = store.run(
        "SELECT job_id FROM waiting WHERE pool = ? AND admitted = 0 ORDER BY place, id LIMIT 1",
        (pool,),
    ).fetchone()
    return None if row is None else str(row[0])


def admit(store: Store, job_id: str) -> None:
    """Note that a waiting job has its slot: it stands behind others that do until it runs."""
    last = "(SELECT COALESCE(MAX(o.place), 0) FROM waiting o WHERE o.pool = waiting.pool"
    store.run(
        f"UPDATE waiting SET admitted = 1, place = {last} AND o.admitted = 1) + 1"
        " WHERE job_id = ? AND admitted = 0",
        (job_id,),
    )


def move(store: Store, job_id: str, turn: Turn) -> bool:
    """Let a job that waits pass others, or one pass it; False where it stands there already."""
    return bool(store.run(f"{_MOVES[turn]} RETURNING waiting.id", (job_id,)).fetchall())


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
        f" ORDER BY {ORDER} LIMIT ? OFFSET ?",
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


def busy(store: Store, limit: int) -> list[Pool]:
    """Give the pools in which somebody has or wants a slot, those first where most wait."""
    rows = store.run(_BUSY, (limit,)).fetchall()
    return [
        Pool(
            name=row[0],
            max_running=int(row[1]),
            waiting=int(row[2]),
            starting=int(row[3]),
            held=int(row[4]),
        )
        for row in rows
    ]


def holders(store: Store, pool: str, limit: int) -> list[Job]:
    """Give the jobs that hold a slot of a pool, those first that have had it longest."""
    rows = store.run(
        f"SELECT {jobs.COLUMNS} FROM job WHERE pool = ? AND holds_slot = 1"
        " ORDER BY scheduled_at, id LIMIT ?",
        (pool, limit),
    ).fetchall()
    return [jobs.record(row, store.vault) for row in rows]


def waiting_jobs(store: Store, job_ids: Sequence[str]) -> dict[str, Job]:
    """Give the jobs of some entries, by id."""
    if not job_ids:
        return {}
    marks = ", ".join("?" * len(job_ids))
    rows = store.run(f"SELECT {jobs.COLUMNS} FROM job WHERE id IN ({marks})", job_ids).fetchall()
    return {row[0]: jobs.record(row, store.vault) for row in rows}


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
