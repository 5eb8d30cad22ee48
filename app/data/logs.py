"""Rows of `log_part`: the output of tasks."""

from collections.abc import Collection, Sequence
from typing import Final, TypeAlias

from app.data.codec import escape, unescape
from app.data.db import IntegrityErrors, Row, Store
from app.data.events import SETTLED
from app.domain.clock import Instant
from app.domain.errors import Contended
from app.domain.events import parse_position
from app.domain.records import LogPart

_COLUMNS = "id, task_id, job_id, number, contents, at, tx"
_INSERT = (
    "INSERT INTO log_part (task_id, job_id, number, position, task_created_at, contents, at, sink)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_OF_JOB = (
    f"SELECT {_COLUMNS} FROM log_part WHERE job_id = ? AND (tx, id) > (?, ?){{}}"
    " ORDER BY tx, id LIMIT ?"
)
_LAST_OF_SINK = (
    f"SELECT {_COLUMNS} FROM log_part WHERE job_id = ? AND sink = 1 AND {{}}"
    " ORDER BY tx DESC, id DESC LIMIT ?"
)
_LAST_OF_JOB = (
    f"SELECT {_COLUMNS} FROM log_part WHERE job_id = ? AND {{}} ORDER BY tx DESC, id DESC LIMIT ?"
)
_BY_TASK = (
    f"SELECT {_COLUMNS}, position, task_created_at FROM log_part WHERE job_id = ?"
    " AND (position, task_created_at, task_id, number) > (?, ?, ?, ?)"
    " ORDER BY position, task_created_at, task_id, number LIMIT ?"
)
_TASK_ORDER = "number DESC"
_JOB_ORDER = "position DESC, task_created_at DESC, task_id DESC, number DESC"
_OLDER_OF_TASK = (
    f"SELECT {_COLUMNS}, position, task_created_at FROM log_part WHERE task_id = ? AND number < ?"
    f" ORDER BY {_TASK_ORDER} LIMIT ?"
)
_OLDER_OF_JOB = (
    f"SELECT {_COLUMNS}, position, task_created_at FROM log_part WHERE job_id = ?"
    " AND (position, task_created_at, task_id, number) < (?, ?, ?, ?)"
    f" ORDER BY {_JOB_ORDER} LIMIT ?"
)

Place: TypeAlias = tuple[int, int, int, int]
"""Where a part stands among those of its job, task after task."""
FIRST: Final[Place] = (-1, 0, 0, 0)
LAST: Final[Place] = (2**31 - 1, 2**63 - 1, 2**63 - 1, 2**31 - 1)


def _record(row: Row) -> LogPart:
    return LogPart(
        id=row[0],
        task_id=row[1],
        job_id=row[2],
        number=row[3],
        contents=unescape(row[4]),
        at=row[5],
        position=f"{row[6]}-{row[0]}",
    )


def _placed(row: Row) -> tuple[LogPart, Place]:
    return _record(row), (row[7], row[8], row[1], row[3])


def append(
    store: Store,
    *,
    task_id: int,
    job_id: str | None,
    position: int,
    task_created_at: Instant,
    texts: Sequence[str],
    at: Instant,
    sink: Collection[int] = (),
) -> int:
    """Store texts behind all parts of the task; give the number of the last.

    sink: places of those texts that are whole lines of a sink.
    Raises Contended when another did the same at this moment.
    """
    first = last_number(store, task_id) + 1
    rows = [
        (
            *(task_id, job_id, first + place, position, task_created_at, escape(text), at),
            int(place in sink),
        )
        for place, text in enumerate(texts)
    ]
    try:
        store.run_many(_INSERT, rows)
    except IntegrityErrors as error:
        raise Contended from error
    return first + len(rows) - 1


def holds(store: Store, task_id: int, *, after: int, text: str, at: Instant) -> bool:
    """Say whether exactly this part was stored at that instant, behind number `after`."""
    found = store.run(
        "SELECT 1 FROM log_part WHERE task_id = ? AND number > ? AND at = ? AND contents = ?"
        " LIMIT 1",
        (task_id, after, at, escape(text)),
    )
    return found.fetchone() is not None


def last_number(store: Store, task_id: int) -> int:
    """Give the number of a task's newest part; 0 without any."""
    row = store.run("SELECT MAX(number) FROM log_part WHERE task_id = ?", (task_id,)).fetchone()
    return int(row[0] or 0) if row else 0


def page(
    store: Store,
    *,
    task_id: int | None = None,
    job_id: str | None = None,
    limit: int,
    offset: int,
) -> tuple[list[LogPart], int]:
    """Give a page of a task's or a job's parts, newest first, and how many match in all."""
    column, value, order = (
        ("task_id", task_id, _TASK_ORDER) if job_id is None else ("job_id", job_id, _JOB_ORDER)
    )
    where = f"{column} = ?"
    count = store.run(f"SELECT COUNT(*) FROM log_part WHERE {where}", (value,)).fetchone()
    total = int(count[0]) if count else 0
    if offset >= total:
        return [], total
    rows = store.run(
        f"SELECT {_COLUMNS} FROM log_part WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",
        (value, limit, offset),
    ).fetchall()
    return [_record(row) for row in rows], total


def older(
    store: Store,
    *,
    task_id: int | None = None,
    job_id: str | None = None,
    before: Place,
    limit: int,
) -> list[tuple[LogPart, Place]]:
    """Give a task's or a job's parts with their places, newest first, those before a place."""
    if job_id is None:
        rows = store.run(_OLDER_OF_TASK, (task_id, before[3], limit)).fetchall()
    else:
        rows = store.run(_OLDER_OF_JOB, (job_id, *before, limit)).fetchall()
    return [_placed(row) for row in rows]


def of_task(store: Store, task_id: int, *, after: int, limit: int) -> list[LogPart]:
    """Give a task's parts oldest first, from the one behind number `after`."""
    rows = store.run(
        f"SELECT {_COLUMNS} FROM log_part WHERE task_id = ? AND number > ? ORDER BY number LIMIT ?",
        (task_id, after, limit),
    ).fetchall()
    return [_record(row) for row in rows]


def of_job(
    store: Store, job_id: str, *, after: str, limit: int, settled: bool, sink: bool = False
) -> list[LogPart]:
    """Give a job's parts in commit order, from the one behind position `after`.

    settled: leave out what an open transaction may still store something in front of. sink: those
    of its sink alone. Raises ValueError for what is no position.
    """
    transaction, number = parse_position(after)
    waits = settled and store.backend == "postgres"
    more = f" AND {SETTLED}" if waits else ""
    statement = _OF_JOB.format(f"{more} AND sink = 1" if sink else more)
    rows = store.run(statement, (job_id, transaction, number, limit)).fetchall()
    return [_record(row) for row in rows]


def last_of_sink(store: Store, job_id: str, up_to: str | None, *, limit: int) -> list[LogPart]:
    """Give the last parts of a job's sink, newest first.

    up_to: the position of the newest; None is the newest settled one.
    """
    where, place = "(tx, id) <= (?, ?)", tuple[int, ...]()
    if up_to is not None:
        place = parse_position(up_to)
    else:
        where = SETTLED if store.backend == "postgres" else "1 = 1"
    rows = store.run(_LAST_OF_SINK.format(where), (job_id, *place, limit)).fetchall()
    return [_record(row) for row in rows]


def last_of_job(store: Store, job_id: str, before: str | None, *, limit: int) -> list[LogPart]:
    """Give the last parts of a job before a position, newest first; None is the last settled ones.

    Raises ValueError for what is no position.
    """
    where, place = "(tx, id) < (?, ?)", tuple[int, ...]()
    if before is not None:
        place = parse_position(before)
    else:
        where = SETTLED if store.backend == "postgres" else "1 = 1"
    rows = store.run(_LAST_OF_JOB.format(where), (job_id, *place, limit)).fetchall()
    return [_record(row) for row in rows]


def by_task(store: Store, job_id: str, *, after: Place, limit: int) -> list[tuple[LogPart, Place]]:
    """Give a job's parts with their places, those of a task together, the oldest task first."""
    rows = store.run(_BY_TASK, (job_id, *after, limit)).fetchall()
    return [_placed(row) for row in rows]


def delete_of_job(store: Store, job_id: str, limit: int) -> int:
    """Delete at most `limit` parts of the tasks of a job; give how many there were."""
    return store.run(
        "DELETE FROM log_part WHERE id IN (SELECT id FROM log_part WHERE job_id = ? LIMIT ?)",
        (job_id, limit),
    ).rowcount


def writers(store: Store, task_ids: Sequence[int]) -> list[int]:
    """Give those of some tasks that have output."""
    found: list[int] = []
    for begin in range(0, len(task_ids), 500):
        some = task_ids[begin : begin + 500]
        marks = ", ".join("?" * len(some))
        rows = store.run(f"SELECT DISTINCT task_id FROM log_part WHERE task_id IN ({marks})", some)
        found += [row[0] for row in rows.fetchall()]
    return found


def delete_of_task(store: Store, task_id: int, before: int, limit: int) -> int:
    """Delete at most `limit` of a task's parts with numbers below one; give how many."""
    return store.run(
        "DELETE FROM log_part WHERE id IN"
        " (SELECT id FROM log_part WHERE task_id = ? AND number < ? LIMIT ?)",
        (task_id, before, limit),
    ).rowcount


def delete_before(store: Store, before: Instant, limit: int) -> int:
    """Delete at most `limit` parts older than that; give how many there were."""
    return store.run(
        "DELETE FROM log_part WHERE id IN (SELECT id FROM log_part WHERE at < ? LIMIT ?)",
        (before, limit),
    ).rowcount
