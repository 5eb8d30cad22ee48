"""The end of a job's task, and all that follows from it, in one transaction.

What follows is decided on a snapshot of the job, and decided anew where that has moved meanwhile.
Where the tasks of one job end by the dozen in one process, they would nearly all decide in vain,
and wait for each other's commits: there those that come together are decided one upon the other
and stored by one commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.data import jobs, leases, tasks
from app.data.db import Store
from app.domain.clock import Instant
from app.domain.errors import JobNotFound, LeaseLost
from app.domain.records import Lease, Task
from app.domain.states import LEASED_TASK, AttemptState, TaskState
from app.engine.batches import Batches
from app.engine.courses import Courses
from app.engine.transaction import Transactions, retried


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a hand-out of a job's task ended.

    before: counts only if the lease ended before then; its holder may renew it at the last moment.
    """

    lease: Lease
    job_id: str
    state: TaskState
    attempt: AttemptState
    result: str | None = None
    error: str | None = None
    before: Instant = leases.ALWAYS

    @property
    def row(self) -> leases.Ending:
        """What is stored of it."""
        return leases.Ending(
            self.lease,
            self.state,
            self.attempt,
            self.result,
            self.error,
            failures=int(self.attempt is AttemptState.FAILED),
            losses=int(self.attempt is AttemptState.LOST),
        )

    @property
    def lost(self) -> LeaseLost:
        """The error for one that does not count."""
        return LeaseLost(task_id=self.lease.task_id, number=self.lease.number)


class Ends:
    """Ends tasks of jobs."""

    def __init__(self, transactions: Transactions, courses: Courses) -> None:
        self._tx = transactions
        self._store: Store = transactions.store
        self._courses = courses
        self._batches: Batches[End] = Batches(self._together)

    def end(self, end: End) -> None:
        """End one, together with others of its job that end at the same moment.

        Not inside a session: who waits holds no connection that the one before might need. Inside
        a transaction nobody is waited for, as the one before might wait for its rows.
        Raises LeaseLost, and Moved when it is to be tried again.
        """
        if self._store.in_transaction or not self._batches.join(end.job_id, end):
            self._alone(end)

    def _alone(self, end: End) -> None:
        if end not in self._try([end]):
            raise end.lost

    def _together(self, ends: Sequence[End]) -> Sequence[bool]:
        """End several; one that is told False ends alone, whatever kept it from this."""
        if len(ends) == 1:
            self._alone(ends[0])
            return (True,)
        try:
            done = retried(self._store, lambda: self._try(ends))
        except Exception:  # noqa: BLE001 - each meets it alone, and only whose fault it is
            return [False] * len(ends)
        # By itself: of two equal reports one counts.
        counted = {id(end) for end in done}
        return [id(end) in counted for end in ends]

    def _try(self, ends: Sequence[End]) -> Sequence[End]:
        """End those that hold their leases as long as the job goes on; give them.

        All have the same job. Raises Moved, and LeaseLost where one lost its lease just now.
        """
        with self._store.session():
            try:
                job = jobs.get(self._store, ends[0].job_id)
            except JobNotFound:
                return ()
            if job.state.final:
                return ()  # what is left is to be cancelled
            held = self._held(ends)
            if not held:
                return ()
            course = self._courses.follow(job, [ended for _, ended in held])
            counted = [end for end, _ in held[: len(course.ended)]]
            with self._tx() as tx:
                self._courses.apply(tx, job, course, end_tasks=lambda: self._write(counted, tx.now))
        return counted

    def _held(self, ends: Sequence[End]) -> list[tuple[End, Task]]:
        """Give the ends that count, and the tasks as they are then, in the order of tasks.

        So two that lock several tasks do not wait for each other.
        """
        by_lease = {end.lease: end for end in reversed(ends)}
        held: list[tuple[End, Task]] = []
        for task in tasks.several(self._store, [lease.task_id for lease in by_lease]):
            end = by_lease.get(task.lease)
            if end is not None and task.state in LEASED_TASK:
                held.append(
                    (end, replace(task, state=end.state, result=end.result, error=end.error))
                )
        return held

    def _write(self, ends: Sequence[End], now: Instant) -> None:
        for end in ends:
            if end.before != leases.ALWAYS and not leases.ran_out(
                self._store, end.lease, end.before
            ):
                raise end.lost
        if leases.end_all(self._store, [end.row for end in ends], now) != len(ends):
            raise ends[0].lost
