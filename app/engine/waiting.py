"""Verbs on waiting lists: how many may run, who is where, who comes next."""

from collections.abc import Callable, Sequence

from app.data import jobs, waiting
from app.domain.clock import SECOND, Instant
from app.domain.errors import IllegalMove, JobNotFound
from app.domain.events import EventKind
from app.domain.records import Job
from app.domain.waiting import Pool, Turn, WaitingEntry
from app.engine.courses import pool_topic
from app.engine.rounds import each
from app.engine.transaction import Transactions

STAYS = 50
"""Of so many jobs the latest stays are taken."""


class Waiting:
    """Admission to pools with a limited number of slots."""

    def __init__(
        self,
        transactions: Transactions,
        start: Callable[[str], Job],
        cancel: Callable[..., Job],
    ) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._start = start
        self._cancel = cancel

    def set_limit(self, pool: str, max_running: int) -> None:
        """Say how many jobs of a pool may run at a time; those that fit now start at once."""
        with self._tx():
            waiting.set_limit(self._store, pool, max_running)
        self.admit(pool)

    def entry(self, job_id: str) -> WaitingEntry:
        """Give a job's place. Raises EntryNotFound."""
        with self._store.session():
            return waiting.entry(self._store, job_id)

    def entries(self, pool: str, *, limit: int = 1000, offset: int = 0) -> Sequence[WaitingEntry]:
        """Give the list of a pool from the front."""
        with self._store.session():
            return waiting.entries(self._store, pool, limit=limit, offset=offset)

    def move(self, job_id: str, turn: Turn) -> WaitingEntry:
        """Give a job that waits another place in its list, and tell all who wait; its place then.

        Raises EntryNotFound, IllegalMove once it has its slot.
        """
        with self._tx() as tx:
            found = self._locked(job_id)
            if waiting.move(self._store, job_id, turn):
                dialect = jobs.get(self._store, job_id).dialect
                tx.note(EventKind.JOB_MOVED, dialect, job_id=job_id, pool=found.pool)
                tx.ring(pool_topic(found.pool))
            return waiting.entry(self._store, job_id)

    def remove(self, job_id: str, reason: str) -> Job:
        """Cancel a job that waits, and nothing once it has its slot; the job as it is then.

        Raises EntryNotFound, IllegalMove.
        """
        with self._tx():
            self._locked(job_id)
            return self._cancel(job_id, reason=reason)

    def _locked(self, job_id: str) -> WaitingEntry:
        """Give the place of a job that waits, and let nobody be admitted until the commit."""
        waiting.lock(self._store, waiting.entry(self._store, job_id).pool)
        found = waiting.entry(self._store, job_id)
        if found.admitted:
            raise IllegalMove("It does not wait any more.", current="starting", wanted="moved")
        return found

    def busy(self, *, limit: int = 100) -> Sequence[Pool]:
        """Give the pools in which somebody has or wants a slot, those first where most wait."""
        with self._store.session():
            return waiting.busy(self._store, limit)

    def holders(self, pool: str, *, limit: int = 100) -> Sequence[Job]:
        """Give the jobs that have a slot of a pool, those first that have had it longest."""
        with self._store.session():
            return waiting.holders(self._store, pool, limit)

    def line(
        self, pool: str, *, limit: int = 100, offset: int = 0
    ) -> Sequence[tuple[WaitingEntry, Job]]:
        """Give a part of the list of a pool from the front, with the jobs."""
        with self._store.session():
            found = waiting.entries(self._store, pool, limit=limit, offset=offset)
            known = waiting.waiting_jobs(self._store, [one.job_id for one in found])
        return [(one, known[one.job_id]) for one in found if one.job_id in known]

    def counts(self, pool: str) -> waiting.PoolCounts:
        """Count who waits, starts and runs; fast however long the list is."""
        with self._store.session():
            return waiting.counts(self._store, pool)

    def stay_s(self, pool: str) -> float | None:
        """Give the mean time, in seconds, that the latest jobs of a pool held their slots.

        Of jobs that ran and are over; None when there is none yet.
        """
        with self._store.session():
            found = waiting.stays(self._store, pool, STAYS)
        return sum(found) / len(found) / SECOND if found else None

    def admit(self, pool: str) -> int:
        """Start those at the head while a slot is free; give how many."""
        started = 0
        while True:
            with self._store.session():
                head = waiting.head(self._store, pool)
            if head is None:
                return started
            try:
                self._start(head)
            except (IllegalMove, JobNotFound):
                return started
            started += 1

    def run_once(self, now: Instant) -> int:
        """Free the slots of jobs that are over and gone, then admit; give how many started."""
        del now
        with self._tx() as tx:
            for job_id, pool in waiting.slots_to_free(self._store, 500):
                jobs.hold_slot(self._store, job_id, held=False)
                tx.ring(pool_topic(pool))
        with self._store.session():
            pools = waiting.pools_to_admit(self._store)
        return each(pools, self.admit)
