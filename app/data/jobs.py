"""Rows of `job`, one statement a function."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.data import deliveries, listing
from app.data.codec import dumps, loads
from app.data.db import Row, Store
from app.data.vault import Vault
from app.domain.clock import Instant
from app.domain.errors import AlreadyExists, JobNotFound
from app.domain.records import Job, Watch
from app.domain.states import JobState

COLUMNS = (
    "id, dialect, type, name, description, state, version, spec, state_data, tags, result, error,"
    " progress, position, task_count, tasks_total, tasks_open, tasks_failed,"
    " priority, created_by, parent_task_id, group_id, schedule_id, fire_at, pool, created_at,"
    " scheduled_at, started_at, ended_at, delete_at, audience_id, watches, start_at, paused_at,"
    " archived, unready"
)
_OPEN = "('PENDING', 'WAITING', 'SCHEDULED', 'RUNNING')"
_GET = f"SELECT {COLUMNS} FROM job WHERE id = ?"
_INSERT = (
    "INSERT INTO job (id, dialect, type, name, description, state, spec, tags, task_count,"
    " priority, created_by, parent_task_id, group_id, schedule_id, fire_at, pool, unique_key,"
    " created_at, delete_after_us, audience_id, watches, start_at, paused_at, seq)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT DO NOTHING"  # an error would make PostgreSQL undo an outer transaction
)
_GLANCE = (
    "SELECT state, result, error, progress, position, scheduled_at, started_at, ended_at,"
    " delete_at FROM job WHERE id = ?"
)
_PLACE = "UPDATE job SET seq = ? WHERE id = ?"
_BY_KEY = f"SELECT {COLUMNS} FROM job WHERE dialect = ? AND unique_key = ?"
_MOVE = (
    "UPDATE job SET version = version + 1, state = ?, state_data = ?, result = ?, error = ?,"
    " progress = ?, position = ?, tasks_total = tasks_total + ?, tasks_open = ?,"
    " tasks_failed = tasks_failed + ?, unready = ?, scheduled_at = ?, started_at = ?, ended_at = ?,"
    " delete_at = CASE WHEN ? = 'COMPLETED' AND delete_after_us IS NOT NULL"
    " THEN ? + delete_after_us ELSE delete_at END WHERE id = ? AND version = ?"
)
# A job with services runs once all of them are ready.
_MAY_START = "state = 'SCHEDULED' AND (unready IS NULL OR unready = 0)"
_START = (
    "UPDATE job SET version = version + 1, state = 'RUNNING', started_at = COALESCE(started_at, ?)"
    f" WHERE id = ? AND {_MAY_START} RETURNING pool"
)
# Joined, as a locked row and one that is not SCHEDULED any more must be told apart.
_START_UNLESS_LOCKED = (
    "WITH started AS (UPDATE job SET version = version + 1, state = 'RUNNING',"
    " started_at = COALESCE(started_at, ?) WHERE id = (SELECT id FROM job WHERE id = ?"
    f" AND {_MAY_START} FOR NO KEY UPDATE SKIP LOCKED) RETURNING id)"
    " SELECT j.pool, s.id IS NOT NULL FROM job j LEFT JOIN started s ON s.id = j.id"
    " WHERE j.id = ? AND j.state = 'SCHEDULED' AND (j.unready IS NULL OR j.unready = 0)"
)
_CANCEL = (
    "UPDATE job SET version = version + 1, state = 'CANCELLED', ended_at = ?, tasks_open = 0,"
    " error = COALESCE(?, error)"
    " WHERE id = ? AND state IN ('PENDING', 'WAITING', 'SCHEDULED', 'RUNNING')"
)
_PROGRESS = (
    "UPDATE job SET progress = ? WHERE id = ? AND progress <> ? AND state = 'RUNNING'"
    " RETURNING position"
)
_UNSTARTED = "SELECT id FROM job WHERE state = 'PENDING' AND ended_at IS NULL LIMIT ?"
_LATER = "SELECT id FROM job WHERE state = 'WAITING' AND start_at <= ? ORDER BY start_at LIMIT ?"
_END_DELAY = (
    "UPDATE job SET start_at = NULL WHERE id = ? AND start_at IS NOT NULL AND state = 'WAITING'"
)
_ENDED_CHILDREN = (
    "SELECT j.id, t.id, t.job_id FROM task t JOIN job j ON j.parent_task_id = t.id"
    " WHERE t.kind = 'job' AND t.state = 'RUNNING' AND j.ended_at IS NOT NULL LIMIT ?"
)
# A job that lives alone has no task to end, nor has one that is deleted.
_LET_GO = (
    "SELECT t.id, t.job_id FROM task t LEFT JOIN job j ON j.id = t.starts_job_id"
    " WHERE t.kind = 'job' AND t.state = 'RUNNING' AND j.parent_task_id IS NULL LIMIT ?"
)
_ORPHANS = (
    "SELECT j.id FROM job j JOIN task t ON t.id = j.parent_task_id WHERE j.ended_at IS NULL"
    " AND j.parent_task_id IS NOT NULL AND t.ended_at IS NOT NULL LIMIT ?"
)
_ORPHANS_OF = (
    "SELECT j.id FROM task t JOIN job j ON j.parent_task_id = t.id WHERE t.job_id = ?"
    " AND t.kind = 'job' AND t.ended_at IS NOT NULL AND j.ended_at IS NULL LIMIT ?"
)
_RUNNING = "SELECT COUNT(*) FROM job WHERE state = 'RUNNING' AND dialect = ?"
_SLOT = "UPDATE job SET holds_slot = ? WHERE id = ?"


def record(row: Row, vault: Vault) -> Job:
    """Give the record of a row in the order of COLUMNS."""
    return Job(
        id=row[0],
        dialect=row[1],
        type=row[2],
        name=row[3],
        description=row[4],
        state=JobState(row[5]),
        version=row[6],
        spec=vault.loads(row[7]),
        state_data=vault.loads(row[8]),
        tags=tuple(loads(row[9])),
        result=vault.read(row[10]),
        error=vault.read(row[11]),
        progress=row[12],
        position=row[13],
        task_count=row[14],
        tasks_total=row[15],
        tasks_open=row[16],
        tasks_failed=row[17],
        priority=row[18],
        created_by=row[19],
        parent_task_id=row[20],
        group_id=row[21],
        schedule_id=row[22],
        fire_at=row[23],
        pool=row[24],
        created_at=row[25],
        scheduled_at=row[26],
        started_at=row[27],
        ended_at=row[28],
        delete_at=row[29],
        audience_id=row[30],
        watches=_read_watches(row[31]),
        start_at=row[32],
        paused_at=row[33],
        archived=bool(row[34]),
        unready=row[35],
    )


class Glance(NamedTuple):
    """What changes of a job while it lives, without the large rest; and what is told of it."""

    state: JobState
    result: str | None
    error: str | None
    progress: float
    position: int
    scheduled_at: Instant | None
    started_at: Instant | None
    ended_at: Instant | None
    delete_at: Instant | None


def glance(store: Store, job_id: str) -> Glance:
    """Give what changes of a job. Raises JobNotFound."""
    row = store.run(_GLANCE, (job_id,)).fetchone()
    if row is None:
        raise JobNotFound(job_id=job_id)
    texts = (store.vault.read(row[1]), store.vault.read(row[2]))
    return Glance(JobState(row[0]), *texts, *row[3:])


def watches(store: Store, job_id: str) -> tuple[Watch, ...]:
    """Give what of a job is told to others; nothing of one that is not there."""
    row = store.run("SELECT watches FROM job WHERE id = ?", (job_id,)).fetchone()
    return () if row is None else _read_watches(row[0])


def _read_watches(text: str | None) -> tuple[Watch, ...]:
    """Read the column of that name."""
    if text is None:
        return ()
    return tuple(Watch(tuple(events), tuple(keep)) for events, keep in loads(text))


def _write_watches(job: Job) -> str | None:
    if not job.watched:
        return None
    return dumps([[watch.events, watch.keep] for watch in job.watches])


def insert(
    store: Store, job: Job, *, unique_key: str | None = None, delete_after_us: int | None = None
) -> None:
    """Store a new job and list it.

    Raises AlreadyExists when its unique key, or its firing of a schedule, is there already.
    """
    seq = listing.first_place(job.created_at)
    values = (
        job.id,
        job.dialect,
        job.type,
        job.name,
        job.description,
        job.state,
        store.vault.dumps(job.spec),
        dumps(job.tags),
        job.task_count,
        job.priority,
        job.created_by,
        job.parent_task_id,
        job.group_id,
        job.schedule_id,
        job.fire_at,
        job.pool,
        unique_key,
        job.created_at,
        delete_after_us,
        job.audience_id,
        _write_watches(job),
        job.start_at,
        job.paused_at,
        seq,
    )
    if store.run(_INSERT, values).rowcount != 1:
        raise AlreadyExists(name=unique_key or job.id)
    if (place := listing.add(store, job)) != seq:
        store.run(_PLACE, (place, job.id))


def get(store: Store, job_id: str) -> Job:
    """Give a job. Raises JobNotFound."""
    row = store.run(_GET, (job_id,)).fetchone()
    if row is None:
        raise JobNotFound(job_id=job_id)
    return record(row, store.vault)


def by_unique_key(store: Store, dialect: str, key: str) -> Job | None:
    """Give the job that was submitted under a unique key."""
    row = store.run(_BY_KEY, (dialect, key)).fetchone()
    return record(row, store.vault) if row else None


def move(
    store: Store, job: Job, *, version: int, tasks_created: int, tasks_failed: int, now: Instant
) -> bool:
    """Write a job's new state over the version it was computed from; False when that moved."""
    cursor = store.run(
        _MOVE,
        (
            job.state,
            store.vault.dumps(job.state_data),
            store.vault.write(job.result),
            store.vault.write(job.error),
            job.progress,
            job.position,
            tasks_created,
            job.tasks_open,
            tasks_failed,
            job.unready,
            job.scheduled_at,
            job.started_at,
            job.ended_at,
            job.state,
            now,
            job.id,
            version,
        ),
    )
    return cursor.rowcount == 1


class Started(NamedTuple):
    """What became of the start of a SCHEDULED job. done: False when another holds its row."""

    pool: str | None
    done: bool


def start(store: Store, job_id: str, now: Instant, *, wait: bool = True) -> Started | None:
    """Move a SCHEDULED job to RUNNING; None when it is not SCHEDULED.

    wait: for another transaction that holds its row; only for who holds no task of it.
    """
    if wait or store.backend == "sqlite":
        row = store.run(_START, (now, job_id)).fetchone()
        return Started(row[0], done=True) if row else None
    row = store.run(_START_UNLESS_LOCKED, (now, job_id, job_id)).fetchone()
    return Started(row[0], done=bool(row[1])) if row else None


def lock(store: Store, job_id: str) -> JobState:
    """Keep others from moving a job until the commit; give its state. Raises JobNotFound."""
    row = store.run(
        "UPDATE job SET version = version WHERE id = ? RETURNING state", (job_id,)
    ).fetchone()
    if row is None:
        raise JobNotFound(job_id=job_id)
    return JobState(row[0])


def count_unready(store: Store, job_id: str, more: int) -> None:
    """Count so many services more as not ready; for who has locked the job."""
    store.run(
        "UPDATE job SET version = version + 1, unready = unready + ? WHERE id = ?", (more, job_id)
    )


def cancel(store: Store, job_id: str, now: Instant, reason: str | None) -> bool:
    """Move a job that is not over to CANCELLED; False when it was over."""
    return store.run(_CANCEL, (now, store.vault.write(reason), job_id)).rowcount == 1


def progress(store: Store, job_id: str, percent: float) -> int | None:
    """Write the progress of a running job; its position, or None when nothing changed."""
    row = store.run(_PROGRESS, (percent, job_id, percent)).fetchone()
    return None if row is None else int(row[0])


def unstarted(store: Store, limit: int) -> list[str]:
    """Give the ids of jobs that were accepted and not started yet."""
    return [row[0] for row in store.run(_UNSTARTED, (limit,)).fetchall()]


def later(store: Store, now: Instant, limit: int) -> list[str]:
    """Give the jobs whose time to start has come, the longest overdue first."""
    return [row[0] for row in store.run(_LATER, (now, limit)).fetchall()]


def end_delay(store: Store, job_id: str) -> bool:
    """Note that the time of a job has come; False when that was known."""
    return store.run(_END_DELAY, (job_id,)).rowcount == 1


def change(store: Store, job: Job) -> bool:
    """Write other parameters of a job over the version they were given to; False when it moved."""
    sql = (
        "UPDATE job SET version = version + 1, spec = ?, watches = ?"
        " WHERE id = ? AND version = ? AND state = 'WAITING'"
    )
    values = (store.vault.dumps(job.spec), _write_watches(job), job.id, job.version)
    return store.run(sql, values).rowcount == 1


def archive(store: Store, job_id: str, *, archived: bool) -> bool:
    """Put a job that is over away, or fetch it back; False when it is not over."""
    sql = "UPDATE job SET archived = ? WHERE id = ? AND ended_at IS NOT NULL"
    return store.run(sql, (int(archived), job_id)).rowcount == 1


def any_archived(store: Store, dialect: str | None) -> bool:
    """Tell whether any job, or any of a dialect, is put away."""
    of, params = ("", ()) if dialect is None else (" AND dialect = ?", (dialect,))
    row = store.run(f"SELECT 1 FROM job WHERE archived = 1{of} LIMIT 1", params).fetchone()
    return row is not None


def begin_anew(store: Store, job_id: str) -> None:
    """Forget that a job was paused or put away."""
    store.run("UPDATE job SET paused_at = NULL, archived = 0 WHERE id = ?", (job_id,))


def ended_children(store: Store, limit: int) -> list[tuple[str, int, str]]:
    """Give (job, task, job of that task) where a job is over and the task that started it waits."""
    return [(row[0], row[1], row[2]) for row in store.run(_ENDED_CHILDREN, (limit,)).fetchall()]


def let_go(store: Store, limit: int) -> list[tuple[int, str]]:
    """Give (task, its job) of tasks that wait for no job: the one they started lives alone."""
    return [(row[0], row[1]) for row in store.run(_LET_GO, (limit,)).fetchall()]


def orphans(store: Store, limit: int) -> list[str]:
    """Give the jobs that go on although the task that started them is over."""
    return [row[0] for row in store.run(_ORPHANS, (limit,)).fetchall()]


def orphans_of(store: Store, job_id: str, limit: int) -> list[str]:
    """Give the jobs that go on although the task of this job that started them is over."""
    return [row[0] for row in store.run(_ORPHANS_OF, (job_id, limit)).fetchall()]


def begin_closing(store: Store, job_id: str) -> None:
    """Note that tasks of a job that is over are still to be cancelled."""
    store.run("UPDATE job SET closing = 1 WHERE id = ?", (job_id,))


def is_closing(store: Store, job_id: str) -> bool:
    """Tell whether tasks of a job are still to be cancelled; locks it until the commit."""
    sql = "UPDATE job SET closing = 1 WHERE id = ? AND closing = 1 AND ended_at IS NOT NULL"
    return store.run(sql, (job_id,)).rowcount == 1


def end_closing(store: Store, job_id: str) -> None:
    """Note that no task of a job is left open."""
    store.run("UPDATE job SET closing = 0 WHERE id = ?", (job_id,))


def closing(store: Store, limit: int) -> list[str]:
    """Give the jobs with tasks that are still to be cancelled, those that ended first first."""
    sql = "SELECT id FROM job WHERE closing = 1 ORDER BY ended_at LIMIT ?"
    return [row[0] for row in store.run(sql, (limit,)).fetchall()]


def open_of_schedule(store: Store, schedule_id: str) -> list[str]:
    """Give the ids of the jobs of a schedule that are not over, the oldest firing first."""
    rows = store.run(
        "SELECT id FROM job WHERE schedule_id = ? AND ended_at IS NULL ORDER BY fire_at LIMIT 1000",
        (schedule_id,),
    )
    return [row[0] for row in rows.fetchall()]


def running(store: Store, dialect: str) -> int:
    """Count the running jobs of a dialect; reads those alone, however many others are open."""
    row = store.run(_RUNNING, (dialect,)).fetchone()
    return int(row[0]) if row else 0


def hold_slot(store: Store, job_id: str, held: bool) -> None:
    """Note whether a job occupies a slot of its pool."""
    store.run(_SLOT, (int(held), job_id))


def at_places(store: Store, dialect: str, places: Sequence[int]) -> dict[int, Job]:
    """Give the jobs of a dialect at some places, by place."""
    marks = ", ".join("?" * len(places))
    sql = f"SELECT {COLUMNS}, seq FROM job WHERE dialect = ? AND seq IN ({marks})"
    return {
        row[-1]: record(row, store.vault) for row in store.run(sql, (dialect, *places)).fetchall()
    }


def counts(store: Store, dialect: str) -> Mapping[str, int]:
    """Give how many jobs of a dialect are in each state that is not final."""
    rows = store.run(
        f"SELECT state, COUNT(*) FROM job WHERE state IN {_OPEN} AND dialect = ? GROUP BY state",
        (dialect,),
    ).fetchall()
    return {row[0]: int(row[1]) for row in rows}


def expired(
    store: Store,
    now: Instant,
    ended_before: Instant,
    limit: int,
    *,
    sparing: Sequence[str] = (),
) -> list[str]:
    """Give ids of jobs to delete: past their own time, or over for longer than is kept.

    sparing: dialects whose jobs are left out of the latter.
    """
    spared = f" AND dialect NOT IN ({', '.join('?' * len(sparing))})" if sparing else ""
    rows = store.run(
        "SELECT id FROM job WHERE delete_at IS NOT NULL AND delete_at <= ? LIMIT ?", (now, limit)
    ).fetchall()
    rows += store.run(
        f"SELECT id FROM job WHERE ended_at IS NOT NULL AND ended_at < ?{spared} LIMIT ?",
        (ended_before, *sparing, limit),
    ).fetchall()
    return list(dict.fromkeys(row[0] for row in rows))[:limit]


def delete(store: Store, job_id: str) -> None:
    """Delete a job with its tasks and their history; messages about it may still be sent."""
    deliveries.keep_job(store, job_id)
    own = "(SELECT id FROM task WHERE job_id = ?)"
    for statement in (
        f"DELETE FROM attempt WHERE task_id IN {own}",
        f"DELETE FROM task_need WHERE needs_id IN {own}",
        "DELETE FROM task WHERE job_id = ?",
        "DELETE FROM waiting WHERE job_id = ?",
        "DELETE FROM idle_limit WHERE job_id = ?",
    ):
        store.run(statement, (job_id,))
    gone = store.run("DELETE FROM job WHERE id = ? RETURNING seq, dialect", (job_id,)).fetchone()
    if gone is not None:
        listing.remove(store, gone[0], gone[1])


def put_aside(store: Store, job_id: str, new_id: str, now: Instant) -> None:
    """Leave of a job only its slot and the leases that stand, under an id that nobody knows.

    It goes when it is deleted once more; it is due for that at once.
    """
    deliveries.keep_job(store, job_id)
    idle = "(SELECT id FROM task WHERE job_id = ? AND leased_until IS NULL)"
    for statement in (
        f"DELETE FROM attempt WHERE task_id IN {idle}",
        f"DELETE FROM task_need WHERE needs_id IN {idle}",
        "DELETE FROM task WHERE job_id = ? AND leased_until IS NULL",
        "DELETE FROM waiting WHERE job_id = ?",
        "DELETE FROM idle_limit WHERE job_id = ?",
    ):
        store.run(statement, (job_id,))
    store.run(
        "UPDATE task SET job_id = ?, parent_id = NULL, public_id = NULL WHERE job_id = ?",
        (new_id, job_id),
    )
    row = store.run("SELECT seq, dialect, type FROM job WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        return
    store.run(
        "UPDATE job SET id = ?, dialect = '', name = '', description = '', spec = '{}',"
        " state_data = '{}', tags = '[]', result = NULL, error = NULL, created_by = NULL,"
        " parent_task_id = NULL, group_id = NULL, schedule_id = NULL, fire_at = NULL,"
        " unique_key = NULL, delete_at = ? WHERE id = ?",
        (new_id, now, job_id),
    )
    listing.disown(store, *row)
