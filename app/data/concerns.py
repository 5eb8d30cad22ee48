"""What may need a person: each question reads a bounded number of rows."""

from collections.abc import Sequence
from typing import NamedTuple

from app.data import listing
from app.data.db import Store
from app.domain.clock import Instant

# By the index of states, the newest first: of very many that fail at once these are enough.
_FAILED = (
    "SELECT type, COUNT(*), MAX(ended_at) FROM (SELECT type, ended_at FROM job"
    " WHERE state = 'FAILED' AND dialect = ? ORDER BY seq DESC LIMIT ?) f"
    " WHERE ended_at >= ? GROUP BY type ORDER BY 2 DESC, 1"
)
_LONG = (
    "SELECT id, job_id, queue, name, started_at FROM task WHERE leased_until IS NOT NULL"
    " AND state = 'RUNNING' AND addresses IS NULL AND started_at < ? ORDER BY started_at LIMIT ?"
)
_RUNS = "SELECT SUM(completed), SUM(ran_us) FROM sample WHERE queue = ? AND minute >= ?"
_HEAD = (
    "SELECT queued_at FROM task WHERE queue = ? AND state = 'QUEUED'"
    " ORDER BY priority DESC, id LIMIT 1"
)
_SILENT = (
    "SELECT id, name, kind, heartbeat_at FROM worker WHERE active = 1 AND heartbeat_at < ?"
    " AND kind <> 'remote' ORDER BY heartbeat_at LIMIT ?"
)
_PAUSED_SCHEDULES = "SELECT COUNT(*) FROM (SELECT 1 FROM schedule WHERE state = 'PAUSED' LIMIT ?) s"
_PAUSED_JOBS = (
    "SELECT COUNT(*), MIN(id) FROM (SELECT id FROM job WHERE paused_at IS NOT NULL"
    " AND ended_at IS NULL LIMIT ?) j"
)
_PAUSED_GROUPS = (
    "SELECT dialect, COUNT(*) FROM (SELECT dialect FROM job_group"
    " WHERE paused = 1 LIMIT ?) g GROUP BY dialect ORDER BY dialect"
)
_UNSENT = (
    "SELECT host, COUNT(*), MAX(attempts) FROM (SELECT host, attempts FROM channel"
    " WHERE attempts > 0 LIMIT ?) c GROUP BY host ORDER BY 2 DESC, 1 LIMIT 5"
)
_HEADS = (
    "SELECT p.name, p.max_running, w.job_id, w.joined_at,"
    " (SELECT COUNT(*) FROM waiting o WHERE o.pool = p.name AND o.admitted = 0)"
    " FROM pool p JOIN waiting w ON w.id = (SELECT MIN(f.id) FROM waiting f"
    " WHERE f.pool = p.name AND f.admitted = 0) WHERE w.joined_at < ? ORDER BY w.joined_at LIMIT ?"
)


class Long(NamedTuple):
    """A task that runs."""

    task_id: int
    job_id: str | None
    queue: str
    name: str
    started_at: Instant


class Line(NamedTuple):
    """A waiting list whose first entry waits since then."""

    pool: str
    max_running: int
    job_id: str
    joined_at: Instant
    length: int


def failed(store: Store, since: Instant, most: int) -> list[tuple[str, str, int, Instant]]:
    """Give (dialect, type, jobs that failed since then, the latest end)."""
    return [
        (dialect, row[0], int(row[1]), int(row[2]))
        for dialect in listing.dialects(store)
        for row in store.run(_FAILED, (dialect, most, since)).fetchall()
    ]


def running_since(store: Store, before: Instant, limit: int) -> list[Long]:
    """Give tasks that began before then and run, no services; the oldest first."""
    return [Long(*row) for row in store.run(_LONG, (before, limit)).fetchall()]


def runs(store: Store, queue: str, since: int) -> tuple[int, int]:
    """Give how many tasks of a queue were completed since a minute, and for how long they ran."""
    row = store.run(_RUNS, (queue, since)).fetchone()
    return (int(row[0] or 0), int(row[1] or 0)) if row else (0, 0)


def heads(store: Store, queues: Sequence[str]) -> dict[str, Instant]:
    """Give since when the first task of each queue is ready."""
    found = {}
    for queue in queues:
        row = store.run(_HEAD, (queue,)).fetchone()
        if row is not None and row[0] is not None:
            found[queue] = int(row[0])
    return found


def silent_workers(
    store: Store, before: Instant, limit: int
) -> list[tuple[int, str, str, Instant]]:
    """Give (id, name, kind, last sign of life) of our own that should be here."""
    return [
        (row[0], row[1], row[2], row[3]) for row in store.run(_SILENT, (before, limit)).fetchall()
    ]


def paused_schedules(store: Store, most: int) -> int:
    """Count schedules that a person paused."""
    row = store.run(_PAUSED_SCHEDULES, (most,)).fetchone()
    return int(row[0]) if row else 0


def paused_jobs(store: Store, most: int) -> tuple[int, str | None]:
    """Count open jobs that are paused, and give one of them."""
    row = store.run(_PAUSED_JOBS, (most,)).fetchone()
    return (int(row[0]), row[1]) if row else (0, None)


def paused_groups(store: Store, most: int) -> list[tuple[str, int]]:
    """Count groups that are paused, by dialect."""
    return [(row[0], int(row[1])) for row in store.run(_PAUSED_GROUPS, (most,)).fetchall()]


def unsent(store: Store, most: int) -> list[tuple[str, int, int]]:
    """Give (host, channels, most tries) of messages that were tried in vain."""
    return [(row[0], int(row[1]), int(row[2])) for row in store.run(_UNSENT, (most,)).fetchall()]


def lines(store: Store, before: Instant, limit: int) -> list[Line]:
    """Give the lists whose first entry has waited since before then."""
    return [Line(*row) for row in store.run(_HEADS, (before, limit)).fetchall()]
