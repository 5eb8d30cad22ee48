"""A job run to its end in memory, to see what a job interface does with it.

It keeps the engine's promises to job interfaces and nothing else: no database, no time, no worker.
Delays pass at once; what a task comes to is decided by the caller.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.hooks import Advance, Fail, Finish, JobInterface, JobView, Json, TaskSpec, TaskView
from app.hooks.manager import PluginManager

FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "SKIPPED"})


class Endless(AssertionError):
    """The job did not come to an end within the steps it was given."""


@dataclass(slots=True, kw_only=True)
class SimulatedTask:
    """A task as it stands. waits: ids of those it comes after. tries: that have ended."""

    id: int
    spec: TaskSpec
    parent: int | None
    state: str = "CREATED"
    held: bool = False
    waits: frozenset[int] = frozenset()
    tries: int = 0
    result: str | None = None
    error: str | None = None
    tolerated: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a try of a task came to. error: None when it went well."""

    result: str | None = None
    error: str | None = None


#: Decides what becomes of the task that runs now.
Decide = Callable[[TaskView], Outcome]
#: Picks, by its place in the list, which of the running tasks ends next.
Choose = Callable[[Sequence[TaskView]], int]


def completes(task: TaskView) -> Outcome:
    """Let every task complete, with its name as the result."""
    return Outcome(result=task.name)


def fails(task: TaskView) -> Outcome:
    """Let every try of every task fail."""
    return Outcome(error=f"{task.name} failed")


def first(tasks: Sequence[TaskView]) -> int:
    """Let the oldest task end first."""
    del tasks
    return 0


@dataclass(kw_only=True)
class Simulation:
    """One job of one job interface.

    spec: the parameters as a client gives them. ended: the verdict, once there is one.
    """

    interface: JobInterface
    spec: Json
    name: str = "simulated"
    tasks: dict[int, SimulatedTask] = field(default_factory=dict)
    state: Json = field(default_factory=dict)
    position: int = 0
    progress: float = 0.0
    ended: Finish | Fail | None = None

    def __post_init__(self) -> None:
        """Load the parameters as a submit would."""
        self.plugins = PluginManager.holding(self.interface)
        self.loaded = self.plugins.load_spec(self.interface, self.spec)
        self._ends: deque[tuple[int, str]] = deque()

    def run(
        self, decide: Decide = completes, choose: Choose = first, *, steps: int = 10_000
    ) -> Finish | Fail:
        """Start the job and end one task after another until it is over.

        Raises Endless after that many ends.
        """
        self.start()
        for _step in range(steps):
            if self.ended is not None:
                return self.ended
            self.step(decide, choose)
        raise Endless(f"the job is not over after {steps} tasks have ended")

    def start(self) -> None:
        """Ask for the first tasks; a second call is a restart."""
        self.ended = None
        self._apply(self.plugins.plan(self.interface, self.job))
        self._settle()

    def step(self, decide: Decide = completes, choose: Choose = first) -> None:
        """Let one running task end."""
        running = [self.view(task) for task in self.running()]
        if not running:
            raise Endless("tasks are open, but none of them can ever run")
        chosen = running[choose(running)]
        task = self.tasks[chosen.id]
        outcome = decide(chosen)
        task.tries += 1
        if outcome.error is not None and task.tries < task.spec.max_attempts:
            return
        task.result, task.error = outcome.result, outcome.error
        self._ends.append((task.id, "COMPLETED" if outcome.error is None else "FAILED"))
        self._settle()

    @property
    def job(self) -> JobView:
        """The job as the interface sees it now."""
        states = [task.state for task in self.tasks.values()]
        return JobView(
            id="0123456789abcdef0123456789abcdef",
            name=self.name,
            spec=self.loaded,
            state=self.state,
            position=self.position,
            tasks_total=len(states),
            tasks_open=sum(state not in FINAL for state in states),
            tasks_failed=states.count("FAILED"),
        )

    def running(self, parent: int | None = None) -> list[SimulatedTask]:
        """Give the tasks that a worker could be at, those of one composite alone if it is named."""
        return [
            task
            for task in self.tasks.values()
            if task.spec.kind != "composite"
            and self._ready(task)
            and (parent is None or task.parent == parent)
        ]

    def view(self, task: SimulatedTask) -> TaskView:
        """Give a task as the interface sees it."""
        children = [one for one in self.tasks.values() if one.parent == task.id]
        return TaskView(
            id=task.id,
            name=task.spec.name,
            payload=dict(task.spec.payload),
            state=task.state if task.state in FINAL else "LEASED",
            position=task.spec.position,
            priority=task.spec.priority,
            number=task.tries,
            result=task.result,
            error=task.error,
            parent=None if task.parent is None else self.view(self.tasks[task.parent]),
            children=len(children),
            children_open=sum(one.state not in FINAL for one in children),
            spec=self.loaded,
        )

    def _ready(self, task: SimulatedTask) -> bool:
        if task.state in FINAL or task.held or self.ended is not None:
            return False
        if any(not self._met(self.tasks[one], task) for one in task.waits):
            return False
        return task.parent is None or self._ready(self.tasks[task.parent])

    def _met(self, needed: SimulatedTask, task: SimulatedTask) -> bool:
        """Tell whether what a task waits for has come; a service is ready when it runs."""
        if needed.state == "COMPLETED":
            return True
        by_end = needed.spec.name in task.spec.after
        return not by_end and needed.state not in FINAL and self._ready(needed)

    def _settle(self) -> None:
        """Ask about every end that is not yet asked about, and about those that follow."""
        undecided: str | None = None
        self._start_detached()
        while self._ends and self.ended is None:
            task_id, state = self._ends.popleft()
            task = self.tasks[task_id]
            if task.state in FINAL:
                raise AssertionError(f"task {task_id} ({task.spec.name}) is ended twice")
            task.state = state
            answer = self.plugins.advance(self.interface, self.job, self.view(task))
            goes_on = answer.tolerated or answer.tasks or answer.ends or answer.release
            if state == "FAILED" and not goes_on:
                undecided = task.error or "task failed"
            task.tolerated = answer.tolerated
            self._apply(answer)
            self._start_detached()
        if self.ended is None and undecided is not None:
            self.ended = Fail(undecided)
        if self.ended is None and self.job.tasks_open == 0:
            failures = [
                task.error or ""
                for task in self.tasks.values()
                if task.state == "FAILED" and not task.tolerated
            ]
            self.ended = Fail(failures[0]) if failures else Finish()
        if self.ended is not None:
            self._ends.clear()
            for task in self.tasks.values():
                task.state = task.state if task.state in FINAL else "CANCELLED"

    def _start_detached(self) -> None:
        """A task whose job lives alone is over when it begins."""
        coming = {task_id for task_id, _state in self._ends}
        for task in self.running():
            detached = task.spec.job is not None and task.spec.job.detached
            if detached and task.id not in coming:
                self._ends.append((task.id, "COMPLETED"))

    def _apply(self, answer: Advance) -> None:
        if answer.state is not None:
            self.state = answer.state
        if answer.position is not None:
            self.position = answer.position
        if answer.progress is not None:
            self.progress = answer.progress
        self._create(answer.tasks, None)
        for parent, count in answer.release.items():
            held = [one for one in self.tasks.values() if one.parent == parent and one.held]
            for one in held[:count]:
                one.held = False
        for end in answer.ends:
            composite = self.tasks[end.task_id]
            composite.result, composite.error = end.result, end.error
            self._ends.append((composite.id, "COMPLETED" if end.error is None else "FAILED"))
        self.ended = answer.end

    def _create(self, specs: Sequence[TaskSpec], parent: int | None) -> None:
        ids = {}
        made = []
        for spec in specs:
            task = SimulatedTask(
                id=len(self.tasks) + 1,
                spec=spec,
                parent=parent if parent is not None else spec.parent,
                held=spec.held,
                error=spec.error,
            )
            self.tasks[task.id] = ids[spec.name] = task  # names matter where `after` uses them
            made.append(task)
            task.state = spec.state or task.state
            self._create(spec.children, task.id)
        for task in made:
            task.waits = frozenset(
                ids[name].id for name in (*task.spec.after, *task.spec.after_ready)
            )
