"""Jobs of a farm: all tasks under one number, looked at together.

Whatever is asked here looks at so many tasks of a job at most: one that has more costs no more.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.api.flamenco.records import OURS
from app.data.db import Store
from app.domain.clock import Instant
from app.domain.states import TaskState

MOST = 20_000
"""Tasks of one job that are looked at."""
NEWEST = 5000
"""Tasks of a state among which jobs are looked for."""
_NUMBERS = (
    "WITH RECURSIVE found(id, n) AS ("
    "SELECT (SELECT MAX(job_id) FROM flamenco_task WHERE job_id < ?), 1 UNION ALL"
    " SELECT (SELECT MAX(f.job_id) FROM flamenco_task f WHERE f.job_id < found.id), found.n + 1"
    " FROM found WHERE found.id IS NOT NULL AND found.n < ?)"
    " SELECT id FROM found WHERE id IS NOT NULL ORDER BY id DESC"
)
_OF_JOB = "FROM flamenco_task f JOIN task t ON t.id = f.task_id WHERE f.job_id = ?"
_TALLY = (
    "SELECT state, kind, COUNT(*), SUM(progress), MIN(frame_start), MAX(frame_end),"
    " MIN(CASE WHEN parent_id IS NULL THEN id END), MAX(updated_at), MAX(priority)"
    " FROM (SELECT t.id, t.state, t.kind, t.parent_id, t.priority, f.progress, f.frame_start,"
    f" f.frame_end, f.updated_at {_OF_JOB} ORDER BY f.task_id LIMIT ?) one GROUP BY state, kind"
)
_PIECES = (
    "SELECT t.id, t.state, f.aborted, f.frame_start, f.frame_end, f.frame_current, t.name,"
    f" t.worker_id {_OF_JOB} AND t.kind = 'work' ORDER BY f.task_id LIMIT ?"
)
_HELD = (
    "SELECT DISTINCT f.job_id FROM flamenco_worker w JOIN task t ON t.worker_id = w.worker_id"
    " AND t.leased_until IS NOT NULL JOIN flamenco_task f ON f.task_id = t.id"
    " WHERE t.state IN ('LEASED', 'RUNNING')"
)


class Tally(NamedTuple):
    """The tasks of a job in one state, groups apart from work. first: the lowest id at the top."""

    state: TaskState
    kind: str
    tasks: int
    progress: float
    frame_start: int | None
    frame_end: int | None
    first: int | None
    updated_at: Instant
    priority: int


class Piece(NamedTuple):
    """A task of a job as a grid of frames shows it."""

    id: int
    state: TaskState
    aborted: bool
    frame_start: int | None
    frame_end: int | None
    frame_current: int | None
    name: str
    worker_id: int | None


def numbers(store: Store, *, before: int, limit: int) -> list[int]:
    """Give the numbers of jobs that have tasks, the highest first."""
    return [row[0] for row in store.run(_NUMBERS, (before, limit)).fetchall()]


def numbers_in(store: Store, states: Sequence[TaskState], *, before: int, limit: int) -> list[int]:
    """Give the numbers of jobs that have tasks in some states, among the newest of these."""
    if TaskState.RUNNING in states:
        rows = store.run(_HELD, ()).fetchall()
    else:
        marks = ", ".join("?" * len(states))
        rows = store.run(
            "SELECT DISTINCT f.job_id FROM (SELECT id FROM task"
            f" WHERE {OURS} AND state IN ({marks}) ORDER BY id DESC LIMIT ?) one"
            " JOIN flamenco_task f ON f.task_id = one.id",
            (*states, NEWEST),
        ).fetchall()
    return sorted((row[0] for row in rows if row[0] < before), reverse=True)[:limit]


def tally(store: Store, job_id: int) -> list[Tally]:
    """Count the tasks of a job by how they stand; nothing for a job that is not there."""
    return [
        Tally(TaskState(row[0]), row[1], int(row[2]), float(row[3] or 0), *row[4:])
        for row in store.run(_TALLY, (job_id, MOST)).fetchall()
    ]


def pieces(store: Store, job_id: int) -> list[Piece]:
    """Give the tasks of a job that are no groups, by id."""
    return [
        Piece(row[0], TaskState(row[1]), bool(row[2]), *row[3:])
        for row in store.run(_PIECES, (job_id, MOST)).fetchall()
    ]


def ids(
    store: Store, job_id: int, states: Sequence[TaskState], *, after: int, limit: int
) -> list[int]:
    """Give tasks of a job in some states that are no groups, by id."""
    marks = ", ".join("?" * len(states))
    rows = store.run(
        f"SELECT t.id {_OF_JOB} AND t.kind = 'work' AND t.state IN ({marks}) AND f.task_id > ?"
        " ORDER BY f.task_id LIMIT ?",
        (job_id, *states, after, limit),
    )
    return [row[0] for row in rows.fetchall()]


def all_ids(store: Store, job_id: int, *, after: int, limit: int) -> list[int]:
    """Give tasks and groups of a job by id."""
    rows = store.run(
        "SELECT task_id FROM flamenco_task WHERE job_id = ? AND task_id > ?"
        " ORDER BY task_id LIMIT ?",
        (job_id, after, limit),
    )
    return [row[0] for row in rows.fetchall()]


def tops(store: Store, job_id: int, *, limit: int) -> list[int]:
    """Give tasks and groups of a job that are in no group, by id."""
    rows = store.run(
        f"SELECT t.id {_OF_JOB} AND t.parent_id IS NULL ORDER BY f.task_id LIMIT ?", (job_id, limit)
    )
    return [row[0] for row in rows.fetchall()]


def pictures(store: Store, job_id: int, limit: int) -> list[tuple[int, str, int | None, Instant]]:
    """Give (task, place, frame, when) of the newest thumbnails of a job."""
    rows = store.run(
        "SELECT one.task_id, x.place, one.frame_current, x.stored_at FROM"
        " (SELECT task_id, frame_current FROM flamenco_task WHERE job_id = ?"
        " ORDER BY task_id LIMIT ?) one JOIN flamenco_file x"
        " ON x.kind = 'thumbnail' AND x.owner = one.task_id"
        " ORDER BY x.stored_at DESC, one.task_id DESC LIMIT ?",
        (job_id, MOST, limit),
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows.fetchall()]
