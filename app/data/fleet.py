"""Lists of workers, and what they work on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.data import tasks
from app.data.db import Store
from app.data.workers import COLUMNS, RUNNING, record
from app.domain.clock import Instant
from app.domain.records import Task, Worker
from app.domain.states import AttemptState

LOOKED_AT = 20_000
"""So many of the newest tasks are looked at for what a worker did lately."""
_WORKS = (
    "EXISTS (SELECT 1 FROM task t WHERE t.worker_id = w.id AND t.leased_until IS NOT NULL"
    " AND t.state IN ('LEASED', 'RUNNING'))"
)
_OURS = "w.kind <> 'remote'"
# One of ours says every few seconds that it is there; a remote one may be busy for hours, and one
# that has never said so since it came does not say so at all.
_STATE = (
    f"CASE WHEN w.active = 0 THEN 'left' WHEN {_OURS} AND w.heartbeat_at < ? THEN 'silent'"
    f" WHEN {_WORKS} THEN 'working' WHEN w.heartbeat_at < ? AND ({_OURS}"
    " OR w.heartbeat_at > w.started_at) THEN 'silent' ELSE 'idle' END"
)
_DID = (
    "SELECT a.task_id, a.number, a.state, a.leased_at, a.ended_at, t.job_id, t.name"
    " FROM attempt a LEFT JOIN task t ON t.id = a.task_id"
    " WHERE a.task_id > (SELECT COALESCE(MAX(id), 0) FROM task) - ? AND a.worker_id = ?"
    " AND a.ended_at IS NOT NULL ORDER BY a.task_id DESC, a.number DESC LIMIT ?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which workers to list: those that fit every part that is set. words: parts of their names.

    state: `working`, `idle`, `silent` or `left`. since, since_remote: who was last heard of before
    then is silent, of ours and of the others.
    """

    since: Instant
    since_remote: Instant
    dialect: str | None = None
    state: str | None = None
    words: tuple[str, ...] = ()


class Did(NamedTuple):
    """A hand-out that is over. name, job_id: of the task; None once that is deleted."""

    task_id: int
    number: int
    state: AttemptState
    leased_at: Instant
    ended_at: Instant
    job_id: str | None
    name: str | None


def page(
    store: Store, wanted: Wanted, key: tuple[str, int] | None, limit: int
) -> list[tuple[Worker, str]]:
    """Give workers by name and id, from behind a key on, with their states."""
    conditions, params = _conditions(wanted)
    if key is not None:
        conditions.append("(w.name, w.id) > (?, ?)")
        params += key
    since = (wanted.since, wanted.since_remote)
    rows = store.run(
        f"SELECT {COLUMNS}, {RUNNING}, {_STATE} FROM worker w WHERE {' AND '.join(conditions)}"
        " ORDER BY w.name, w.id LIMIT ?",
        (*since, *params, limit),
    ).fetchall()
    return [(record(row), row[-1]) for row in rows]


def counts(store: Store, wanted: Wanted) -> dict[str, int]:
    """Count the workers in each state."""
    conditions, params = _conditions(wanted)
    rows = store.run(
        f"SELECT {_STATE}, COUNT(*) FROM worker w WHERE {' AND '.join(conditions)} GROUP BY 1",
        (wanted.since, wanted.since_remote, *params),
    ).fetchall()
    return {row[0]: int(row[1]) for row in rows}


def _conditions(wanted: Wanted) -> tuple[list[str], list[object]]:
    conditions, params = ["1 = 1"], list[object]()
    if wanted.dialect is not None:
        conditions.append("w.dialect = ?")
        params.append(wanted.dialect)
    for word in wanted.words:
        conditions.append(
            "(LOWER(w.name) LIKE ? ESCAPE '!' OR LOWER(w.hostname) LIKE ? ESCAPE '!')"
        )
        escaped = word.lower()
        for sign in "!%_":
            escaped = escaped.replace(sign, f"!{sign}")
        params += [f"%{escaped}%"] * 2
    if wanted.state is not None:
        conditions.append(f"{_STATE} = ?")
        params += [wanted.since, wanted.since_remote, wanted.state]
    return conditions, params


def dialects(store: Store) -> list[str]:
    """Give the dialects that have workers."""
    rows = store.run("SELECT DISTINCT dialect FROM worker ORDER BY dialect").fetchall()
    return [row[0] for row in rows]


def doing(store: Store, worker_ids: Sequence[int], limit: int) -> list[Task]:
    """Give the tasks that some workers hold."""
    if not worker_ids:
        return []
    marks = ", ".join("?" * len(worker_ids))
    rows = store.run(
        f"SELECT {tasks.COLUMNS} FROM task WHERE worker_id IN ({marks})"
        " AND leased_until IS NOT NULL AND state IN ('LEASED', 'RUNNING') ORDER BY id LIMIT ?",
        (*worker_ids, limit),
    ).fetchall()
    return [tasks.record(row, store.vault) for row in rows]


def did(store: Store, worker_id: int, limit: int) -> list[Did]:
    """Give what a worker worked on lately, the newest tasks first."""
    rows = store.run(_DID, (LOOKED_AT, worker_id, limit)).fetchall()
    return [Did(row[0], row[1], AttemptState(row[2]), *row[3:]) for row in rows]
