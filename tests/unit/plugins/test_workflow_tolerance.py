"""The workflow planner and failures that a job goes on without: allowFailure and maxFailures."""

from collections.abc import Callable
from typing import Any

import pytest
from marshmallow import ValidationError

from app.hooks import Fail, Finish, TaskView
from app.testing import Outcome, Simulation, fails
from plugins.workflow import Workflow
from plugins.workflow.language import Workflow as Language


def _simulation(*tasks: dict[str, Any], **job: Any) -> Simulation:
    return Simulation(interface=Workflow(), spec={"tasks": list(tasks), **job}, name="nightly")


def _failing(*names: str) -> Callable[[TaskView], Outcome]:
    return lambda task: Outcome(error=f"{task.name} failed" if task.name in names else None)


def _states(simulation: Simulation) -> dict[str, str]:
    return {task.spec.name: task.state for task in simulation.tasks.values()}


def _each(size: int, **keys: Any) -> dict[str, Any]:
    task = {"name": "{{ item.value }}", "var": "r{{ item.index }}"}
    return {"name": "all", "each": {"list": f"0..{size - 1}", "task": task, **keys}}


def test_a_task_that_may_fail_lets_the_next_begin() -> None:
    simulation = _simulation({"name": "a", "allowFailure": True, "var": "a"}, {"name": "b"},
                             output="({{ tasks.a }})")  # fmt: skip
    assert simulation.run(_failing("a")) == Finish("()")
    assert _states(simulation) == {"a": "FAILED", "b": "COMPLETED"}
    assert simulation.position == 3


def test_the_last_task_may_fail_too() -> None:
    simulation = _simulation({"name": "a"}, {"name": "b", "allowFailure": True})
    assert simulation.run(_failing("b")) == Finish()


def test_it_is_tried_again_first() -> None:
    simulation = _simulation({"name": "a", "allowFailure": True, "retry": {"limit": 2}})
    assert simulation.run(fails) == Finish()
    assert [task.state for task in simulation.tasks.values()] == ["FAILED"] * 3


def test_a_child_that_may_fail_ends_its_composite_like_any_other() -> None:
    children = [{"name": "a", "allowFailure": True}, {"name": "b"}]
    for failing in ("a", "b"):
        simulation = _simulation({"name": "p", "parallel": {"tasks": children}}, {"name": "after"})
        end = simulation.run(_failing(failing))
        assert end == (Finish() if failing == "a" else Fail("b failed"))


@pytest.mark.parametrize("composite", ["parallel", "each"])
@pytest.mark.parametrize("most", [0, 1, 2, 3])
def test_so_many_children_may_fail_and_no_more(composite: str, most: int) -> None:
    given = _each(4, maxFailures=most)
    if composite == "parallel":
        tasks = [{"name": str(number)} for number in range(4)]
        given = {"name": "all", "parallel": {"tasks": tasks, "maxFailures": most}}
    simulation = _simulation(given, {"name": "after"})
    end = simulation.run(_failing("0", "2"))
    assert end == (Finish() if most >= 2 else Fail(f"{0 if most == 0 else 2} failed"))
    if most >= 2:
        assert _states(simulation)["all"] == _states(simulation)["after"] == "COMPLETED"
        assert simulation.state.get("failed", {}) == {}


def test_a_try_is_no_failure_yet() -> None:
    task = {"name": "{{ item.value }}", "retry": {"limit": 3}}
    simulation = _simulation(
        {"name": "all", "each": {"list": "0..2", "task": task, "maxFailures": 1}}
    )
    assert simulation.run(_failing("1")) == Finish()


@pytest.mark.parametrize("concurrency", [1, 2, 0])
def test_a_failure_makes_room_for_the_next_of_a_list(concurrency: int) -> None:
    simulation = _simulation(_each(9, concurrency=concurrency, maxFailures=9))
    assert simulation.run(fails) == Finish()
    assert len(simulation.tasks) == 10


def test_a_long_list_goes_on_behind_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.workflow.composites.AHEAD", 4)
    monkeypatch.setattr("plugins.workflow.composites.STEP", 2)
    simulation = _simulation(_each(30, maxFailures=15))
    odd = _failing(*(str(number) for number in range(1, 30, 2)))
    assert simulation.run(odd) == Finish()
    assert len(simulation.tasks) == 31


def test_composites_count_for_themselves() -> None:
    inner = {"name": "in {{ item.index }}",
             "parallel": {"tasks": [{"name": "x"}, {"name": "y"}], "maxFailures": 1}}  # fmt: skip
    outer = {"name": "out", "each": {"list": "0..2", "task": inner}}
    assert _simulation(outer).run(_failing("x")) == Finish()
    assert _simulation(outer).run(_failing("x", "y")) == Fail("y failed")


def test_a_sub_job_may_fail() -> None:
    sub = {"name": "sub", "tasks": [{"name": "inner"}]}
    simulation = _simulation({"name": "s", "subjob": sub, "allowFailure": True}, {"name": "b"})
    assert simulation.run(_failing("s")) == Finish()


def test_a_task_that_cannot_be_made_fails_the_job_all_the_same() -> None:
    broken = {"name": "a", "env": {"A": "{{ nobody() }}"}, "allowFailure": True}
    end = _simulation(broken).run()
    assert isinstance(end, Fail)
    assert "nobody" in end.error
    children = {"tasks": [broken], "maxFailures": 5}
    assert isinstance(_simulation({"name": "p", "parallel": children}).run(), Fail)


def test_a_restart_counts_anew() -> None:
    simulation = _simulation(_each(3, maxFailures=1))
    assert simulation.run(_failing("0", "1")) == Fail("1 failed")
    assert simulation.run(_failing("2")) == Finish()


@pytest.mark.parametrize("most", [-1, 100_000, "1", True])
def test_a_number_of_failures_that_cannot_be(most: object) -> None:
    with pytest.raises(ValidationError):
        Language().load({"tasks": [_each(1, maxFailures=most)]})


def test_results_are_remembered_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.workflow.planner.MOST_REMEMBERED", 100)
    give = lambda task: Outcome(result="x" * 30)  # noqa: E731 - one line for one answer
    assert _simulation(_each(3)).run(give) == Finish()
    end = _simulation(_each(4)).run(give)
    assert isinstance(end, Fail)
    assert "longer than" in end.error


def test_a_child_that_gives_no_result_stores_nothing() -> None:
    simulation = _simulation(_each(3))
    simulation.start()
    kept = simulation.state
    simulation.step(_failing())
    assert simulation.state is kept
