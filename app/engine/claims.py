"""The claim: the one way anybody takes work."""

from collections.abc import Sequence

from app.data import jobs, leases, waiting
from app.data.db import Store
from app.domain.errors import Contended
from app.domain.events import EventKind
from app.domain.records import Claimed
from app.domain.states import JobState
from app.engine.courses import pool_topic
from app.engine.transaction import Transaction, Transactions


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
        verified: bool = False,
    ) -> Sequence[Claimed]:
        """Lease up to `limit` ready tasks of a queue to one worker, in one statement.

        start: for a worker that begins at once, straight to RUNNING.
        verified: whether tasks of this queue may need several workers.
        Gives them by priority (high first), then age; fewer than `limit`, or none, is normal.
        A lease ends after the task's own `lease_s` unless it is renewed.
        """
        try:
            with self._tx() as tx:
                claimed = leases.claim(
                    self._store,
                    worker_id,
                    queue,
                    limit=limit,
                    now=tx.now,
                    start=start,
                    verified=verified,
                )
                kind = EventKind.TASK_STARTED if start else EventKind.TASK_CLAIMED
                dialect = queue.partition("/")[0]
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
                    if start and task.job_id is not None:
                        note_start(self._store, tx, task.job_id, dialect)
        except Contended:
            if self._store.in_transaction:  # which the database has given up as a whole
                raise
            return ()
        return claimed


def note_start(store: Store, tx: Transaction, job_id: str, dialect: str) -> None:
    """Move a job to RUNNING when its first task starts, and off the waiting list."""
    if not jobs.start(store, job_id, tx.now):
        return
    tx.note(EventKind.JOB_STARTED, dialect, job_id=job_id, state=JobState.RUNNING)
    pool = jobs.get(store, job_id).pool
    if pool is not None and waiting.leave(store, job_id):
        tx.ring(pool_topic(pool))
