"""Rows of `idle_limit`: how long a job may go unused, and until when that is while it runs."""

from app.data.db import Store
from app.domain.clock import Instant


def insert(store: Store, job_id: str, idle_us: int) -> None:
    """Give a new job its limit; it counts from when the job runs."""
    store.run("INSERT INTO idle_limit (job_id, idle_us) VALUES (?, ?)", (job_id, idle_us))


def touch(store: Store, job_id: str, now: Instant) -> Instant | None:
    """Let the time of a running job begin anew; its new end, or None when none is counted."""
    row = store.run(
        "UPDATE idle_limit SET deadline = ? + idle_us WHERE job_id = ? AND deadline IS NOT NULL"
        " RETURNING deadline",
        (now, job_id),
    ).fetchone()
    return None if row is None else int(row[0])


def deadline(store: Store, job_id: str) -> Instant | None:
    """Give when a job's time ends; None when none is counted."""
    row = store.run("SELECT deadline FROM idle_limit WHERE job_id = ?", (job_id,)).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def begin(store: Store, now: Instant) -> None:
    """Count for the jobs that run by now."""
    store.run(
        "UPDATE idle_limit SET deadline = ? + idle_us WHERE deadline IS NULL AND job_id IN"
        " (SELECT id FROM job WHERE state = 'RUNNING' AND ended_at IS NULL)",
        (now,),
    )


def end(store: Store) -> None:
    """Count no longer for the jobs that are over; a restart counts anew."""
    store.run(
        "UPDATE idle_limit SET deadline = NULL WHERE deadline IS NOT NULL AND job_id IN"
        " (SELECT id FROM job WHERE ended_at IS NOT NULL)"
    )


def clear(store: Store, job_id: str) -> None:
    """Count no longer for one job, until it runs again."""
    store.run("UPDATE idle_limit SET deadline = NULL WHERE job_id = ?", (job_id,))


def passed(store: Store, now: Instant, limit: int) -> list[str]:
    """Give the jobs whose time has passed, the longest unused first."""
    rows = store.run(
        "SELECT job_id FROM idle_limit WHERE deadline IS NOT NULL AND deadline <= ?"
        " ORDER BY deadline LIMIT ?",
        (now, limit),
    ).fetchall()
    return [row[0] for row in rows]
