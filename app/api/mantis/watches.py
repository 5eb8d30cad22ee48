"""Rows of the open jobs that the ticker looks at, and of what workers report themselves."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.data.db import Store
from app.domain.clock import SECOND, Instant
from app.domain.states import JobState

BATCH = 500
GRACE_US: Instant = 2 * SECOND


def watch(
    store: Store,
    job_id: str,
    *,
    runtime_us: int,
    min_runtime_us: int,
    subscription_us: int,
    tolerance_us: int,
    outside: bool,
) -> None:
    """Let a job be looked at. 0: no such limit. outside: others speak for its workers."""
    store.run(
        "INSERT INTO mantis_watch (job_id, runtime_us, min_runtime_us, subscription_us,"
        " tolerance_us, outside) VALUES (?, ?, ?, ?, ?, ?)",
        (job_id, runtime_us, min_runtime_us, subscription_us, tolerance_us, int(outside)),
    )


@dataclass(frozen=True, slots=True)
class Limited:
    """A launched job whose time may be up. seen_at: when it last had a subscriber, 0 for never."""

    job_id: str
    started_at: Instant
    runtime_us: int
    min_runtime_us: int
    subscription_us: int
    seen_at: Instant
    subscribed: bool

    def over_runtime(self, now: Instant) -> bool:
        """Tell whether it has run for as long as it may."""
        return self.runtime_us > 0 and now >= self.started_at + self.runtime_us

    def over_subscription(self, now: Instant) -> bool:
        """Tell whether nobody has wanted its output for as long as that may be."""
        if self.subscription_us <= 0 or self.subscribed:
            return False
        since = max(self.started_at, self.seen_at)
        # Who listens says so twice a second; a process that is late with it is given time.
        due = since + self.subscription_us + (GRACE_US if self.seen_at else 0)
        return now >= max(due, self.started_at + self.min_runtime_us)


def limited(store: Store) -> list[Limited]:
    """Give the launched jobs that have a limit."""
    rows = store.run(
        "SELECT w.job_id, j.started_at, w.runtime_us, w.min_runtime_us, w.subscription_us,"
        " w.seen_at, w.subscribed FROM mantis_watch w JOIN job j ON j.id = w.job_id"
        " WHERE j.ended_at IS NULL AND j.state = ? AND j.started_at IS NOT NULL"
        " AND (w.runtime_us > 0 OR w.subscription_us > 0)",
        (JobState.RUNNING,),
    ).fetchall()
    return [Limited(row[0], row[1], row[2], row[3], row[4], row[5], bool(row[6])) for row in rows]


def silent(store: Store, now: Instant) -> list[int]:
    """Give tasks of workers that report themselves and did not for too long."""
    rows = store.run(
        "SELECT t.id FROM mantis_watch w JOIN job j ON j.id = w.job_id"
        " JOIN task t ON t.job_id = w.job_id LEFT JOIN mantis_worker r ON r.task_id = t.id"
        " WHERE w.outside = 1 AND j.ended_at IS NULL AND t.state = 'RUNNING' AND t.kind = 'work'"
        " AND COALESCE(r.heartbeat_at, t.started_at) + w.tolerance_us < ? LIMIT ?",
        (now, BATCH),
    ).fetchall()
    return [row[0] for row in rows]


def unplaced(store: Store, queue: str, before: Instant) -> list[int]:
    """Give tasks of workers that have waited for a place since then."""
    rows = store.run(
        "SELECT id FROM task WHERE queue = ? AND state = 'QUEUED' AND queued_at < ?"
        " ORDER BY priority DESC, id LIMIT ?",
        (queue, before, BATCH),
    ).fetchall()
    return [row[0] for row in rows]


def forget_over(store: Store) -> int:
    """Look no longer at jobs that are over or gone; give how many."""
    return store.run(
        "DELETE FROM mantis_watch WHERE job_id IN (SELECT w.job_id FROM mantis_watch w"
        " LEFT JOIN job j ON j.id = w.job_id WHERE j.id IS NULL OR j.ended_at IS NOT NULL LIMIT ?)",
        (BATCH,),
    ).rowcount


def seen(store: Store, job_ids: Iterable[str], now: Instant) -> None:
    """Note that jobs have subscribers at this moment; of those with a limit alone it counts."""
    store.run_many(
        "UPDATE mantis_watch SET seen_at = ? WHERE job_id = ? AND subscription_us > 0",
        [(now, job_id) for job_id in sorted(job_ids)],
    )


def subscribed(store: Store, job_id: str, *, there: bool, now: Instant) -> None:
    """Note what a worker says: its sink has subscribers from now on, or has none."""
    store.run(
        "UPDATE mantis_watch SET subscribed = ?, seen_at = ? WHERE job_id = ?"
        " AND subscription_us > 0 AND (subscribed = 1 OR ? = 1)",
        (int(there), now, job_id, int(there)),
    )


def heard(store: Store, task_id: int, job_id: str, now: Instant) -> None:
    """Note a heartbeat of a worker."""
    store.run(
        "INSERT INTO mantis_worker (task_id, job_id, heartbeat_at) VALUES (?, ?, ?)"
        " ON CONFLICT (task_id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at",
        (task_id, job_id, now),
    )


def starting(store: Store, task_id: int, job_id: str, now: Instant) -> None:
    """Note that a worker says it begins to start; the first time counts."""
    store.run(
        "INSERT INTO mantis_worker (task_id, job_id, starting_at) VALUES (?, ?, ?)"
        " ON CONFLICT (task_id) DO UPDATE"
        " SET starting_at = COALESCE(mantis_worker.starting_at, excluded.starting_at)",
        (task_id, job_id, now),
    )
