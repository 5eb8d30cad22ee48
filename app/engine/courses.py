"""The course of a job: what its interface answers, and how that is applied.

Deciding happens outside any transaction, on a snapshot of the job. Applying happens in one
transaction that first compares `job.version`: where it moved meanwhile nothing is written and
the caller decides again, so two tasks that end together never both, and never neither, go on.

Lock order, for databases with row locks: pool, job, task, attempt.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from app.data import jobs, leases, tasks, waiting
from app.data.db import Store
from app.domain.clock import Clock, Instant
from app.domain.events import EventKind
from app.domain.records import Job, Json, Lease, Task
from app.domain.states import JOB_MOVES, AttemptState, JobState, TaskKind, TaskState, require
from app.engine import closing, decisions
from app.engine.creation import Creation, all_of, count_open, count_services, needs_met, release
from app.engine.decisions import Course, Plugins
from app.engine.transaction import (
    SLOTS_TOPIC,
    SUBJOBS_TOPIC,
    Moved,
    Transaction,
    worker_topic,
)
from app.hooks.types import Fail, Finish, TaskSpec

CLOSED_AT_ONCE = 500
"""Tasks that one transaction cancels or deletes: SQLite's write lock is held for some 20 ms."""


class Courses:
    """Decides and applies."""

    def __init__(self, store: Store, plugins: Plugins, clock: Clock) -> None:
        self._store = store
        self._plugins = plugins
        self._clock = clock
        self._creation = Creation(store, plugins.interfaces)

    def begin(self, job: Job) -> Course:
        """Decide what a job begins with, or begins again with after a restart."""
        return decisions.begin(self._plugins, job, self._clock.now())

    def change(self, job: Job, wish: Json) -> Course:
        """Decide what follows from a wish. Raises ValueError where the interface refuses it."""
        return decisions.change(self._plugins, job, wish, self._clock.now())

    def follow(self, job: Job, ended: Sequence[Task]) -> Course:
        """Decide what follows the ends of tasks, one after another; it needs a session."""
        return decisions.follow(self._store, self._plugins, job, ended, self._clock.now())

    def apply(
        self,
        tx: Transaction,
        job: Job,
        course: Course,
        *,
        end_tasks: Callable[[], None] | None = None,
        starts: bool = False,
    ) -> Job:
        """Write a course; `end_tasks` writes the ends of the tasks that caused it.

        starts: the job begins, or begins again. Gives the job as it now stands.
        Raises Moved when the job is not what the course was decided on; nothing is written then.
        """
        if job.watched:
            tx.watch(job.id, job.watches)
        created = [spec for answer in course.answers for spec in answer.tasks]
        failures = sum(1 for spec in all_of(created) if spec.state == TaskState.FAILED)
        failures += sum(1 for task in course.ended if task.state is TaskState.FAILED)
        failures += sum(1 for answer in course.answers for end in answer.ends if end.error)
        closed = closing.found(self._store, job, course.answers)
        failures += sum(1 for one in closed if one.close.error is not None)
        if job.state.final and not starts:
            raise Moved  # cancelled since the task was seen to be held
        after = self._after(job, course, created, closed, starts=starts, now=tx.now)
        _require_moves(job, after, starts=starts)
        if not jobs.move(
            self._store,
            after,
            version=job.version,
            tasks_created=sum(1 for _ in all_of(created)),
            tasks_failed=failures,
            now=tx.now,
        ):
            raise Moved
        if end_tasks is not None:
            end_tasks()
        self._tell_start(tx, job, after, course)
        self._ended(tx, job, course.ended)
        for one in closed:
            closing.end(self._store, tx, job, one)
        released: dict[int, int] = {}
        for answer in course.answers:
            for end in answer.ends:
                self._end_composite(tx, job, end.task_id, end.result, end.error)
            self._creation.create(tx, job, answer.tasks)
            for composite_id, count in answer.release.items():
                released[composite_id] = released.get(composite_id, 0) + count
        release(self._store, tx, released)
        self._tell(tx, job, after, starts=starts)
        if after.state.final:
            self.close(tx, after)
        return after

    def _after(
        self,
        job: Job,
        course: Course,
        created: Sequence[TaskSpec],
        closes: Sequence[closing.Closed],
        *,
        starts: bool,
        now: Instant,
    ) -> Job:
        closed = sum(len(answer.ends) for answer in course.answers)
        closed += len(course.ended) + len(closes)
        # Gathered first: a copy of a job costs more than all the rest of this.
        changes: dict[str, Any] = {
            "version": job.version + 1,
            "tasks_open": max(0, job.tasks_open + count_open(created) - closed),
        }
        for answer in course.answers:
            told = (
                ("state_data", answer.state),
                ("position", answer.position),
                ("progress", answer.progress),
            )
            changes.update((name, value) for name, value in told if value is not None)
        if starts:
            again = job.state.final
            changes.update(
                state=JobState.RUNNING if again else JobState.SCHEDULED,
                scheduled_at=job.scheduled_at or now,
                started_at=job.started_at or (now if again else None),
                ended_at=None,
                error=None,
            )
        unready = _unready(job, created, course.ended, starts=starts)
        if unready:
            unready -= sum(1 for one in closes if one.unready)
        if unready is not None or job.unready is not None:
            changes["unready"] = unready
        if (
            not unready
            and changes.get("state", job.state) is JobState.SCHEDULED
            and (course.ended or any(spec.kind != TaskKind.WORK for spec in created))
        ):
            changes.update(state=JobState.RUNNING, started_at=job.started_at or now)
        if isinstance(course.end, Finish):
            changes.update(
                state=JobState.COMPLETED,
                result=course.end.result,
                progress=100.0,
                ended_at=now,
                tasks_open=0,
            )
        elif isinstance(course.end, Fail):
            changes.update(
                state=JobState.FAILED, error=course.end.error, ended_at=now, tasks_open=0
            )
        return replace(job, **changes)

    def _end_composite(
        self, tx: Transaction, job: Job, task_id: int, result: str | None, error: str | None
    ) -> None:
        state = TaskState.COMPLETED if error is None else TaskState.FAILED
        if not tasks.end_composite(
            self._store, task_id, state=state, result=result, error=error, now=tx.now
        ):
            raise Moved
        self._ended(tx, job, [replace(tasks.get(self._store, task_id), state=state)])

    def _ended(self, tx: Transaction, job: Job, ended: Sequence[Task]) -> None:
        """Note the ends of tasks, count them at their parents, and let go what waited for them."""
        if not ended:
            return
        for task in ended:
            tx.note(_ENDED[task.state], job.dialect, job_id=job.id, task_id=task.id)
        parents = Counter(task.parent_id for task in ended if task.parent_id is not None)
        tasks.children_ended(self._store, parents)
        good = [task.id for task in ended if task.state in _GOOD]
        if good:
            needs_met(self._store, tx, good)

    def _tell_start(self, tx: Transaction, before: Job, after: Job, course: Course) -> None:
        """Note that a job began whose first task ends before its start was noted."""
        if before.state is JobState.SCHEDULED and course.ended and after.state.final:
            tx.note(EventKind.JOB_STARTED, before.dialect, job_id=before.id, state=JobState.RUNNING)

    def _tell(self, tx: Transaction, before: Job, after: Job, *, starts: bool) -> None:
        if starts and before.state.final:
            tx.note(EventKind.JOB_RESTARTED, after.dialect, job_id=after.id, state=JobState.RUNNING)
            before = replace(before, state=JobState.RUNNING)
        if after.state is not before.state:
            tx.note(_JOB_EVENTS[after.state], after.dialect, job_id=after.id, state=after.state)
            if after.pool is not None:
                if after.state is JobState.RUNNING:
                    waiting.leave(self._store, after.id)
                tx.ring(pool_topic(after.pool))
        if after.state is JobState.RUNNING and after.position != before.position:
            tx.note(
                EventKind.JOB_PROGRESSED,
                after.dialect,
                job_id=after.id,
                progress=after.progress,
                position=after.position,
            )

    def close(self, tx: Transaction, job: Job) -> None:
        """Cancel what is still active of a job that is over, and free its place.

        Of very many tasks that have not begun some are left to `close_some`; none of them is
        handed out meanwhile.
        """
        if job.parent_task_id is not None:
            tx.ring(SUBJOBS_TOPIC)
        self._note_cancelled(tx, job, tasks.cancel_begun(self._store, job.id, tx.now))
        if not self.close_some(tx, job):
            jobs.begin_closing(self._store, job.id)
            tx.ring(SUBJOBS_TOPIC)
        if job.pool is not None:
            waiting.leave(self._store, job.id)
            if not leases.job_is_held(self._store, job.id):
                jobs.hold_slot(self._store, job.id, held=False)
            tx.ring(pool_topic(job.pool))
            tx.ring(SLOTS_TOPIC)

    def close_some(self, tx: Transaction, job: Job) -> bool:
        """Cancel a batch of the tasks of a job that is over; True when none can be left."""
        cancelled = tasks.cancel_some(self._store, job.id, tx.now, CLOSED_AT_ONCE)
        self._note_cancelled(tx, job, cancelled)
        return len(cancelled) < CLOSED_AT_ONCE

    def _note_cancelled(
        self, tx: Transaction, job: Job, cancelled: Sequence[tasks.Cancelled]
    ) -> None:
        if job.watched:
            tx.watch(job.id, job.watches)
        for task_id, number, worker_id, leased_until, kind in cancelled:
            tx.note(EventKind.TASK_CANCELLED, job.dialect, job_id=job.id, task_id=task_id)
            if leased_until is not None:
                leases.end_attempt(
                    self._store,
                    Lease(task_id, number),
                    state=AttemptState.CANCELLED,
                    now=tx.now,
                )
                tx.ring(worker_topic(worker_id or 0))
            if kind == TaskKind.JOB:
                tx.ring(SUBJOBS_TOPIC)


def pool_topic(pool: str) -> str:
    """Name the doorbell of a pool: a slot may be free, or a position has changed."""
    return f"pool:{pool}"


_GOOD = (TaskState.COMPLETED, TaskState.SKIPPED)
_ENDED = {
    TaskState.COMPLETED: EventKind.TASK_COMPLETED,
    TaskState.FAILED: EventKind.TASK_FAILED,
    TaskState.SKIPPED: EventKind.TASK_SKIPPED,
}
_JOB_EVENTS = {
    JobState.WAITING: EventKind.JOB_WAITING,
    JobState.SCHEDULED: EventKind.JOB_SCHEDULED,
    JobState.RUNNING: EventKind.JOB_STARTED,
    JobState.COMPLETED: EventKind.JOB_COMPLETED,
    JobState.FAILED: EventKind.JOB_FAILED,
    JobState.CANCELLED: EventKind.JOB_CANCELLED,
}


def _require_moves(job: Job, after: Job, *, starts: bool) -> None:
    """Raise IllegalMove unless a course may go that way; a restart passes through RUNNING."""
    current = job.state
    if starts and current.final:
        require(JOB_MOVES, current, JobState.RUNNING)
        current = JobState.RUNNING
    if after.state is not current:
        require(JOB_MOVES, current, after.state)


def _unready(
    job: Job, created: Sequence[TaskSpec], ended: Sequence[Task], *, starts: bool
) -> int | None:
    """Count the services that are not ready; None for a job without any."""
    before = None if starts else job.unready
    fresh = count_services(created)
    if before is None:
        return fresh or None
    return before + fresh - sum(1 for task in ended if task.service and task.addresses is None)
