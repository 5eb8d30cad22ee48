"""Failed tasks that belong to no job: one at a time, and by the page."""

from app.data.db import Store
from app.domain.clock import Instant
from app.domain.records import FailedTask

_FAILED = "queue = ? AND state = 'FAILED' AND job_id IS NULL"


def page(store: Store, queue: str, *, after: int, limit: int) -> list[FailedTask]:
    """Give failed tasks of a queue with higher ids than that, in their order."""
    rows = store.run(
        "SELECT id, priority, payload, failures, max_attempts, error, ended_at, worker_id"
        f" FROM task WHERE {_FAILED} AND id > ? ORDER BY id LIMIT ?",
        (queue, after, limit),
    )
    return [
        FailedTask(
            row[0],
            row[1],
            store.vault.loads(row[2]),
            row[3],
            row[4],
            store.vault.read(row[5]),
            row[6],
            row[7],
        )
        for row in rows.fetchall()
    ]


def reset(store: Store, queue: str, task_id: int, now: Instant) -> bool:
    """Queue a failed task as if it had never been tried; False when there is none such."""
    cursor = store.run(
        "UPDATE task SET state = 'QUEUED', failures = 0, error = NULL, worker_id = NULL,"
        f" started_at = NULL, ended_at = NULL, queued_at = ? WHERE {_FAILED} AND id = ?",
        (now, queue, task_id),
    )
    return cursor.rowcount == 1


def drop(store: Store, queue: str, task_id: int) -> bool:
    """Delete a failed task with its history; False when there is none such."""
    if store.run(f"DELETE FROM task WHERE {_FAILED} AND id = ?", (queue, task_id)).rowcount != 1:
        return False
    store.run("DELETE FROM attempt WHERE task_id = ?", (task_id,))
    return True
