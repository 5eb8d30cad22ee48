"""Rows of the tables that only the tracker has; keyed by the engine's group and worker ids."""

from collections.abc import Mapping, Sequence

from app.api.task_tracker.records import (
    Access,
    LogEntry,
    Project,
    Remote,
    Rights,
    Role,
    Snapshot,
)
from app.data.db import Row, Store

DIALECT = "task_tracker"
_PROJECT = (
    "g.id, g.name, p.priority, p.clone_url, p.git_repo, p.version, p.motd, p.public, p.hidden,"
    " g.paused, g.chain, p.assign_rate, p.submit_rate"
)
_PROJECTS = f"SELECT {_PROJECT} FROM job_group g JOIN tracker_project p ON p.group_id = g.id"
_RIGHTS = "a.assign, a.submit, a.pending"
_REMOTE = "w.id, w.name, w.started_at, t.secret, t.paused"
_REMOTE_IN = (
    f"SELECT {_REMOTE}, p.group_id IS NOT NULL, {_PROJECT}, {_RIGHTS} FROM tracker_worker t"
    " JOIN worker w ON w.id = t.worker_id LEFT JOIN job_group g ON g.id = ?"
    " LEFT JOIN tracker_project p ON p.group_id = g.id"
    " LEFT JOIN tracker_access a ON a.group_id = g.id AND a.worker_id = t.worker_id"
    " WHERE t.worker_id = ?"
)
_REMOTES = f"SELECT {_REMOTE} FROM tracker_worker t JOIN worker w ON w.id = t.worker_id"
_MEMBERS = (
    f"SELECT {_PROJECT}, {_RIGHTS} FROM job_group g JOIN tracker_project p ON p.group_id = g.id"
    " LEFT JOIN tracker_access a ON a.group_id = g.id AND a.worker_id = ?"
)
_MEMBER = f"{_MEMBERS} WHERE g.id = ?"
_OPEN = f"{_MEMBERS} WHERE g.paused = 0 ORDER BY p.priority DESC, g.id LIMIT ?"
# The first entry of the index of ready tasks.
_FIRST = (
    f"(SELECT t.priority FROM task t WHERE t.queue = '{DIALECT}/' || g.id AND t.state = 'QUEUED'"
    " ORDER BY t.priority DESC, t.id LIMIT 1)"
)
_OPEN_READY = (
    f"SELECT * FROM ({_MEMBERS.replace(_RIGHTS, f'{_RIGHTS}, {_FIRST} AS first')}"
    " WHERE g.paused = 0) found WHERE first IS NOT NULL"
    " ORDER BY priority DESC, first DESC, id LIMIT ?"
)
Membership = tuple[Project, Rights]


def _project(row: Row) -> Project:
    return Project(
        id=row[0],
        name=row[1],
        priority=row[2],
        clone_url=row[3],
        git_repo=row[4],
        version=row[5],
        motd=row[6],
        public=bool(row[7]),
        hidden=bool(row[8]),
        paused=bool(row[9]),
        chain=row[10] or 0,
        assign_rate=row[11],
        submit_rate=row[12],
    )


def _remote(row: Row) -> Remote:
    return Remote(id=row[0], alias=row[1], created_at=row[2], secret=row[3], paused=bool(row[4]))


# -- projects ---------------------------------------------------------------------------------


def insert_project(store: Store, project: Project, *, secret: str, webhook_secret: str) -> None:
    """Store what the engine's group of a new project does not hold."""
    store.run(
        "INSERT INTO tracker_project (group_id, priority, clone_url, git_repo, repository, version,"
        " motd, public, hidden, assign_rate, submit_rate, secret, webhook_secret)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (project.id, *_values(project), secret, webhook_secret),
    )


def update_project(store: Store, project: Project) -> None:
    """Write all fields of a project that the engine's group does not hold."""
    store.run(
        "UPDATE tracker_project SET priority = ?, clone_url = ?, git_repo = ?, repository = ?,"
        " version = ?, motd = ?, public = ?, hidden = ?, assign_rate = ?, submit_rate = ?"
        " WHERE group_id = ?",
        (*_values(project), project.id),
    )


def _values(project: Project) -> tuple[object, ...]:
    return (
        project.priority,
        project.clone_url,
        project.git_repo,
        project.git_repo.casefold(),
        project.version,
        project.motd,
        int(project.public),
        int(project.hidden),
        project.assign_rate,
        project.submit_rate,
    )


def project(store: Store, project_id: int) -> Project | None:
    """Give a project; None when there is none."""
    row = store.run(f"{_PROJECTS} WHERE g.id = ?", (project_id,)).fetchone()
    return None if row is None else _project(row)


def _membership(row: Row) -> Membership:
    assign, submit, pending = row[13:16]
    granted = pending is not None and not pending
    return _project(row), Rights(granted and bool(assign), granted and bool(submit))


def membership(store: Store, worker_id: int, project_id: int) -> Membership | None:
    """Give a project and what a worker may do there, in one journey; None without a project."""
    row = store.run(_MEMBER, (worker_id, project_id)).fetchone()
    if row is None:
        return None
    return _membership(row)


def open_to(store: Store, worker_id: int, *, ready: bool, limit: int) -> list[Membership]:
    """Give projects that are not paused, and what a worker may do there, the best one first.

    ready: only those that have a task to hand out; of equal projects the one with the more urgent
    task is the better.
    """
    rows = store.run(_OPEN_READY if ready else _OPEN, (worker_id, limit)).fetchall()
    return [_membership(row) for row in rows]


def projects(store: Store) -> list[Project]:
    """Give all projects by name."""
    return [_project(row) for row in store.run(f"{_PROJECTS} ORDER BY g.name, g.id").fetchall()]


def secrets_of(store: Store, project_id: int) -> tuple[str, str]:
    """Give the secret for workers and that of the webhook."""
    row = store.run(
        "SELECT secret, webhook_secret FROM tracker_project WHERE group_id = ?", (project_id,)
    ).fetchone()
    return ("", "") if row is None else (row[0], row[1])


def set_secret(store: Store, project_id: int, secret: str) -> None:
    """Change the secret for workers."""
    store.run("UPDATE tracker_project SET secret = ? WHERE group_id = ?", (secret, project_id))


def set_webhook_secret(store: Store, project_id: int, secret: str) -> None:
    """Change the secret that push messages are signed with."""
    store.run(
        "UPDATE tracker_project SET webhook_secret = ? WHERE group_id = ?", (secret, project_id)
    )


def of_repository(store: Store, full_name: str, limit: int = 100) -> list[tuple[int, str]]:
    """Give (id, webhook secret) of projects with a repository, whatever its letter case."""
    rows = store.run(
        "SELECT group_id, webhook_secret FROM tracker_project WHERE repository = ?"
        " AND repository <> '' AND webhook_secret <> '' ORDER BY group_id LIMIT ?",
        (full_name.casefold(), limit),
    )
    return [(row[0], row[1]) for row in rows.fetchall()]


def set_version(store: Store, project_id: int, version: str) -> None:
    """Note what was pushed."""
    store.run("UPDATE tracker_project SET version = ? WHERE group_id = ?", (version, project_id))


# -- workers and their access -----------------------------------------------------------------


def insert_remote(store: Store, worker_id: int, secret: str) -> None:
    """Store the secret of a new worker."""
    store.run("INSERT INTO tracker_worker (worker_id, secret) VALUES (?, ?)", (worker_id, secret))


def remote(store: Store, worker_id: int) -> Remote | None:
    """Give a worker; None when there is none."""
    row = store.run(f"{_REMOTES} WHERE t.worker_id = ?", (worker_id,)).fetchone()
    return None if row is None else _remote(row)


def remote_in(
    store: Store, worker_id: int, project_id: int
) -> tuple[Remote, Membership | None] | None:
    """Give a worker, a project and what it may do there, in one journey; None for what is not."""
    row = store.run(_REMOTE_IN, (project_id, worker_id)).fetchone()
    if row is None:
        return None
    return _remote(row), _membership(row[6:]) if row[5] else None


def remotes(store: Store) -> list[Remote]:
    """Give all workers by id."""
    return [_remote(row) for row in store.run(f"{_REMOTES} ORDER BY w.id").fetchall()]


def set_paused(store: Store, worker_id: int, *, paused: bool) -> bool:
    """Pause a worker or let it go on; False when there is none."""
    cursor = store.run(
        "UPDATE tracker_worker SET paused = ? WHERE worker_id = ?", (int(paused), worker_id)
    )
    return cursor.rowcount == 1


def ask(store: Store, worker_id: int, project_id: int, *, assign: bool, submit: bool) -> bool:
    """Store a request; False when the worker has one there, or has access already."""
    row = store.run(
        "INSERT INTO tracker_access (group_id, worker_id, assign, submit, pending)"
        " VALUES (?, ?, ?, ?, 1) ON CONFLICT DO NOTHING RETURNING worker_id",
        (project_id, worker_id, int(assign), int(submit)),
    ).fetchone()
    return row is not None


def accesses(store: Store, project_id: int) -> list[Access]:
    """Give the requests of a project, granted ones first, then by alias."""
    rows = store.run(
        f"SELECT {_REMOTE}, {_RIGHTS} FROM tracker_access a"
        " JOIN tracker_worker t ON t.worker_id = a.worker_id JOIN worker w ON w.id = a.worker_id"
        " WHERE a.group_id = ? ORDER BY a.pending, w.name, w.id",
        (project_id,),
    )
    return [
        Access(
            worker=_remote(row),
            project=project_id,
            assign=bool(row[5]),
            submit=bool(row[6]),
            pending=bool(row[7]),
        )
        for row in rows.fetchall()
    ]


def accept(store: Store, project_id: int, worker_id: int) -> bool:
    """Grant what a worker asked for; False when it did not ask."""
    cursor = store.run(
        "UPDATE tracker_access SET pending = 0 WHERE group_id = ? AND worker_id = ?",
        (project_id, worker_id),
    )
    return cursor.rowcount == 1


def reject(store: Store, project_id: int, worker_id: int) -> bool:
    """Remove a worker's request or access; False when there is none."""
    cursor = store.run(
        "DELETE FROM tracker_access WHERE group_id = ? AND worker_id = ?", (project_id, worker_id)
    )
    return cursor.rowcount == 1


# -- roles ------------------------------------------------------------------------------------


def role(store: Store, project_id: int, manager_id: int) -> Role:
    """Give what a manager may do with a project."""
    row = store.run(
        "SELECT flags FROM tracker_role WHERE group_id = ? AND manager_id = ?",
        (project_id, manager_id),
    ).fetchone()
    return Role(0) if row is None else Role(row[0])


def roles_of(store: Store, manager_id: int) -> Mapping[int, Role]:
    """Give what a manager may do, by project."""
    rows = store.run("SELECT group_id, flags FROM tracker_role WHERE manager_id = ?", (manager_id,))
    return {row[0]: Role(row[1]) for row in rows.fetchall()}


def roles_in(store: Store, project_id: int) -> Sequence[tuple[int, Role]]:
    """Give (manager, role) of all who have one in a project, by manager."""
    rows = store.run(
        "SELECT manager_id, flags FROM tracker_role WHERE group_id = ? ORDER BY manager_id",
        (project_id,),
    )
    return [(row[0], Role(row[1])) for row in rows.fetchall()]


def set_role(store: Store, project_id: int, manager_id: int, wanted: Role) -> None:
    """Replace what a manager may do with a project; none at all removes the manager there."""
    if not wanted:
        store.run(
            "DELETE FROM tracker_role WHERE group_id = ? AND manager_id = ?",
            (project_id, manager_id),
        )
        return
    store.run(
        "INSERT INTO tracker_role (group_id, manager_id, flags) VALUES (?, ?, ?)"
        " ON CONFLICT (group_id, manager_id) DO UPDATE SET flags = excluded.flags",
        (project_id, manager_id, int(wanted)),
    )


# -- history ----------------------------------------------------------------------------------


def insert_log(store: Store, entry: LogEntry) -> None:
    """Keep what a worker reported."""
    store.run(
        "INSERT INTO tracker_log (level, at, message, data) VALUES (?, ?, ?, ?)",
        (entry.level, entry.at, entry.message, entry.data),
    )


def logs(store: Store, *, since: int, level: int, limit: int) -> list[LogEntry]:
    """Give the newest entries later than `since`, oldest first; level 0 is any."""
    where, params = ("at > ?", [since]) if not level else ("level = ? AND at > ?", [level, since])
    rows = store.run(
        f"SELECT message, at, data, level FROM tracker_log WHERE {where}"
        " ORDER BY at DESC, id DESC LIMIT ?",
        [*params, limit],
    ).fetchall()
    return [LogEntry(*row) for row in reversed(rows)]


def insert_snapshot(store: Store, project_id: int, taken: Snapshot) -> None:
    """Keep how a project stands; a second one of the same second changes nothing."""
    store.run(
        "INSERT INTO tracker_snapshot (group_id, at, fresh, failed, closed, accesses, agreed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            project_id,
            taken.at,
            taken.fresh,
            taken.failed,
            taken.closed,
            taken.accesses,
            taken.agreed,
        ),
    )


def snapshots(store: Store, project_id: int, *, begin: int, end: int, limit: int) -> list[Snapshot]:
    """Give snapshots taken from `begin` to `end`, both included, newest first."""
    rows = store.run(
        "SELECT at, fresh, failed, closed, accesses, agreed FROM tracker_snapshot"
        " WHERE group_id = ? AND at >= ? AND at <= ? ORDER BY at DESC LIMIT ?",
        (project_id, begin, end, limit),
    ).fetchall()
    return [
        Snapshot(at=row[0], fresh=row[1], failed=row[2], closed=row[3], accesses=row[4],
                 agreed=row[5])
        for row in rows
    ]  # fmt: skip


def unseen(store: Store, since: float, now: int, limit: int) -> list[int]:
    """Give projects that nobody looked at after `since`, those seen longest ago first.

    A snapshot later than now was taken before the clock was set back, and does not count.
    """
    rows = store.run(
        "SELECT p.group_id FROM tracker_project p LEFT JOIN tracker_snapshot s"
        " ON s.group_id = p.group_id AND s.at = (SELECT MAX(at) FROM tracker_snapshot"
        " WHERE group_id = p.group_id AND at <= ?) WHERE s.at IS NULL OR s.at <= ?"
        " ORDER BY COALESCE(s.at, 0), p.group_id LIMIT ?",
        (now, since, limit),
    )
    return [row[0] for row in rows.fetchall()]


def count_accesses(store: Store, project_id: int) -> int:
    """Count requests and grants of a project."""
    row = store.run(
        "SELECT COUNT(*) FROM tracker_access WHERE group_id = ?", (project_id,)
    ).fetchone()
    return int(row[0]) if row else 0


def delete_old(store: Store, before: int, limit: int) -> int:
    """Delete snapshots older than that; give how many."""
    if store.backend == "sqlite":
        text = "(group_id, at) IN (SELECT group_id, at FROM tracker_snapshot WHERE at < ? LIMIT ?)"
    else:
        text = "ctid IN (SELECT ctid FROM tracker_snapshot WHERE at < ? LIMIT ?)"
    return store.run(f"DELETE FROM tracker_snapshot WHERE {text}", (before, limit)).rowcount


def delete_old_logs(store: Store, before: int, limit: int) -> int:
    """Delete log entries whose own time is before then; give how many."""
    return store.run(
        "DELETE FROM tracker_log WHERE id IN (SELECT id FROM tracker_log WHERE at < ? LIMIT ?)",
        (before, limit),
    ).rowcount
