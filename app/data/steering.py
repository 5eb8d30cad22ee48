"""Tasks that belong to no job, moved by those who watch over them: held, cancelled, run again.

Such tasks may wait for each other, and a composite may hold some of them. What a task waits for is
looked up when it counts, never kept as a number: an operator may run again what was complete.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.data.db import Store
from app.domain.clock import Instant
from app.domain.states import TaskState

_COLUMNS = (
    "id, queue, name, kind, state, parent_id, priority, payload, max_attempts, max_losses,"
    " lease_us, created_at, queued_at, started_at"
)
_INSERT = f"INSERT INTO task ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_INSERT_POSTGRES = (
    f"INSERT INTO task ({_COLUMNS}) SELECT * FROM unnest(?::bigint[], ?::text[], ?::text[],"
    " ?::text[], ?::text[], ?::bigint[], ?::bigint[], ?::text[], ?::int[], ?::int[], ?::bigint[],"
    " ?::bigint[], ?::bigint[], ?::bigint[])"
)
_ENDED = {TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED}
# One look at an index for each state, however many tasks the composite holds.
_COMPOSITE_DONE = (
    "t.kind = 'composite' AND EXISTS (SELECT 1 FROM task c WHERE c.parent_id = t.id"
    " AND c.job_id IS NULL AND c.state = 'COMPLETED') AND NOT EXISTS (SELECT 1 FROM task c"
    " WHERE c.parent_id = t.id AND c.job_id IS NULL AND c.state IN"
    " ('CREATED', 'HELD', 'QUEUED', 'LEASED', 'RUNNING', 'FAILED'))"
)
_DONE = f"((t.kind = 'work' AND t.state = 'COMPLETED') OR ({_COMPOSITE_DONE}))"
_UNMET = (
    "SELECT n.task_id, n.needs_id, t.parent_id FROM task_need n"
    " LEFT JOIN task t ON t.id = n.needs_id"
    f" WHERE n.task_id IN ({{}}) AND (t.id IS NULL OR NOT {_DONE})"
)
_WAITING_FOR = (
    "SELECT w.id FROM task_need n JOIN task w ON w.id = n.task_id"
    " WHERE n.needs_id IN ({}) AND w.state = 'CREATED' AND w.job_id IS NULL AND w.due_at IS NULL"
    " AND w.kind = 'work' ORDER BY w.id"
)
_MANY = 500


@dataclass(slots=True, kw_only=True)
class GivenTask:
    """A row to insert under an id of its own, from `reserve`. payload: as the vault writes it.

    started: for what needs no worker and begins at once, such as a composite.
    """

    id: int
    queue: str
    name: str
    payload: str
    waits: bool = False
    kind: str = "work"
    parent_id: int | None = None
    priority: int = 0
    max_attempts: int = 1
    max_losses: int = 2_000_000_000
    lease_us: int | None = None

    def row(self, now: Instant) -> tuple[Any, ...]:
        """Give the values in the order of the columns."""
        begun = self.kind != "work"
        state = "RUNNING" if begun else "CREATED" if self.waits else "QUEUED"
        return (
            self.id,
            self.queue,
            self.name,
            self.kind,
            state,
            self.parent_id,
            self.priority,
            self.payload,
            self.max_attempts,
            self.max_losses,
            self.lease_us,
            now,
            None if state == "CREATED" else now,
            now if begun else None,
        )


class Place(NamedTuple):
    """Where a task stands; the lease that stands is `id` and `number`."""

    id: int
    state: TaskState
    number: int
    worker_id: int | None
    parent_id: int | None
    kind: str
    queue: str


def reserve(store: Store, count: int) -> list[int]:
    """Give ids that nobody else will ever get, rising; call it inside a transaction."""
    if store.backend == "postgres":
        rows = store.run(
            "SELECT nextval(pg_get_serial_sequence('task', 'id')) FROM generate_series(1, ?)",
            (count,),
        )
        return sorted(int(row[0]) for row in rows.fetchall())
    row = store.run("SELECT seq FROM sqlite_sequence WHERE name = 'task'").fetchone()
    first = 1 if row is None else int(row[0]) + 1
    return list(range(first, first + count))


def insert(store: Store, wanted: Sequence[GivenTask], now: Instant) -> None:
    """Store tasks under reserved ids, in the same transaction."""
    rows = [one.row(now) for one in wanted]
    if store.backend == "postgres":
        store.run(_INSERT_POSTGRES, [list(column) for column in zip(*rows, strict=True)])
    else:
        store.run_many(_INSERT, rows)


def lock(store: Store, ids: Sequence[int]) -> dict[int, Place]:
    """Give where tasks of no job stand, and keep others from moving them; in order of ids."""
    found: dict[int, Place] = {}
    ordered = sorted(set(ids))
    keep = " FOR UPDATE" if store.backend == "postgres" else ""
    for some in _some(ordered):
        rows = store.run(
            "SELECT id, state, number, worker_id, parent_id, kind, queue FROM task"
            f" WHERE id IN ({_marks(some)}) AND job_id IS NULL ORDER BY id{keep}",
            some,
        ).fetchall()
        for row in rows:
            found[row[0]] = Place(row[0], TaskState(row[1]), *row[2:])
    return found


def members(store: Store, parent_id: int, *, after: int = 0, limit: int = 1000) -> list[int]:
    """Give tasks that a composite of no job holds, by id, behind one of them."""
    rows = store.run(
        "SELECT id FROM task WHERE parent_id = ? AND job_id IS NULL AND id > ? ORDER BY id LIMIT ?",
        (parent_id, after, limit),
    )
    return [row[0] for row in rows.fetchall()]


def unmet(store: Store, ids: Sequence[int]) -> dict[int, list[tuple[int, int | None]]]:
    """Give by task what it still waits for: (id, composite that holds that one).

    A task that was deleted counts as never done.
    """
    found: dict[int, list[tuple[int, int | None]]] = {}
    for some in _some(ids):
        for row in store.run(_UNMET.format(_marks(some)), some).fetchall():
            found.setdefault(row[0], []).append((row[1], row[2]))
    return found


def open_among(store: Store, ids: Sequence[int]) -> list[int]:
    """Give those of some tasks that are not done."""
    found: list[int] = []
    for some in _some(ids):
        rows = store.run(
            f"SELECT t.id FROM task t WHERE t.id IN ({_marks(some)}) AND NOT {_DONE}", some
        )
        found += [row[0] for row in rows.fetchall()]
    return found


def hopeless(store: Store, ids: Sequence[int]) -> int | None:
    """Give the first of some tasks that failed, was cancelled or is gone; None without one."""
    for some in _some(ids):
        rows = store.run(
            f"SELECT id FROM task WHERE id IN ({_marks(some)})"
            " AND (kind <> 'work' OR state NOT IN ('FAILED', 'CANCELLED'))",
            some,
        )
        there = {row[0] for row in rows.fetchall()}
        lost = [one for one in some if one not in there]
        if lost:
            return lost[0]
    return None


def waiting_for(store: Store, ids: Sequence[int]) -> list[int]:
    """Give the tasks of no job that wait, among others, for some."""
    found: set[int] = set()
    for some in _some(ids):
        found.update(
            row[0] for row in store.run(_WAITING_FOR.format(_marks(some)), some).fetchall()
        )
    return sorted(found)


def needs(store: Store, ids: Sequence[int]) -> dict[int, list[int]]:
    """Give by task what it was made to wait for, done or not, in order of ids."""
    found: dict[int, list[int]] = {}
    for some in _some(ids):
        rows = store.run(
            f"SELECT task_id, needs_id FROM task_need WHERE task_id IN ({_marks(some)})"
            " ORDER BY needs_id",
            some,
        )
        for row in rows.fetchall():
            found.setdefault(row[0], []).append(row[1])
    return found


def add_needs(store: Store, pairs: Sequence[tuple[int, int]]) -> None:
    """Note that tasks wait for others: (who waits, for whom); what is noted already stays."""
    store.run_many(
        "INSERT INTO task_need (task_id, needs_id) VALUES (?, ?) ON CONFLICT DO NOTHING", pairs
    )


def drop_needs(store: Store, task_id: int, needed: Sequence[int]) -> None:
    """Let a task wait for some others no more."""
    for some in _some(needed):
        store.run(
            f"DELETE FROM task_need WHERE task_id = ? AND needs_id IN ({_marks(some)})",
            (task_id, *some),
        )


def put(store: Store, task_id: int, state: TaskState, now: Instant) -> None:
    """Move a task, whoever held it, to a state in which nobody does, as if never tried."""
    store.run(
        "UPDATE task SET state = ?, worker_id = NULL, leased_until = NULL, started_at = NULL,"
        " result = NULL, error = NULL, failures = 0, losses = 0, progress = 0, queued_at = ?,"
        " ended_at = ? WHERE id = ?",
        (
            state,
            now if state is TaskState.QUEUED else None,
            now if state in _ENDED else None,
            task_id,
        ),
    )


def queue(store: Store, ids: Sequence[int], now: Instant) -> list[tuple[int, str]]:
    """Queue those of the tasks that wait; give each with its queue."""
    found: list[tuple[int, str]] = []
    for some in _some(ids):
        rows = store.run(
            f"UPDATE task SET state = 'QUEUED', queued_at = ? WHERE id IN ({_marks(some)})"
            " AND state = 'CREATED' RETURNING id, queue",
            (now, *some),
        )
        found += [(row[0], row[1]) for row in rows.fetchall()]
    return found


def unqueue(store: Store, task_id: int) -> bool:
    """Let a ready task wait; False when it is not ready."""
    return (
        store.run(
            "UPDATE task SET state = 'CREATED', queued_at = NULL WHERE id = ? AND state = 'QUEUED'",
            (task_id,),
        ).rowcount
        == 1
    )


def prioritise(store: Store, ids: Sequence[int], priority: int) -> None:
    """Give tasks a priority; it counts from the next claim on."""
    for some in _some(sorted(ids)):
        store.run(f"UPDATE task SET priority = ? WHERE id IN ({_marks(some)})", (priority, *some))


def delete(store: Store, ids: Sequence[int]) -> None:
    """Delete tasks with their history; that others wait for them stays written."""
    for some in _some(sorted(ids)):
        store.run(f"DELETE FROM attempt WHERE task_id IN ({_marks(some)})", some)
        store.run(f"DELETE FROM task_need WHERE task_id IN ({_marks(some)})", some)
        store.run(f"DELETE FROM task WHERE id IN ({_marks(some)})", some)


def _some(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[begin : begin + _MANY] for begin in range(0, len(ids), _MANY)]


def _marks(ids: Sequence[int]) -> str:
    return ", ".join("?" * len(ids))
