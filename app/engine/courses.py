"""The course of a job: what its interface answers, and how that is applied.

Deciding is pure and happens outside any transaction, on a snapshot of the job. Applying happens in
one transaction that first compares `job.version`: where it moved meanwhile nothing is written and
the caller decides again, so two tasks that end together never both, and never neither, go on.

Lock order, for databases with row locks: pool, job, task, attempt.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

from app.data import jobs, leases, tasks, waiting
from app.data.db import Store
from app.domain.clock import SECOND, Clock, Instant
from app.domain.errors import PluginFailed, TaskNotFound
from app.domain.events import EventKind
from app.domain.records import Job, Json, Lease, Task, Watch
from app.domain.sealed import SealedJson
from app.domain.states import JOB_MOVES, AttemptState, JobState, TaskKind, TaskState, require
from app.engine import closing
from app.engine.creation import Creation, all_of, count_open, count_services, need_met, release
from app.engine.transaction import (
    SLOTS_TOPIC,
    SUBJOBS_TOPIC,
    Moved,
    Transaction,
    worker_topic,
)
from app.hooks.interface import JobInterface
from app.hooks.types import Advance, Fail, Finish, JobView, TaskSpec, TaskView

CLOSED_AT_ONCE = 500
"""Tasks that one transaction cancels or deletes: SQLite's write lock is held for some 20 ms."""


_NONE: Mapping[str, Mapping[str, str]] = MappingProxyType({})


class Plugins(Protocol):
    """The part of the plugin manager that decides; every call is bounded and checked."""

    @property
    def interfaces(self) -> Mapping[str, JobInterface]:
        """Job interfaces by name."""

    def plan(self, interface: JobInterface, job: JobView) -> Advance:
        """Ask for the first tasks. Raises PluginFailed."""

    def advance(self, interface: JobInterface, job: JobView, task: TaskView) -> Advance:
        """Ask what follows the end of a task. Raises PluginFailed."""

    def change(self, interface: JobInterface, job: JobView, wish: Json) -> Advance:
        """Ask what follows from a wish about a job. Raises ValueError, PluginFailed."""

    def services(self, interface: JobInterface, job: JobView) -> Mapping[str, str]:
        """Ask how its addresses are named for the user. Raises PluginFailed."""

    def watches(self, interface: JobInterface, spec: Json) -> tuple[Watch, ...]:
        """Ask what of such a job is told to others. Raises PluginFailed."""


@dataclass(slots=True)
class Course:
    """The answers to one happening, in order. end: set when the job is over with them."""

    answers: list[Advance] = field(default_factory=list)
    end: Finish | Fail | None = None


class Courses:
    """Decides and applies."""

    def __init__(self, store: Store, plugins: Plugins, clock: Clock) -> None:
        self._store = store
        self._plugins = plugins
        self._clock = clock
        self._creation = Creation(store, plugins.interfaces)

    # -- deciding -----------------------------------------------------------------------------

    def begin(self, job: Job) -> Course:
        """Decide what a job begins with, or begins again with after a restart."""
        try:
            answer = self._plugins.plan(self._interface(job), self._view(job))
        except PluginFailed as error:
            return Course(end=Fail(str(error)))
        course = Course([answer], answer.end)
        if course.end is None and count_open(answer.tasks) == 0:
            course.end = _first_failure(answer.tasks) or Finish()
        return course

    def _view(self, job: Job) -> JobView:
        return replace(job_view(job), at=self._clock.now() / SECOND)

    def change(self, job: Job, wish: Json) -> Course:
        """Decide what follows from a wish. Raises ValueError where the interface refuses it."""
        interface = self._interface(job)
        answer = self._plugins.change(interface, self._view(job), wish)
        return Course([answer], answer.end)

    def follow(self, job: Job, ended: Task) -> Course:
        """Decide what follows the end of a task; reads composites, so it needs a session."""
        course = Course()
        try:
            interface = self._interface(job)
            self._follow(interface, course, job, ended)
        except PluginFailed as error:
            course.end = Fail(str(error))
        return course

    def _follow(self, interface: JobInterface, course: Course, job: Job, ended: Task) -> None:
        failed = ended.state is TaskState.FAILED
        view = self._view(job)
        open_tasks = job.tasks_open
        composites: dict[int, Task] = {}
        pending = deque([ended])
        undecided: str | None = None
        while pending:
            task = pending.popleft()
            open_tasks -= 1
            failed = task.state is TaskState.FAILED
            parent = self._parent(task, composites)
            view = replace(
                view, tasks_open=open_tasks, tasks_failed=view.tasks_failed + int(failed)
            )
            answer = self._plugins.advance(interface, view, _task_view(task, parent))
            ending = self._ending(job, interface, answer, composites)
            course.answers.append(answer)
            if answer.end is not None:
                course.end = answer.end
                return
            if failed and not (answer.tasks or answer.ends or answer.release):
                undecided = task.error or "task failed"
            view = replace(
                view,
                state=view.state if answer.state is None else answer.state,
                position=view.position if answer.position is None else answer.position,
            )
            open_tasks += count_open(answer.tasks)
            pending.extend(ending)
        if undecided is not None:
            course.end = Fail(undecided)
        elif open_tasks <= 0:
            born = [spec for answer in course.answers for spec in answer.tasks]
            course.end = _first_failure(born) or Finish()

    def _ending(
        self, job: Job, interface: JobInterface, answer: Advance, composites: dict[int, Task]
    ) -> list[Task]:
        """Give the composites that an answer ends. Raises PluginFailed for one that cannot be."""
        for parent_id in {spec.parent for spec in answer.tasks if spec.parent is not None}:
            self._composite(job, interface, parent_id, composites)
        ending: list[Task] = []
        for end in answer.ends:
            composite = self._composite(job, interface, end.task_id, composites)
            over = TaskState.FAILED if end.error is not None else TaskState.COMPLETED
            composite = replace(composite, state=over, result=end.result, error=end.error)
            composites[composite.id] = composite
            ending.append(composite)
        return ending

    def _composite(
        self, job: Job, interface: JobInterface, task_id: int, known: Mapping[int, Task]
    ) -> Task:
        """Give an open composite of the job, which an answer names. Raises PluginFailed."""
        fault = "the job has no such task"
        try:
            found = known.get(task_id) or tasks.get(self._store, task_id)
        except TaskNotFound:
            found = None
        if found is not None and found.job_id == job.id:
            if found.kind is not TaskKind.WORK and not found.state.final:
                return found
            fault = "it is over" if found.state.final else "it is no composite"
        raise PluginFailed(
            f"plugin {interface.name!r} failed in advance: it names task {task_id}, but {fault}",
            plugin=interface.name,
            hook="advance",
        )

    def _parent(self, task: Task, composites: dict[int, Task]) -> Task | None:
        if task.parent_id is None:
            return None
        parent = composites.get(task.parent_id) or tasks.get(self._store, task.parent_id)
        parent = replace(parent, children_open=parent.children_open - 1)
        composites[parent.id] = parent
        return parent

    def _interface(self, job: Job) -> JobInterface:
        if isinstance(job.spec, SealedJson) or isinstance(job.state_data, SealedJson):
            raise PluginFailed("the job is encrypted by a key that this server has not")
        try:
            return self._plugins.interfaces[job.type]
        except KeyError:
            raise PluginFailed(f"job type {job.type} is not installed") from None

    # -- applying -----------------------------------------------------------------------------

    def apply(
        self,
        tx: Transaction,
        job: Job,
        course: Course,
        *,
        end_task: Callable[[], None] | None = None,
        ended: Task | None = None,
        starts: bool = False,
    ) -> Job:
        """Write a course; `end_task` writes the end of the task that caused it.

        starts: the job begins, or begins again. Gives the job as it now stands.
        Raises Moved when the job is not what the course was decided on; nothing is written then.
        """
        if job.watched:
            tx.watch(job.id, job.watches)
        created = [spec for answer in course.answers for spec in answer.tasks]
        failures = sum(1 for spec in all_of(created) if spec.state == TaskState.FAILED)
        failures += int(ended is not None and ended.state is TaskState.FAILED)
        failures += sum(1 for answer in course.answers for end in answer.ends if end.error)
        closed = closing.found(self._store, job, course.answers)
        failures += sum(1 for one in closed if one.close.error is not None)
        if job.state.final and not starts:
            raise Moved  # cancelled since the task was seen to be held
        after = self._after(job, course, created, ended, closed, starts=starts, now=tx.now)
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
        if end_task is not None:
            end_task()
        if ended is not None:
            self._ended(tx, job, ended)
        for one in closed:
            closing.end(self._store, tx, job, one)
        for answer in course.answers:
            self._carry_out(tx, job, answer)
        self._tell(tx, job, after, starts=starts)
        if after.state.final:
            self.close(tx, after)
        return replace(after, version=job.version + 1)

    def _carry_out(self, tx: Transaction, job: Job, answer: Advance) -> None:
        """Write one answer: composites that end, tasks to create, held children to let go."""
        for end in answer.ends:
            self._end_composite(tx, job, end.task_id, end.result, end.error)
        self._creation.create(tx, job, answer.tasks)
        for composite_id, count in answer.release.items():
            release(self._store, tx, composite_id, count)

    def _after(
        self,
        job: Job,
        course: Course,
        created: Sequence[TaskSpec],
        ended: Task | None,
        closes: Sequence[closing.Closed],
        *,
        starts: bool,
        now: Instant,
    ) -> Job:
        closed = sum(len(answer.ends) for answer in course.answers) + int(ended is not None)
        closed += len(closes)
        # Gathered first: a copy of a job costs more than all the rest of this.
        changes: dict[str, Any] = {
            "tasks_open": max(0, job.tasks_open + count_open(created) - closed)
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
        unready = _unready(job, created, ended, starts=starts)
        if unready:
            unready -= sum(1 for one in closes if one.unready)
        if unready is not None or job.unready is not None:
            changes["unready"] = unready
        if (
            not unready
            and changes.get("state", job.state) is JobState.SCHEDULED
            and (ended is not None or any(spec.kind != TaskKind.WORK for spec in created))
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
        self._ended(tx, job, replace(tasks.get(self._store, task_id), state=state))

    def _ended(self, tx: Transaction, job: Job, task: Task) -> None:
        """Note the end of a task, count it at its parent, and let go what waited for it."""
        tx.note(_ENDED[task.state], job.dialect, job_id=job.id, task_id=task.id)
        if task.parent_id is not None:
            tasks.child_ended(self._store, task.parent_id)
        if task.state in (TaskState.COMPLETED, TaskState.SKIPPED):
            need_met(self._store, tx, task.id)

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
    job: Job, created: Sequence[TaskSpec], ended: Task | None, *, starts: bool
) -> int | None:
    """Count the services that are not ready; None for a job without any."""
    before = None if starts else job.unready
    fresh = count_services(created)
    if before is None:
        return fresh or None
    if ended is not None and ended.service and ended.addresses is None:
        before -= 1
    return before + fresh


def _first_failure(specs: Sequence[TaskSpec]) -> Fail | None:
    for spec in all_of(specs):
        if spec.state == TaskState.FAILED:
            return Fail(spec.error or "task failed")
    return None


def job_view(job: Job, *, services: Mapping[str, Mapping[str, str]] = _NONE) -> JobView:
    """Give a job as its interface sees it."""
    return JobView(
        id=job.id,
        name=job.name,
        spec=job.spec,
        state=job.state_data,
        position=job.position,
        tasks_total=job.tasks_total,
        tasks_open=job.tasks_open,
        tasks_failed=job.tasks_failed,
        services=services,
    )


def _task_view(task: Task, parent: Task | None = None) -> TaskView:
    return TaskView(
        id=task.id,
        name=task.name,
        payload=task.payload,
        state=task.state,
        position=task.position,
        priority=task.priority,
        number=task.number,
        result=task.result,
        error=task.error,
        key=task.public_id,
        parent=None if parent is None else _task_view(parent),
        children=task.children,
        children_open=task.children_open,
    )
