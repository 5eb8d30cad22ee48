"""Rows of `flamenco_failure` and `flamenco_block`, and what follows from them for a hand-out."""

from collections.abc import Sequence
from typing import NamedTuple

from app.api.flamenco.records import OURS
from app.data.db import Store
from app.domain.clock import Instant

_OTHERS = (
    "SELECT 1 FROM flamenco_worker w WHERE w.disabled = 0 AND w.worker_id <> ?"
    " AND NOT EXISTS (SELECT 1 FROM flamenco_failure x"
    " WHERE x.task_id = ? AND x.worker_id = w.worker_id)"
    " AND NOT EXISTS (SELECT 1 FROM flamenco_block b"
    " WHERE b.worker_id = w.worker_id AND b.job_id = ? AND b.type = ?) LIMIT 1"
)
# The index of ready tasks, in its order; most workers are barred from none of the first.
_FIT = (
    "SELECT t.priority, t.id FROM task t JOIN flamenco_task f ON f.task_id = t.id"
    " WHERE t.queue = ? AND t.state = 'QUEUED'"
    " AND NOT EXISTS (SELECT 1 FROM flamenco_failure x"
    " WHERE x.task_id = t.id AND x.worker_id = ?)"
    " AND NOT EXISTS (SELECT 1 FROM flamenco_block b"
    " WHERE b.worker_id = ? AND b.job_id = f.job_id AND b.type = f.type)"
    " ORDER BY t.priority DESC, t.id LIMIT ?"
)
_FAILED_OF = (
    "SELECT t.id FROM flamenco_failure x JOIN task t ON t.id = x.task_id"
    " JOIN flamenco_task f ON f.task_id = t.id"
    " WHERE x.worker_id = ? AND f.job_id = ? AND f.type = ?"
)


class Block(NamedTuple):
    """That a worker gets no more tasks of a job and type."""

    worker_id: int
    job_id: int
    type: str
    at: Instant


def note(store: Store, task_id: int, worker_id: int, now: Instant) -> None:
    """Note that a worker failed a task."""
    store.run(
        "INSERT INTO flamenco_failure (task_id, worker_id, at) VALUES (?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (task_id, worker_id, now),
    )


def has_other(store: Store, task_id: int, worker_id: int, job_id: int, kind: str) -> bool:
    """Tell whether there is another worker that may try a task."""
    return store.run(_OTHERS, (worker_id, task_id, job_id, kind)).fetchone() is not None


def failed_of(store: Store, worker_id: int, job_id: int, kind: str) -> list[int]:
    """Give the tasks of a job and type that a worker failed, however they stand now."""
    rows = store.run(f"{_FAILED_OF} ORDER BY t.id", (worker_id, job_id, kind))
    return [row[0] for row in rows.fetchall()]


def forget(store: Store, ids: Sequence[int]) -> None:
    """Forget who failed some tasks."""
    for begin in range(0, len(ids), 500):
        some = ids[begin : begin + 500]
        marks = ", ".join("?" * len(some))
        store.run(f"DELETE FROM flamenco_failure WHERE task_id IN ({marks})", some)


def forget_worker(store: Store, worker_id: int) -> None:
    """Forget what a worker failed, and what it is barred from."""
    store.run("DELETE FROM flamenco_failure WHERE worker_id = ?", (worker_id,))
    store.run("DELETE FROM flamenco_block WHERE worker_id = ?", (worker_id,))


# -- blocks --------------------------------------------------------------------------------------


def block(store: Store, worker_id: int, job_id: int, kind: str, now: Instant) -> bool:
    """Bar a worker from a job and type; False when it was."""
    row = store.run(
        "INSERT INTO flamenco_block (worker_id, job_id, type, at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING RETURNING worker_id",
        (worker_id, job_id, kind, now),
    ).fetchone()
    return row is not None


def blocks(store: Store, limit: int) -> list[Block]:
    """Give who is barred from what, newest first."""
    rows = store.run(
        "SELECT worker_id, job_id, type, at FROM flamenco_block"
        " ORDER BY at DESC, worker_id, job_id, type LIMIT ?",
        (limit,),
    )
    return [Block(*row) for row in rows.fetchall()]


def lift(store: Store, worker_id: int | None, job_id: int | None) -> int:
    """Lift blocks of a worker, of a job, or of both together; all of them when none is named."""
    wanted = {"worker_id": worker_id, "job_id": job_id}
    words = [f"{name} = ?" for name, value in wanted.items() if value is not None]
    values = [value for value in wanted.values() if value is not None]
    where = f" WHERE {' AND '.join(words)}" if words else ""
    count = store.run(f"DELETE FROM flamenco_block{where}", values).rowcount
    if worker_id is not None:
        # Or its next failure would bar it again at once.
        store.run("DELETE FROM flamenco_failure WHERE worker_id = ?", (worker_id,))
    return count


# -- choosing ------------------------------------------------------------------------------------


def barred(store: Store, worker_id: int) -> bool:
    """Tell whether a worker may not have every task."""
    row = store.run(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM flamenco_failure WHERE worker_id = ?)"
        " OR EXISTS (SELECT 1 FROM flamenco_block WHERE worker_id = ?)",
        (worker_id, worker_id),
    ).fetchone()
    return row is not None


def fit(store: Store, worker_id: int, queue: str, limit: int) -> list[tuple[int, int]]:
    """Give (priority, id) of ready tasks of a queue that a worker may have, the next one first."""
    rows = store.run(_FIT, (queue, worker_id, worker_id, limit)).fetchall()
    return [(row[0], row[1]) for row in rows]


def first(store: Store, queue: str) -> tuple[int, int] | None:
    """Give (priority, id) of the next task of a queue; None without one."""
    row = store.run(
        "SELECT priority, id FROM task WHERE queue = ? AND state = 'QUEUED'"
        " ORDER BY priority DESC, id LIMIT 1",
        (queue,),
    ).fetchone()
    return None if row is None else (row[0], row[1])


def overlong(store: Store, since: Instant, limit: int) -> list[int]:
    """Give tasks that have been rendering since before then."""
    rows = store.run(
        f"SELECT id FROM task WHERE {OURS} AND state IN ('LEASED', 'RUNNING')"
        " AND kind = 'work' AND started_at < ? ORDER BY id LIMIT ?",
        (since, limit),
    )
    return [row[0] for row in rows.fetchall()]
