"""Reads for whoever looks around: each costs the same whatever is stored, without an index.

A list is looked for behind a place and in a bounded stretch of rows; where that did not fill a
page, the place to go on from is given, and whoever asks may go on.
"""

from collections.abc import Sequence
from typing import Any

from app.data import tasks
from app.data.db import Row, Store
from app.data.events import record as event_record
from app.data.leases import ATTEMPTS, attempt_record
from app.domain.clock import SECOND, Instant
from app.domain.events import Event
from app.domain.records import Attempt, Task
from app.domain.states import TaskState

STRETCH = 5_000
"""Ids looked at by one statement, and how many of these one call makes at most."""
STRETCHES = 20
EVENTS_LOOKED_AT = 20_000
_SLACK = 5 * SECOND
"""By how much events may stand in another order than that of their times."""
_AT_ONCE = 500

_NEWEST = f"SELECT {tasks.COLUMNS} FROM task WHERE id < ? AND id >= ?{{}} ORDER BY id DESC LIMIT ?"
_TOP = "SELECT MAX(id) FROM task WHERE id < ?"
_OF_TASKS = f"{ATTEMPTS} WHERE task_id IN ({{}}) ORDER BY task_id, number LIMIT ?"
_NEEDS = "SELECT task_id, needs_id FROM task_need WHERE task_id IN ({}) ORDER BY task_id, needs_id"
_EVENT_AT = "SELECT at FROM event WHERE id >= ? ORDER BY id LIMIT 1"
_EVENTS = (
    "SELECT tx, id, at, kind, dialect, job_id, task_id, data FROM event"
    " WHERE id >= ? AND id < ? AND job_id = ? ORDER BY id {} LIMIT ?"
)
_WORKERS = "SELECT id, name FROM worker WHERE id IN ({})"


def newest_tasks(
    store: Store,
    *,
    states: Sequence[TaskState],
    queue: str | None,
    before: int | None,
    limit: int,
) -> tuple[list[Task], int | None]:
    """Give tasks with ids below `before`, newest first, and the place to go on from.

    states: they are in one of these; empty is any. The place is None at the end of all; fewer than
    `limit` with a place means that there may be more behind what was looked at.
    """
    # Hidden from planners, which would gather all that an index has of a state or queue to sort it.
    where, params = "", list[Any]()
    if states:
        where += f" AND state || '' IN ({_marks(states)})"
        params += states
    if queue is not None:
        where += " AND queue || '' = ?"
        params.append(queue)
    found: list[Task] = []
    end = 2**63 - 1 if before is None else before
    for _ in range(STRETCHES):
        top = store.run(_TOP, (end,)).fetchone()
        if top is None or top[0] is None:
            return found, None
        begin = top[0] + 1 - STRETCH
        wanted = limit + 1 - len(found)
        rows = store.run(_NEWEST.format(where), (top[0] + 1, begin, *params, wanted)).fetchall()
        found += [tasks.record(row, store.vault) for row in rows]
        if len(found) > limit:
            return found[:limit], found[limit - 1].id
        end = begin
    return found, end


def attempts(store: Store, task_ids: Sequence[int], *, limit: int) -> list[Attempt]:
    """Give hand-outs of some tasks, by task and number."""
    found: list[Attempt] = []
    for some in _portions(task_ids):
        rows = store.run(_OF_TASKS.format(_marks(some)), (*some, limit - len(found))).fetchall()
        found += [attempt_record(store, row) for row in rows]
    return found


def needs(store: Store, task_ids: Sequence[int]) -> list[tuple[int, int]]:
    """Give who of some tasks waits, or waited, for whom: pairs of a task and one it needs."""
    return [
        (row[0], row[1])
        for some in _portions(task_ids)
        for row in store.run(_NEEDS.format(_marks(some)), some).fetchall()
    ]


def worker_names(store: Store, worker_ids: Sequence[int]) -> dict[int, str]:
    """Give the names of some workers, by id."""
    return {
        row[0]: row[1]
        for some in _portions(sorted(set(worker_ids)))
        for row in store.run(_WORKERS.format(_marks(some)), some).fetchall()
    }


def events(
    store: Store, job_id: str, begun: Instant, ended: Instant | None, *, limit: int
) -> tuple[list[Event], bool]:
    """Give events of a job, oldest first, and whether these are all that are kept of it.

    begun, ended: when it was made and when it was over, which is where they are looked for: from
    its beginning on, and back from its end. At most `limit` of either.
    """
    newest = store.run("SELECT MAX(id) FROM event").fetchone()
    if newest is None or newest[0] is None:
        return [], True
    last = int(newest[0]) + 1
    first = _first_event(store, begun - _SLACK, last)
    end = last if ended is None else _first_event(store, ended + _SLACK, last)
    reach = first + EVENTS_LOOKED_AT
    early = store.run(_EVENTS.format(""), (first, min(reach, end), job_id, limit)).fetchall()
    is_all = end <= reach and len(early) < limit
    late: list[Row] = []
    if not is_all:
        begin = max(early[-1][1] + 1 if len(early) == limit else reach, end - EVENTS_LOOKED_AT)
        late = store.run(_EVENTS.format("DESC"), (begin, end, job_id, limit)).fetchall()
    return [event_record(row) for row in [*early, *reversed(late)]], is_all


def _first_event(store: Store, at: Instant, end: int) -> int:
    """Give from which id on events are of a time, by halving: there is no index of their times."""
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        row = store.run(_EVENT_AT, (middle,)).fetchone()
        if row is not None and row[0] < at:
            low = middle + 1
        else:
            high = middle
    return low


def _portions(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[begin : begin + _AT_ONCE] for begin in range(0, len(ids), _AT_ONCE)]


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
