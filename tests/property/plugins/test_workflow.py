"""Whatever tasks hold each other, a workflow comes to an end and runs everything it should."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.hooks import Fail, Finish, TaskView
from app.testing import Outcome, Simulation
from plugins.workflow import Workflow, composites, making

# What the fixture sets is the same for every example.
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

CONDITIONS = st.sampled_from([None, None, None, "true", "false"])


def _task(**keys: Any) -> dict[str, Any]:
    return {key: value for key, value in {"name": "t", **keys}.items() if value is not None}


LEAVES = st.builds(
    _task,
    **{"if": CONDITIONS},
    retry=st.none() | st.builds(lambda n: {"limit": n}, st.integers(1, 2)),
)


def _holding(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    tasks = st.lists(inner, min_size=1, max_size=3)
    each = st.builds(
        lambda count, places, body: {
            "list": f"{{{{ sequence(0, {count}) }}}}",
            "concurrency": places,
            "task": body,
        },
        st.integers(0, 4),
        st.integers(0, 3),
        inner,
    )
    return st.one_of(
        st.builds(_task, **{"if": CONDITIONS}, parallel=st.builds(lambda t: {"tasks": t}, tasks)),
        st.builds(_task, **{"if": CONDITIONS}, each=each),
        st.builds(_task, **{"if": CONDITIONS}, subjob=st.builds(_subjob, tasks, st.booleans())),
    )


def _subjob(tasks: list[dict[str, Any]], detached: bool) -> dict[str, Any]:
    return {"name": "s", "tasks": tasks, "detached": detached}


TASKS = st.recursive(LEAVES, _holding, max_leaves=12)
WORKFLOWS = st.lists(TASKS, min_size=1, max_size=3)


def _runs(task: dict[str, Any]) -> int:
    """Count what a worker, or an attached or detached sub-job, must have done."""
    if task.get("if") == "false":
        return 0
    if "parallel" in task:
        return sum(_runs(child) for child in task["parallel"]["tasks"])
    if "each" in task:
        count = int(task["each"]["list"].split(",")[1].split(")")[0])
        return count * _runs(task["each"]["task"])
    return 1


def _check_places(simulation: Simulation) -> None:
    """No list has more of its elements open than it has places."""
    for task in simulation.tasks.values():
        each = task.spec.payload.get("each")
        if each and each["concurrency"]:
            open_now = [
                child
                for child in simulation.tasks.values()
                if child.parent == task.id and not child.held and not _over(child.state)
            ]
            assert len(open_now) <= each["concurrency"]


def _over(state: str) -> bool:
    return state in ("COMPLETED", "FAILED", "SKIPPED", "CANCELLED")


@pytest.fixture(params=["at once", "in steps"])
def steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists as short as these are made at once, or as long ones are."""
    if request.param == "in steps":
        monkeypatch.setattr(composites, "AHEAD", 2)
        monkeypatch.setattr(composites, "STEP", 1)
        monkeypatch.setattr(making, "ENOUGH_TASKS", 4)


def _pure(interface: Workflow) -> None:
    """Let every question be asked twice; the answers must be the same, the values untouched."""
    for name in ("plan", "advance"):
        ask = getattr(interface, name)

        def twice(*values: Any, ask: Any = ask) -> Any:
            before = copy.deepcopy(values)
            answers = ask(*values), ask(*values)
            assert answers[0] == answers[1]
            assert values == before
            return answers[0]

        setattr(interface, name, twice)


@SHARED
@pytest.mark.usefixtures("steps")
@given(tasks=WORKFLOWS, data=st.data())
def test_every_task_that_is_wanted_runs_once_and_the_job_completes(
    tasks: list[dict[str, Any]], data: st.DataObject
) -> None:
    interface = Workflow()
    simulation = Simulation(interface=interface, spec={"tasks": tasks})
    _pure(interface)

    def choose(running: list[TaskView]) -> int:
        _check_places(simulation)
        return data.draw(st.integers(0, len(running) - 1))

    assert simulation.run(lambda _: Outcome(result="r"), choose) == Finish()
    states = [task.state for task in simulation.tasks.values()]
    assert set(states) <= {"COMPLETED", "SKIPPED"}
    done = [
        task
        for task in simulation.tasks.values()
        if task.spec.kind != "composite" and task.state == "COMPLETED"
    ]
    assert len(done) == sum(_runs(task) for task in tasks)
    assert simulation.position == len(tasks) + 1
    assert simulation.progress == 100.0
    assert not simulation.state.get("next")


@SHARED
@pytest.mark.usefixtures("steps")
@given(tasks=WORKFLOWS, data=st.data())
def test_job_with_failures_ends_and_a_restart_can_complete_it(
    tasks: list[dict[str, Any]], data: st.DataObject
) -> None:
    interface = Workflow()
    simulation = Simulation(interface=interface, spec={"tasks": tasks})
    _pure(interface)
    tries: dict[int, int] = {}

    def decide(task: TaskView) -> Outcome:
        _check_places(simulation)
        retry = task.payload.get("retry", {})
        assert retry.get("attempts", 0) <= retry.get("limit", 0)
        tries[task.id] = tries.get(task.id, 0) + 1
        return Outcome(error="broken" if data.draw(st.booleans()) else None)

    ended = simulation.run(decide, lambda running: data.draw(st.integers(0, len(running) - 1)))
    assert ended in (Finish(), Fail("broken"))
    assert set(tries.values()) <= {1}
    if isinstance(ended, Fail):
        assert simulation.run(lambda _: Outcome()) == Finish()
    assert all(_over(task.state) for task in simulation.tasks.values())
