"""What follows when the tasks of a job end, as its interface decides it.

Deciding is pure: it reads composites, asks the interface, and writes nothing. It rests on a
snapshot of the job, which whoever applies it has to compare (`app.engine.courses`).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol

from app.data import tasks
from app.data.db import Store
from app.domain.clock import SECOND, Instant
from app.domain.errors import PluginFailed, TaskNotFound
from app.domain.records import Job, Json, Task, Watch
from app.domain.sealed import SealedJson
from app.domain.states import TaskKind, TaskState
from app.engine.creation import all_of, born_over, count_open
from app.hooks.interface import JobInterface
from app.hooks.types import Advance, Fail, Finish, JobView, TaskSpec, TaskView

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
    """The answers to what happened, in order.

    ended: the tasks whose ends they answer. end: set when the job is over with them.
    """

    answers: list[Advance] = field(default_factory=list)
    end: Finish | Fail | None = None
    ended: list[Task] = field(default_factory=list)


def begin(plugins: Plugins, job: Job, now: Instant) -> Course:
    """Decide what a job begins with, or begins again with after a restart."""
    try:
        answer = plugins.plan(_interface(plugins, job), job_view(job, now=now))
    except PluginFailed as error:
        return Course(end=Fail(str(error)))
    course = Course([answer], answer.end)
    if course.end is None and count_open(answer.tasks) == 0:
        course.end = _first_failure(answer.tasks) or Finish()
    return course


def change(plugins: Plugins, job: Job, wish: Json, now: Instant) -> Course:
    """Decide what follows from a wish. Raises ValueError where the interface refuses it."""
    answer = plugins.change(_interface(plugins, job), job_view(job, now=now), wish)
    return Course([answer], answer.end)


def follow(store: Store, plugins: Plugins, job: Job, ended: Sequence[Task], now: Instant) -> Course:
    """Decide what follows the ends of tasks, one after another; it needs a session.

    Once the job is over with one of them, those behind it are not among `Course.ended`.
    """
    course = Course()
    try:
        decision = _Decision(store, plugins, job, course, now)
    except PluginFailed as error:
        return Course(end=Fail(str(error)), ended=list(ended[:1]))
    for task in ended:
        course.ended.append(task)
        try:
            decision.follow(task)
        except PluginFailed as error:
            course.end = Fail(str(error))
        if course.end is not None:
            break
    return course


class _Decision:
    """One job being decided about, as it stands after each answer."""

    def __init__(
        self, store: Store, plugins: Plugins, job: Job, course: Course, now: Instant
    ) -> None:
        self._store = store
        self._plugins = plugins
        self._interface = _interface(plugins, job)
        self._view = job_view(job, now=now)
        self._course = course
        self._composites: dict[int, Task] = {}

    def follow(self, ended: Task) -> None:
        """Ask what follows the end of a task, and of composites that end with it."""
        pending = deque([ended])
        undecided: str | None = None
        first = len(self._course.answers)
        while pending:
            task = pending.popleft()
            failed = task.state is TaskState.FAILED
            parent = self._parent_of(task)
            self._view = replace(
                self._view,
                tasks_open=self._view.tasks_open - 1,
                tasks_failed=self._view.tasks_failed + int(failed),
            )
            answer = self._plugins.advance(self._interface, self._view, _task_view(task, parent))
            ending = self._ending(answer)
            self._course.answers.append(answer)
            if answer.end is not None:
                self._course.end = answer.end
                return
            goes_on = answer.tolerated or answer.tasks or answer.ends or answer.release
            if failed and not goes_on:
                undecided = task.error or "task failed"
            self._take(answer)
            pending.extend(ending)
        if undecided is not None:
            self._course.end = Fail(undecided)
        elif self._view.tasks_open <= 0:
            born = [spec for answer in self._course.answers[first:] for spec in answer.tasks]
            self._course.end = _first_failure(born) or Finish()

    def _take(self, answer: Advance) -> None:
        """Let an answer count for what is asked next."""
        view = self._view
        self._view = replace(
            view,
            state=view.state if answer.state is None else answer.state,
            position=view.position if answer.position is None else answer.position,
            tasks_open=view.tasks_open + count_open(answer.tasks),
            tasks_total=view.tasks_total + len(all_of(answer.tasks)),
        )
        for spec in answer.tasks:
            if spec.parent is not None:
                composite = self._composites[spec.parent]
                self._composites[spec.parent] = replace(
                    composite,
                    children=composite.children + 1,
                    children_open=composite.children_open + int(not born_over(spec)),
                )

    def _ending(self, answer: Advance) -> list[Task]:
        """Give the composites that an answer ends. Raises PluginFailed for one that cannot be."""
        for parent_id in {spec.parent for spec in answer.tasks if spec.parent is not None}:
            self._composites[parent_id] = self._composite(parent_id)
        ending: list[Task] = []
        for end in answer.ends:
            composite = self._composite(end.task_id)
            over = TaskState.FAILED if end.error is not None else TaskState.COMPLETED
            composite = replace(composite, state=over, result=end.result, error=end.error)
            self._composites[composite.id] = composite
            ending.append(composite)
        return ending

    def _composite(self, task_id: int) -> Task:
        """Give an open composite of the job, which an answer names. Raises PluginFailed."""
        fault = "the job has no such task"
        try:
            found = self._composites.get(task_id) or tasks.get(self._store, task_id)
        except TaskNotFound:
            found = None
        if found is not None and found.job_id == self._view.id:
            if found.kind is not TaskKind.WORK and not found.state.final:
                return found
            fault = "it is over" if found.state.final else "it is no composite"
        name = self._interface.name
        raise PluginFailed(
            f"plugin {name!r} failed in advance: it names task {task_id}, but {fault}",
            plugin=name,
            hook="advance",
        )

    def _parent_of(self, task: Task) -> Task | None:
        if task.parent_id is None:
            return None
        parent = self._composites.get(task.parent_id) or tasks.get(self._store, task.parent_id)
        parent = replace(parent, children_open=parent.children_open - 1)
        self._composites[parent.id] = parent
        return parent


def _interface(plugins: Plugins, job: Job) -> JobInterface:
    if isinstance(job.spec, SealedJson) or isinstance(job.state_data, SealedJson):
        raise PluginFailed("the job is encrypted by a key that this server has not")
    try:
        return plugins.interfaces[job.type]
    except KeyError:
        raise PluginFailed(f"job type {job.type} is not installed") from None


def _first_failure(specs: Sequence[TaskSpec]) -> Fail | None:
    for spec in all_of(specs):
        if spec.state == TaskState.FAILED:
            return Fail(spec.error or "task failed")
    return None


def job_view(
    job: Job, *, services: Mapping[str, Mapping[str, str]] = _NONE, now: Instant = 0
) -> JobView:
    """Give a job as its interface sees it at an instant."""
    return JobView(
        at=now / SECOND,
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
