"""Rows of `manager` and `manager_session`."""

from app.data.db import Row, Store
from app.domain.clock import Instant
from app.domain.errors import AlreadyExists, ManagerNotFound
from app.domain.records import Manager

_COLUMNS = "m.id, m.username, m.password, m.admin, m.created_at"
_FIRST = (
    "INSERT INTO mark (name, value) VALUES ('first-manager', '') ON CONFLICT DO NOTHING"
    " RETURNING name"
)


def _record(row: Row) -> Manager:
    return Manager(
        id=row[0],
        username=row[1],
        password_hash=row[2],
        admin=bool(row[3]),
        created_at=row[4],
    )


def insert(store: Store, *, username: str, password_hash: str, now: Instant) -> Manager:
    """Store a new manager; the first one there ever is becomes admin. Raises AlreadyExists."""
    # A row that only one can insert decides between two who come first at the same moment.
    first = store.run(_FIRST).fetchone() is not None
    row = store.run(
        "INSERT INTO manager (username, password, admin, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING RETURNING id",
        (username, password_hash, int(first), now),
    ).fetchone()
    if row is None:
        raise AlreadyExists(name=username)
    return Manager(
        id=row[0], username=username, password_hash=password_hash, admin=first, created_at=now
    )


def get(store: Store, manager_id: int) -> Manager:
    """Give a manager. Raises ManagerNotFound."""
    row = store.run(f"SELECT {_COLUMNS} FROM manager m WHERE m.id = ?", (manager_id,)).fetchone()
    if row is None:
        raise ManagerNotFound(manager_id=manager_id)
    return _record(row)


def by_name(store: Store, username: str) -> Manager | None:
    """Give a manager by name; None when there is none."""
    row = store.run(f"SELECT {_COLUMNS} FROM manager m WHERE m.username = ?", (username,))
    found = row.fetchone()
    return None if found is None else _record(found)


def listed(store: Store) -> list[Manager]:
    """Give all managers by id."""
    rows = store.run(f"SELECT {_COLUMNS} FROM manager m ORDER BY m.id").fetchall()
    return [_record(row) for row in rows]


def set_admin(store: Store, manager_id: int, *, admin: bool) -> bool:
    """Make somebody an admin or a plain manager; False when there is nobody."""
    cursor = store.run("UPDATE manager SET admin = ? WHERE id = ?", (int(admin), manager_id))
    return cursor.rowcount == 1


def set_password(store: Store, manager_id: int, password_hash: str) -> None:
    """Change a password."""
    store.run("UPDATE manager SET password = ? WHERE id = ?", (password_hash, manager_id))


def open_session(store: Store, digest: str, manager_id: int, expires_at: Instant) -> None:
    """Note a session; digest: of the token that the manager has."""
    store.run(
        "INSERT INTO manager_session (digest, manager_id, expires_at) VALUES (?, ?, ?)",
        (digest, manager_id, expires_at),
    )


def of_session(store: Store, digest: str, now: Instant) -> Manager | None:
    """Give whose session it is; None for one that has ended."""
    row = store.run(
        f"SELECT {_COLUMNS} FROM manager_session s JOIN manager m ON m.id = s.manager_id"
        " WHERE s.digest = ? AND s.expires_at > ?",
        (digest, now),
    ).fetchone()
    return None if row is None else _record(row)


def close_session(store: Store, digest: str) -> None:
    """End a session."""
    store.run("DELETE FROM manager_session WHERE digest = ?", (digest,))


def close_sessions(store: Store, manager_id: int) -> None:
    """End all sessions of a manager."""
    store.run("DELETE FROM manager_session WHERE manager_id = ?", (manager_id,))


def delete_ended(store: Store, now: Instant, limit: int) -> int:
    """Forget sessions that have run out; give how many."""
    return store.run(
        "DELETE FROM manager_session WHERE digest IN"
        " (SELECT digest FROM manager_session WHERE expires_at <= ? LIMIT ?)",
        (now, limit),
    ).rowcount
