"""The duty that forgets what has been kept long enough."""

from dataclasses import dataclass

from app.data import audit, buckets, deliveries, events, jobs
from app.domain.clock import Instant, seconds
from app.domain.errors import IllegalMove, JobNotFound
from app.engine.jobs import Jobs
from app.engine.logs import Logs
from app.engine.transaction import Transactions

BATCH = 1000
IDLE_BUCKET_S = 3600.0
"""A rate that nobody used for so long is forgotten; it has drained long ago."""
IDLE_DEEP_BUCKET_S = 30 * 24 * 3600.0
"""The same for one from which very much was taken at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept, in seconds. sparing: dialects that see to their jobs themselves."""

    jobs_s: float = 365 * 24 * 3600.0
    logs_s: float = 7 * 24 * 3600.0
    events_s: float = 24 * 3600.0
    audit_s: float = 365 * 24 * 3600.0
    sparing: tuple[str, ...] = ()


class Prune:
    """Deletes by age, a bounded number at a time."""

    def __init__(
        self, transactions: Transactions, all_jobs: Jobs, logs: Logs, retention: Retention
    ) -> None:
        self._store = transactions.store
        self._jobs = all_jobs
        self._logs = logs
        self._keep = retention

    def run_once(self, now: Instant) -> int:
        """Delete what is past its time, of jobs, output, events, rates; give how many."""
        with self._store.session():
            before = now - seconds(self._keep.jobs_s)
            found = jobs.expired(self._store, now, before, BATCH, sparing=self._keep.sparing)
        count = 0
        for job_id in found:
            try:
                self._jobs.delete(job_id)
                count += 1
            except (JobNotFound, IllegalMove):
                continue
        count += self._logs.prune(now - seconds(self._keep.logs_s), BATCH)
        with self._store.transaction():
            count += events.delete_before(self._store, now - seconds(self._keep.events_s), BATCH)
            count += audit.delete_before(self._store, now - seconds(self._keep.audit_s), BATCH)
            count += deliveries.forget_jobs(self._store)
            count += buckets.delete_idle(
                self._store,
                now - seconds(IDLE_BUCKET_S),
                BATCH,
                deep_before=now - seconds(IDLE_DEEP_BUCKET_S),
            )
        return count
