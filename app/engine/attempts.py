"""Reports of those who hold a lease.

Every report names its lease: task and number of the hand-out. One from an old hand-out changes
nothing and raises LeaseLost, so whatever arrives late or twice counts once.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from app.data import jobs, leases, lone
from app.data.db import Store
from app.domain.clock import Instant
from app.domain.errors import JobNotFound, LeaseLost, TaskNotFound
from app.domain.events import EventKind
from app.domain.records import Attempt, Lease
from app.domain.retry import delay_us
from app.domain.states import AttemptState, TaskState
from app.engine.claims import note_start
from app.engine.courses import Courses, pool_topic
from app.engine.ends import End, Ends
from app.engine.services import GONE, STOPPED, ends_job, withdraw
from app.engine.transaction import (
    SLOTS_TOPIC,
    Moved,
    Transaction,
    Transactions,
    queue_topic,
    retried,
)

T = TypeVar("T")

LOST_TOO_OFTEN = "task redelivered too many times"


class Attempts:
    """Start, progress and end of hand-outs."""

    def __init__(self, transactions: Transactions, courses: Courses) -> None:
        self._tx = transactions
        self._store: Store = transactions.store
        self._ends = Ends(transactions, courses)

    def started(self, lease: Lease) -> None:
        """Report that the work began. A second report changes nothing. Raises LeaseLost."""
        self._retried(lambda: self._started(lease))

    def complete(
        self,
        lease: Lease,
        *,
        result: str | None = None,
        verification: int | None = None,
    ) -> bool:
        """Report good work; with its follow-up tasks and events one transaction.

        verification: the value that several workers must agree on, where the task wants that.
        False: good, but not verified by enough workers yet, and queued again.
        Raises LeaseLost.
        """
        return self._retried(lambda: self._complete(lease, result, verification))

    def fail(self, lease: Lease, error: str, *, retry: bool = True) -> bool:
        """Report failed work; True when the task will be tried again.

        retry: whether tries that are left may be used. Raises LeaseLost.
        """
        return self._retried(lambda: self._fail(lease, error, retry=retry))

    def release(self, lease: Lease, *, delay_s: float = 0.0) -> None:
        """Give a task back unharmed, to be handed out again after a while. Raises LeaseLost."""
        self._retried(lambda: self._put_back(lease, AttemptState.RELEASED, delay_s=delay_s))

    def lose(self, lease: Lease, *, before: Instant = leases.ALWAYS) -> bool:
        """Note that the holder vanished; False when the lease was gone already.

        The task is handed out again, and fails once that has happened too often.
        before: only if the lease ended before then; a holder may renew it at the last moment.
        """
        try:
            return self._retried(lambda: self._lose(lease, before))
        except (LeaseLost, TaskNotFound):
            return self._gone(lease, before)

    def renew(self, held: Iterable[Lease]) -> list[Lease]:
        """Let leases begin anew, in one transaction; give those that are lost."""
        # In one order for all, or two that renew would wait for each other.
        wanted = sorted(held)
        return self._retried(lambda: self._renew(wanted))

    def progress(self, lease: Lease, percent: float) -> None:
        """Report how far the work is, 0-100. Raises LeaseLost."""
        self._retried(lambda: self._progress(lease, percent))

    def _progress(self, lease: Lease, percent: float) -> None:
        with self._tx() as tx:
            held = leases.standing(self._store, lease)
            self._watch(tx, held)
            dialect = held.queue.partition("/")[0]
            if held.job_id is not None and held.parent_id is None:
                self._job_progress(tx, held.job_id, dialect, percent)
            leases.progress(self._store, lease, percent)
            tx.note(
                EventKind.TASK_PROGRESSED,
                dialect,
                job_id=held.job_id,
                task_id=lease.task_id,
                progress=percent,
            )

    def gone(self, lease: Lease) -> bool:
        """Report that the processes of a cancelled task have ended; frees its place."""
        return self._gone(lease, leases.ALWAYS)

    def _gone(self, lease: Lease, before: Instant) -> bool:
        return self._retried(lambda: self._try_gone(lease, before))

    def _try_gone(self, lease: Lease, before: Instant) -> bool:
        with self._tx() as tx:
            place = leases.place_of(self._store, lease)
            # The job before its task, as everywhere; and of two tasks that go at once the second
            # sees that the first has gone, so that one of them frees the place.
            over = place is not None and self._locked_final(place[0])
            if not leases.gone(self._store, lease, before):
                return False
            if place is not None and over:
                job_id, pool = place
                if not leases.job_is_held(self._store, job_id):
                    jobs.hold_slot(self._store, job_id, held=False)
                tx.ring(pool_topic(pool))
                tx.ring(SLOTS_TOPIC)
        return True

    def _locked_final(self, job_id: str) -> bool:
        with contextlib.suppress(JobNotFound):  # deleted meanwhile, and its task with it
            return jobs.lock(self._store, job_id).final
        return False

    def held(self, worker_id: int) -> Mapping[Lease, TaskState]:
        """Give a worker's leases and how their tasks stand; CANCELLED ones are to be killed."""
        with self._store.session():
            return dict(leases.held(self._store, worker_id))

    def silent(self, length_us: int, since: Instant, *, limit: int = 500) -> list[Lease]:
        """Give leases, at least so long, that were given or last renewed before `since`.

        For holders whose patience is decided anew at each look: their leases never end by
        themselves. `lose` takes one back, with `before` = `since` + `length_us`.
        """
        with self._store.session():
            return leases.renewed_before(self._store, length_us, since, limit)

    def lease_of(self, worker_id: int, task_id: int) -> Lease:
        """Give the lease by which a worker holds a task.

        For clients whose reports cannot name the hand-out. Raises LeaseLost when it holds it not.
        """
        with self._store.session():
            lease = leases.of_worker(self._store, worker_id, task_id)
        if lease is None:
            raise LeaseLost(task_id=task_id)
        return lease

    def history(self, task_id: int) -> Sequence[Attempt]:
        """Give the hand-outs of a task, first one first."""
        with self._store.session():
            return leases.attempts(self._store, task_id)

    # -- one try each -------------------------------------------------------------------------

    def _retried(self, verb: Callable[[], T]) -> T:
        return retried(self._store, verb)

    def _started(self, lease: Lease) -> None:
        with self._tx() as tx:
            held = leases.standing(self._store, lease)
            self._watch(tx, held)
            dialect = held.queue.partition("/")[0]
            noted = len(tx.events)
            if held.job_id is not None:
                note_start(self._store, tx, held.job_id, dialect)
            if leases.started(self._store, lease, tx.now):
                tx.note(EventKind.TASK_STARTED, dialect, job_id=held.job_id, task_id=lease.task_id)
            elif len(tx.events) > noted:
                raise Moved  # the job started for a hand-out that is over by now

    def _renew(self, held: Sequence[Lease]) -> list[Lease]:
        with self._store.transaction():
            now = self._tx.clock.now()
            return [lease for lease in held if not leases.renew(self._store, lease, now)]

    def _complete(self, lease: Lease, result: str | None, verification: int | None) -> bool:
        with self._store.session():
            held = leases.standing(self._store, lease)
            if held.verifications > 1:
                return self._verify(lease, held, result, verification or 0)
            if held.job_id is None:
                with self._tx() as tx:
                    self._finish(tx, lease, held, result)
                    self._close(tx, lease, AttemptState.DONE, verification=verification)
                return True
        self._ends.end(
            End(
                lease=lease,
                job_id=held.job_id,
                state=TaskState.COMPLETED,
                attempt=AttemptState.DONE,
                result=result,
            )
        )
        return True

    def _verify(self, lease: Lease, held: leases.Standing, result: str | None, value: int) -> bool:
        with self._tx() as tx:
            agreed = leases.verified(self._store, lease.task_id, value) + 1
            if agreed < held.verifications:
                self._again(tx, lease, held, agreed=1)
                tx.note(
                    EventKind.TASK_VERIFIED,
                    held.queue.partition("/")[0],
                    job_id=held.job_id,
                    task_id=lease.task_id,
                )
            else:
                self._finish(tx, lease, held, result)
            self._close(tx, lease, AttemptState.DONE, verification=value)
        return agreed >= held.verifications

    def _fail(self, lease: Lease, error: str, *, retry: bool) -> bool:
        with self._store.session():
            held = leases.standing(self._store, lease)
            again = retry and held.failures + 1 < held.max_attempts
            if again and not ends_job(self._store, held):
                wait = delay_us(held.retry_delay_us, held.retry_factor, held.failures + 1)
                with self._tx() as tx:
                    self._again(tx, lease, held, wait_us=wait, error=error, failures=1)
                    self._close(tx, lease, AttemptState.FAILED, error=error)
                return True
            if held.job_id is None:
                with self._tx() as tx:
                    self._over(tx, lease, held, TaskState.FAILED, error=error, failed=True)
                    self._close(tx, lease, AttemptState.FAILED, error=error)
                return False
        self._ends.end(
            End(
                lease=lease,
                job_id=held.job_id,
                state=TaskState.FAILED,
                attempt=AttemptState.FAILED,
                error=error,
            )
        )
        return False

    def _put_back(self, lease: Lease, state: AttemptState, *, delay_s: float = 0.0) -> bool:
        with self._store.session():
            held = leases.standing(self._store, lease)
            ends = ends_job(self._store, held)
        if ends and held.job_id is not None:
            self._ends.end(
                End(
                    lease=lease,
                    job_id=held.job_id,
                    state=TaskState.FAILED,
                    attempt=state,
                    error=STOPPED,
                )
            )
            return True
        with self._tx() as tx:
            wait = round(delay_s * 1_000_000)
            self._again(tx, lease, held, wait_us=wait)
            self._close(tx, lease, state)
            tx.note(
                EventKind.TASK_RELEASED,
                held.queue.partition("/")[0],
                job_id=held.job_id,
                task_id=lease.task_id,
            )
        return True

    def _lose(self, lease: Lease, before: Instant) -> bool:
        with self._store.session():
            held = leases.standing(self._store, lease)
            dialect = held.queue.partition("/")[0]
            ends = ends_job(self._store, held)
            if held.losses + 1 <= held.max_losses and not ends:
                with self._tx() as tx:
                    self._ran_out(lease, before)
                    self._again(tx, lease, held, losses=1)
                    self._close(tx, lease, AttemptState.LOST)
                    tx.note(EventKind.TASK_LOST, dialect, job_id=held.job_id, task_id=lease.task_id)
                return True
            if held.job_id is None:
                with self._tx() as tx:
                    self._ran_out(lease, before)
                    self._over(tx, lease, held, TaskState.FAILED, error=LOST_TOO_OFTEN)
                    self._close(tx, lease, AttemptState.LOST)
                return True
        self._ends.end(
            End(
                lease=lease,
                job_id=held.job_id,
                state=TaskState.FAILED,
                attempt=AttemptState.LOST,
                error=GONE if ends else LOST_TOO_OFTEN,
                before=before,
            )
        )
        return True

    # -- pieces -------------------------------------------------------------------------------

    def _ran_out(self, lease: Lease, before: Instant) -> None:
        if before != leases.ALWAYS and not leases.ran_out(self._store, lease, before):
            raise LeaseLost(task_id=lease.task_id, number=lease.number)

    def _finish(
        self, tx: Transaction, lease: Lease, held: leases.Standing, result: str | None
    ) -> None:
        """Complete a task without a job, and copy it along the chain of its group."""
        copied = lone.copy_along(self._store, lease.task_id, tx.now)
        self._over(tx, lease, held, TaskState.COMPLETED, result=result)
        leases.free_key(self._store, lease.task_id)
        if copied is not None:
            task_id, queue = copied
            tx.note(EventKind.TASK_QUEUED, queue.partition("/")[0], task_id=task_id)
            tx.ring(queue_topic(queue))

    def _over(
        self,
        tx: Transaction,
        lease: Lease,
        held: leases.Standing,
        state: TaskState,
        *,
        result: str | None = None,
        error: str | None = None,
        failed: bool = False,
    ) -> None:
        good = state is TaskState.COMPLETED
        if not leases.end(
            self._store,
            lease,
            state=state,
            result=result,
            error=error,
            failures=int(failed),
            now=tx.now,
        ):
            raise LeaseLost(task_id=lease.task_id, number=lease.number)
        kind = EventKind.TASK_COMPLETED if good else EventKind.TASK_FAILED
        tx.note(kind, held.queue.partition("/")[0], task_id=lease.task_id)

    def _close(
        self,
        tx: Transaction,
        lease: Lease,
        state: AttemptState,
        *,
        error: str | None = None,
        verification: int | None = None,
    ) -> None:
        leases.end_attempt(
            self._store, lease, state=state, error=error, verification=verification, now=tx.now
        )

    def _again(
        self,
        tx: Transaction,
        lease: Lease,
        held: leases.Standing,
        *,
        wait_us: int = 0,
        error: str | None = None,
        failures: int = 0,
        losses: int = 0,
        agreed: int = 0,
    ) -> None:
        due_at = tx.now + wait_us if wait_us > 0 else None
        if held.addresses is not None and held.job_id is not None:
            withdraw(self._store, tx, lease, held.job_id)
        if not leases.again(
            self._store,
            lease,
            due_at=due_at,
            error=error,
            failures=failures,
            losses=losses,
            agreed=agreed,
            now=tx.now,
        ):
            raise LeaseLost(task_id=lease.task_id, number=lease.number)
        self._watch(tx, held)
        kind = EventKind.TASK_QUEUED if due_at is None else EventKind.TASK_CREATED
        dialect = held.queue.partition("/")[0]
        tx.note(kind, dialect, job_id=held.job_id, task_id=lease.task_id)
        if due_at is None:
            tx.ring(queue_topic(held.queue))

    def _watch(self, tx: Transaction, held: leases.Standing) -> None:
        if held.watched and held.job_id is not None:
            tx.watch(held.job_id)

    def _job_progress(self, tx: Transaction, job_id: str, dialect: str, percent: float) -> None:
        job = jobs.get(self._store, job_id)
        if job.task_count <= 0 or job.position <= 0:
            return
        total = round((job.position - 1 + percent / 100) / job.task_count * 100, 2)
        position = jobs.progress(self._store, job_id, total)
        if position is not None:
            tx.note(
                EventKind.JOB_PROGRESSED, dialect, job_id=job_id, progress=total, position=position
            )
