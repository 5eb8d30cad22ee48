"""What there is now, counted without looking at what is over, and no further than asked for."""

from collections.abc import Sequence
from typing import NamedTuple

from app.data import listing
from app.data.codec import loads
from app.data.db import Store
from app.domain.clock import Instant

# From one queue's first row in the index to the next queue's: rows in between are not read.
_QUEUES = (
    "WITH RECURSIVE found (queue) AS ("
    " SELECT (SELECT queue FROM task WHERE state = 'QUEUED' ORDER BY queue LIMIT 1)"
    " UNION ALL SELECT (SELECT t.queue FROM task t WHERE t.state = 'QUEUED'"
    " AND t.queue > found.queue ORDER BY t.queue LIMIT 1) FROM found WHERE found.queue IS NOT NULL)"
    " SELECT queue FROM found WHERE queue IS NOT NULL LIMIT ?"
)
_READY = "SELECT COUNT(*) FROM (SELECT 1 FROM task WHERE queue = ? AND state = 'QUEUED' LIMIT ?) t"
_IN_STATE = "SELECT COUNT(*) FROM (SELECT 1 FROM job WHERE state = ? AND dialect = ? LIMIT ?) j"


class JobCounts(NamedTuple):
    """How many jobs of a dialect there are, and are in the states that are not final.

    scheduled: those that were accepted and that nobody has begun.
    """

    total: int
    scheduled: int
    running: int
    waiting: int


def ready_queues(store: Store, limit: int) -> list[str]:
    """Name the queues with ready tasks."""
    return [row[0] for row in store.run(_QUEUES, (limit,)).fetchall()]


def ready(store: Store, queues: Sequence[str], most: int) -> dict[str, int]:
    """Count the ready tasks of queues, up to so many each."""
    found = {}
    for queue in queues:
        row = store.run(_READY, (queue, most)).fetchone()
        found[queue] = int(row[0]) if row else 0
    return found


def jobs(store: Store, most: int) -> dict[str, JobCounts]:
    """Count jobs by dialect, of each state up to so many."""
    found = {}
    for dialect in listing.dialects(store):
        pending, scheduled, running, waiting = (
            _in_state(store, state, dialect, most)
            for state in ("PENDING", "SCHEDULED", "RUNNING", "WAITING")
        )
        total = listing.total(store, dialect)
        if total:
            found[dialect] = JobCounts(total, pending + scheduled, running, waiting)
    return found


def _in_state(store: Store, state: str, dialect: str, most: int) -> int:
    row = store.run(_IN_STATE, (state, dialect, most)).fetchone()
    return int(row[0]) if row else 0


def workers(store: Store, since: Instant) -> dict[str, int]:
    """Count the active workers that were heard from since then, by kind."""
    rows = store.run(
        "SELECT kind, COUNT(*) FROM worker WHERE active = 1 AND heartbeat_at >= ? GROUP BY kind",
        (since,),
    ).fetchall()
    return {row[0]: int(row[1]) for row in rows}


def listeners(store: Store, since: Instant) -> dict[str, int]:
    """Count the places of such workers by queue."""
    rows = store.run(
        "SELECT queues, COUNT(*) FROM worker WHERE active = 1 AND heartbeat_at >= ?"
        " AND queues <> '{}' GROUP BY queues",
        (since,),
    ).fetchall()
    found: dict[str, int] = {}
    for text, count in rows:
        for name, places in loads(text).items():
            found[name] = found.get(name, 0) + places * int(count)
    return found
