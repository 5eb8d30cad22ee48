"""The course of a job: what its interface answers, and how that is applied.

Deciding is pure and happens outside any transaction, on a snapshot of the job. Applying happens in
one transaction that first compares `job.version`: where it moved meanwhile nothing is written and
the caller decides again, so two tasks that end together never both, and never neither, go on.

Lock order, for databases with row locks: pool, job, task, attempt.
"""

import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from app.data import jobs, leases, tasks, waiting
from app.data.db import Store
from app.domain.clock import Instant, seconds
from app.domain.errors import PluginFailed
from app.domain.events import EventKind
from app.domain.records import Job, Lease, Task
from app.domain.states import JOB_MOVES, AttemptState, JobState, TaskKind, TaskState, require
from app.engine.transaction import (
    SLOTS_TOPIC,
    SUBJOBS_TOPIC,
    Moved,
    Transaction,
    queue_topic,
    worker_topic,
)
from app.hooks.interface import JobInterface
from app.hooks.types import Advance, Fail, Finish, JobSpec, JobView, TaskSpec, TaskView


class Plugins(Protocol):
    """The part of the plugin manager that decides; every call is bounded and checked."""

    @property
    def interfaces(self) -> Mapping[str, JobInterface]:
        """Job interfaces by name."""

    def plan(self, interface: JobInterface, job: JobView) -> Advance:
        """Ask for the first tasks. Raises PluginFailed."""

    def advance(self, interface: JobInterface, job: JobView, task: TaskView) -> Advance:
        """Ask what follows the end of a task. Raises PluginFailed."""


@dataclass(slots=True)
class Course:
    """The answers to one happening, in order. end: set when the job is over with them."""

    answers: list[Advance] = field(default_factory=list)
    end: Finish | Fail | None = None


class Courses:
    """Decides and applies."""

    def __init__(self, store: Store, plugins: Plugins) -> None:
        self._store = store
        self._plugins = plugins

    # -- deciding -----------------------------------------------------------------------------

    def begin(self, job: Job) -> Course:
        """Decide what a job begins with, or begins again with after a restart."""
        try:
            answer = self._plugins.plan(self._interface(job), _job_view(job))
        except PluginFailed as error:
            return Course(end=Fail(str(error)))
        course = Course([answer], answer.end)
        if course.end is None and _open(answer.tasks) == 0:
            course.end = _first_failure(answer.tasks) or Finish()
        return course

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
        view = _job_view(job)
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
            open_tasks += _open(answer.tasks)
            for end in answer.ends:
                composite = composites.get(end.task_id) or tasks.get(self._store, end.task_id)
                over = TaskState.FAILED if end.error is not None else TaskState.COMPLETED
                pending.append(replace(composite, state=over, result=end.result, error=end.error))
        if undecided is not None:
            course.end = Fail(undecided)
        elif open_tasks <= 0:
            course.end = Finish()

    def _parent(self, task: Task, composites: dict[int, Task]) -> Task | None:
        if task.parent_id is None:
            return None
        parent = composites.get(task.parent_id) or tasks.get(self._store, task.parent_id)
        parent = replace(parent, children_open=parent.children_open - 1)
        composites[parent.id] = parent
        return parent

    def _interface(self, job: Job) -> JobInterface:
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
        created = [spec for answer in course.answers for spec in answer.tasks]
        failures = sum(1 for spec in _all(created) if spec.state == TaskState.FAILED)
        failures += int(ended is not None and ended.state is TaskState.FAILED)
        if job.state.final and not starts:
            raise Moved  # cancelled since the task was seen to be held
        after = self._after(job, course, created, ended, starts=starts, now=tx.now)
        if after.state is not job.state:
            require(JOB_MOVES, job.state, after.state)
        if not jobs.move(
            self._store,
            after,
            version=job.version,
            tasks_created=sum(1 for _ in _all(created)),
            tasks_failed=failures,
            now=tx.now,
        ):
            raise Moved
        if end_task is not None:
            end_task()
        if ended is not None:
            self._ended(tx, job, ended)
        for answer in course.answers:
            self._carry_out(tx, job, answer)
        self._tell(tx, job, after)
        if after.state.final:
            self.close(tx, after)
        return replace(after, version=job.version + 1)

    def _carry_out(self, tx: Transaction, job: Job, answer: Advance) -> None:
        """Write one answer: composites that end, tasks to create, held children to let go."""
        for end in answer.ends:
            self._end_composite(tx, job, end.task_id, end.result, end.error)
        self._create(tx, job, answer.tasks)
        for composite_id, count in answer.release.items():
            for task_id, queue in tasks.release_held(self._store, composite_id, count, tx.now):
                tx.note(EventKind.TASK_QUEUED, job.dialect, job_id=job.id, task_id=task_id)
                tx.ring(queue_topic(queue))

    def _after(
        self,
        job: Job,
        course: Course,
        created: Sequence[TaskSpec],
        ended: Task | None,
        *,
        starts: bool,
        now: Instant,
    ) -> Job:
        closed = sum(len(answer.ends) for answer in course.answers) + int(ended is not None)
        after = replace(job, tasks_open=max(0, job.tasks_open + _open(created) - closed))
        for answer in course.answers:
            after = replace(
                after,
                state_data=after.state_data if answer.state is None else answer.state,
                position=after.position if answer.position is None else answer.position,
                progress=after.progress if answer.progress is None else answer.progress,
            )
        if starts:
            again = job.state.final
            after = replace(
                after,
                state=JobState.RUNNING if again else JobState.SCHEDULED,
                scheduled_at=job.scheduled_at or now,
                started_at=job.started_at or (now if again else None),
                ended_at=None,
                error=None,
            )
        if after.state is JobState.SCHEDULED and (
            ended is not None or any(spec.kind != TaskKind.WORK for spec in created)
        ):
            after = replace(after, state=JobState.RUNNING, started_at=job.started_at or now)
        if isinstance(course.end, Finish):
            after = replace(
                after,
                state=JobState.COMPLETED,
                result=course.end.result,
                progress=100.0,
                ended_at=now,
                tasks_open=0,
            )
        elif isinstance(course.end, Fail):
            after = replace(
                after, state=JobState.FAILED, error=course.end.error, ended_at=now, tasks_open=0
            )
        return after

    def _create(
        self, tx: Transaction, job: Job, specs: Sequence[TaskSpec], parent: int | None = None
    ) -> None:
        names: dict[str, int] = {}
        waits = {spec.name for spec in specs if not _first_state(spec).final}
        for spec in specs:
            mother = parent if spec.parent is None else spec.parent
            # What is over already has come, and nobody will tell of it later.
            needs = [name for name in spec.after if name in waits]
            row = self._row(job, replace(spec, after=tuple(needs)), mother, tx.now)
            task_id = tasks.insert(self._store, row)
            names[spec.name] = task_id
            if needs:
                tasks.insert_needs(self._store, task_id, [names[name] for name in needs])
            if spec.parent is not None:
                is_open = 0 if row.state.final else 1
                tasks.add_children(self._store, spec.parent, 1, is_open)
            tx.note(_CREATED[row.state], job.dialect, job_id=job.id, task_id=task_id)
            if row.state is TaskState.QUEUED:
                tx.ring(queue_topic(row.queue))
            if spec.job is not None:
                self._create_job(tx, job, spec.job, task_id)
            if spec.children:
                self._create(tx, job, spec.children, parent=task_id)

    def _create_job(self, tx: Transaction, parent: Job, spec: JobSpec, task_id: int) -> None:
        """Store a job that a task starts; a duty starts it as soon as this is committed."""
        job = Job(
            id=uuid.uuid4().hex,
            dialect=parent.dialect,
            type=spec.type,
            name=spec.name,
            description=spec.description,
            state=JobState.PENDING,
            version=0,
            spec=dict(spec.spec),
            tags=spec.tags,
            task_count=spec.task_count,
            priority=parent.priority,
            created_by=parent.created_by,
            parent_task_id=None if spec.detached else task_id,
            group_id=parent.group_id,
            created_at=tx.now,
        )
        jobs.insert(self._store, job)
        tx.note(EventKind.JOB_SUBMITTED, job.dialect, job_id=job.id, state=job.state)
        tx.ring(SUBJOBS_TOPIC)

    def _row(self, job: Job, spec: TaskSpec, parent: int | None, now: Instant) -> tasks.NewTask:
        interface = self._plugins.interfaces.get(job.type)
        state = _first_state(spec)
        over = state.final
        waits = spec.delay_s > 0 and state is TaskState.CREATED
        return tasks.NewTask(
            public_id=uuid.uuid4().hex if interface and interface.public_task_ids else None,
            job_id=job.id,
            group_id=job.group_id,
            parent_id=parent,
            queue=f"{job.dialect}/{spec.queue}",
            name=spec.name,
            kind=spec.kind,
            state=state,
            position=spec.position,
            priority=spec.priority,
            payload=dict(spec.payload),
            error=spec.error,
            max_attempts=spec.max_attempts,
            max_losses=spec.max_losses,
            retry_delay_us=seconds(spec.retry_delay_s),
            retry_factor=spec.retry_factor,
            needs=len(spec.after),
            children=len(spec.children),
            children_open=sum(1 for one in spec.children if not _first_state(one).final),
            lease_us=seconds(spec.lease_s),
            due_at=now + seconds(spec.delay_s) if waits else None,
            created_at=now,
            queued_at=now if over or state in (TaskState.QUEUED, TaskState.RUNNING) else None,
            started_at=now if over or state is TaskState.RUNNING else None,
            ended_at=now if over else None,
        )

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
            for ready in tasks.need_met(self._store, task.id):
                moved = tasks.make_ready(self._store, ready, tx.now)
                if moved is not None:
                    tx.note(EventKind.TASK_QUEUED, job.dialect, job_id=job.id, task_id=ready)
                    tx.ring(queue_topic(moved[0]))

    def _tell(self, tx: Transaction, before: Job, after: Job) -> None:
        if after.state is not before.state:
            restarted = before.state.final
            kind = EventKind.JOB_RESTARTED if restarted else _JOB_EVENTS[after.state]
            tx.note(kind, after.dialect, job_id=after.id, state=after.state)
            if after.state is JobState.RUNNING and after.pool is not None:
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
        """Cancel what is still active of a job that is over, and free its place."""
        if job.parent_task_id is not None:
            tx.ring(SUBJOBS_TOPIC)
        for task_id, number, worker_id, leased_until, kind in tasks.cancel_job(
            self._store, job.id, tx.now
        ):
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
        if job.pool is not None:
            waiting.leave(self._store, job.id)
            if not leases.job_is_held(self._store, job.id):
                jobs.hold_slot(self._store, job.id, held=False)
            tx.ring(pool_topic(job.pool))
            tx.ring(SLOTS_TOPIC)


def pool_topic(pool: str) -> str:
    """Name the doorbell of a pool: a slot may be free, or a position has changed."""
    return f"pool:{pool}"


_CREATED = {
    TaskState.CREATED: EventKind.TASK_CREATED,
    TaskState.QUEUED: EventKind.TASK_QUEUED,
    TaskState.RUNNING: EventKind.TASK_STARTED,
    TaskState.SKIPPED: EventKind.TASK_SKIPPED,
    TaskState.FAILED: EventKind.TASK_FAILED,
    TaskState.COMPLETED: EventKind.TASK_COMPLETED,
}
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


def _first_state(spec: TaskSpec) -> TaskState:
    if spec.state is not None:
        return TaskState(spec.state)
    if spec.after or spec.held or spec.delay_s > 0:
        return TaskState.CREATED
    return TaskState.QUEUED if spec.kind == TaskKind.WORK else TaskState.RUNNING


def _all(specs: Sequence[TaskSpec]) -> list[TaskSpec]:
    found: list[TaskSpec] = []
    for spec in specs:
        found.append(spec)
        found.extend(_all(spec.children))
    return found


def _open(specs: Sequence[TaskSpec]) -> int:
    return sum(1 for spec in _all(specs) if not _first_state(spec).final)


def _first_failure(specs: Sequence[TaskSpec]) -> Fail | None:
    for spec in _all(specs):
        if spec.state == TaskState.FAILED:
            return Fail(spec.error or "task failed")
    return None


def _job_view(job: Job) -> JobView:
    return JobView(
        id=job.id,
        name=job.name,
        spec=job.spec,
        state=job.state_data,
        position=job.position,
        tasks_total=job.tasks_total,
        tasks_open=job.tasks_open,
        tasks_failed=job.tasks_failed,
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
