"""Reads for whoever looks around, bounded whatever is stored; see `app.data.browse`."""

from collections.abc import Mapping, Sequence

from app.data import browse, listing
from app.data.db import Store
from app.domain.events import Event
from app.domain.records import Attempt, Job, Task
from app.domain.states import TaskState


class Browse:
    """What pages show of many things at once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def job_count(self, dialect: str | None = None) -> int:
        """Count the jobs of a dialect, or of all, without looking at them."""
        with self._store.session():
            return listing.total(self._store, dialect)

    def tasks(
        self,
        *,
        states: Sequence[TaskState] = (),
        queue: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[Task], int | None]:
        """Give tasks with ids below `before`, newest first, and the `before` of those behind them.

        Of a great many tasks some are looked at, so there may be fewer than `limit`, or none, and
        more behind them; only at the end of all there is no `before`.
        """
        with self._store.session():
            return browse.newest_tasks(
                self._store, states=states, queue=queue, before=before, limit=limit
            )

    def attempts(self, task_ids: Sequence[int], *, limit: int = 1000) -> Sequence[Attempt]:
        """Give hand-outs of some tasks, by task and number; the first so many."""
        with self._store.session():
            return browse.attempts(self._store, task_ids, limit=limit)

    def needs(self, task_ids: Sequence[int]) -> Sequence[tuple[int, int]]:
        """Give pairs of a task, of these, and one whose end or readiness it waits or waited for."""
        with self._store.session():
            return browse.needs(self._store, task_ids)

    def worker_names(self, worker_ids: Sequence[int]) -> Mapping[int, str]:
        """Give the names of those workers that are known, by id."""
        with self._store.session():
            return browse.worker_names(self._store, worker_ids)

    def events(self, job: Job, *, limit: int = 200) -> tuple[Sequence[Event], bool]:
        """Give what is kept of what happened to a job, oldest first, and whether that is all.

        Of a long one on a busy server the first and the last `limit`, at most, that are found near
        its beginning and its end.
        """
        with self._store.session():
            return browse.events(self._store, job.id, job.created_at, job.ended_at, limit=limit)
