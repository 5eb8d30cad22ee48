"""Rows of `flamenco_task`, read together with the engine's tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.api.flamenco.records import OURS, FarmTask, GroupFigures, queue_of
from app.data.codec import dumps, loads
from app.data.db import Row, Store
from app.domain.clock import Instant
from app.domain.states import TaskState

_COLUMNS = (
    "t.id, t.state, t.kind, t.name, t.priority, t.worker_id, t.number, t.parent_id, t.payload,"
    " t.created_at, f.job_id, f.submitter_id, f.type, f.parser, f.format, f.child_id,"
    " f.frame_start, f.frame_end, f.frame_current, f.aborted, f.progress, f.eta, f.time_cost,"
    " f.activity, f.log_from, f.log_read, f.parser_state, f.updated_at, f.touched_at, t.queue"
)
_FROM = "FROM task t JOIN flamenco_task f ON f.task_id = t.id"
_GET = f"SELECT {_COLUMNS} {_FROM} WHERE t.id = ?"
_INSERT_COLUMNS = (
    "task_id, job_id, submitter_id, type, parser, format, child_id, frame_start, frame_end,"
    " frame_current, updated_at"
)
_INSERT = f"INSERT INTO flamenco_task ({_INSERT_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
_INSERT_POSTGRES = (
    f"INSERT INTO flamenco_task ({_INSERT_COLUMNS}) SELECT * FROM unnest(?::bigint[],"
    " ?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::text[], ?::bigint[], ?::bigint[],"
    " ?::bigint[], ?::bigint[], ?::bigint[])"
)
_HANDED_OUT = (
    "UPDATE flamenco_task SET frame_current = frame_start, aborted = 0, touched_at = ?,"
    " updated_at = ? WHERE task_id = ?"
)
_FRESH = (
    "UPDATE flamenco_task SET frame_current = frame_start, aborted = 0, progress = 0, eta = NULL,"
    " time_cost = NULL, activity = NULL, log_from = ?, log_read = ?, parser_state = NULL,"
    " updated_at = ? WHERE task_id = ?"
)
_RENDER = OURS.replace("queue", "t.queue")
# The aborted ones are few. Groups are always RUNNING, so only there does the kind count.
_ABORTED = "(SELECT a.task_id FROM flamenco_task a WHERE a.aborted = 1)"
_WORK = {
    "waiting": "t.state = 'CREATED'",
    "ready": f"t.state = 'QUEUED' AND t.id NOT IN {_ABORTED}",
    "rendering": "t.state IN ('LEASED', 'RUNNING') AND t.kind = 'work'",
    "paused": "t.state = 'HELD'",
    "completed": "t.state = 'COMPLETED'",
    "failed": "t.state = 'FAILED'",
    "aborted": f"t.state = 'QUEUED' AND t.id IN {_ABORTED}",
    "canceled": "t.state = 'CANCELLED'",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFarmTask:
    """A row to insert."""

    task_id: int
    job_id: int
    submitter_id: int | None
    type: str
    parser: str | None
    format: str
    child_id: int | None
    frame_start: int | None
    frame_end: int | None

    def row(self, now: Instant) -> tuple[Any, ...]:
        """Give the values in the order of the columns."""
        return (
            self.task_id,
            self.job_id,
            self.submitter_id,
            self.type,
            self.parser,
            self.format,
            self.child_id,
            self.frame_start,
            self.frame_end,
            self.frame_start,
            now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which tasks a list shows; None asks nothing."""

    status: str | None = None
    type: str | None = None
    job_id: int | None = None
    parent_id: int | None = None
    worker_id: int | None = None
    submitter_id: int | None = None
    tag: str | None = None


def _record(store: Store, row: Row) -> FarmTask:
    return FarmTask(
        id=row[0],
        state=TaskState(row[1]),
        group=row[2] != "work",
        name=row[3],
        priority=row[4],
        worker_id=row[5],
        attempts=row[6],
        parent_id=row[7],
        settings=store.vault.loads(row[8]),
        created_at=row[9],
        job_id=row[10],
        submitter_id=row[11],
        type=row[12],
        parser=row[13],
        format=row[14],
        child_id=row[15],
        frame_start=row[16],
        frame_end=row[17],
        frame_current=row[18],
        aborted=bool(row[19]),
        progress=row[20],
        eta=row[21],
        time_cost=row[22],
        activity=None if row[23] is None else loads(row[23]),
        log_from=row[24],
        log_read=row[25],
        parser_state=None if row[26] is None else loads(row[26]),
        updated_at=row[27],
        touched_at=row[28],
        tag=row[29].partition(":")[2] or None,
    )


def insert(store: Store, wanted: Sequence[NewFarmTask], now: Instant) -> None:
    """Store what the engine's rows do not hold."""
    rows = [one.row(now) for one in wanted]
    if store.backend == "postgres":
        store.run(_INSERT_POSTGRES, [list(column) for column in zip(*rows, strict=True)])
    else:
        store.run_many(_INSERT, rows)


def get(store: Store, task_id: int) -> FarmTask | None:
    """Give a task; None when there is none."""
    row = store.run(_GET, (task_id,)).fetchone()
    return None if row is None else _record(store, row)


def known(store: Store, ids: Sequence[int]) -> set[int]:
    """Give those of the ids that are tasks of this dialect."""
    found: set[int] = set()
    for begin in range(0, len(ids), 500):
        some = ids[begin : begin + 500]
        marks = ", ".join("?" * len(some))
        rows = store.run(f"SELECT task_id FROM flamenco_task WHERE task_id IN ({marks})", some)
        found.update(row[0] for row in rows.fetchall())
    return found


def held_by(store: Store, worker_id: int) -> int | None:
    """Give the task that a worker holds; None without."""
    row = store.run(
        "SELECT id FROM task WHERE worker_id = ? AND leased_until IS NOT NULL"
        " AND state IN ('LEASED', 'RUNNING') ORDER BY id LIMIT 1",
        (worker_id,),
    ).fetchone()
    return None if row is None else int(row[0])


# -- lists ---------------------------------------------------------------------------------------


def page(store: Store, wanted: Filter, *, limit: int, offset: int) -> tuple[list[FarmTask], int]:
    """Give tasks by id, and how many match in all."""
    chosen, params = _chosen(wanted)
    count = store.run(f"SELECT COUNT(*) FROM ({chosen}) c", params).fetchone()
    total = int(count[0]) if count else 0
    if offset >= total:
        return [], total
    ids = store.run(f"{chosen} ORDER BY 1 LIMIT ? OFFSET ?", [*params, limit, offset]).fetchall()
    marks = ", ".join("?" * len(ids))
    rows = store.run(
        f"SELECT {_COLUMNS} {_FROM} WHERE t.id IN ({marks}) ORDER BY t.id",
        [row[0] for row in ids],
    ).fetchall()
    return [_record(store, row) for row in rows], total


def of_job(store: Store, job_id: int, *, after: int, limit: int) -> list[FarmTask]:
    """Give tasks and groups of a job with ids above `after`, by id."""
    rows = store.run(
        f"SELECT {_COLUMNS} {_FROM} WHERE f.job_id = ? AND f.task_id > ?"
        " ORDER BY f.task_id LIMIT ?",
        (job_id, after, limit),
    ).fetchall()
    return [_record(store, row) for row in rows]


def _chosen(wanted: Filter) -> tuple[str, list[Any]]:
    """Give the ids that match, asking of each table only what must be asked."""
    own = _asked(
        {"type": wanted.type, "job_id": wanted.job_id, "submitter_id": wanted.submitter_id}
    )
    queue = None if wanted.tag is None else queue_of(wanted.tag)
    of_task = _asked({"parent_id": wanted.parent_id, "worker_id": wanted.worker_id, "queue": queue})
    if wanted.status is None and not of_task:
        where = " AND ".join(f"f.{name} = ?" for name in own)
        return (
            f"SELECT f.task_id FROM flamenco_task f{' WHERE ' + where if where else ''}",
            list(own.values()),
        )
    source = f"SELECT t.id {_FROM}" if own else "SELECT t.id FROM task t"
    words = [_RENDER, *(f"t.{name} = ?" for name in of_task), *(f"f.{name} = ?" for name in own)]
    where = " AND ".join(words)
    params = [*of_task.values(), *own.values()]
    if wanted.status is None:
        return f"{source} WHERE {where}", params
    # Two questions, each with an index: how a group stands follows from its tasks.
    work = f"{source} WHERE {where} AND {_WORK[wanted.status]}"
    groups = f"{source} WHERE {where} AND t.kind = 'composite' AND {group_stands(wanted.status)}"
    return f"{work} UNION ALL {groups}", [*params, *params]


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


_ANY = "EXISTS (SELECT 1 FROM task c WHERE c.parent_id = t.id AND c.job_id IS NULL AND c.state IN "
_STEPS = {
    "rendering": "('LEASED', 'RUNNING')",
    "ready": "('QUEUED')",
    "paused": "('HELD')",
    "failed": "('FAILED')",
    "waiting": "('CREATED')",
    "completed": "('COMPLETED')",
}


def group_stands(status: str) -> str:
    """Give the condition that a group `t` stands so: the first that any of its tasks does."""
    if status == "aborted":
        return "1 = 0"
    higher: list[str] = []
    for word, states in _STEPS.items():
        if word == status:
            return " AND ".join([*higher, f"{_ANY}{states})"])
        higher.append(f"NOT {_ANY}{states})")
    return " AND ".join(higher)


# -- groups --------------------------------------------------------------------------------------


def figures(store: Store, group_id: int) -> GroupFigures:
    """Give what follows for a group from its tasks."""
    rows = store.run(
        "SELECT t.state, COUNT(*), SUM(f.progress), MIN(f.frame_current)"
        f" {_FROM} WHERE t.parent_id = ? AND t.job_id IS NULL GROUP BY t.state",
        (group_id,),
    ).fetchall()
    total = sum(row[1] for row in rows)
    frames = [row[3] for row in rows if row[0] != TaskState.COMPLETED and row[3] is not None]
    return GroupFigures(
        counts={row[0]: int(row[1]) for row in rows},
        progress=sum(float(row[2]) for row in rows) / total if total else 0.0,
        frame_current=min(frames, default=None),
    )


def group_of(store: Store, task_id: int) -> int | None:
    """Give the group a task belongs to."""
    row = store.run("SELECT parent_id FROM task WHERE id = ?", (task_id,)).fetchone()
    return None if row is None else row[0]


# -- changes -------------------------------------------------------------------------------------


def handed_out(store: Store, task_id: int, now: Instant) -> None:
    """Note that a worker has just got a task."""
    store.run(_HANDED_OUT, (now, now, task_id))


def freshen(store: Store, task_id: int, log_from: int, now: Instant) -> None:
    """Forget what former tries left; of the output counts what comes from that part on."""
    store.run(_FRESH, (log_from, log_from - 1, now, task_id))


def update(store: Store, task_id: int, values: dict[str, Any], now: Instant) -> None:
    """Write some columns; objects as JSON."""
    names = [*values, "updated_at"]
    held = [dumps(one) if isinstance(one, dict) else one for one in values.values()]
    store.run(
        f"UPDATE flamenco_task SET {', '.join(f'{name} = ?' for name in names)} WHERE task_id = ?",
        (*held, now, task_id),
    )


def delete(store: Store, ids: Sequence[int]) -> None:
    """Delete the rows of some tasks."""
    for begin in range(0, len(ids), 500):
        some = ids[begin : begin + 500]
        marks = ", ".join("?" * len(some))
        store.run(f"DELETE FROM flamenco_task WHERE task_id IN ({marks})", some)
