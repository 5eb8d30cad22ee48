"""What the doctor asks: rows that contradict each other, each question one bounded statement.

They start from what is open (partial indexes on open jobs, leases, entries), never from history;
attempts alone are read page by page.
"""

from typing import NamedTuple

from app.data import listing, steering
from app.data.db import Store
from app.data.tasks import NEVER
from app.data.vault import MARK, PREFIX_CHARS
from app.domain.clock import Instant
from app.domain.text import marks

_OPEN = "('CREATED', 'HELD', 'QUEUED', 'LEASED', 'RUNNING')"
_OPEN_JOB = "('PENDING', 'WAITING', 'SCHEDULED', 'RUNNING')"
_HELD = "('LEASED', 'RUNNING')"
_OF_JOB = "SELECT 1 FROM task t WHERE t.job_id = j.id AND"
# A job that is PENDING or runs later is the ticker's to start; `overdue` tells when it does not.
_STUCK = (
    "SELECT j.id, j.state, j.paused_at IS NOT NULL,"
    f" EXISTS ({_OF_JOB} t.state = 'HELD') AS held,"
    " (SELECT n.needs_id FROM task t JOIN task_need n ON n.task_id = t.id"
    "  LEFT JOIN task o ON o.id = n.needs_id WHERE t.job_id = j.id AND t.state = 'CREATED'"
    "  AND (o.id IS NULL OR o.state IN ('FAILED', 'CANCELLED')) ORDER BY n.needs_id LIMIT 1)"
    " FROM job j WHERE j.ended_at IS NULL AND j.state IN ('WAITING', 'SCHEDULED', 'RUNNING')"
    " AND (j.start_at IS NULL OR j.state <> 'WAITING')"
    f" AND NOT EXISTS ({_OF_JOB} t.state = 'QUEUED')"
    f" AND NOT EXISTS ({_OF_JOB} t.state IN {_HELD} AND t.leased_until >= ?)"
    f" AND NOT EXISTS ({_OF_JOB} t.state = 'CREATED' AND t.needs <= 0 AND t.due_at < {NEVER})"
    " AND NOT EXISTS (SELECT 1 FROM task t JOIN job c ON c.parent_task_id = t.id"
    "  WHERE t.job_id = j.id AND t.kind = 'job' AND c.ended_at IS NULL)"
    " AND NOT EXISTS (SELECT 1 FROM waiting w WHERE w.job_id = j.id AND w.admitted = 0)"
    " ORDER BY j.id LIMIT ?"
)
_JOB_COUNTERS = (
    "SELECT id, tasks_open, real FROM (SELECT j.id, j.tasks_open,"
    f" (SELECT COUNT(*) FROM task t WHERE t.job_id = j.id AND t.state IN {_OPEN}) AS real"
    f" FROM job j WHERE j.ended_at IS NULL AND j.state IN {_OPEN_JOB}) x"
    " WHERE tasks_open <> real ORDER BY id LIMIT ?"
)
_SERVICE_COUNTERS = (
    "SELECT id, unready, real FROM (SELECT j.id, j.unready,"
    " (SELECT COUNT(*) FROM task t WHERE t.job_id = j.id AND t.addresses = ''"
    f" AND t.addresses IS NOT NULL AND t.state IN {_OPEN}) AS real"
    " FROM job j WHERE j.ended_at IS NULL AND j.unready IS NOT NULL) x"
    " WHERE unready <> real ORDER BY id LIMIT ?"
)
_COMPOSITE_COUNTERS = (
    "SELECT job_id, id, children_open, real FROM (SELECT t.job_id, t.id, t.children_open,"
    f" (SELECT COUNT(*) FROM task c WHERE c.parent_id = t.id AND c.state IN {_OPEN}) AS real"
    " FROM job j JOIN task t ON t.job_id = j.id WHERE j.ended_at IS NULL"
    f" AND j.state IN {_OPEN_JOB}"
    " AND t.kind = 'composite' AND t.state = 'RUNNING') x"
    " WHERE children_open <> real ORDER BY id LIMIT ?"
)
_LEASES = (
    f"SELECT t.job_id, t.id, t.number FROM task t WHERE t.leased_until IS NOT NULL"
    f" AND t.state IN {_HELD} AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.task_id = t.id"
    f" AND a.number = t.number AND a.state IN {_HELD}) ORDER BY t.id LIMIT ?"
)
_ORPHANS = (
    "SELECT t.job_id, t.id, t.state FROM task t LEFT JOIN job j ON j.id = t.job_id"
    f" WHERE t.job_id IS NOT NULL AND t.state IN {_OPEN}"
    " AND (j.id IS NULL OR j.ended_at IS NOT NULL)"
    " AND (t.state = 'QUEUED' OR t.leased_until IS NOT NULL"
    "  OR (t.state = 'CREATED' AND t.due_at IS NOT NULL)) ORDER BY t.id LIMIT ?"
)
_ENTRIES = (
    "SELECT w.job_id, w.pool, j.state FROM waiting w LEFT JOIN job j ON j.id = w.job_id"
    " WHERE j.id IS NULL OR j.ended_at IS NOT NULL OR j.state = 'RUNNING'"
    " ORDER BY w.id LIMIT ?"
)
_ADMISSIONS = (
    "SELECT w.job_id, w.pool, w.admitted FROM waiting w JOIN job j ON j.id = w.job_id"
    " WHERE j.ended_at IS NULL AND (w.admitted <> j.holds_slot"
    " OR (w.admitted = 0 AND j.state <> 'WAITING')) ORDER BY w.id LIMIT ?"
)
_SLOTS = (
    "SELECT j.id, j.pool FROM job j WHERE j.holds_slot = 1 AND j.ended_at IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM task t WHERE t.job_id = j.id AND t.leased_until IS NOT NULL)"
    " ORDER BY j.id LIMIT ?"
)
_OVERDUE = (
    (
        "the start of the job",
        "SELECT id, NULL FROM job WHERE state = 'PENDING' AND ended_at IS NULL AND created_at < ?",
    ),
    (
        "the start of the job",
        "SELECT id, NULL FROM job WHERE state = 'WAITING' AND start_at < ?",
    ),
    (
        "the rescue of a lease that ran out",
        "SELECT job_id, id FROM task WHERE leased_until IS NOT NULL AND leased_until < ?",
    ),
    (
        "a task that is due",
        "SELECT job_id, id FROM task WHERE state = 'CREATED' AND needs <= 0 AND due_at < ?",
    ),
    (
        "a schedule's firing",
        "SELECT NULL, NULL FROM schedule WHERE next_fire_at IS NOT NULL AND next_fire_at < ?",
    ),
)
_ATTEMPTS = (
    "SELECT t.job_id, a.task_id, a.number, a.state, t.number, t.state, t.leased_until"
    " FROM attempt a LEFT JOIN task t ON t.id = a.task_id"
    " WHERE (a.task_id, a.number) > (?, ?) ORDER BY a.task_id, a.number LIMIT ?"
)


_TALLIES = (
    "SELECT dialect, SUM(said), SUM(real) FROM (SELECT dialect, n AS said, 0 AS real FROM job_tally"
    " UNION ALL SELECT dialect, 0, COUNT(*) FROM job GROUP BY dialect) t"
    " GROUP BY dialect HAVING SUM(said) <> SUM(real) ORDER BY dialect"
)
_NEWEST = (
    "SELECT j.id, j.seq, j.dialect, j.type, j.name, j.description, j.tags, w.words, w.indexed"
    " FROM job j LEFT JOIN job_words w ON w.seq = j.seq"
    " WHERE j.dialect = ? ORDER BY j.seq DESC LIMIT ?"
)
_FOUND = "SELECT COUNT(*) FROM job_index WHERE job_index MATCH ? AND rowid = ?"
_SURPLUS = "SELECT (SELECT COUNT(*) FROM job_words) - (SELECT COUNT(*) FROM job)"
_SURPLUS_INDEXED = (
    "SELECT (SELECT COUNT(*) FROM job_index WHERE job_index MATCH ?)"
    " - (SELECT COUNT(*) FROM job_words WHERE indexed = 1)"
)


class Stuck(NamedTuple):
    """An open job that nothing will move.

    paused: by a person. held: whether a task is. blocked: by a task that is needed and will not
    come.
    """

    job_id: str
    state: str
    paused: bool
    held: bool
    blocked: int | None


def stuck_jobs(store: Store, before: Instant, limit: int) -> list[Stuck]:
    """Give open jobs that nothing will move.

    before: leases that ended before then keep nothing going.
    """
    rows = store.run(_STUCK, (before, limit)).fetchall()
    return [Stuck(row[0], row[1], bool(row[2]), bool(row[3]), row[4]) for row in rows]


def job_counters(store: Store, limit: int) -> list[tuple[str, int, int]]:
    """Give open jobs that miscount their open tasks: id, what they say, what is."""
    return [(row[0], row[1], row[2]) for row in store.run(_JOB_COUNTERS, (limit,)).fetchall()]


def service_counters(store: Store, limit: int) -> list[tuple[str, int, int]]:
    """Give open jobs that miscount their services that are not ready: id, said, real."""
    return [(row[0], row[1], row[2]) for row in store.run(_SERVICE_COUNTERS, (limit,)).fetchall()]


def composite_counters(store: Store, limit: int) -> list[tuple[str, int, int, int]]:
    """Give composites that miscount their open children: job, id, what they say, what is."""
    rows = store.run(_COMPOSITE_COUNTERS, (limit,)).fetchall()
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def leases_without_attempt(store: Store, limit: int) -> list[tuple[str | None, int, int]]:
    """Give held tasks without an open attempt: job, id, number."""
    return [(row[0], row[1], row[2]) for row in store.run(_LEASES, (limit,)).fetchall()]


def orphan_tasks(store: Store, limit: int) -> list[tuple[str, int, str]]:
    """Give tasks that could be worked on although their job is over or gone: job, id, state."""
    return [(row[0], row[1], row[2]) for row in store.run(_ORPHANS, (limit,)).fetchall()]


def waiting_alone(store: Store, limit: int) -> list[tuple[int, int | None]]:
    """Give tasks of no job that wait for others in vain: task, and whom for.

    Whom for: one that failed, was cancelled or is gone; None where all that it waits for is done.
    """
    waiting = store.run(
        "SELECT DISTINCT w.id FROM task_need n JOIN task w ON w.id = n.task_id"
        " WHERE w.job_id IS NULL AND w.state = 'CREATED' AND w.due_at IS NULL"
        " ORDER BY w.id LIMIT ?",
        (limit,),
    ).fetchall()
    ids = [row[0] for row in waiting]
    still = steering.unmet(store, ids)
    found: list[tuple[int, int | None]] = []
    for task_id in ids:
        needed = [one for one, _ in still.get(task_id, [])]
        if not needed:
            found.append((task_id, None))
        elif (blocked := steering.hopeless(store, needed)) is not None:
            found.append((task_id, blocked))
    return found


def idle_entries(store: Store, limit: int) -> list[tuple[str, str, str | None]]:
    """Give places in lists whose job waits no more: job, pool, state (None when it is gone)."""
    return [(row[0], row[1], row[2]) for row in store.run(_ENTRIES, (limit,)).fetchall()]


def wrong_admissions(store: Store, limit: int) -> list[tuple[str, str, bool]]:
    """Give places whose admission and the job's slot disagree: job, pool, admitted."""
    return [(row[0], row[1], bool(row[2])) for row in store.run(_ADMISSIONS, (limit,)).fetchall()]


def idle_slots(store: Store, limit: int) -> list[tuple[str, str]]:
    """Give slots that a job holds which is over and gone: job, pool."""
    return [(row[0], row[1]) for row in store.run(_SLOTS, (limit,)).fetchall()]


def overdue(store: Store, before: Instant, limit: int) -> list[tuple[str, str | None, int | None]]:
    """Give what should have been done before then: what it is, job, task."""
    found: list[tuple[str, str | None, int | None]] = []
    for what, sql in _OVERDUE:
        rows = store.run(f"{sql} ORDER BY 1, 2 LIMIT ?", (before, limit)).fetchall()
        found += [(what, row[0], row[1]) for row in rows]
    return found


def attempts_without_lease(
    store: Store, after: tuple[int, int], page: int
) -> tuple[tuple[int, int] | None, list[tuple[str | None, int, int]]]:
    """Give open attempts that hold nothing: job, task, number; and where the next page begins.

    The place is None at the end of history.
    """
    rows = store.run(_ATTEMPTS, (*after, page)).fetchall()
    found = []
    for job_id, task_id, number, state, latest, task_state, leased_until in rows:
        is_open = state in ("LEASED", "RUNNING")
        holds = number == latest and task_state == state and leased_until is not None
        if is_open and not holds:
            found.append((job_id, task_id, number))
    return ((rows[-1][1], rows[-1][2]) if len(rows) == page else None), found


def job_tallies(store: Store) -> list[tuple[str, int, int]]:
    """Give dialects whose jobs are miscounted: dialect, what is said, what is."""
    return [(row[0], int(row[1]), int(row[2])) for row in store.run(_TALLIES).fetchall()]


def wrong_words(store: Store, newest: int) -> list[str]:
    """Give those of each dialect's newest jobs that have not the words they should have."""
    found = []
    for dialect in listing.dialects(store):
        for *row, held, indexed in store.run(_NEWEST, (dialect, newest)).fetchall():
            terms = listing.row_terms(tuple(row))
            if held != listing.written(store, terms) or not _indexed(store, row[1], terms, indexed):
                found.append(row[0])
    return found


def _indexed(store: Store, seq: int, terms: list[str], indexed: int) -> bool:
    """Whether a job is found by its words in the index that is fed by hand."""
    if store.backend != "sqlite" or not indexed:
        return True
    row = store.run(_FOUND, (" AND ".join(f'"{term}"' for term in terms[:50]), seq)).fetchone()
    return row is not None and row[0] == 1


def surplus_words(store: Store) -> int:
    """Give how many more jobs there are words of than jobs."""
    row = store.run(_SURPLUS).fetchone()
    surplus = int(row[0]) if row else 0
    if store.backend == "sqlite":
        every = " OR ".join(
            f'"{mark}"' for name in listing.dialects(store) for mark in marks(name, None, ())
        )
        found = store.run(_SURPLUS_INDEXED, (every,)).fetchone() if every else None
        surplus = surplus or (int(found[0]) if found else 0)
    return surplus


def sealed(store: Store, limit: int) -> list[tuple[str, str]]:
    """Give the open jobs whose parameters no key given here decrypts, as (job, key id)."""
    key_id = f"substr(spec, {len(MARK) + 1}, {PREFIX_CHARS - len(MARK)})"
    known = sorted(store.vault.key_ids)
    placeholders = ", ".join("?" * len(known)) or "''"
    found = store.run(
        f"SELECT id, {key_id} FROM job WHERE ended_at IS NULL AND state IN {_OPEN_JOB}"
        f" AND substr(spec, 1, {len(MARK)}) = ?"
        f" AND {key_id} NOT IN ({placeholders}) ORDER BY id LIMIT ?",
        (MARK, *known, limit),
    ).fetchall()
    return [(row[0], row[1]) for row in found]
