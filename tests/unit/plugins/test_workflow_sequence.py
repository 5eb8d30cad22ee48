"""The workflow planner on tasks in order: what it makes, keeps, retries and ends with."""

from collections.abc import Callable
from typing import Any

import pytest

from app.hooks import Fail, Finish, TaskView, WorkerView
from app.testing import Outcome, Simulation, completes
from plugins.workflow import Workflow

WORKER = WorkerView(name="w", hostname="h")


def _simulation(*tasks: dict[str, Any], **job: Any) -> Simulation:
    return Simulation(interface=Workflow(), spec={"tasks": list(tasks), **job}, name="nightly")


def _giving(**results: str) -> Callable[[TaskView], Outcome]:
    """Give each task the result that its name has here; the others give none."""
    return lambda task: Outcome(result=results.get(task.name))


def _payloads(simulation: Simulation) -> list[dict[str, Any]]:
    return [dict(task.spec.payload) for task in simulation.tasks.values()]


def test_tasks_run_one_after_another() -> None:
    simulation = _simulation({"name": "a"}, {"name": "b"}, {"name": "c"})
    running = []

    def decide(task: TaskView) -> Outcome:
        running.append([one.spec.name for one in simulation.running()])
        return Outcome()

    assert simulation.run(decide) == Finish()
    assert running == [["a"], ["b"], ["c"]]


def test_position_and_progress_follow_finished_tasks() -> None:
    simulation = _simulation({"name": "a"}, {"name": "b"}, {"name": "c"})
    simulation.start()
    seen = [(simulation.position, simulation.progress)]
    while simulation.ended is None:
        simulation.step()
        seen.append((simulation.position, simulation.progress))
    assert seen == [(1, 0.0), (2, 33.33), (3, 66.67), (4, 100.0)]
    assert [task.spec.position for task in simulation.tasks.values()] == [1, 2, 3]


def test_every_key_that_is_a_template_is_evaluated_and_no_other() -> None:
    template = "{{ inputs.x }}"
    aux = {
        "name": template,
        "image": template,
        "run": template,
        "cmd": [template],
        "entrypoint": [template],
        "env": {"E": template},
        "files": {"f": template},
        "description": template,
        "registry": {"username": template, "password": template},
    }
    given = {
        **aux,
        "queue": template,
        "var": template,
        "if": "{{ inputs.x == 'v' }}",
        "pre": [aux],
        "post": [aux],
        "sidecars": [aux],
        "mounts": [{"type": "volume", "target": template}],
        "networks": [template],
        "workdir": template,
        "gpus": template,
        "tags": [template],
    }
    simulation = _simulation(given, inputs={"x": "v"})
    # Braces are no valid mount target for Tork's routes, which is why they check it, not we.
    simulation.start()
    done = {
        **aux,
        "name": "v",
        "image": "v",
        "cmd": ["v"],
        "env": {"E": "v"},
        "registry": {"username": "v", "password": "v"},
    }
    assert _payloads(simulation) == [
        {
            **given,
            **done,
            "queue": "v",
            "var": "v",
            "if": "true",
            "pre": [done],
            "post": [done],
            "sidecars": [done],
        }
    ]
    assert simulation.tasks[1].spec.queue == "v"


def test_templates_see_inputs_secrets_results_and_the_job() -> None:
    simulation = _simulation(
        {"name": "a", "var": "found"},
        {
            "name": "{{ job.name }}",
            "env": {
                "I": "{{ inputs.i }}",
                "S": "{{ secrets.s }}",
                "T": "{{ tasks.found }}",
                "J": "{{ job.id }}",
                "M": "<{{ inputs.missing }}>",
            },
        },
        inputs={"i": "1"},
        secrets={"s": "2"},
    )
    simulation.run(_giving(a="3"))
    second = simulation.tasks[2].spec
    assert second.name == "nightly"
    assert second.payload["env"] == {
        "I": "1",
        "S": "2",
        "T": "3",
        "J": simulation.job.id,
        "M": "<>",
    }


def test_value_with_braces_is_not_evaluated_again() -> None:
    simulation = _simulation(
        {"name": "a", "env": {"E": "{{ inputs.evil }}"}, "retry": {"limit": 1}},
        inputs={"evil": "{{ secrets.s }}"},
        secrets={"s": "hidden"},
    )
    simulation.run(lambda task: Outcome(error="x" if task.id == 1 else None))
    assert [one["env"] for one in _payloads(simulation)] == [{"E": "{{ secrets.s }}"}] * 2


def test_result_without_var_or_empty_is_not_kept() -> None:
    simulation = _simulation(
        {"name": "a"}, {"name": "b", "var": "b"}, {"name": "c", "var": "c"}, output="{{ tasks.b }}"
    )
    assert simulation.run(_giving(a="1", b="2")) == Finish("2")
    assert simulation.state["tasks"] == {"b": "2"}


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        ("{{ 1 == 1 }}", True),
        ("{{ 1 == 2 }}", False),
        ("  {{ false }}  ", False),
        ("1 == 2", False),
        ("1 == 1", True),
        ("false", False),
        ("{{ 'False' }}", True),
        ("not {{ false }}", True),
        ("{{ inputs.missing }}", True),
        ("", True),
    ],
)
def test_condition_that_is_exactly_false_skips(condition: str, runs: bool) -> None:
    simulation = _simulation({"name": "a", "if": condition}, {"name": "b"})
    assert simulation.run(completes) == Finish()
    states = [task.state for task in simulation.tasks.values()]
    assert states == ["COMPLETED" if runs else "SKIPPED", "COMPLETED"]


def test_skipped_task_needs_no_sense_in_its_other_templates() -> None:
    simulation = _simulation({"name": "{{ 1 + 'a' }}", "if": "{{ 1 == 2 }}"})
    assert simulation.run() == Finish()
    assert simulation.tasks[1].state == "SKIPPED"


def test_job_of_skipped_tasks_alone_completes() -> None:
    simulation = _simulation(*[{"name": "a", "if": "false"}] * 3, output="done")
    simulation.start()
    assert simulation.ended == Finish("done")
    assert (simulation.position, simulation.progress) == (4, 100.0)
    assert [task.state for task in simulation.tasks.values()] == ["SKIPPED"] * 3


def test_output_is_evaluated_at_the_end() -> None:
    simulation = _simulation({"name": "a", "var": "n"}, output="{{ tasks.n }} of {{ job.name }}")
    assert simulation.run(_giving(a="7")) == Finish("7 of nightly")


def test_output_that_fails_fails_the_job() -> None:
    ended = _simulation({"name": "a"}, output="{{ 1 + 'a' }}").run()
    assert isinstance(ended, Fail)
    assert ended.error.startswith("error evaluating expression: ")


@pytest.mark.parametrize(
    ("template", "prefix"),
    [
        ("{{ 1 + 'a' }}", "error evaluating expression: "),
        ("{{ nobody }}", "error "),
        ("{{ 1 + }}", "error compiling expression: "),
    ],
)
def test_task_that_cannot_be_evaluated_fails_with_its_job(template: str, prefix: str) -> None:
    simulation = _simulation(
        {"name": "a", "env": {"E": template}, "retry": {"limit": 3}}, {"name": "b"}
    )
    ended = simulation.run()
    assert isinstance(ended, Fail)
    assert ended.error.startswith(prefix)
    assert [(task.state, task.error) for task in simulation.tasks.values()] == [
        ("FAILED", ended.error)
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [("1..", "timeout"), ("5", "timeout"), ("-1s", "timeout")],
)
def test_amount_that_is_refused_names_its_path(text: str, what: str) -> None:
    from app.domain.errors import SpecInvalid

    with pytest.raises(SpecInvalid) as refusal:
        _simulation({"name": "a", "timeout": text})
    assert list(refusal.value.faults) == [f"tasks[0].{what}"]


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ({"cpus": "many"}, "limits.cpus: invalid number of cpus 'many'"),
        ({"memory": "lots"}, "limits.memory: invalid amount of memory 'lots'"),
    ],
)
def test_limits_that_cannot_be_read_fail_the_task(limits: dict[str, str], error: str) -> None:
    simulation = _simulation({"name": "a", "limits": limits})
    assert simulation.run() == Fail(error)
    assert simulation.tasks[1].state == "FAILED"


def test_defaults_fill_what_a_task_does_not_say() -> None:
    defaults = {
        "retry": {"limit": 2},
        "limits": {"cpus": "1", "memory": "1g"},
        "timeout": "1m",
        "queue": "slow",
        "priority": 3,
    }
    own = {
        "name": "own",
        "retry": {"limit": 1},
        "limits": {"cpus": ".5"},
        "timeout": "5s",
        "queue": "fast",
        "priority": 0,
    }
    simulation = _simulation({"name": "bare"}, own, defaults=defaults)
    simulation.run()
    bare, said = simulation.tasks[1].spec, simulation.tasks[2].spec
    assert bare.payload == {"name": "bare", **defaults, "plan": {"defaulted": ["limits"]}}
    assert (bare.queue, bare.priority) == ("slow", 3)
    assert said.payload == {**own, "limits": {"cpus": ".5", "memory": "1g"}}
    assert (said.queue, said.priority) == ("fast", 0)


def test_limits_of_the_job_are_told_from_those_of_the_task() -> None:
    simulation = _simulation(
        {"name": "a"}, {"name": "b", "limits": {"memory": "1m"}}, defaults={"limits": {"cpus": "2"}}
    )
    bound = []
    simulation.run(lambda task: bound.append(Workflow().bind(task, WORKER)) or Outcome())
    assert [(one.limits.own, one.limits.cpus, one.limits.memory_bytes) for one in bound] == [
        (False, 2.0, None),
        (True, 2.0, 1 << 20),
    ]


def test_each_retry_is_a_new_task_that_counts_its_tries() -> None:
    simulation = _simulation({"name": "a", "retry": {"limit": 2}}, {"name": "b"})
    ended = simulation.run(lambda task: Outcome(error=f"try {task.id}"))
    assert ended == Fail("try 3")
    assert [one["retry"] for one in _payloads(simulation)] == [
        {"limit": 2},
        {"limit": 2, "attempts": 1},
        {"limit": 2, "attempts": 2},
    ]
    assert [task.state for task in simulation.tasks.values()] == ["FAILED"] * 3
    assert {task.spec.position for task in simulation.tasks.values()} == {1}


def test_retry_that_completes_goes_on() -> None:
    simulation = _simulation(
        {"name": "a", "var": "a", "retry": {"limit": 1}}, output="{{ tasks.a }}"
    )
    ended = simulation.run(lambda t: Outcome(error="x") if t.id == 1 else Outcome(result="ok"))
    assert ended == Finish("ok")


def test_retries_wait_longer_and_longer() -> None:
    rule = {"limit": 3, "initialDelay": "1500ms", "scalingFactor": 2}
    simulation = _simulation({"name": "a", "retry": rule})
    simulation.run(lambda _: Outcome(error="x"))
    assert [task.spec.delay_s for task in simulation.tasks.values()] == [0.0, 1.5, 3.0, 6.0]


def test_task_that_fails_for_good_fails_the_job_with_its_error() -> None:
    simulation = _simulation({"name": "a"}, {"name": "b"})
    assert simulation.run(lambda _: Outcome(error="exit code 1: no")) == Fail("exit code 1: no")
    assert len(simulation.tasks) == 1


def test_restart_begins_the_same_task_anew_and_keeps_results() -> None:
    simulation = _simulation(
        {"name": "a", "var": "a"},
        {"name": "b", "env": {"A": "{{ tasks.a }}"}, "retry": {"limit": 1}},
        output="{{ tasks.a }}",
    )
    failing = lambda t: Outcome(error="x") if t.name == "b" else Outcome(result="kept")  # noqa: E731
    assert simulation.run(failing) == Fail("x")
    assert simulation.position == 2
    assert simulation.run(completes) == Finish("kept")
    again = list(simulation.tasks.values())[-1]
    assert again.spec.name == "b"
    assert again.spec.payload["retry"] == {"limit": 1}
    assert again.spec.payload["env"] == {"A": "kept"}


def test_bind_tells_the_worker_everything() -> None:
    simulation = _simulation(
        {
            "name": "main",
            "image": "debian:12",
            "run": "echo",
            "cmd": ["c"],
            "entrypoint": ["e"],
            "env": {"A": "1"},
            "files": {"d/f": "text"},
            "workdir": "/w",
            "registry": {"username": "u", "password": "p"},
            "timeout": "1m30s",
            "limits": {"cpus": "1.5", "memory": "512m"},
            "gpus": "all",
            "networks": ["n"],
            "mounts": [{"type": "bind", "source": "/s", "target": "/t"}],
            "pre": [{"name": "before", "run": "p", "timeout": "2s"}],
            "post": [{"name": "after", "image": "other"}],
            "sidecars": [
                {"name": "db", "image": "pg", "probe": {"path": "/", "port": 80, "timeout": "3s"}},
                {"name": "web", "image": "w", "probe": {"path": "/", "port": 81}},
            ],
        }
    )
    simulation.start()
    view = simulation.view(simulation.tasks[1])
    command = simulation.plugins.bind(simulation.interface, view, WORKER)
    assert command.runtime == "container"
    main = command.main
    assert (main.run, main.image, main.cmd, main.entrypoint) == (
        "echo",
        "debian:12",
        ("c",),
        ("e",),
    )
    assert (main.env, main.files, main.workdir) == ({"A": "1"}, {"d/f": "text"}, "/w")
    assert main.registry == ("u", "p")
    assert main.timeout_s is None
    assert (command.timeout_s, command.timeout_text) == (90.0, "1m30s")
    assert (command.limits.cpus, command.limits.memory_bytes) == (1.5, 512 << 20)
    assert command.limits.own
    assert (command.gpus, command.networks) == ("all", ("n",))
    mount = command.mounts[0]
    assert (mount.type, mount.source, mount.target) == ("bind", "/s", "/t")
    assert [(one.name, one.image, one.timeout_s) for one in command.pre + command.post] == [
        ("before", "debian:12", 2.0),
        ("after", "other", None),
    ]
    probes = [step.probe for step in command.sidecars]
    assert [probe and probe.timeout_s for probe in probes] == [3.0, 60.0]
    assert (command.output_env, command.progress_env, command.script_dir) == (
        "TORK_OUTPUT",
        "TORK_PROGRESS",
        "/tork",
    )


def test_task_with_nothing_to_run_runs_an_empty_script() -> None:
    simulation = _simulation({"name": "a", "pre": [{"name": "p"}]})
    simulation.start()
    command = Workflow().bind(simulation.view(simulation.tasks[1]), WORKER)
    assert (command.runtime, command.main.run, command.pre[0].run) == ("shell", "", "")


@pytest.mark.parametrize(
    ("kind", "text", "good"),
    [
        ("template", "plain {{ inputs.a }}", True),
        ("template", "{{ 1 + }}", False),
        ("output", "two words", True),
        ("output", "{{ 1 }} {{ 1 + }}", False),
        ("condition", "1 == 2", True),
        ("condition", "{1+1", False),
        ("list", "{{ [1] }} {{ 1 + }}", True),
        ("list", "two words", False),
    ],
)
def test_syntax_is_checked_by_kind(kind: str, text: str, good: bool) -> None:
    if good:
        Workflow().check(kind, text)
    else:
        with pytest.raises(ValueError, match=r"."):
            Workflow().check(kind, text)


def test_unknown_kind_of_text_is_refused() -> None:
    with pytest.raises(ValueError, match="no kind 'poem'"):
        Workflow().check("poem", "x")
