"""Rows of `idle_limit`: how long a job may go unused, and until when that is while it runs."""

from typing import NamedTuple

from app.data.db import Store
from app.domain.clock import Instant


class Warned(NamedTuple):
    """A job that is cancelled after `left_us` unless somebody touches it."""

    job_id: str
    left_us: int


def insert(store: Store, job_id: str, idle_us: int, *, warn_us: int = 0) -> None:
    """Give a new job its limit; it counts from when the job runs.

    warn_us: how much of it, at its end, is warned of.
    """
    store.run(
        "INSERT INTO idle_limit (job_id, idle_us, warn_us) VALUES (?, ?, ?)",
        (job_id, idle_us, warn_us),
    )


def touch(store: Store, job_id: str, now: Instant) -> Instant | None:
    """Let the time of a running job begin anew; its new end, or None when none is counted."""
    row = store.run(
        "UPDATE idle_limit SET deadline = ? + idle_us, warned = 0 WHERE job_id = ?"
        " AND deadline IS NOT NULL RETURNING deadline",
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
        "UPDATE idle_limit SET deadline = ? + idle_us, warned = 0 WHERE deadline IS NULL"
        " AND job_id IN (SELECT id FROM job WHERE state = 'RUNNING' AND ended_at IS NULL)",
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


def warn(store: Store, now: Instant, limit: int) -> list[Warned]:
    """Note that jobs are to be warned of, and count the warned part of their time from now on."""
    rows = store.run(
        "UPDATE idle_limit SET warned = 1, deadline = ? + warn_us WHERE job_id IN"
        " (SELECT job_id FROM idle_limit WHERE deadline IS NOT NULL AND warn_us > 0"
        " AND warned = 0 AND deadline - warn_us <= ? LIMIT ?) RETURNING job_id, warn_us",
        (now, now, limit),
    ).fetchall()
    return [Warned(*row) for row in rows]


def passed(store: Store, now: Instant, limit: int) -> list[str]:
    """Give the jobs whose time has passed, the longest unused first."""
    rows = store.run(
        "SELECT job_id FROM idle_limit WHERE deadline IS NOT NULL AND deadline <= ?"
        " ORDER BY deadline LIMIT ?",
        (now, limit),
    ).fetchall()
    return [row[0] for row in rows]
