"""Tasks that are ended before their time: by an answer of the job interface, or from outside.

As with a cancelled job the lease of a held one stands until its worker has ended its processes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.data import closures, leases
from app.data.db import Store
from app.domain.clock import Instant
from app.domain.events import EventKind
from app.domain.records import Job, Lease
from app.domain.states import FINAL_TASK, AttemptState, TaskState
from app.engine.transaction import Moved, Transaction, worker_topic
from app.hooks.types import Advance, TaskClose

NOTED = {
    TaskState.COMPLETED: EventKind.TASK_COMPLETED,
    TaskState.FAILED: EventKind.TASK_FAILED,
    TaskState.CANCELLED: EventKind.TASK_CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Closed:
    """A task that an answer closes. unready: it is a service that is not ready."""

    close: TaskClose
    task_id: int
    unready: bool


def found(store: Store, job: Job, answers: Sequence[Advance]) -> list[Closed]:
    """Give the tasks that answers close. Raises Moved where one is not open any more."""
    closes = [close for answer in answers for close in answer.closes]
    closed = []
    for close in closes:
        task = closures.at_position(store, job.id, close.position)
        if task is None or task.state in FINAL_TASK:
            raise Moved
        closed.append(Closed(close, task.id, task.service and task.addresses is None))
    return closed


def end(store: Store, tx: Transaction, job: Job, closed: Closed) -> None:
    """Close one task. Raises Moved."""
    error = closed.close.error
    state = TaskState.CANCELLED if error is None else TaskState.FAILED
    end_task(store, tx, closed.task_id, state=state, error=error, now=tx.now)
    tx.note(NOTED[state], job.dialect, job_id=job.id, task_id=closed.task_id)


def end_task(
    store: Store,
    tx: Transaction,
    task_id: int,
    *,
    state: TaskState,
    error: str | None,
    now: Instant,
) -> None:
    """End an open task, and let who holds it know. Raises Moved when it is over."""
    held = closures.end(store, task_id, state=state, error=error, now=now)
    if held is None:
        raise Moved
    if held.leased_until is not None:
        lease = Lease(task_id, held.number)
        leases.end_attempt(store, lease, state=AttemptState.CANCELLED, error=error, now=now)
        tx.ring(worker_topic(held.worker_id or 0))
