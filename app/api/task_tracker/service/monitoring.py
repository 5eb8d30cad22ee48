"""Figures of projects: now, and as they were."""

from app.api.task_tracker import tables
from app.api.task_tracker.records import Project, Snapshot
from app.domain.clock import SECOND, Instant
from app.domain.records import Json
from app.wiring import Services

MOST_ASSIGNEES = 16
MOST = 999
END = 2**31 - 1
KEPT_LOGS_S = 30 * 24 * 3600
BATCH = 100
"""Projects that one round looks at."""
FORGOTTEN = 1000
"""Old rows that one round deletes."""


def snapshots(services: Services, project: Project, count: int) -> list[Snapshot]:
    """Give the newest snapshots, newest first."""
    store = services.engine.store
    with store.session():
        return tables.snapshots(store, project.id, begin=0, end=2**62, limit=count)


def between(services: Services, project: Project, begin: int, end: int) -> list[Snapshot]:
    """Give the snapshots of a time (Unix seconds, both ends included), newest first."""
    store = services.engine.store
    with store.session():
        return tables.snapshots(store, project.id, begin=begin, end=end, limit=100_000)


def assignees(services: Services, project: Project) -> list[Json]:
    """Count a project's open and failed tasks by who holds them, most first."""
    engine = services.engine
    with engine.store.session():
        found = engine.groups.holders(engine.groups.get(project.id))[:MOST_ASSIGNEES]
        known = engine.workers.names([one.worker_id for one in found if one.worker_id])
    return [
        {
            "assignee": "unassigned" if one.worker_id is None else known.get(one.worker_id, ""),
            "task_count": one.tasks,
        }
        for one in found
    ]


def run_once(services: Services, now: Instant) -> int:
    """Take a snapshot of each project whose last one is old enough; give how many.

    Forgets snapshots, and log entries, of long ago.
    """
    store = services.engine.store
    settings = services.settings.task_tracker
    at = now // SECOND
    with store.session():
        due = tables.unseen(store, at - settings.snapshot_interval_s, at, BATCH)
    taken = [(project_id, _seen(services, project_id, at)) for project_id in due]
    if not taken:
        return 0
    with store.transaction():
        for project_id, snapshot in taken:
            tables.insert_snapshot(store, project_id, snapshot)
        tables.delete_old(store, at - int(settings.history_length_s), FORGOTTEN)
        tables.delete_old_logs(store, at - KEPT_LOGS_S, FORGOTTEN)
    return len(taken)


def _seen(services: Services, project_id: int, at: int) -> Snapshot:
    groups = services.engine.groups
    with services.engine.store.session():
        figures = groups.figures(groups.get(project_id))
        accesses = tables.count_accesses(services.engine.store, project_id)
    return Snapshot(
        at=at,
        fresh=figures.fresh,
        failed=figures.failed,
        closed=figures.finished,
        accesses=accesses,
        agreed=figures.agreed,
    )
