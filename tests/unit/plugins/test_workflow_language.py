"""The shape of workflows: what is accepted as it is, and what is refused by path."""

from typing import Any

import pytest

from app.api.tork.validation import validate_job
from app.domain.errors import SpecInvalid
from app.hooks.manager import PluginManager
from plugins.workflow import Workflow
from plugins.workflow.quantities import cpus, memory_bytes, seconds
from plugins.workflow.texts import Unusable

WHOLE = {
    "name": "n",
    "description": "d",
    "tags": ["t"],
    "inputs": {"i": "1"},
    "secrets": {"s": "2"},
    "output": "two words {{ 1 }}",
    "defaults": {
        "retry": {"limit": 1},
        "limits": {"cpus": ".5"},
        "timeout": "0",
        "queue": "q",
        "priority": 1,
    },
    "webhooks": [{"url": "u", "headers": {"a": "b"}, "event": "e", "if": "1 == 1"}],
    "permissions": [{"user": {"username": "u"}}],
    "autoDelete": {"after": "1h"},
    "tasks": [
        {
            "name": "t",
            "if": "{{ true }}",
            "retry": {"limit": 3, "initialDelay": "5m", "scalingFactor": 2.5},
            "mounts": [{"type": "other", "source": "s", "target": "t", "opts": {"a": "b"}}],
            "sidecars": [{"name": "s", "probe": {"path": "/", "port": 1}}],
        },
        {"name": "p", "parallel": {"tasks": [{"name": "c"}]}},
        {"name": "e", "each": {"list": "[1]", "task": {"name": "c"}}},
        {"name": "s", "subjob": {"name": "j", "detached": True, "tasks": [{"name": "c"}]}},
    ],
}


def _load(spec: dict[str, Any]) -> dict[str, Any]:
    workflow = Workflow()
    return PluginManager.holding(workflow).load_spec(workflow, spec)


def test_whole_definition_is_kept_as_it_was_given() -> None:
    assert _load(WHOLE) == WHOLE


@pytest.mark.parametrize(
    ("task", "path"),
    [
        ({}, "tasks[0].name"),
        ({"name": "a", "port": 1}, "tasks[0].port"),
        ({"name": "a\0"}, "tasks[0].name"),
        ({"name": "a", "retry": {"limit": 0}}, "tasks[0].retry.limit"),
        ({"name": "a", "retry": {"limit": 11}}, "tasks[0].retry.limit"),
        ({"name": "a", "retry": {"limit": 1, "initialDelay": "6m"}}, "tasks[0].retry.initialDelay"),
        ({"name": "a", "retry": {"limit": 1, "scalingFactor": 11}}, "tasks[0].retry.scalingFactor"),
        ({"name": "a", "priority": 10}, "tasks[0].priority"),
        ({"name": "a", "var": "x" * 65}, "tasks[0].var"),
        ({"name": "a", "workdir": "x" * 257}, "tasks[0].workdir"),
        ({"name": "a", "timeout": "5"}, "tasks[0].timeout"),
        ({"name": "a", "if": "{{ 1 + }}"}, "tasks[0].if"),
        ({"name": "a", "limits": {"cpus": 1}}, "tasks[0].limits.cpus"),
        ({"name": "a", "retry": {"limit": 1, "scalingFactor": "2"}},
         "tasks[0].retry.scalingFactor"),
        ({"name": "a", "files": {"../x": ""}}, "tasks[0].files.../x.key"),
        ({"name": "a", "sidecars": [{"name": "s", "probe": {"path": "/"}}]},
         "tasks[0].sidecars[0].probe.port"),
        ({"name": "a", "each": {"list": "1 +", "task": {"name": "b"}}}, "tasks[0].each.list"),
        ({"name": "a", "each": {"list": "", "task": {"name": "b"}}}, "tasks[0].each.list"),
        ({"name": "a", "each": {"list": "[]"}}, "tasks[0].each.task"),
        ({"name": "a", "parallel": {"tasks": []}}, "tasks[0].parallel.tasks"),
        ({"name": "a", "subjob": {"name": "b", "tasks": []}}, "tasks[0].subjob.tasks"),
        ({"name": "a", "run": "x", "parallel": {"tasks": [{"name": "b"}]}}, "tasks[0].run"),
        (
            {
                "name": "a",
                "parallel": {"tasks": [{"name": "b"}]},
                "each": {"list": "[]", "task": {"name": "b"}},
            },
            "tasks[0]",
        ),
    ],
)  # fmt: skip
def test_bad_task_is_refused_by_path(task: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecInvalid) as refusal:
        _load({"tasks": [task]})
    assert list(refusal.value.faults) == [path]


class _Expressions:
    """The checks that Tork's routes ask the job type for."""

    def check_expression(self, text: str) -> None:
        Workflow().check("condition", text)

    def check_output(self, text: str) -> None:
        Workflow().check("output", text)


def test_what_torks_routes_accept_is_accepted_and_kept() -> None:
    given = {
        **WHOLE,
        "permissions": [{"user": "u"}],
        "tasks": [
            *WHOLE["tasks"],
            {"name": "loose", "limits": {"cpus": "many"}, "files": {"./a//b": "x"}},
        ],
    }
    accepted = validate_job(
        given, expressions=_Expressions(), permission_exists=lambda _kind, _name: True
    )
    assert _load(accepted) == accepted


@pytest.mark.parametrize("spec", [{}, {"tasks": []}, {"tasks": None}, {"tasks": "x"}])
def test_workflow_needs_tasks(spec: dict[str, Any]) -> None:
    with pytest.raises(SpecInvalid) as refusal:
        _load(spec)
    assert list(refusal.value.faults) == ["tasks"]


def test_endless_nesting_is_refused() -> None:
    task: dict[str, Any] = {"name": "t"}
    for _ in range(80):
        task = {"name": "t", "parallel": {"tasks": [task]}}
    with pytest.raises(SpecInvalid, match="nested too deeply"):
        _load({"tasks": [task]})


@pytest.mark.parametrize(
    ("text", "size"),
    [("10", 10), ("1k", 1024), ("500m", 500 << 20), ("1.5GiB", 3 << 29), ("2 TB", 2 << 40)],
)
def test_memory_is_counted_in_powers_of_1024(text: str, size: int) -> None:
    assert memory_bytes(text) == size


@pytest.mark.parametrize(("text", "cores"), [(".5", 0.5), ("2", 2.0), ("1.", 1.0)])
def test_cores_are_decimal(text: str, cores: float) -> None:
    assert cpus(text) == cores


@pytest.mark.parametrize(("text", "length"), [("1m30s", 90.0), ("0", None), ("250ms", 0.25)])
def test_duration_of_nothing_is_no_limit(text: str, length: float | None) -> None:
    assert seconds(text) == length


def test_amount_of_nothing_is_no_limit() -> None:
    assert (memory_bytes("0"), cpus("0.0")) == (None, None)


@pytest.mark.parametrize("text", ["", ".", "x", "-1", "1e3", "nan", "9" * 20 + "p"])
def test_unreadable_amount_is_refused(text: str) -> None:
    for read in (memory_bytes, cpus):
        with pytest.raises(Unusable):
            read(text)
