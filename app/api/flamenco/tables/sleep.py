"""Rows of `flamenco_sleep`."""

from app.api.flamenco.sleep import DAYS, Sleep
from app.data.db import Row, Store
from app.domain.clock import Instant

_COLUMNS = "worker_id, days, begins, ends, zone, at_once, asleep, changes_at"


def _record(row: Row) -> Sleep:
    return Sleep(
        worker_id=row[0],
        days=tuple(day for place, day in enumerate(DAYS) if row[1] >> place & 1),
        begins=row[2],
        ends=row[3],
        zone=row[4],
        at_once=bool(row[5]),
        asleep=bool(row[6]),
        changes_at=row[7],
    )


def get(store: Store, worker_id: int) -> Sleep | None:
    """Give the schedule of a worker; None without one."""
    row = store.run(
        f"SELECT {_COLUMNS} FROM flamenco_sleep WHERE worker_id = ?", (worker_id,)
    ).fetchone()
    return None if row is None else _record(row)


def every(store: Store) -> list[Sleep]:
    """Give all schedules by worker."""
    rows = store.run(f"SELECT {_COLUMNS} FROM flamenco_sleep ORDER BY worker_id").fetchall()
    return [_record(row) for row in rows]


def due(store: Store, now: Instant, limit: int) -> list[int]:
    """Give workers whose sleep begins or ends by now, the one most overdue first."""
    rows = store.run(
        "SELECT worker_id FROM flamenco_sleep WHERE changes_at <= ? ORDER BY changes_at LIMIT ?",
        (now, limit),
    )
    return [row[0] for row in rows.fetchall()]


def put(store: Store, sleep: Sleep) -> None:
    """Store a schedule, in place of the one there was."""
    store.run(
        f"INSERT INTO flamenco_sleep ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (worker_id) DO UPDATE SET days = excluded.days, begins = excluded.begins,"
        " ends = excluded.ends, zone = excluded.zone, at_once = excluded.at_once,"
        " asleep = excluded.asleep, changes_at = excluded.changes_at",
        (
            sleep.worker_id,
            sum(1 << DAYS.index(day) for day in sleep.days),
            sleep.begins,
            sleep.ends,
            sleep.zone,
            int(sleep.at_once),
            int(sleep.asleep),
            sleep.changes_at,
        ),
    )


def delete(store: Store, worker_id: int) -> bool:
    """Delete a schedule; False when there was none."""
    cursor = store.run("DELETE FROM flamenco_sleep WHERE worker_id = ?", (worker_id,))
    return cursor.rowcount == 1
