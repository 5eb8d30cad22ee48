"""The workflow planner on tasks that hold others: parallel, each, subjob."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from app.hooks import Fail, Finish, TaskView
from app.testing import Outcome, Simulation, completes
from plugins.workflow import Workflow, composites, making
from plugins.workflow.making import MOST_ITEMS


def _simulation(*tasks: dict[str, Any], **job: Any) -> Simulation:
    return Simulation(interface=Workflow(), spec={"tasks": list(tasks), **job}, name="nightly")


def _parallel(*tasks: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"name": "together", "parallel": {"tasks": list(tasks)}, **keys}


def _each(expression: str, task: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"name": "all", "each": {"list": expression, "task": task, **keys}}


def _names(simulation: Simulation) -> list[str]:
    return [task.spec.name for task in simulation.tasks.values()]


def _states(simulation: Simulation) -> list[str]:
    return [task.state for task in simulation.tasks.values()]


def _last(running: Sequence[TaskView]) -> int:
    return len(running) - 1


def test_parallel_runs_its_children_side_by_side_then_goes_on() -> None:
    simulation = _simulation(_parallel({"name": "a"}, {"name": "b"}), {"name": "after"})
    simulation.start()
    assert [task.spec.name for task in simulation.running()] == ["a", "b"]
    assert {task.parent for task in simulation.running()} == {1}
    assert {task.spec.position for task in simulation.tasks.values()} == {1}
    simulation.step(choose=_last)
    assert simulation.position == 1
    simulation.step()
    assert simulation.position == 2
    assert [task.spec.name for task in simulation.running()] == ["after"]


def test_results_of_children_are_kept_by_var() -> None:
    simulation = _simulation(
        _parallel({"name": "a", "var": "a"}, {"name": "b", "var": "b"}),
        output="{{ tasks.a }}{{ tasks.b }}",
    )
    assert simulation.run(choose=_last) == Finish("ab")


def test_failing_child_fails_the_job_and_cancels_the_rest() -> None:
    simulation = _simulation(_parallel({"name": "a"}, {"name": "b"}, {"name": "c"}))
    ended = simulation.run(lambda task: Outcome(error=f"{task.name} broke"), choose=lambda _: 1)
    assert ended == Fail("b broke")
    assert _states(simulation) == ["CANCELLED", "CANCELLED", "FAILED", "CANCELLED"]


def test_child_is_retried_inside_its_parent() -> None:
    simulation = _simulation(_parallel({"name": "a", "retry": {"limit": 1}}, {"name": "b"}))
    once = lambda task: Outcome(error="x") if task.id == 2 else Outcome()  # noqa: E731
    assert simulation.run(once) == Finish()
    again = simulation.tasks[4]
    assert (again.spec.name, again.parent, again.state) == ("a", 1, "COMPLETED")
    assert again.spec.payload["retry"] == {"limit": 1, "attempts": 1}


def test_child_that_cannot_be_evaluated_fails_the_job_with_its_siblings_there() -> None:
    simulation = _simulation(_parallel({"name": "a"}, {"name": "{{ 1 + 'x' }}"}))
    ended = simulation.run()
    assert isinstance(ended, Fail)
    assert ended.error.startswith("error evaluating expression: ")
    assert _states(simulation) == ["CANCELLED", "CANCELLED", "FAILED"]


def test_parallel_of_skipped_children_is_over_at_once() -> None:
    never = {"name": "never", "if": "false"}
    simulation = _simulation(_parallel(never, _parallel(never)), {"name": "b"})
    simulation.start()
    assert _states(simulation) == ["COMPLETED", "SKIPPED", "COMPLETED", "SKIPPED", "CREATED"]
    assert simulation.run() == Finish()


def test_skipped_composite_makes_no_children() -> None:
    simulation = _simulation(_parallel({"name": "a"}, **{"if": "{{ false }}"}), {"name": "b"})
    assert simulation.run() == Finish()
    assert _states(simulation) == ["SKIPPED", "COMPLETED"]


def test_nested_parallel_ends_inside_out() -> None:
    simulation = _simulation(_parallel({"name": "a"}, _parallel({"name": "b"}, {"name": "c"})))
    assert simulation.run(choose=_last) == Finish()
    assert set(_states(simulation)) == {"COMPLETED"}


def test_each_makes_one_child_for_each_element() -> None:
    body = {"name": "{{ item.index }}={{ item.value }}", "env": {"T": "{{ type(item.index) }}"}}
    simulation = _simulation(_each("{{ [10, 'x', true] }}", body))
    simulation.start()
    assert _names(simulation) == ["all", "0=10", "1=x", "2=true"]
    assert simulation.tasks[2].spec.payload["env"] == {"T": "string"}
    assert simulation.tasks[1].spec.payload["each"]["size"] == 3
    assert simulation.run() == Finish()


def test_each_names_its_item_and_sees_the_outer_one() -> None:
    inner = _each("1..2", {"name": "{{ row.value }}{{ cell.value }}"}, var="cell")
    simulation = _simulation(_each("['a', 'b']", inner, var="row"))
    simulation.start()
    assert [name for name in _names(simulation) if name != "all"] == ["a1", "a2", "b1", "b2"]


@pytest.mark.parametrize("concurrency", [1, 2, 4, 9])
def test_each_never_runs_more_than_its_concurrency(concurrency: int) -> None:
    body = {"name": "{{ item.index }}", "retry": {"limit": 1}}
    simulation = _simulation(_each("1..6", body, concurrency=concurrency))
    most = []
    ended = []

    def decide(task: TaskView) -> Outcome:
        most.append(len(simulation.running()))
        ended.append(task.name)
        return Outcome(error="once" if ended.count(task.name) == 1 else None)

    assert simulation.run(decide) == Finish()
    assert max(most) == min(concurrency, 6)
    assert sorted(ended) == sorted([*"012345"] * 2)


def test_held_children_are_released_in_the_order_of_the_list() -> None:
    simulation = _simulation(_each("1..4", {"name": "{{ item.value }}"}, concurrency=1))
    order = []
    simulation.run(lambda task: order.append(task.name) or Outcome())
    assert order == ["1", "2", "3", "4"]


def test_skipped_children_take_and_free_no_place() -> None:
    body = {"name": "{{ item.value }}", "if": "{{ item.value % 2 == 0 }}"}
    simulation = _simulation(_each("1..8", body, concurrency=2))
    most = []
    assert simulation.run(lambda _: most.append(len(simulation.running())) or Outcome()) == Finish()
    assert most == [2, 2, 2, 1]
    assert sorted(_states(simulation)[1:]) == ["COMPLETED"] * 4 + ["SKIPPED"] * 4


@pytest.mark.parametrize(("count", "concurrency"), [(5, 1), (5, 2), (3, 9)])
def test_composite_bodies_take_their_turns(count: int, concurrency: int) -> None:
    body = {
        "name": "{{ item.value }}",
        "if": "{{ item.value != 2 }}",
        "parallel": {"tasks": [{"name": "l{{ item.value }}"}, {"name": "r{{ item.value }}"}]},
    }
    simulation = _simulation(_each(f"1..{count}", body, concurrency=concurrency), {"name": "z"})
    most = []

    def decide(_: TaskView) -> Outcome:
        most.append(len({task.parent for task in simulation.running()}))
        return Outcome()

    assert simulation.run(decide, choose=_last) == Finish()
    assert max(most) == min(concurrency, count - 1)
    wanted = {f"{side}{n}" for n in range(1, count + 1) for side in "lr" if n != 2}
    assert wanted <= set(_names(simulation))
    assert not simulation.state.get("next")


def test_composite_bodies_see_the_items_around_them() -> None:
    body = _each(
        "{{ [outer.value] }}", {"name": "{{ outer.value }}-{{ inner.value }}"}, var="inner"
    )
    simulation = _simulation(_each("['a', 'b', 'c']", body, var="outer", concurrency=1))
    simulation.run()
    assert [name for name in _names(simulation) if name != "all"] == ["a-a", "b-b", "c-c"]


@pytest.mark.parametrize("expression", ["[]", "{{ sequence(2, 1) }}"])
def test_each_over_an_empty_list_is_over_at_once(expression: str) -> None:
    simulation = _simulation(_each(expression, {"name": "n"}), {"name": "b"})
    assert simulation.run() == Finish()
    assert _names(simulation) == ["all", "b"]


@pytest.mark.parametrize("expression", ["{{ inputs.a }}", "1", "{{ {'a': 1} }}"])
def test_each_over_no_list_fails(expression: str) -> None:
    ended = _simulation(_each(expression, {"name": "n"}), inputs={"a": "[1]"}).run()
    assert ended == Fail("each.list does not evaluate to a list")


def test_each_over_too_long_a_list_fails() -> None:
    ended = _simulation(_each(f"1..{MOST_ITEMS + 1}", {"name": "n"})).run()
    assert ended == Fail(f"each.list has {MOST_ITEMS + 1} elements, more than {MOST_ITEMS}")


def test_more_tasks_than_one_answer_may_hold_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "MOST_TASKS", 300)
    inner = _each("1..20", {"name": "n", "if": "false"})
    ended = _simulation(_parallel(*[inner] * 20)).run()
    assert ended == Fail("more than 300 tasks at once")


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most five elements of a list are open, and two are made together."""
    monkeypatch.setattr(composites, "AHEAD", 5)
    monkeypatch.setattr(composites, "STEP", 2)
    monkeypatch.setattr(making, "ENOUGH_TASKS", 8)


def _open(simulation: Simulation, parent: int) -> int:
    return simulation.view(simulation.tasks[parent]).children_open


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("concurrency", [0, 1, 3, 7])
def test_long_list_is_made_in_steps_that_never_starve_nor_pile_up(concurrency: int) -> None:
    body = {"name": "{{ item.value }}", "retry": {"limit": 1}}
    simulation = _simulation(_each("1..40", body, concurrency=concurrency), {"name": "z"})
    order: list[str] = []

    def decide(task: TaskView) -> Outcome:
        if task.parent is None:
            return Outcome()
        left = 40 - len(set(order))
        assert min(left, 4) <= _open(simulation, 1) <= 5
        assert len(simulation.running()) == min(_open(simulation, 1), concurrency or 40)
        order.append(task.name)
        failed = task.name == "7" and order.count("7") == 1
        return Outcome(error="once" if failed else None)

    assert simulation.run(decide) == Finish()
    assert [name for name in dict.fromkeys(order) if name != "7"] == [
        str(n) for n in range(1, 41) if n != 7
    ]
    assert order.count("7") == 2
    assert not simulation.state.get("next")


@pytest.mark.usefixtures("small_steps")
def test_elements_that_are_skipped_take_no_step() -> None:
    body = {"name": "{{ item.value }}", "if": "{{ item.value % 9 == 0 }}"}
    simulation = _simulation(_each("1..40", body))
    assert simulation.run() == Finish()
    assert _states(simulation).count("SKIPPED") == 36
    assert _states(simulation).count("COMPLETED") == 5


@pytest.mark.usefixtures("small_steps")
def test_element_made_later_that_makes_no_sense_fails_the_job() -> None:
    body = {"name": "{{ 12 / (item.value - 9) }}"}
    ended = _simulation(_each("1..40", body)).run()
    assert isinstance(ended, Fail)
    assert ended.error.startswith("error evaluating expression: ")


@pytest.mark.usefixtures("small_steps")
def test_lists_of_lists_may_be_more_tasks_than_one_answer_may_hold() -> None:
    inner = _each("1..12", {"name": "{{ outer.value }}-{{ item.value }}"})
    simulation = _simulation(_each("1..12", inner, var="outer"))
    made, most = [0], 0

    def decide(_: TaskView) -> Outcome:
        nonlocal most
        made.append(len(simulation.tasks))
        most = max(most, len(simulation.running()))
        return Outcome()

    assert simulation.run(decide, choose=_last) == Finish()
    wanted = {f"{one}-{two}" for one in range(1, 13) for two in range(1, 13)}
    assert wanted <= set(_names(simulation))
    assert len(simulation.tasks) == 1 + 12 + 144
    assert max(after - before for before, after in pairwise(made)) <= 12
    assert most <= 25


@pytest.mark.usefixtures("small_steps")
def test_values_made_later_keep_their_types() -> None:
    body = {"name": "{{ type(item.value) }}{{ item.index }}"}
    values = "{{ concat([1, 2, 3, 4, 5, 6], ['a', true, nil, {'b': [1.5]}, [2]]) }}"
    simulation = _simulation(_each(values, body))
    assert simulation.run() == Finish()
    assert _names(simulation)[7:] == ["string6", "bool7", "nil8", "map9", "array10"]


def test_subjob_carries_evaluated_inputs_and_raw_tasks() -> None:
    sub = {
        "name": "sub of {{ job.name }}",
        "description": "d",
        "inputs": {"a": "{{ inputs.x }}"},
        "secrets": {"s": "{{ secrets.y }}"},
        "output": "{{ tasks.t }}",
        "tasks": [{"name": "{{ inputs.a }}", "var": "t"}],
        "webhooks": [{"url": "http://h/{{ inputs.x }}", "headers": {"H": "{{ inputs.x }}"}}],
    }
    simulation = _simulation(
        {"name": "s", "var": "s", "subjob": sub},
        inputs={"x": "1"},
        secrets={"y": "2"},
        output="{{ tasks.s }}",
    )
    assert simulation.run(lambda _: Outcome(result="done")) == Finish("done")
    job = simulation.tasks[1].spec.job
    assert job is not None
    assert (job.name, job.type, job.task_count, job.detached) == (
        "sub of nightly",
        "workflow",
        1,
        False,
    )
    assert job.spec == {
        "inputs": {"a": "1"},
        "secrets": {"s": "2"},
        "output": "{{ tasks.t }}",
        "tasks": sub["tasks"],
        "webhooks": [{"url": "http://h/1", "headers": {"H": "1"}, "evaluated": True}],
        "inherited_secrets": ["2"],
    }
    # What a sub-job is started with must be what a workflow accepts.
    assert Simulation(interface=Workflow(), spec=dict(job.spec)).run() == Finish("1")


def test_subjob_that_fails_fails_its_parent() -> None:
    simulation = _simulation({"name": "s", "subjob": {"name": "n", "tasks": [{"name": "t"}]}})
    assert simulation.run(lambda _: Outcome(error="inner")) == Fail("inner")


def test_detached_subjob_is_not_waited_for() -> None:
    sub = {"name": "n", "detached": True, "tasks": [{"name": "t"}]}
    simulation = _simulation({"name": "s", "subjob": sub}, {"name": "b"})
    simulation.start()
    assert [task.spec.name for task in simulation.running()] == ["b"]


def test_restart_of_a_composite_begins_it_whole() -> None:
    simulation = _simulation(_each("1..3", {"name": "{{ item.value }}"}, concurrency=1))
    failing = lambda task: Outcome(error="x" if task.name == "2" else None)  # noqa: E731
    assert simulation.run(failing) == Fail("x")
    assert simulation.run(completes) == Finish()
    assert _names(simulation) == ["all", "1", "2", "3"] * 2
