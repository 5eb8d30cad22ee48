"""Rows of `schedule`."""

from collections.abc import Sequence

from app.data import audience
from app.data.codec import dumps, loads
from app.data.db import Row, Store
from app.data.vault import Vault
from app.domain.clock import Instant
from app.domain.errors import ScheduleNotFound
from app.domain.records import Json, Schedule

_COLUMNS = (
    "id, dialect, name, group_id, cron, form, zone, state, overlap, missed, template, created_by,"
    " created_at, next_fire_at, last_fire_at, audience_id"
)


def _record(row: Row, vault: Vault) -> Schedule:
    return Schedule(
        id=row[0],
        dialect=row[1],
        name=row[2],
        group_id=row[3],
        cron=row[4],
        form=row[5],
        zone=row[6],
        state=row[7],
        overlap=row[8],
        missed=row[9],
        template=_opened(loads(row[10]), vault),
        created_by=row[11],
        created_at=row[12],
        next_fire_at=row[13],
        last_fire_at=row[14],
        audience_id=row[15],
    )


def _opened(template: Json, vault: Vault) -> Json:
    """Give a template with its spec, which is encrypted apart: what it is called is listed."""
    spec = template.get("spec")
    return {**template, "spec": vault.loads(spec)} if isinstance(spec, str) else template


def insert(store: Store, schedule: Schedule) -> None:
    """Store a new schedule."""
    store.run(
        f"INSERT INTO schedule ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            schedule.id,
            schedule.dialect,
            schedule.name,
            schedule.group_id,
            schedule.cron,
            schedule.form,
            schedule.zone,
            schedule.state,
            schedule.overlap,
            schedule.missed,
            _written(store, schedule),
            schedule.created_by,
            schedule.created_at,
            schedule.next_fire_at,
            schedule.last_fire_at,
            schedule.audience_id,
        ),
    )


def _written(store: Store, schedule: Schedule) -> str:
    template = schedule.template
    if store.vault.seals:
        template = {**template, "spec": store.vault.dumps(template["spec"])}
    return dumps(template)


def get(store: Store, schedule_id: str) -> Schedule:
    """Give a schedule. Raises ScheduleNotFound."""
    row = store.run(f"SELECT {_COLUMNS} FROM schedule WHERE id = ?", (schedule_id,)).fetchone()
    if row is None:
        raise ScheduleNotFound(schedule_id=schedule_id)
    return _record(row, store.vault)


def page(
    store: Store, dialect: str | None, *, viewer: Sequence[str] | None, limit: int, offset: int
) -> tuple[list[Schedule], int]:
    """Give a page of schedules, newest first, and how many there are for this viewer.

    dialect: None is every one. viewer: as in `audience.visible`; None sees everything.
    """
    condition, params = ("1 = 1", ()) if viewer is None else audience.visible("audience_id", viewer)
    if dialect is not None:
        condition, params = f"{condition} AND dialect = ?", (*params, dialect)
    where = f"FROM schedule WHERE {condition}"
    count = store.run(f"SELECT COUNT(*) {where}", params).fetchone()
    rows = store.run(
        f"SELECT {_COLUMNS} {where} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?",
        (*params, limit, offset),
    ).fetchall()
    return [_record(row, store.vault) for row in rows], int(count[0]) if count else 0


def behind(
    store: Store,
    key: tuple[Instant, str] | None,
    dialect: str | None,
    state: str | None,
    limit: int,
) -> list[Schedule]:
    """Give schedules, newest first, from the one behind a key on."""
    conditions, params = ["1 = 1"], list[object]()
    for column, value in (("dialect", dialect), ("state", state)):
        if value is not None:
            conditions.append(f"{column} = ?")
            params.append(value)
    if key is not None:
        conditions.append("(created_at, id) < (?, ?)")
        params += key
    rows = store.run(
        f"SELECT {_COLUMNS} FROM schedule WHERE {' AND '.join(conditions)}"
        " ORDER BY created_at DESC, id DESC LIMIT ?",
        (*params, limit),
    ).fetchall()
    return [_record(row, store.vault) for row in rows]


def change(store: Store, schedule: Schedule) -> bool:
    """Write what a schedule does and when; False when its state is another by now."""
    cursor = store.run(
        "UPDATE schedule SET name = ?, cron = ?, form = ?, zone = ?, overlap = ?, template = ?,"
        " audience_id = ?, next_fire_at = ? WHERE id = ? AND state = ?",
        (
            schedule.name,
            schedule.cron,
            schedule.form,
            schedule.zone,
            schedule.overlap,
            _written(store, schedule),
            schedule.audience_id,
            schedule.next_fire_at,
            schedule.id,
            schedule.state,
        ),
    )
    return cursor.rowcount == 1


def set_state(
    store: Store, schedule_id: str, *, state: str, was: str, next_fire_at: Instant | None
) -> bool:
    """Pause or resume a schedule; False when it was not in the state `was`."""
    cursor = store.run(
        "UPDATE schedule SET state = ?, next_fire_at = ? WHERE id = ? AND state = ?",
        (state, next_fire_at, schedule_id, was),
    )
    return cursor.rowcount == 1


def due(store: Store, now: Instant, limit: int) -> list[Schedule]:
    """Give the schedules whose time has come, the longest overdue first."""
    rows = store.run(
        f"SELECT {_COLUMNS} FROM schedule WHERE next_fire_at IS NOT NULL AND next_fire_at <= ?"
        " ORDER BY next_fire_at LIMIT ?",
        (now, limit),
    ).fetchall()
    return [_record(row, store.vault) for row in rows]


def fired(
    store: Store,
    schedule_id: str,
    *,
    was: Instant,
    next_fire_at: Instant | None,
    fired_at: Instant | None,
) -> bool:
    """Go on to the next time; False when another ticker did it first."""
    cursor = store.run(
        "UPDATE schedule SET next_fire_at = ?, last_fire_at = COALESCE(?, last_fire_at)"
        " WHERE id = ? AND next_fire_at = ?",
        (next_fire_at, fired_at, schedule_id, was),
    )
    return cursor.rowcount == 1


def delete(store: Store, schedule_id: str) -> bool:
    """Delete a schedule's row; False when it was gone."""
    return store.run("DELETE FROM schedule WHERE id = ?", (schedule_id,)).rowcount == 1
