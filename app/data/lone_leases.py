"""The hot statements for tasks that belong to no job: nothing follows from their claims and ends.

Each stores the events of what it does as well. So it may be all that its transaction writes, and on
PostgreSQL, where every statement is a journey to the server, it is one statement.
"""

from collections.abc import Sequence

from app.data import events
from app.data.db import Store
from app.data.leases import ATTEMPT, FOREVER, HERE, RETURNED, claimed_from
from app.domain.clock import Instant
from app.domain.events import Event, EventKind
from app.domain.records import Claimed

# Who has done a part of the work gets no other of it. Counted: NOT EXISTS beside OR lets PostgreSQL
# read all of history into a hash table.
_READY = (
    f"SELECT id FROM task WHERE queue = ? AND state = 'QUEUED' AND {HERE} AND job_id IS NULL"
    " AND (verifications <= 1 OR agreed = 0 OR (SELECT COUNT(*) FROM attempt a"
    " WHERE a.task_id = task.id AND a.worker_id = ? AND a.state = 'DONE') = 0)"
    " ORDER BY priority DESC, id LIMIT ?"
)
_CLAIM = (
    "UPDATE task SET state = 'LEASED', number = number + 1, worker_id = ?,"
    f" leased_until = COALESCE(? + lease_us, {FOREVER}) WHERE id {{}} RETURNING {RETURNED}"
)
_CLAIM_SQLITE = _CLAIM.format(f"IN ({_READY})")
# ANY(ARRAY(...)) makes it run the subquery exactly once.
_CLAIM_POSTGRES = (
    f"WITH claimed AS ({_CLAIM.format(f'= ANY(ARRAY({_READY} FOR UPDATE SKIP LOCKED))')}),"
    " noted AS (INSERT INTO attempt (task_id, number, worker_id, state, leased_at)"
    " SELECT id, number, ?, 'LEASED', ? FROM claimed),"
    " told AS (INSERT INTO event (at, kind, dialect, task_id, data)"
    f" SELECT ?, '{EventKind.TASK_CLAIMED}', split_part(queue, '/', 1), id,"
    " '{\"worker\":' || ?::bigint || ',\"number\":' || number || '}' FROM claimed)"
    f" SELECT {RETURNED} FROM claimed"
)
# One good report ends them, and nothing is copied along a chain. The unique key is free again: one
# task of a key is there at a time.
_ENDED = (
    "UPDATE task SET state = 'COMPLETED', result = NULL, error = NULL, ended_at = ?,"
    " leased_until = NULL, unique_key = NULL{} AND leased_until IS NOT NULL"
    " AND state IN ('LEASED', 'RUNNING') AND job_id IS NULL AND verifications <= 1"
    " AND NOT EXISTS (SELECT 1 FROM job_group g WHERE g.id = task.group_id"
    " AND g.chain IS NOT NULL) RETURNING task.id, task.number, queue"
)
_COMPLETE_SQLITE = _ENDED.format(" WHERE id = ? AND worker_id = ?")
_CLOSE_SQLITE = (
    "UPDATE attempt SET state = 'DONE', ended_at = ?, verification = ?"
    " WHERE task_id = ? AND number = ?"
)
# Found by their ids and never among all that the worker holds: + 0 keeps that index out of it.
_GIVEN = (
    " FROM unnest(?::bigint[], ?::bigint[]) AS given (id, verification)"
    " WHERE task.id = given.id AND worker_id + 0 = ?"
)
_COMPLETE_POSTGRES = (
    f"WITH ended AS ({_ENDED.format(_GIVEN)}, verification), noted AS (UPDATE attempt"
    " SET state = 'DONE', ended_at = ?, verification = ended.verification FROM ended"
    " WHERE task_id = ended.id AND attempt.number = ended.number),"
    " told AS (INSERT INTO event (at, kind, dialect, task_id)"
    f" SELECT ?, '{EventKind.TASK_COMPLETED}', split_part(queue, '/', 1), id FROM ended)"
    " SELECT id FROM ended"
)


def claim(store: Store, worker_id: int, queue: str, *, limit: int, now: Instant) -> list[Claimed]:
    """Lease up to `limit` ready tasks of a queue to one worker, by priority (high first), then age.

    One that wants several workers is passed over by those that have done their part.
    """
    params: list[object] = [worker_id, now, queue, worker_id, worker_id, limit]
    if store.backend == "postgres":
        params += (worker_id, now, now, worker_id)
        rows = store.run(_CLAIM_POSTGRES, params).fetchall()
    else:
        rows = store.run(_CLAIM_SQLITE, params).fetchall()
    found = [claimed_from(store, row) for row in rows]
    if len(found) > 1:
        found.sort(key=lambda one: (-one.priority, one.task_id))
    if store.backend == "sqlite" and found:
        noted = [(one.task_id, one.number, worker_id, "LEASED", now, None) for one in found]
        store.run_many(ATTEMPT, noted)
        told = EventKind.TASK_CLAIMED
        events.insert(
            store,
            [
                _event(told, queue, one.task_id, now, worker=worker_id, number=one.number)
                for one in found
            ],
        )
    return found


def complete(
    store: Store, worker_id: int, given: Sequence[tuple[int, int | None]], now: Instant
) -> set[int]:
    """Complete tasks, each with its verification, that want one good report and end at that.

    Gives those that were: what the worker does not hold, or is not like that, is not changed.
    given: in rising order of tasks, or two that do this would wait for each other.
    """
    if not given:
        return set()
    if store.backend == "postgres":
        columns = ([task_id for task_id, _ in given], [value for _, value in given])
        rows = store.run(_COMPLETE_POSTGRES, (now, *columns, worker_id, now, now)).fetchall()
        return {row[0] for row in rows}
    told = []
    for task_id, verification in given:
        row = store.run(_COMPLETE_SQLITE, (now, task_id, worker_id)).fetchone()
        if row is not None:
            store.run(_CLOSE_SQLITE, (now, verification, task_id, row[1]))
            told.append(_event(EventKind.TASK_COMPLETED, row[2], task_id, now))
    events.insert(store, told)
    return {event.task_id for event in told if event.task_id is not None}


def _event(kind: EventKind, queue: str, task_id: int, now: Instant, **data: int) -> Event:
    dialect = queue.partition("/")[0]
    return Event(kind=kind, dialect=dialect, at=now, task_id=task_id, data=data)
