"""The claim: the one way anybody takes work."""

from collections.abc import Sequence
from contextlib import suppress

from app.data import jobs, leases, lone_leases, waiting, workers
from app.data.db import Store
from app.domain.errors import Contended, Unavailable, WorkerNotActive
from app.domain.events import EventKind
from app.domain.records import Claimed
from app.domain.states import JobState
from app.engine.courses import pool_topic
from app.engine.transaction import EVENTS_TOPIC, Transaction, Transactions


class Claims:
    """Hands out ready tasks."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store: Store = transactions.store

    def claim(
        self,
        worker_id: int,
        queue: str,
        *,
        limit: int = 1,
        start: bool = False,
        only: int | None = None,
    ) -> Sequence[Claimed]:
        """Lease up to `limit` ready tasks of a queue to one worker, in one statement.

        start: for a worker that begins at once, straight to RUNNING.
        only: the one task that is wanted, for a dialect that chooses by more than priority; it is
        not had where another was faster.
        Gives them by priority (high first), then age; fewer than `limit`, or none, is normal.
        A lease ends after the task's own `lease_s` unless it is renewed.
        Raises WorkerNotActive for a worker that has left, was forgotten or never was.
        """
        waits = self._store.in_transaction
        late: list[str] = []
        dialect = queue.partition("/")[0]
        try:
            with self._tx() as tx:
                claimed = leases.claim(
                    self._store,
                    worker_id,
                    queue,
                    limit=limit,
                    now=tx.now,
                    start=start,
                    only=only,
                )
                if not claimed and not workers.is_active(self._store, worker_id):
                    raise WorkerNotActive(worker_id=worker_id)
                kind = EventKind.TASK_STARTED if start else EventKind.TASK_CLAIMED
                for task in claimed:
                    if task.watched and task.job_id is not None:
                        tx.watch(task.job_id)
                    tx.note(
                        kind,
                        dialect,
                        job_id=task.job_id,
                        task_id=task.task_id,
                        worker=worker_id,
                        number=task.number,
                    )
                if start:
                    # Their tasks are locked by now, and the order is job before task.
                    jobs_of = dict.fromkeys(task.job_id for task in claimed if task.job_id)
                    late = [
                        job_id
                        for job_id in jobs_of
                        if not note_start(self._store, tx, job_id, dialect, wait=waits)
                    ]
        except Contended:
            if self._store.in_transaction:  # which the database has given up as a whole
                raise
            return ()
        for job_id in late:
            # The tasks are handed out whatever becomes of this; a job moves on with its first end.
            with suppress(Unavailable), self._tx() as tx:
                if any(task.watched and task.job_id == job_id for task in claimed):
                    tx.watch(job_id)
                note_start(self._store, tx, job_id, dialect)
        return claimed

    def claim_lone(self, worker_id: int, queue: str, *, limit: int = 1) -> Sequence[Claimed]:
        """Lease ready tasks that belong to no job, of a queue that has no others; as `claim`.

        They may need several workers: one that has done its part of a task gets it no more.
        Raises WorkerNotActive.
        """
        try:
            with self._tx.single() as tx:
                claimed = lone_leases.claim(self._store, worker_id, queue, limit=limit, now=tx.now)
                if claimed:
                    tx.ring(EVENTS_TOPIC)
        except Contended:
            if self._store.in_transaction:  # which the database has given up as a whole
                raise
            return ()
        if not claimed:
            with self._store.session():
                if not workers.is_active(self._store, worker_id):
                    raise WorkerNotActive(worker_id=worker_id)
        return claimed


def note_start(
    store: Store, tx: Transaction, job_id: str, dialect: str, *, wait: bool = True
) -> bool:
    """Move a job to RUNNING when its first task starts, and off the waiting list.

    False when another transaction holds the job and `wait` is not wanted; try again later then.
    """
    started = jobs.start(store, job_id, tx.now, wait=wait)
    if started is None:
        return True
    if not started.done:
        return False
    tx.note(EventKind.JOB_STARTED, dialect, job_id=job_id, state=JobState.RUNNING)
    if started.pool is not None and waiting.leave(store, job_id):
        tx.ring(pool_topic(started.pool))
    return True
