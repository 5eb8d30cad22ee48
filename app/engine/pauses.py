"""Verbs that pause jobs, and the duty that ends what a pause or its end has begun.

A pause is one change of the job's row, and that of the jobs its tasks wait for: from its commit on
no task of theirs is handed out. The rest, a batch in each transaction, only spares the claims to
look at tasks that nobody may have.
"""

from app.data import pauses
from app.domain.clock import Instant
from app.domain.errors import IllegalMove
from app.domain.events import EventKind
from app.engine.courses import CLOSED_AT_ONCE
from app.engine.jobs import Jobs
from app.engine.rounds import each
from app.engine.transaction import Transactions, queue_topic, retried

BATCH = 100


class Pauses:
    """Lets running tasks of a job end, and holds all others."""

    def __init__(self, transactions: Transactions, all_jobs: Jobs) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._jobs = all_jobs

    def pause(self, job_id: str) -> None:
        """Hand out nothing more of a job; what its tasks start meanwhile is paused as well.

        Raises IllegalMove when it is paused or over, JobNotFound.
        """
        self._set(job_id, paused=True)

    def resume(self, job_id: str) -> None:
        """Go on. Raises IllegalMove when it is not paused, JobNotFound."""
        self._set(job_id, paused=False)

    def _set(self, job_id: str, *, paused: bool) -> None:
        changed = retried(self._store, lambda: self._mark(job_id, paused=paused))
        if not self._store.in_transaction:
            for each_id in changed:
                self._settle(each_id)

    def _mark(self, job_id: str, *, paused: bool) -> list[str]:
        with self._tx() as tx:
            if paused:
                changed = pauses.pause(self._store, job_id, tx.now)
            else:
                changed = pauses.resume(self._store, job_id)
            if job_id not in dict(changed):
                current = self._jobs.get(job_id).state
                raise IllegalMove(current=current, wanted="paused" if paused else "resumed")
            kind = EventKind.JOB_PAUSED if paused else EventKind.JOB_RESUMED
            for each_id, dialect in changed:
                tx.note(kind, dialect, job_id=each_id)
        return [each_id for each_id, _ in changed]

    def run_once(self, now: Instant) -> int:
        """Hold what became ready in paused jobs, and let go what is held of others; how many."""
        del now
        with self._store.session():
            found = pauses.unsettled(self._store, BATCH)
        return each(found, self._settle)

    def _settle(self, job_id: str) -> int:
        count = 0
        while moved := retried(self._store, lambda: self._settle_some(job_id)):
            count += moved
        return count

    def _settle_some(self, job_id: str) -> int:
        with self._tx() as tx:
            paused = pauses.is_paused(self._store, job_id)
            if paused is None:
                return 0
            if paused:
                kind = EventKind.TASK_HELD
                moved = pauses.hold_some(self._store, job_id, CLOSED_AT_ONCE)
            else:
                kind = EventKind.TASK_QUEUED
                moved = pauses.let_go_some(self._store, job_id, tx.now, CLOSED_AT_ONCE)
            for task_id, queue in moved:
                tx.note(kind, queue.partition("/")[0], job_id=job_id, task_id=task_id)
                if not paused:
                    tx.ring(queue_topic(queue))
        return len(moved)
