"""New tasks of a job, and the moment they become ready.

A task of kind `work` becomes ready by being queued; a composite needs no worker and begins by
itself. What a composite holds waits for that: it counts the composite among its `needs`.
"""

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from app.data import jobs, needs, tasks
from app.data.db import Store
from app.domain.clock import Instant, seconds
from app.domain.events import EventKind
from app.domain.records import Job
from app.domain.states import JobState, TaskKind, TaskState
from app.engine.transaction import SUBJOBS_TOPIC, Transaction, queue_topic
from app.hooks.interface import JobInterface
from app.hooks.types import JobSpec, TaskSpec

_NOTED = {
    TaskState.CREATED: EventKind.TASK_CREATED,
    TaskState.QUEUED: EventKind.TASK_QUEUED,
    TaskState.RUNNING: EventKind.TASK_STARTED,
    TaskState.SKIPPED: EventKind.TASK_SKIPPED,
    TaskState.FAILED: EventKind.TASK_FAILED,
    TaskState.COMPLETED: EventKind.TASK_COMPLETED,
}
_GOOD = frozenset({TaskState.COMPLETED, TaskState.SKIPPED})


class Creation:
    """Writes what an answer asks for."""

    def __init__(self, store: Store, interfaces: Mapping[str, JobInterface]) -> None:
        self._store = store
        self._interfaces = interfaces

    def create(
        self,
        tx: Transaction,
        job: Job,
        specs: Sequence[TaskSpec],
        *,
        parent: int | None = None,
        waiting: bool = False,
    ) -> None:
        """Store tasks with all that they hold.

        parent: the composite that they are created with. waiting: whether it has not begun.
        """
        places: dict[str, tuple[int, TaskState]] = {}
        ids: list[int] = []
        for run in _runs(specs):
            rows: list[tasks.NewTask] = []
            waited: list[needs.Need] = []
            for spec in run:
                place = len(ids) + len(rows)
                needed = [
                    (place, places[name][0], ready)
                    for names, ready in ((spec.after, None), (spec.after_ready, 0))
                    for name in names
                    if places[name][1] not in _GOOD
                ]
                state = _state(spec, waits=waiting or bool(needed))
                row = self._row(job, spec, state, tx.now)
                row.parent_id = parent if spec.parent is None else spec.parent
                if spec.held and state is TaskState.CREATED:
                    row.due_at = tasks.held_by(row.parent_id)
                row.needs = len(needed) + int(waiting)
                row.starts_job_id = uuid.uuid4().hex if spec.job else None
                places[spec.name] = (place, state)
                waited += needed
                rows.append(row)
            ids += tasks.insert_all(self._store, rows)
            met_by = [(ids[one], ids[other], ready) for one, other, ready in waited]
            needs.insert(self._store, met_by)
            for spec, row, task_id in zip(run, rows, ids[-len(rows) :], strict=True):
                self._made(tx, job, spec, row, task_id)
        if any(spec.parent is not None for spec in specs):
            grown = Counter(spec.parent for spec in specs if spec.parent is not None)
            still_open = Counter(spec.parent for spec in specs if not born_over(spec))
            counts = {one: (count, still_open[one]) for one, count in grown.items()}
            tasks.add_children(self._store, counts)

    def _made(
        self, tx: Transaction, job: Job, spec: TaskSpec, row: tasks.NewTask, task_id: int
    ) -> None:
        """Tell of a new task, and store what it holds or starts."""
        tx.note(_NOTED[row.state], job.dialect, job_id=job.id, task_id=task_id)
        if row.state is TaskState.QUEUED:
            tx.ring(queue_topic(row.queue))
        if spec.job is not None and row.starts_job_id is not None:
            self._create_job(tx, job, spec.job, task_id, row.starts_job_id)
        waiting = row.state is TaskState.CREATED
        self.create(tx, job, spec.children, parent=task_id, waiting=waiting)

    def _create_job(
        self, tx: Transaction, parent: Job, spec: JobSpec, task_id: int, job_id: str
    ) -> None:
        """Store a job that a task starts; `SubJobs` starts it as soon as this is committed."""
        job = Job(
            id=job_id,
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
            audience_id=parent.audience_id,
            paused_at=None if spec.detached else parent.paused_at,
            created_at=tx.now,
            watches=tuple(spec.watches),
        )
        after = None if spec.delete_after_s is None else seconds(spec.delete_after_s)
        jobs.insert(self._store, job, delete_after_us=after)
        if job.watched:
            tx.watch(job.id, job.watches)
        tx.note(EventKind.JOB_SUBMITTED, job.dialect, job_id=job.id, state=job.state)
        tx.ring(SUBJOBS_TOPIC)

    def _row(self, job: Job, spec: TaskSpec, state: TaskState, now: Instant) -> tasks.NewTask:
        interface = self._interfaces.get(job.type)
        over = state.final
        due_at = None
        if state is TaskState.CREATED:
            due_at = now + seconds(spec.delay_s) if spec.delay_s > 0 else None
        return tasks.NewTask(
            public_id=uuid.uuid4().hex if interface and interface.public_task_ids else None,
            job_id=job.id,
            group_id=job.group_id,
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
            children=len(spec.children),
            children_open=sum(1 for child in spec.children if not born_over(child)),
            lease_us=seconds(spec.lease_s),
            due_at=due_at,
            created_at=now,
            queued_at=now if over or state in (TaskState.QUEUED, TaskState.RUNNING) else None,
            started_at=now if over or state is TaskState.RUNNING else None,
            ended_at=now if over else None,
            watched=job.watched,
            service=spec.service,
        )


def _runs(specs: Sequence[TaskSpec]) -> Iterator[Sequence[TaskSpec]]:
    """Cut tasks into runs that are stored at once; what a task holds comes right behind it."""
    begin = 0
    for end, spec in enumerate(specs, 1):
        if spec.children or end == len(specs):
            yield specs[begin:end]
            begin = end


def make_ready(store: Store, tx: Transaction, task_ids: Sequence[int]) -> int:
    """Queue those tasks that wait for nothing more, or begin them; give how many."""
    moved = tasks.make_ready(store, task_ids, tx.now)
    for one in moved:
        _begun(store, tx, one)
    return len(moved)


def needs_met(store: Store, tx: Transaction, ended: Sequence[int]) -> None:
    """Tell the tasks that waited for these that they have ended well."""
    make_ready(store, tx, needs.met(store, ended))


def release(store: Store, tx: Transaction, counts: Mapping[int, int]) -> None:
    """Let go of the oldest held children of composites. counts: how many, by the composite."""
    for composite_id, count in counts.items():
        make_ready(store, tx, tasks.release_held(store, composite_id, count))


def _begun(store: Store, tx: Transaction, moved: tasks.Ready) -> None:
    dialect = moved.queue.partition("/")[0]
    if moved.watched and moved.job_id is not None:
        tx.watch(moved.job_id)
    tx.note(_NOTED[moved.state], dialect, job_id=moved.job_id, task_id=moved.task_id)
    if moved.state is TaskState.QUEUED:
        tx.ring(queue_topic(moved.queue))
        return
    make_ready(store, tx, tasks.composite_begun(store, moved.task_id))


def born_over(spec: TaskSpec) -> bool:
    """Whether a task is over when it is created: skipped, or one that could not even start."""
    return spec.state is not None and TaskState(spec.state).final


def all_of(specs: Sequence[TaskSpec]) -> list[TaskSpec]:
    """Give tasks with all that they hold."""
    found: list[TaskSpec] = []
    for spec in specs:
        found.append(spec)
        found.extend(all_of(spec.children))
    return found


def count_open(specs: Sequence[TaskSpec]) -> int:
    """Count the tasks that are not over when they are created, with all that they hold."""
    return sum(1 for spec in all_of(specs) if not born_over(spec))


def count_services(specs: Sequence[TaskSpec]) -> int:
    """Count the services among tasks that are not over when they are created."""
    return sum(1 for spec in all_of(specs) if spec.service and not born_over(spec))


def _state(spec: TaskSpec, *, waits: bool) -> TaskState:
    if spec.state is not None:
        return TaskState(spec.state)
    if waits or spec.held or spec.delay_s > 0:
        return TaskState.CREATED
    return TaskState.QUEUED if spec.kind == TaskKind.WORK else TaskState.RUNNING
