"""Verbs on tasks: reading them, and tasks that belong to no job."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from app.data import jobs, lone, tasks
from app.domain.clock import Instant, seconds
from app.domain.errors import IllegalMove
from app.domain.events import EventKind
from app.domain.records import Json, Task
from app.domain.states import TaskState
from app.engine.courses import Courses
from app.engine.creation import make_ready
from app.engine.transaction import Moved, Transactions, queue_topic, retried


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWork:
    """A task without a job, for a queue that workers of a dialect serve.

    verifications: how many workers must report the same value. lease_s: None never ends.
    unique_key: a second task of the queue under it is refused, until this one is completed.
    max_losses: how often it may be handed out again after a lease that ran out.
    expires_s: a task that nobody has in hand so long after it was stored fails; None never does.
    """

    queue: str
    name: str
    payload: Json = field(default_factory=dict)
    group_id: int | None = None
    priority: int = 0
    max_attempts: int = 1
    verifications: int = 1
    unique_key: str | None = None
    lease_s: float | None = 3600.0
    delay_s: float = 0.0
    max_losses: int = 5
    expires_s: float | None = None


AT_A_TIME = 1000
"""Tasks that one transaction stores."""
EXPIRED = "nobody took it in time"


def _lone(work: NewWork, payload: str, now: Instant) -> lone.LoneTask:
    return lone.LoneTask(
        queue=work.queue,
        name=work.name,
        group_id=work.group_id,
        payload=payload,
        lease_us=None if work.lease_s is None else seconds(work.lease_s),
        priority=work.priority,
        max_attempts=work.max_attempts,
        max_losses=work.max_losses,
        verifications=work.verifications,
        unique_key=work.unique_key,
        due_at=now + seconds(work.delay_s) if work.delay_s > 0 else None,
        expires_at=None if work.expires_s is None else now + seconds(work.expires_s),
    )


class Tasks:
    """Claimable units of work."""

    def __init__(self, transactions: Transactions, courses: Courses) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._courses = courses

    def add(self, wanted: Sequence[NewWork]) -> list[int]:
        """Store tasks in one transaction, all or none, and give their ids in order.

        Raises DuplicateTask for a unique key that is taken.
        """
        created: list[int] = []
        with self._tx() as tx:
            for work in wanted:
                later = work.delay_s > 0
                row = tasks.NewTask(
                    queue=work.queue,
                    name=work.name,
                    state=TaskState.CREATED if later else TaskState.QUEUED,
                    created_at=tx.now,
                    group_id=work.group_id,
                    priority=work.priority,
                    payload=work.payload,
                    max_attempts=work.max_attempts,
                    max_losses=work.max_losses,
                    verifications=work.verifications,
                    unique_key=work.unique_key,
                    lease_us=None if work.lease_s is None else seconds(work.lease_s),
                    due_at=tx.now + seconds(work.delay_s) if later else None,
                    queued_at=None if later else tx.now,
                )
                task_id = tasks.insert(self._store, row)
                if work.expires_s is not None:
                    lone.set_expiry(self._store, task_id, tx.now + seconds(work.expires_s))
                kind = EventKind.TASK_CREATED if later else EventKind.TASK_QUEUED
                tx.note(kind, work.queue.partition("/")[0], task_id=task_id)
                if not later:
                    tx.ring(queue_topic(work.queue))
                created.append(task_id)
        return created

    def add_many(self, wanted: Sequence[NewWork]) -> list[int]:
        """Store many tasks of one queue, and give the places in `wanted` of those left out.

        Left out is what has a unique key that is taken, by a stored task or by an earlier one of
        these. Some are stored at a time, so that nobody waits long for the database meanwhile; a
        server that dies on the way has stored the first of them.
        """
        left_out: list[int] = []
        for begin in range(0, len(wanted), AT_A_TIME):
            left_out += self._add_some(wanted[begin : begin + AT_A_TIME], begin)
            # Under gevent nothing above lets others of this process run.
            time.sleep(0)
        return left_out

    def _add_some(self, wanted: Sequence[NewWork], begin: int) -> list[int]:
        left_out: list[int] = []
        seen: set[str] = set()
        fitting: list[tuple[int, NewWork]] = []
        for place, work in enumerate(wanted, begin):
            if work.unique_key is not None and work.unique_key in seen:
                left_out.append(place)
                continue
            if work.unique_key is not None:
                seen.add(work.unique_key)
            fitting.append((place, work))
        # Made before the transaction: nobody else can write while it is open.
        rows = [(work, self._store.vault.dumps(work.payload)) for _, work in fitting]
        queue = wanted[0].queue
        with self._tx() as tx:
            taken = lone.insert(
                self._store, [_lone(work, payload, tx.now) for work, payload in rows], tx.now
            )
            left_out += [place for place, work in fitting if work.unique_key in taken]
            if len(left_out) < len(wanted):
                count = len(wanted) - len(left_out)
                dialect = queue.partition("/")[0]
                group = wanted[0].group_id
                tx.note(EventKind.GROUP_CHANGED, dialect, group=group, change="filled", count=count)
                tx.ring(queue_topic(queue))
        return sorted(left_out)

    def get(self, task_id: int) -> Task:
        """Give a task. Raises TaskNotFound."""
        with self._store.session():
            return tasks.get(self._store, task_id)

    def behind(self, job_id: str, key: tuple[int, int] = (-1, -1), *, limit: int) -> Sequence[Task]:
        """Give a job's tasks by (`position`, `id`), from the one behind such a pair on."""
        with self._store.session():
            return tasks.behind(self._store, job_id, key, limit=limit)

    def by_public_id(self, public_id: str) -> Task:
        """Give the task of a public id. Raises TaskNotFound."""
        with self._store.session():
            return tasks.by_public_id(self._store, public_id)

    def running(self, prefix: str) -> int:
        """Count running tasks of running jobs, in queues whose names begin with `prefix`."""
        with self._store.session():
            return tasks.running(self._store, prefix)

    def children(self, task_id: int) -> dict[str, int]:
        """Count what a composite holds, by state."""
        with self._store.session():
            return tasks.children(self._store, task_id)

    def drop(self, task_id: int, error: str) -> bool:
        """Fail a task that is ready and not taken, with all that follows; False when it moved."""
        return retried(self._store, lambda: self._drop(task_id, error))

    def _drop(self, task_id: int, error: str) -> bool:
        with self._store.session():
            task = tasks.get(self._store, task_id)
            if task.state is not TaskState.QUEUED:
                return False
            ended = replace(task, state=TaskState.FAILED, error=error)

            def end_task() -> None:
                if not tasks.drop(self._store, task_id, error, self._tx.clock.now()):
                    raise Moved

            if task.job_id is None:
                with self._tx() as tx:
                    end_task()
                    tx.note(EventKind.TASK_FAILED, task.queue.partition("/")[0], task_id=task_id)
                return True
            job = jobs.get(self._store, task.job_id)
            if job.state.final:
                return False  # to be cancelled
            course = self._courses.follow(job, [ended])
            with self._tx() as tx:
                self._courses.apply(tx, job, course, end_tasks=end_task)
        return True

    def expire(self, now: Instant) -> int:
        """Fail tasks without a job that nobody has taken in time; give how many."""
        with self._store.session():
            if not lone.has_expired(self._store, now):
                return 0
        with self._tx() as tx:
            gone = lone.expire(self._store, now, EXPIRED, AT_A_TIME)
            for task_id, queue in gone:
                tx.note(EventKind.TASK_FAILED, queue.partition("/")[0], task_id=task_id)
        return len(gone)

    def hold(self, task_id: int) -> None:
        """Keep a ready or waiting task from being handed out. Raises IllegalMove."""
        self._move(task_id, hold=True)

    def let_go(self, task_id: int) -> None:
        """Undo a hold. Raises IllegalMove."""
        self._move(task_id, hold=False)

    def _move(self, task_id: int, *, hold: bool) -> None:
        with self._tx() as tx:
            task = tasks.get(self._store, task_id)
            wanted = TaskState.HELD if hold else TaskState.QUEUED
            move = tasks.hold if hold else tasks.let_go
            if not move(self._store, task_id):
                raise IllegalMove(current=task.state, wanted=wanted)
            if hold or not make_ready(self._store, tx, [task_id]):
                kind = EventKind.TASK_HELD if hold else EventKind.TASK_CREATED
                tx.note(kind, task.queue.partition("/")[0], job_id=task.job_id, task_id=task_id)
