"""The hot statements: claims, and the reports of those who hold a lease.

A claim is one UPDATE over a limited subquery: on SQLite a read followed by an update loses races,
on PostgreSQL rows that another claimer is just taking are skipped. Every report names the task and
the number of its hand-out, so an old holder's report touches no row.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.data.db import Row, Store
from app.domain.clock import Instant
from app.domain.errors import LeaseLost
from app.domain.records import Attempt, Claimed, Lease
from app.domain.states import AttemptState, TaskState

RETURNED = (
    "id, number, queue, name, payload, job_id, public_id, position, created_at, leased_until,"
    " lease_us, priority, failures, max_attempts, verifications, watched"
)
# Who has left gets nothing; looked up once a claim, and no statement of its own.
HERE = "EXISTS (SELECT 1 FROM worker WHERE id = ? AND active = 1)"
# Tasks of a job that is over or paused may still be there: they go a batch at a time.
_ALIVE = (
    "(job_id IS NULL OR (SELECT COALESCE(j.ended_at, j.paused_at) FROM job j"
    " WHERE j.id = task.job_id) IS NULL)"
)
_READY = (
    f"SELECT id FROM task WHERE queue = ? AND state = 'QUEUED' AND {HERE} AND {_ALIVE}"
    " ORDER BY priority DESC, id LIMIT ?"
)
_READY_GIVEN = _READY.replace(" ORDER BY priority DESC, id", " AND id = ?")


def _claim_sql(ready: str, *, postgres: bool, state: str) -> str:
    # ANY(ARRAY(...)) makes PostgreSQL run the subquery exactly once.
    chosen = f"= ANY(ARRAY({ready} FOR UPDATE SKIP LOCKED))" if postgres else f"IN ({ready})"
    started = ", started_at = ?" if state == "RUNNING" else ""
    claim = (
        f"UPDATE task SET state = '{state}', number = number + 1, worker_id = ?,"
        f" leased_until = COALESCE(? + lease_us, {FOREVER}){started}"
        f" WHERE id {chosen} RETURNING {RETURNED}"
    )
    if not postgres:
        return claim
    # There every statement is a journey to the server, so the history rows go along.
    return (
        f"WITH claimed AS ({claim}), noted AS (INSERT INTO attempt (task_id, number, worker_id,"
        f" state, leased_at, started_at) SELECT id, number, ?, '{state}', ?, ? FROM claimed)"
        f" SELECT {RETURNED} FROM claimed"
    )


FOREVER = 2**62
"""`leased_until` of a lease without an end."""
ALWAYS: Instant = 2**63 - 1
"""Later than the end of every lease."""

_CLAIM = {
    (backend, ready, state): _claim_sql(ready, postgres=backend == "postgres", state=state)
    for backend in ("sqlite", "postgres")
    for ready in (_READY, _READY_GIVEN)
    for state in ("LEASED", "RUNNING")
}
ATTEMPT = (
    "INSERT INTO attempt (task_id, number, worker_id, state, leased_at, started_at)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_STARTED = (
    "UPDATE task SET state = 'RUNNING', started_at = ?"
    " WHERE id = ? AND number = ? AND state = 'LEASED'"
)
_ATTEMPT_STARTED = (
    "UPDATE attempt SET state = 'RUNNING', started_at = ? WHERE task_id = ? AND number = ?"
)
_END = (
    "UPDATE task SET state = ?, result = ?, error = ?, ended_at = ?, leased_until = NULL,"
    " failures = failures + ?, losses = losses + ?"
    " WHERE id = ? AND number = ? AND state IN ('LEASED', 'RUNNING')"
)
_AGAIN = (
    "UPDATE task SET state = ?, error = ?, started_at = NULL, leased_until = NULL,"
    " worker_id = NULL, queued_at = ?, due_at = ?, failures = failures + ?,"
    " losses = losses + ?, agreed = agreed + ?, progress = 0, ready_at = NULL,"
    " addresses = CASE WHEN addresses IS NULL THEN NULL ELSE '' END"
    " WHERE id = ? AND number = ? AND state IN ('LEASED', 'RUNNING')"
)
_ATTEMPT_END = (
    "UPDATE attempt SET state = ?, ended_at = ?, error = ?, verification = ?"
    " WHERE task_id = ? AND number = ? AND state IN ('LEASED', 'RUNNING')"
)
_STANDING = (
    "SELECT job_id, queue, verifications, max_attempts, failures, max_losses, losses,"
    " retry_delay_us, retry_factor, parent_id, kind, watched, addresses FROM task"
    " WHERE id = ? AND number = ? AND state IN ('LEASED', 'RUNNING')"
)
_RENEW = (
    "UPDATE task SET leased_until = COALESCE(? + lease_us, leased_until)"
    " WHERE id = ? AND number = ? AND leased_until IS NOT NULL"
)
_PROGRESS = (
    "UPDATE task SET progress = ? WHERE id = ? AND number = ? AND state = 'RUNNING'"
    " RETURNING job_id, parent_id"
)
_GONE = (
    "UPDATE task SET leased_until = NULL WHERE id = ? AND number = ? AND ended_at IS NOT NULL"
    " AND leased_until < ?"
)
_PLACE = (
    "SELECT j.id, j.pool FROM task t JOIN job j ON j.id = t.job_id"
    " WHERE t.id = ? AND t.number = ? AND j.pool IS NOT NULL"
)
_RAN_OUT = (
    "UPDATE task SET leased_until = leased_until WHERE id = ? AND number = ? AND leased_until < ?"
)
_HELD = "SELECT id, number, state FROM task WHERE worker_id = ? AND leased_until IS NOT NULL"
_EXPIRED = (
    "SELECT id, number FROM task WHERE leased_until IS NOT NULL AND leased_until < ?"
    " ORDER BY leased_until LIMIT ?"
)
_RENEWED_BEFORE = (
    "SELECT id, number FROM task WHERE leased_until IS NOT NULL AND leased_until >= ?"
    " AND leased_until < ? LIMIT ?"
)
ATTEMPTS = (
    "SELECT task_id, number, worker_id, state, leased_at, started_at, ended_at, error, verification"
    " FROM attempt"
)
"""Begins a statement whose rows `attempt_record` reads."""
_OF_TASK = f"{ATTEMPTS} WHERE task_id = ? ORDER BY number"
_VERIFIED = "SELECT COUNT(*) FROM attempt WHERE task_id = ? AND state = 'DONE' AND verification = ?"
_JOB_HELD = "SELECT 1 FROM task WHERE job_id = ? AND leased_until IS NOT NULL LIMIT 1"


class Standing(NamedTuple):
    """What a report needs to know of the task it is about, and no more.

    addresses: None but for a service; empty while that is not ready.
    """

    job_id: str | None
    queue: str
    verifications: int
    max_attempts: int
    failures: int
    max_losses: int
    losses: int
    retry_delay_us: int
    retry_factor: float
    parent_id: int | None
    kind: str
    watched: int
    addresses: str | None


def standing(store: Store, lease: Lease) -> Standing:
    """Give what is known of a held task. Raises LeaseLost when this hand-out does not hold it."""
    row = store.run(_STANDING, lease).fetchone()
    if row is None:
        raise LeaseLost(task_id=lease.task_id, number=lease.number)
    return Standing(*row)


def claim(
    store: Store,
    worker_id: int,
    queue: str,
    *,
    limit: int,
    now: Instant,
    start: bool,
    only: int | None = None,
) -> list[Claimed]:
    """Lease up to `limit` ready tasks of a queue to one worker, in one statement.

    start: straight to RUNNING, for a worker that begins at once.
    only: the one that is wanted. Gives them by priority (high first), then age.
    """
    state = "RUNNING" if start else "LEASED"
    params: list[object] = [worker_id, now]
    if start:
        params.append(now)
    params += (queue, worker_id)
    ready = _READY
    if only is not None:
        ready = _READY_GIVEN
        params.append(only)
    params.append(limit)
    if store.backend == "postgres":
        params += (worker_id, now, now if start else None)
    rows = store.run(_CLAIM[store.backend, ready, state], params).fetchall()
    if len(rows) > 1:
        rows.sort(key=lambda row: (-row[11], row[0]))
    if store.backend == "sqlite":
        began = now if start else None
        noted = [(row[0], row[1], worker_id, state, now, began) for row in rows]
        store.run_many(ATTEMPT, noted)
    return [claimed_from(store, row) for row in rows]


def claimed_from(store: Store, row: Row) -> Claimed:
    """Give what a row of `RETURNED` says."""
    return Claimed(
        task_id=row[0],
        number=row[1],
        queue=row[2],
        name=row[3],
        payload=store.vault.loads(row[4]),
        job_id=row[5],
        public_id=row[6],
        position=row[7],
        created_at=row[8],
        leased_until=None if row[9] >= FOREVER else row[9],
        lease_s=None if row[10] is None else row[10] / 1_000_000,
        priority=row[11],
        failures=row[12],
        max_attempts=row[13],
        verifications=row[14],
        watched=bool(row[15]),
    )


def started(store: Store, lease: Lease, now: Instant) -> bool:
    """Move a leased task to RUNNING; False when it is not leased to this hand-out."""
    if store.run(_STARTED, (now, *lease)).rowcount != 1:
        return False
    store.run(_ATTEMPT_STARTED, (now, *lease))
    return True


def end(
    store: Store,
    lease: Lease,
    *,
    state: TaskState,
    result: str | None = None,
    error: str | None = None,
    failures: int = 0,
    losses: int = 0,
    now: Instant,
) -> bool:
    """End a held task for good; False when this hand-out no longer holds it."""
    texts = (store.vault.write(result), store.vault.write(error))
    values = (state, *texts, now, failures, losses, *lease)
    return store.run(_END, values).rowcount == 1


class Ending(NamedTuple):
    """The end of a hand-out and of its task. failures, losses: what it adds to those counts."""

    lease: Lease
    state: TaskState
    attempt: AttemptState
    result: str | None
    error: str | None
    failures: int = 0
    losses: int = 0


def end_all(store: Store, ends: Sequence[Ending], now: Instant) -> int:
    """End held tasks for good and close their history; give how many were held."""
    ended = [
        (
            *(one.state, store.vault.write(one.result), store.vault.write(one.error)),
            *(now, one.failures, one.losses),
            *one.lease,
        )
        for one in ends
    ]
    closed = [(one.attempt, now, store.vault.write(one.error), None, *one.lease) for one in ends]
    count = store.run_many(_END, ended)
    store.run_many(_ATTEMPT_END, closed)
    return count


def again(
    store: Store,
    lease: Lease,
    *,
    due_at: Instant | None,
    error: str | None = None,
    failures: int = 0,
    losses: int = 0,
    agreed: int = 0,
    now: Instant,
) -> bool:
    """Put a held task back: at once, or CREATED until `due_at`; False when it is not held."""
    state = TaskState.QUEUED if due_at is None else TaskState.CREATED
    queued_at = None if due_at else now
    counts = (failures, losses, agreed)
    values = (state, store.vault.write(error), queued_at, due_at, *counts, *lease)
    return store.run(_AGAIN, values).rowcount == 1


def end_attempt(
    store: Store,
    lease: Lease,
    *,
    state: AttemptState,
    error: str | None = None,
    verification: int | None = None,
    now: Instant,
) -> bool:
    """Close the history row of a hand-out; False when it was closed."""
    values = (state, now, store.vault.write(error), verification, *lease)
    return store.run(_ATTEMPT_END, values).rowcount == 1


def renew(store: Store, lease: Lease, now: Instant) -> bool:
    """Let a lease begin anew; False when it is gone."""
    return store.run(_RENEW, (now, *lease)).rowcount == 1


def progress(store: Store, lease: Lease, percent: float) -> tuple[str | None, int | None] | None:
    """Write a running task's progress; its job and parent, or None when it is not held."""
    row = store.run(_PROGRESS, (percent, *lease)).fetchone()
    return (row[0], row[1]) if row else None


def place_of(store: Store, lease: Lease) -> tuple[str, str] | None:
    """Give (job, pool) of a lease's task; None where its end can free no place of a pool."""
    row = store.run(_PLACE, lease).fetchone()
    return None if row is None else (row[0], row[1])


def gone(store: Store, lease: Lease, before: Instant = ALWAYS) -> bool:
    """Note that the processes of a task that is over are gone.

    False when that was known, or when the lease ends at `before` or later.
    """
    return store.run(_GONE, (*lease, before)).rowcount == 1


def ran_out(store: Store, lease: Lease, before: Instant) -> bool:
    """Tell whether a lease ended before then, and keep its holder from renewing it meanwhile."""
    return store.run(_RAN_OUT, (*lease, before)).rowcount == 1


def free_key(store: Store, task_id: int) -> None:
    """Let another task have the unique key of one that is over."""
    store.run(
        "UPDATE task SET unique_key = NULL WHERE id = ? AND unique_key IS NOT NULL", (task_id,)
    )


def of_worker(store: Store, worker_id: int, task_id: int) -> Lease | None:
    """Give the lease by which a worker holds a task; None when it does not."""
    row = store.run(
        "SELECT id, number FROM task WHERE id = ? AND worker_id = ? AND leased_until IS NOT NULL",
        (task_id, worker_id),
    ).fetchone()
    return None if row is None else Lease(row[0], row[1])


def of_worker_many(store: Store, worker_id: int, task_ids: Sequence[int]) -> dict[int, Lease]:
    """Give the leases by which a worker holds tasks, by their ids, in this order; locks the rows.

    task_ids: in rising order, or two that do this would wait for each other.
    """
    marks = ", ".join("?" * len(task_ids))
    rows = store.run(
        f"SELECT id, number FROM task WHERE id IN ({marks}) AND worker_id = ?"
        " AND leased_until IS NOT NULL AND job_id IS NULL ORDER BY id"
        + (" FOR UPDATE" if store.backend == "postgres" else ""),
        (*task_ids, worker_id),
    )
    return {row[0]: Lease(row[0], row[1]) for row in rows.fetchall()}


def held(store: Store, worker_id: int) -> list[tuple[Lease, TaskState]]:
    """Give the leases of a worker and how their tasks stand (CANCELLED: to be killed)."""
    return [
        (Lease(row[0], row[1]), TaskState(row[2]))
        for row in store.run(_HELD, (worker_id,)).fetchall()
    ]


def expired(store: Store, now: Instant, limit: int) -> list[Lease]:
    """Give leases that ran out, the oldest first."""
    return [Lease(row[0], row[1]) for row in store.run(_EXPIRED, (now, limit)).fetchall()]


def renewed_before(store: Store, length_us: int, before: Instant, limit: int) -> list[Lease]:
    """Give leases at least so long that were given or last renewed before then."""
    rows = store.run(_RENEWED_BEFORE, (length_us, before + length_us, limit))
    return [Lease(*row) for row in rows.fetchall()]


def attempts(store: Store, task_id: int) -> Sequence[Attempt]:
    """Give the history of a task, first hand-out first."""
    return [attempt_record(store, row) for row in store.run(_OF_TASK, (task_id,)).fetchall()]


def attempt_record(store: Store, row: Row) -> Attempt:
    """Read a row of `ATTEMPTS`."""
    return Attempt(
        task_id=row[0],
        number=row[1],
        worker_id=row[2],
        state=AttemptState(row[3]),
        leased_at=row[4],
        started_at=row[5],
        ended_at=row[6],
        error=store.vault.read(row[7]),
        verification=row[8],
    )


def verified(store: Store, task_id: int, value: int) -> int:
    """Count the good reports of a task that gave this value."""
    row = store.run(_VERIFIED, (task_id, value)).fetchone()
    return int(row[0]) if row else 0


def job_is_held(store: Store, job_id: str) -> bool:
    """Tell whether a worker still has a process of the job."""
    return store.run(_JOB_HELD, (job_id,)).fetchone() is not None
