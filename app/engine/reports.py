"""Many reports of one worker at once: one transaction, and few statements for the common case."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from app.data import leases, lone_leases
from app.domain.errors import LeaseLost
from app.domain.records import Lease
from app.engine.attempts import Attempts
from app.engine.transaction import EVENTS_TOPIC, Transactions, retried


class Outcome(Enum):
    """What became of a task. BACK: given back unharmed."""

    DONE = auto()
    FAILED = auto()
    BACK = auto()


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker says of a task that it holds. verification, error: as in `Attempts`."""

    task_id: int
    outcome: Outcome
    verification: int | None = None
    error: str = ""


class Reports:
    """Takes reports that name no hand-out: whoever holds the task at present is meant."""

    def __init__(self, transactions: Transactions, attempts: Attempts) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._attempts = attempts

    def complete(self, worker_id: int, task_id: int, *, verification: int | None = None) -> bool:
        """Report good work on a task that most likely belongs to no job.

        False: good, but not verified by enough workers yet. Raises LeaseLost for a task that the
        worker does not hold.
        """
        if retried(self._store, lambda: self._complete(worker_id, task_id, verification)):
            return True
        lease = self._attempts.lease_of(worker_id, task_id)
        return self._attempts.complete(lease, verification=verification)

    def _complete(self, worker_id: int, task_id: int, verification: int | None) -> bool:
        with self._tx.single() as tx:
            given = [(task_id, verification)]
            if not lone_leases.complete(self._store, worker_id, given, tx.now):
                return False
            tx.ring(EVENTS_TOPIC)
        return True

    def take(self, worker_id: int, reports: Sequence[Report]) -> list[bool]:
        """Apply reports on tasks without jobs, all of them or, when the store fails, none.

        Gives for each whether it counted: False for a task that the worker does not hold, and for
        good work that not enough workers have verified yet. Of two on one task the first counts.
        """
        return retried(self._store, lambda: self._take(worker_id, reports))

    def _take(self, worker_id: int, reports: Sequence[Report]) -> list[bool]:
        first: dict[int, Report] = {}
        for report in reports:
            first.setdefault(report.task_id, report)
        with self._tx() as tx:
            held = leases.of_worker_many(self._store, worker_id, sorted(first))
            good = [
                (task_id, first[task_id].verification)
                for task_id in held
                if first[task_id].outcome is Outcome.DONE
            ]
            counted = lone_leases.complete(self._store, worker_id, good, tx.now)
            if counted:
                tx.ring(EVENTS_TOPIC)
            done = set(counted)
            for task_id, lease in held.items():
                if task_id not in counted and self._one(lease, first[task_id]):
                    done.add(task_id)
        return [first[each.task_id] is each and each.task_id in done for each in reports]

    def _one(self, lease: Lease, report: Report) -> bool:
        """Apply one that needs more than a look at its own row."""
        try:
            if report.outcome is Outcome.DONE:
                return self._attempts.complete(lease, verification=report.verification)
            if report.outcome is Outcome.FAILED:
                self._attempts.fail(lease, report.error)
            else:
                self._attempts.release(lease)
        except LeaseLost:
            return False
        return True
