"""Rows of `task` that are ended by others than those who hold them."""

from typing import NamedTuple

from app.data import tasks
from app.data.db import Store
from app.domain.clock import Instant
from app.domain.records import Task
from app.domain.states import TaskState


class Held(NamedTuple):
    """Who held a task that was ended, if anybody did."""

    number: int
    worker_id: int | None
    leased_until: Instant | None


def at_position(store: Store, job_id: str, position: int) -> Task | None:
    """Give the task of a job at a position, the newest one of several; None without any."""
    row = store.run(
        f"SELECT {tasks.COLUMNS} FROM task WHERE job_id = ? AND position = ?"
        " ORDER BY id DESC LIMIT 1",
        (job_id, position),
    ).fetchone()
    return None if row is None else tasks.record(row, store.vault)


def end(
    store: Store, task_id: int, *, state: TaskState, error: str | None, now: Instant
) -> Held | None:
    """End an open task; its lease is left. None when it is over."""
    row = store.run(
        "UPDATE task SET state = ?, error = ?, ended_at = ? WHERE id = ?"
        " AND state IN ('CREATED', 'HELD', 'QUEUED', 'LEASED', 'RUNNING')"
        " RETURNING number, worker_id, leased_until",
        (state, store.vault.write(error), now, task_id),
    ).fetchone()
    return None if row is None else Held(*row)
