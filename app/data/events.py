"""Rows of `event`, in commit order.

On PostgreSQL ids are given out before the commit, so id order is not commit order. A row carries
the number of its transaction; a reader sees only rows whose transaction is older than every open
one, by (transaction, id). SQLite has one writer at a time: there the number is 0 and ids do.

Events are deleted by age, and a mark remembers the furthest one: a reader that had not come so far
has missed some, and is told so.
"""

from collections.abc import Sequence

from app.data import leaders
from app.data.codec import dumps, loads
from app.data.db import Row, Store
from app.domain.clock import Instant
from app.domain.errors import EventsPruned
from app.domain.events import Event, EventKind, parse_position

_INSERT = "INSERT INTO event (at, kind, dialect, job_id, task_id, data) VALUES (?, ?, ?, ?, ?, ?)"
SETTLED = "tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_COLUMNS = "tx, id, at, kind, dialect, job_id, task_id, data"
_AFTER = {
    "sqlite": f"SELECT {_COLUMNS} FROM event WHERE ? < 1 AND id > ? ORDER BY id LIMIT ?",
    "postgres": f"SELECT {_COLUMNS} FROM event WHERE (tx, id) > (?, ?) AND {SETTLED}"
    " ORDER BY tx, id LIMIT ?",
}
_LAST = {
    "sqlite": "SELECT tx, id FROM event ORDER BY id DESC LIMIT 1",
    "postgres": f"SELECT tx, id FROM event WHERE {SETTLED} ORDER BY tx DESC, id DESC LIMIT 1",
}
_NOT_NEWEST = {
    "sqlite": "id < (SELECT MAX(id) FROM event)",
    "postgres": "(tx, id) < (SELECT tx, id FROM event ORDER BY tx DESC, id DESC LIMIT 1)",
}
# Only the oldest are looked at, so that a round costs the same however many there are. The newest
# stays, or SQLite would give out its id again.
_OLDEST = {
    backend: "DELETE FROM event WHERE id IN (SELECT id FROM (SELECT id, at FROM event"
    f" ORDER BY {order} LIMIT ?) oldest WHERE at < ?) AND {_NOT_NEWEST[backend]} RETURNING tx, id"
    for backend, order in (("sqlite", "id"), ("postgres", "tx, id"))
}
_PRUNED = "events-pruned"
_BEGINNING = (-1, -1)


def insert(store: Store, events: Sequence[Event]) -> None:
    """Store the events of the present transaction."""
    rows = [
        (e.at, e.kind, e.dialect, e.job_id, e.task_id, dumps(e.data) if e.data else None)
        for e in events
    ]
    store.run_many(_INSERT, rows)


def after(store: Store, position: str, *, limit: int) -> list[Event]:
    """Give settled events behind a position ("" is the oldest that is kept), in commit order.

    Raises EventsPruned when some behind it are deleted, and for a position that is still to come:
    it is one of another database. Raises ValueError when it is none.
    """
    place = parse_position(position)
    rows = store.run(_AFTER[store.backend], (*place, limit)).fetchall()
    if position:
        # Looked at after the rows, or what is deleted in between would be missed unseen.
        pruned = parse_position(leaders.mark(store, _PRUNED))
        if place < pruned or (not rows and place > max(pruned, _last(store))):
            raise EventsPruned(position=position)
    return [record(row) for row in rows]


def last_of_job(store: Store, job_id: str, *, dialect: str, up_to: str, limit: int) -> list[Event]:
    """Give the newest events of a job up to a position, oldest first.

    dialect: the job's. Spelled out in the statement, or no index for one dialect could serve it.
    """
    if not dialect.isidentifier():
        raise ValueError(f"not a dialect: {dialect[:40]}")
    rows = store.run(
        f"SELECT {_COLUMNS} FROM event WHERE dialect = '{dialect}' AND job_id = ?"
        " AND (tx, id) <= (?, ?) ORDER BY tx DESC, id DESC LIMIT ?",
        (job_id, *parse_position(up_to), limit),
    ).fetchall()
    return [record(row) for row in reversed(rows)]


def record(row: Row) -> Event:
    """Give the event of a row: tx, id, at, kind, dialect, job_id, task_id, data."""
    return Event(
        position=f"{row[0]}-{row[1]}",
        at=row[2],
        kind=EventKind(row[3]),
        dialect=row[4],
        job_id=row[5],
        task_id=row[6],
        data=loads(row[7]) if row[7] else {},
    )


def last_position(store: Store) -> str:
    """Give the position of the newest settled event; "" without any."""
    last = _last(store)
    return "" if last == _BEGINNING else f"{last[0]}-{last[1]}"


def _last(store: Store) -> tuple[int, int]:
    row = store.run(_LAST[store.backend]).fetchone()
    return (row[0], row[1]) if row else _BEGINNING


def delete_before(store: Store, before: Instant, limit: int) -> int:
    """Delete at most `limit` events older than that, and remember how far; give how many."""
    rows = store.run(_OLDEST[store.backend], (limit, before)).fetchall()
    if rows:
        last = max((row[0], row[1]) for row in rows)
        if last > parse_position(leaders.mark(store, _PRUNED)):
            leaders.set_mark(store, _PRUNED, f"{last[0]}-{last[1]}")
    return len(rows)
