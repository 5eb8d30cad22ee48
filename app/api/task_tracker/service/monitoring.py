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
BATCH = 1000


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


class Snapshots:
    """The duty that looks at every project now and then, and forgets what it saw long ago."""

    def __init__(self, services: Services) -> None:
        self._services = services
        settings = services.settings.task_tracker
        self._every_s = settings.snapshot_interval_s
        self._kept_s = settings.history_length_s

    def run_once(self, now: Instant) -> int:
        """Take a snapshot of each project whose last one is old enough; give how many."""
        store = self._services.engine.store
        at = now // SECOND
        with store.session():
            known = tables.projects(store)
        taken = sum(self._take(project, at) for project in known)
        with store.transaction():
            tables.delete_old(store, at - int(self._kept_s), BATCH)
            tables.delete_old_logs(store, at - KEPT_LOGS_S, BATCH)
        return taken

    def _take(self, project: Project, at: int) -> int:
        engine = self._services.engine
        with engine.store.session():
            if tables.last_snapshot(engine.store, project.id) > at - self._every_s:
                return 0
            figures = engine.groups.figures(engine.groups.get(project.id))
            accesses = tables.count_accesses(engine.store, project.id)
        snapshot = Snapshot(
            at=at,
            fresh=figures.fresh,
            failed=figures.failed,
            closed=figures.finished,
            accesses=accesses,
            agreed=figures.agreed,
        )
        with engine.store.transaction():
            tables.insert_snapshot(engine.store, project.id, snapshot)
        return 1
