"""Pausing jobs: nothing of a paused job is handed out, nor of the jobs its tasks wait for.

The claim looks at `paused_at`, which is enough for that. Ready tasks are held besides, so that no
claim has to step over them; what holds them is told from a person by `due_at`.
"""

from typing import NamedTuple

from app.data.db import Store
from app.data.tasks import PAUSED
from app.domain.clock import Instant

_TREE = (
    "WITH RECURSIVE tree (id) AS (SELECT id FROM job WHERE id = ? UNION SELECT j.id FROM tree"
    " JOIN task t ON t.job_id = tree.id JOIN job j ON j.parent_task_id = t.id"
    " WHERE t.kind = 'job' AND j.ended_at IS NULL)"
)
_SET = (
    f"{_TREE} UPDATE job SET paused_at = ?, version = version + 1"
    " WHERE id IN (SELECT id FROM tree) AND paused_at IS {} AND ended_at IS NULL"
    " RETURNING id, dialect"
)
_PAUSE = _SET.format("NULL")
_RESUME = _SET.format("NOT NULL")
_HOLD = (
    f"UPDATE task SET state = 'HELD', queued_at = NULL, due_at = {PAUSED} WHERE id IN"
    " (SELECT id FROM task WHERE job_id = ? AND state = 'QUEUED' ORDER BY position, id LIMIT ?)"
    " AND state = 'QUEUED' RETURNING id, queue"
)
# A person may have let one of them go, in vain.
_LET_GO = (
    "UPDATE task SET state = 'QUEUED', queued_at = ?, due_at = NULL WHERE id IN"
    f" (SELECT id FROM task WHERE job_id = ? AND due_at = {PAUSED}"
    " AND state IN ('HELD', 'CREATED') ORDER BY position, id LIMIT ?)"
    f" AND due_at = {PAUSED} AND state IN ('HELD', 'CREATED') RETURNING id, queue"
)
# Locks it: or its end and this would pass each other by.
_IS_PAUSED = (
    "UPDATE job SET paused_at = paused_at WHERE id = ? AND ended_at IS NULL RETURNING paused_at"
)
_LOOSE = (
    "SELECT j.id FROM job j WHERE j.paused_at IS NOT NULL AND j.ended_at IS NULL"
    " AND EXISTS (SELECT 1 FROM task t WHERE t.job_id = j.id AND t.state = 'QUEUED') LIMIT ?"
)
_LEFT = (
    "SELECT j.id FROM job j WHERE j.paused_at IS NULL AND j.ended_at IS NULL AND j.id IN"
    f" (SELECT t.job_id FROM task t WHERE t.due_at = {PAUSED} AND t.state IN ('HELD', 'CREATED'))"
    " LIMIT ?"
)


class Moved(NamedTuple):
    """A task that was held or let go."""

    task_id: int
    queue: str


def pause(store: Store, job_id: str, now: Instant) -> list[tuple[str, str]]:
    """Pause a job and the open jobs that its tasks wait for; (id, dialect) of those it changed."""
    return [(row[0], row[1]) for row in store.run(_PAUSE, (job_id, now)).fetchall()]


def resume(store: Store, job_id: str) -> list[tuple[str, str]]:
    """Undo a pause; as above."""
    return [(row[0], row[1]) for row in store.run(_RESUME, (job_id, None)).fetchall()]


def is_paused(store: Store, job_id: str) -> bool | None:
    """Tell whether a job is paused, and keep it so until the commit; None when it is over."""
    row = store.run(_IS_PAUSED, (job_id,)).fetchone()
    return None if row is None else row[0] is not None


def hold_some(store: Store, job_id: str, limit: int) -> list[Moved]:
    """Hold so many ready tasks of a job."""
    return [Moved(*row) for row in store.run(_HOLD, (job_id, limit)).fetchall()]


def let_go_some(store: Store, job_id: str, now: Instant, limit: int) -> list[Moved]:
    """Let go so many of the tasks that a pause holds; they are ready."""
    return [Moved(*row) for row in store.run(_LET_GO, (now, job_id, limit)).fetchall()]


def unsettled(store: Store, limit: int) -> list[str]:
    """Give paused jobs with ready tasks, and others with tasks that a pause holds."""
    found = store.run(_LOOSE, (limit,)).fetchall() + store.run(_LEFT, (limit,)).fetchall()
    return [row[0] for row in found]
