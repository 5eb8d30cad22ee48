"""Rows of `task`: creating, reading, moving. Claims and reports are in `app.data.leases`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.data.codec import loads
from app.data.db import Row, Store
from app.data.vault import Vault
from app.domain.clock import Instant
from app.domain.errors import DuplicateTask, TaskNotFound
from app.domain.records import Task
from app.domain.states import TaskKind, TaskState

COLUMNS = (
    "id, public_id, job_id, group_id, parent_id, queue, name, kind, state, position, priority,"
    " payload, result, error, progress, number, failures, losses, max_attempts, max_losses,"
    " retry_delay_us, retry_factor, verifications, needs, children, children_open, unique_key,"
    " lease_us, leased_until, worker_id, due_at, created_at, queued_at, started_at, ended_at,"
    " starts_job_id, addresses, ready_at"
)
_GET = f"SELECT {COLUMNS} FROM task WHERE id = ?"
_BY_PUBLIC_ID = f"SELECT {COLUMNS} FROM task WHERE public_id = ?"
_OF_JOB = (
    f"SELECT {COLUMNS} FROM task WHERE job_id = ?"
    " ORDER BY position, CASE WHEN started_at IS NULL THEN 1 ELSE 0 END, started_at,"
    " created_at, id LIMIT ?"
)
_BEHIND = (
    f"SELECT {COLUMNS} FROM task WHERE job_id = ? AND (position, id) > (?, ?)"
    " ORDER BY position, id LIMIT ?"
)
_INSERT = (
    "INSERT INTO task (public_id, job_id, group_id, parent_id, queue, name, kind, state, position,"
    " priority, payload, error, max_attempts, max_losses, retry_delay_us, retry_factor,"
    " verifications, needs, children, children_open, unique_key, lease_us, due_at, created_at,"
    " queued_at, started_at, ended_at, starts_job_id, watched, addresses)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT DO NOTHING RETURNING id"
)
_SEVERAL = f"SELECT {COLUMNS} FROM task WHERE id IN ({{}}) ORDER BY id"
NEVER: Instant = 2**62
"""From here on, `due_at` of a task that is held back until an answer releases it.

What a composite holds back has its number added, so that the index of due times finds it at once,
however many of its children are over.
"""
PAUSED: Instant = 2**63 - 1
"""`due_at` of a task that is held because its job is paused."""
# Work is queued; what needs no worker begins.
_READY = (
    "state = CASE WHEN kind = 'work' THEN 'QUEUED' ELSE 'RUNNING' END, queued_at = ?,"
    " started_at = CASE WHEN kind = 'work' THEN started_at ELSE ? END, due_at = NULL"
)
_AT_ONCE = 500
"""Most ids that one statement names."""
_READY_COLUMNS = "id, state, queue, job_id, watched"
_MAKE_READY = (
    f"UPDATE task SET {_READY} WHERE id IN ({{}}) AND state = 'CREATED' AND needs <= 0"
    f" AND (due_at IS NULL OR due_at <= ?) RETURNING {_READY_COLUMNS}"
)
_BEGUN = (
    "UPDATE task SET needs = needs - 1 WHERE parent_id = ? AND state IN ('CREATED', 'HELD')"
    " RETURNING id, needs"
)
_CHILDREN_ENDED = "UPDATE task SET children_open = children_open - ? WHERE id = ?"
_NEW_CHILDREN = (
    "UPDATE task SET children = children + ?, children_open = children_open + ? WHERE id = ?"
)
# The sign keeps both databases from walking over all the children of the composite instead.
_RELEASE = (
    "UPDATE task SET due_at = NULL WHERE id IN (SELECT id FROM task WHERE state = 'CREATED'"
    " AND due_at = ? AND +parent_id = ? ORDER BY id LIMIT ?) RETURNING id"
)
# A person may hold one of them as well; those of older releases bear no number.
_RELEASE_OTHERS = (
    "UPDATE task SET due_at = NULL WHERE id IN (SELECT id FROM task WHERE parent_id = ?"
    f" AND state IN ('CREATED', 'HELD') AND due_at >= {NEVER} AND due_at < {PAUSED}"
    " ORDER BY id LIMIT ?) RETURNING id"
)
_DUE = (
    "SELECT id FROM task WHERE state = 'CREATED' AND due_at IS NOT NULL AND due_at <= ?"
    " AND needs <= 0 ORDER BY due_at LIMIT ?"
)
_END_COMPOSITE = (
    "UPDATE task SET state = ?, result = ?, error = ?, ended_at = ?"
    " WHERE id = ? AND state = 'RUNNING' AND kind <> 'work'"
)
_CANCEL_BEGUN = (
    "UPDATE task SET state = 'CANCELLED', ended_at = ? WHERE job_id = ?"
    " AND state IN ('LEASED', 'RUNNING')"
    " RETURNING id, number, worker_id, leased_until, kind"
)
_OPEN = "state IN ('CREATED', 'HELD', 'QUEUED', 'LEASED', 'RUNNING')"
# The state once more: on PostgreSQL another may have ended one that was waited for.
_CANCEL_SOME = (
    "UPDATE task SET state = 'CANCELLED', ended_at = ? WHERE id IN"
    f" (SELECT id FROM task WHERE job_id = ? AND {_OPEN} ORDER BY position, id LIMIT ?)"
    f" AND {_OPEN} RETURNING id, number, worker_id, leased_until, kind"
)


@dataclass(slots=True, kw_only=True)
class NewTask:
    """A row to insert; the words are those of `records.Task`, durations in microseconds.

    watched: whether anything of its job is told to anybody. service: whether it is kept alive.
    """

    queue: str
    name: str
    state: TaskState
    created_at: Instant
    public_id: str | None = None
    job_id: str | None = None
    group_id: int | None = None
    parent_id: int | None = None
    kind: str = TaskKind.WORK
    position: int = 0
    priority: int = 0
    payload: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    max_attempts: int = 1
    max_losses: int = 5
    retry_delay_us: int = 0
    retry_factor: float = 1.0
    verifications: int = 1
    needs: int = 0
    children: int = 0
    children_open: int = 0
    unique_key: str | None = None
    lease_us: int | None = None
    due_at: Instant | None = None
    queued_at: Instant | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    starts_job_id: str | None = None
    watched: bool = False
    service: bool = False


def record(row: Row, vault: Vault) -> Task:
    """Give the record of a row in the order of COLUMNS."""
    return Task(
        id=row[0],
        public_id=row[1],
        job_id=row[2],
        group_id=row[3],
        parent_id=row[4],
        queue=row[5],
        name=row[6],
        kind=TaskKind(row[7]),
        state=TaskState(row[8]),
        position=row[9],
        priority=row[10],
        payload=vault.loads(row[11]),
        result=vault.read(row[12]),
        error=vault.read(row[13]),
        progress=row[14],
        number=row[15],
        failures=row[16],
        losses=row[17],
        max_attempts=row[18],
        max_losses=row[19],
        retry_delay_s=row[20] / 1_000_000,
        retry_factor=row[21],
        verifications=row[22],
        needs=row[23],
        children=row[24],
        children_open=row[25],
        unique_key=row[26],
        lease_s=None if row[27] is None else row[27] / 1_000_000,
        leased_until=row[28],
        worker_id=row[29],
        due_at=None if (row[30] or 0) >= NEVER else row[30],
        created_at=row[31],
        queued_at=row[32],
        started_at=row[33],
        ended_at=row[34],
        starts_job_id=row[35],
        service=row[36] is not None,
        addresses=loads(row[36]) if row[36] else None,
        ready_at=row[37],
    )


def insert(store: Store, task: NewTask) -> int:
    """Store a new task and give its id. Raises DuplicateTask for a unique key that is taken."""
    return insert_all(store, [task])[0]


def insert_all(store: Store, new: Sequence[NewTask]) -> list[int]:
    """Store new tasks and give their ids, which rise. Raises DuplicateTask as above."""
    ids: list[int] = []
    rows = store.run_returning(_INSERT, [_values(task, store.vault) for task in new])
    for task, row in zip(new, rows, strict=True):
        if row is None:
            raise DuplicateTask(unique_key=task.unique_key, name=task.name)
        ids.append(int(row[0]))
    return ids


def _values(task: NewTask, vault: Vault) -> Row:
    return (
        task.public_id,
        task.job_id,
        task.group_id,
        task.parent_id,
        task.queue,
        task.name,
        task.kind,
        task.state,
        task.position,
        task.priority,
        vault.dumps(task.payload),
        vault.write(task.error),
        task.max_attempts,
        task.max_losses,
        task.retry_delay_us,
        task.retry_factor,
        task.verifications,
        task.needs,
        task.children,
        task.children_open,
        task.unique_key,
        task.lease_us,
        task.due_at,
        task.created_at,
        task.queued_at,
        task.started_at,
        task.ended_at,
        task.starts_job_id,
        int(task.watched),
        "" if task.service else None,
    )


def get(store: Store, task_id: int) -> Task:
    """Give a task. Raises TaskNotFound."""
    row = store.run(_GET, (task_id,)).fetchone()
    if row is None:
        raise TaskNotFound(task_id=task_id)
    return record(row, store.vault)


def several(store: Store, task_ids: Sequence[int]) -> list[Task]:
    """Give those tasks that are there, by id."""
    rows = store.run(_for(_SEVERAL, task_ids), task_ids).fetchall()
    return [record(row, store.vault) for row in rows]


def by_public_id(store: Store, public_id: str) -> Task:
    """Give the task of a public id. Raises TaskNotFound."""
    row = store.run(_BY_PUBLIC_ID, (public_id,)).fetchone()
    if row is None:
        raise TaskNotFound(task_id=public_id)
    return record(row, store.vault)


def of_job(store: Store, job_id: str, *, limit: int) -> list[Task]:
    """Give a job's tasks by position, then start (not started last), then creation."""
    return [record(row, store.vault) for row in store.run(_OF_JOB, (job_id, limit)).fetchall()]


def behind(store: Store, job_id: str, key: tuple[int, int], *, limit: int) -> list[Task]:
    """Give a job's tasks by position and id, from the one behind such a pair on."""
    return [
        record(row, store.vault) for row in store.run(_BEHIND, (job_id, *key, limit)).fetchall()
    ]


class Ready(NamedTuple):
    """A task that waits no more. state: QUEUED, or RUNNING for one that needs no worker.

    watched: whether anything of its job is told to anybody.
    """

    task_id: int
    state: TaskState
    queue: str
    job_id: str | None
    watched: bool


def make_ready(store: Store, task_ids: Sequence[int], now: Instant) -> list[Ready]:
    """Queue or begin those tasks that wait for nothing more; give those that moved, by id."""
    rows: list[Row] = []
    for begin in range(0, len(task_ids), _AT_ONCE):
        some = task_ids[begin : begin + _AT_ONCE]
        rows += store.run(_for(_MAKE_READY, some), (now, now, *some, now)).fetchall()
    return [
        Ready(row[0], TaskState(row[1]), row[2], row[3], bool(row[4]))
        for row in sorted(rows, key=lambda row: row[0])
    ]


def composite_begun(store: Store, composite_id: int) -> list[int]:
    """Tell what a composite holds that it has begun; give those that wait no longer."""
    return [row[0] for row in store.run(_BEGUN, (composite_id,)).fetchall() if row[1] <= 0]


def children_ended(store: Store, counts: Mapping[int, int]) -> None:
    """Count children of composites as over. counts: how many, by the composite."""
    rows = [(counts[parent_id], parent_id) for parent_id in sorted(counts)]
    store.run_many(_CHILDREN_ENDED, rows)


def add_children(store: Store, counts: Mapping[int, tuple[int, int]]) -> None:
    """Count new children of composites. counts: how many, and how many open, by the composite."""
    store.run_many(_NEW_CHILDREN, [(*counts[parent_id], parent_id) for parent_id in sorted(counts)])


def _for(sql: str, values: Sequence[object]) -> str:
    """Give a statement with room for so many values."""
    return sql.format(", ".join("?" * len(values)))


def held_by(parent_id: int | None) -> Instant:
    """Give the `due_at` of what a composite holds back."""
    return NEVER + (parent_id or 0)


def release_held(store: Store, parent_id: int, count: int) -> list[int]:
    """Hold the oldest held children of a composite back no longer; give them, in order."""
    found = store.run(_RELEASE, (held_by(parent_id), parent_id, count)).fetchall()
    if len(found) < count:
        found += store.run(_RELEASE_OTHERS, (parent_id, count - len(found))).fetchall()
    return sorted(row[0] for row in found)


def due(store: Store, now: Instant, limit: int) -> list[int]:
    """Give the ids of tasks whose time has come."""
    return [row[0] for row in store.run(_DUE, (now, limit)).fetchall()]


def end_composite(
    store: Store,
    task_id: int,
    *,
    state: TaskState,
    result: str | None,
    error: str | None,
    now: Instant,
) -> bool:
    """End a task that no worker holds; False when it was over already."""
    return (
        store.run(
            _END_COMPOSITE,
            (state, store.vault.write(result), store.vault.write(error), now, task_id),
        ).rowcount
        == 1
    )


class Cancelled(NamedTuple):
    """A task that was cancelled, and the lease that stands."""

    task_id: int
    number: int
    worker_id: int | None
    leased_until: Instant | None
    kind: str


def cancel_begun(store: Store, job_id: str, now: Instant) -> list[Cancelled]:
    """Cancel what has begun of a job.

    A lease that stands is left: its worker still has a process to end, and says when it is gone.
    """
    return [Cancelled(*row) for row in store.run(_CANCEL_BEGUN, (now, job_id)).fetchall()]


def cancel_some(store: Store, job_id: str, now: Instant, limit: int) -> list[Cancelled]:
    """Cancel so many of a job's tasks that are not over; leases are left, as above."""
    rows = store.run(_CANCEL_SOME, (now, job_id, limit)).fetchall()
    return [Cancelled(*row) for row in rows]


def delete_some(store: Store, job_id: str, limit: int) -> int:
    """Delete so many of a job's tasks that nobody holds, with their history; give how many."""
    rows = store.run(
        "SELECT id FROM task WHERE job_id = ? AND leased_until IS NULL LIMIT ?", (job_id, limit)
    ).fetchall()
    if rows:
        ids, marks = [row[0] for row in rows], ", ".join("?" * len(rows))
        store.run(f"DELETE FROM attempt WHERE task_id IN ({marks})", ids)
        store.run(f"DELETE FROM task_need WHERE needs_id IN ({marks})", ids)
        store.run(f"DELETE FROM task WHERE id IN ({marks})", ids)
    return len(rows)


def queue_sizes(store: Store, prefix: str) -> dict[str, int]:
    """Give how many tasks are ready in each queue whose name begins with `prefix`."""
    rows = store.run(
        "SELECT queue, COUNT(*) FROM task WHERE state = 'QUEUED' AND queue >= ? AND queue < ?"
        " GROUP BY queue",
        (prefix, prefix + "\U0010ffff"),
    ).fetchall()
    return {row[0]: int(row[1]) for row in rows}


def queue_leases(store: Store, prefix: str) -> dict[str, int]:
    """Give how many tasks of each queue are taken and not finished."""
    rows = store.run(
        "SELECT queue, COUNT(*) FROM task WHERE leased_until IS NOT NULL"
        " AND state IN ('LEASED', 'RUNNING') AND queue >= ? AND queue < ? GROUP BY queue",
        (prefix, prefix + "\U0010ffff"),
    ).fetchall()
    return {row[0]: int(row[1]) for row in rows}


def in_queue(store: Store, queue: str, limit: int) -> list[Task]:
    """Give ready tasks of a queue in the order they will be handed out."""
    rows = store.run(
        f"SELECT {COLUMNS} FROM task WHERE queue = ? AND state = 'QUEUED'"
        " ORDER BY priority DESC, id LIMIT ?",
        (queue, limit),
    ).fetchall()
    return [record(row, store.vault) for row in rows]


def first_since(store: Store, queue: str) -> Instant | None:
    """Give since when the task is ready that is handed out next; None in an empty queue."""
    row = store.run(
        "SELECT queued_at FROM task WHERE queue = ? AND state = 'QUEUED'"
        " ORDER BY priority DESC, id LIMIT 1",
        (queue,),
    ).fetchone()
    return None if row is None else row[0]


def children(store: Store, task_id: int) -> dict[str, int]:
    """Count the tasks that a composite holds, by state."""
    rows = store.run(
        "SELECT state, COUNT(*) FROM task WHERE parent_id = ? GROUP BY state", (task_id,)
    ).fetchall()
    return {row[0]: int(row[1]) for row in rows}


def running(store: Store, prefix: str) -> int:
    """Count the running tasks of queues with that prefix whose job is running."""
    row = store.run(
        "SELECT COUNT(*) FROM job j JOIN task t ON t.job_id = j.id"
        " WHERE j.state = 'RUNNING' AND j.ended_at IS NULL AND t.state = 'RUNNING'"
        " AND t.queue >= ? AND t.queue < ?",
        (prefix, prefix + "\U0010ffff"),
    ).fetchone()
    return int(row[0]) if row else 0


def drop(store: Store, task_id: int, error: str, now: Instant) -> bool:
    """Fail a task that nobody has taken; False when somebody has, or it is over."""
    cursor = store.run(
        "UPDATE task SET state = 'FAILED', error = ?, ended_at = ?"
        " WHERE id = ? AND state = 'QUEUED'",
        (store.vault.write(error), now, task_id),
    )
    return cursor.rowcount == 1


def hold(store: Store, task_id: int) -> bool:
    """Hold a task that nobody has taken."""
    cursor = store.run(
        "UPDATE task SET state = 'HELD', queued_at = NULL"
        " WHERE id = ? AND state IN ('CREATED', 'QUEUED')",
        (task_id,),
    )
    return cursor.rowcount == 1


def let_go(store: Store, task_id: int) -> bool:
    """Let a held task go, back to CREATED; see then whether it is ready."""
    cursor = store.run(
        "UPDATE task SET state = 'CREATED' WHERE id = ? AND state = 'HELD'", (task_id,)
    )
    return cursor.rowcount == 1
