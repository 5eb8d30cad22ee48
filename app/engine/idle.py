"""Idle limits: a running job that nobody touches for too long is cancelled, after a warning.

Both the limit and the time that is left are rows, so they survive every restart.
"""

from contextlib import suppress

from app.data import idle, jobs
from app.domain.clock import SECOND, Instant
from app.domain.errors import EntryNotFound, IllegalMove, JobNotFound
from app.domain.events import EventKind
from app.engine.courses import pool_topic
from app.engine.jobs import Jobs
from app.engine.rounds import each
from app.engine.transaction import Transactions

UNUSED = "idle for too long"
BATCH = 500


class Idle:
    """Counts from when a job runs; `Submission.idle_s` says how long.

    With `idle_warning_s` the last part of it begins with a warning: `job.idle` is noted, and from
    then on that part is counted in full, however late the warning was.
    """

    def __init__(self, transactions: Transactions, all_jobs: Jobs) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._jobs = all_jobs

    def touch(self, job_id: str) -> Instant:
        """Let a running job's time begin anew, and give when it ends.

        Raises EntryNotFound when no time is counted: it has no limit, or does not run.
        """
        with self._store.transaction():
            ends_at = idle.touch(self._store, job_id, self._tx.clock.now())
        if ends_at is None:
            raise EntryNotFound("the job has no idle limit, or does not run", job_id=job_id)
        return ends_at

    def deadline(self, job_id: str) -> Instant | None:
        """Give when a job's time ends; None when none is counted."""
        with self._store.session():
            return idle.deadline(self._store, job_id)

    def run_once(self, now: Instant) -> int:
        """Count for what runs by now, warn, and cancel what went unused for too long.

        Gives how many were cancelled.
        """
        with self._tx() as tx:
            idle.end(self._store)
            idle.begin(self._store, now)
            for warned in idle.warn(self._store, now, BATCH):
                job = jobs.get(self._store, warned.job_id)
                left_s = warned.left_us / SECOND
                tx.note(EventKind.JOB_IDLE, job.dialect, job_id=job.id, left_s=left_s)
                if job.pool is not None:
                    tx.ring(pool_topic(job.pool))
            found = idle.passed(self._store, now, BATCH)
        return each(found, lambda job_id: self._cancel(job_id, now))

    def _cancel(self, job_id: str, now: Instant) -> int:
        with suppress(IllegalMove, JobNotFound), self._tx():
            ends_at = idle.deadline(self._store, job_id)
            if ends_at is None or ends_at > now:
                return 0  # touched a moment ago
            self._jobs.cancel(job_id, reason=UNUSED)
            return 1
        return 0
