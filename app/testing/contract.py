"""The tests that every job interface must pass; its author subclasses them."""
# ruff: noqa: S101, D102 - these are tests that plugin packages inherit; their names say it all

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from marshmallow import INCLUDE

from app.domain.errors import SpecInvalid
from app.hooks import Advance, JobInterface, JobView, Json, TaskView, WorkerView
from app.hooks.loading import sound
from app.hooks.manager import PluginManager
from app.testing.simulation import Decide, Simulation, completes, fails

UNKNOWN = "no-such-parameter"


class JobInterfaceContract:
    """Inherit in a class whose name begins with `Test`; give an interface and one valid spec.

    interface: the object under test. valid_spec: parameters that it must accept, as a client
    gives them, and whose tasks a worker of ours could be handed.
    """

    interface: ClassVar[JobInterface]
    valid_spec: ClassVar[Mapping[str, Any]]

    worker: ClassVar[WorkerView] = WorkerView(name="worker-1", hostname="host-1")

    def test_fixed_members_are_sound(self) -> None:
        assert sound(self.interface) is self.interface

    def test_valid_spec_is_accepted(self) -> None:
        assert isinstance(self._loaded(), dict)

    def test_unknown_parameter_is_refused(self) -> None:
        if self.interface.spec_schema is None:
            pytest.skip("this job type accepts any parameters")
        if self.interface.spec_schema().unknown == INCLUDE:
            pytest.skip("this job type keeps parameters that it does not know")
        with pytest.raises(SpecInvalid) as refusal:
            self._plugins().load_spec(self.interface, {**self._spec(), UNKNOWN: 1})
        assert UNKNOWN in str(refusal.value)

    def test_task_count_is_a_number(self) -> None:
        assert self._plugins().task_count(self.interface, self._loaded()) >= 0

    def test_secrets_are_texts(self) -> None:
        spec = self._loaded()
        before = copy.deepcopy(spec)
        secrets = self._plugins().secrets(self.interface.name, spec, {})
        assert all(isinstance(value, str) for value in secrets)
        assert spec == before, "secrets changed the parameters it was given"

    def test_options_are_json(self) -> None:
        assert isinstance(self._plugins().options(self.interface), dict)

    def test_plan_gives_a_valid_answer_that_does_something(self) -> None:
        answer = self._plugins().plan(self.interface, self._job())
        assert answer.tasks or answer.end, "a job without a task is over at once"

    def test_plan_is_pure(self) -> None:
        job = self._job()
        before = copy.deepcopy(job)
        first = self._plugins().plan(self.interface, job)
        assert job == before, "plan changed the job it was given"
        assert self._plugins().plan(self.interface, job) == first, "plan gave another answer"

    def test_job_ends_when_every_task_completes(self) -> None:
        self._simulation().run(completes)

    def test_job_ends_when_every_task_fails(self) -> None:
        self._simulation().run(fails)

    def test_job_ends_when_the_youngest_task_completes_first(self) -> None:
        self._simulation().run(completes, choose=lambda running: len(running) - 1)

    def test_advance_is_pure(self) -> None:
        self._simulation(interface=_Twice(self.interface)).run(completes)
        self._simulation(interface=_Twice(self.interface)).run(fails)

    def test_every_work_task_is_bound_to_a_command(self) -> None:
        if type(self.interface).bind is JobInterface.bind:
            pytest.skip("the workers of this job type bring their own commands")
        for task in self._work_tasks():
            before = copy.deepcopy(task)
            bound = self._plugins().bind(self.interface, task, self.worker)
            assert task == before, "bind changed the task it was given"
            assert self._plugins().bind(self.interface, task, self.worker) == bound

    def test_any_output_can_be_parsed(self) -> None:
        lines = ["", "plain", "\x1b[31mred\x1b[0m", "100 %", "frame 1 of 0", "\ufffd", "x" * 10_000]
        for task in self._work_tasks():
            parsed = self._plugins().parse(self.interface, task, lines, {})
            state = {} if parsed is None else parsed.state
            self._plugins().parse(self.interface, task, lines, state)

    def _spec(self) -> Json:
        return copy.deepcopy(dict(self.valid_spec))

    def _plugins(self) -> PluginManager:
        return PluginManager.holding(self.interface)

    def _loaded(self) -> Json:
        return self._plugins().load_spec(self.interface, self._spec())

    def _job(self) -> JobView:
        return self._simulation().job

    def _simulation(self, *, interface: JobInterface | None = None) -> Simulation:
        return Simulation(interface=interface or self.interface, spec=self._spec())

    def _work_tasks(self) -> list[TaskView]:
        """Give every task that a worker would get in a job that goes well."""
        seen: list[TaskView] = []

        def noting(decide: Decide) -> Decide:
            def noted(task: TaskView) -> Any:
                seen.append(task)
                return decide(task)

            return noted

        simulation = self._simulation()
        simulation.run(noting(completes))
        return [task for task in seen if simulation.tasks[task.id].spec.kind == "work"]


class _Twice(JobInterface):
    """Asks `advance` of another interface twice, and compares answers and arguments."""

    name = "twice"

    def __init__(self, inner: JobInterface) -> None:
        self._inner = inner
        self._plugins = PluginManager.holding(inner)
        self.spec_schema = inner.spec_schema  # type: ignore[misc]

    def plan(self, job: JobView) -> Advance:
        return self._plugins.plan(self._inner, job)

    def advance(self, job: JobView, task: TaskView) -> Advance:
        before = copy.deepcopy((job, task))
        answer = self._plugins.advance(self._inner, job, task)
        assert (job, task) == before, "advance changed what it was given"
        again = self._plugins.advance(self._inner, job, task)
        assert again == answer, "advance gave another answer"
        return answer
