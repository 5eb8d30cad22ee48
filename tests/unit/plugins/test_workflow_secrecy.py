"""What a workflow says must never show, and what it passes on."""

from typing import Any

import pytest

from app.domain.errors import SpecInvalid
from app.hooks.manager import PluginManager
from app.testing import Simulation
from plugins.workflow import Workflow, secrecy
from plugins.workflow.language import MOST_SECRETS
from plugins.workflow.secrecy import values

PLUGINS = PluginManager.holding(Workflow())


def simulation(*tasks: dict[str, Any], **job: Any) -> Simulation:
    return Simulation(interface=Workflow(), spec={"tasks": list(tasks), **job})


def subjob(**keys: Any) -> dict[str, Any]:
    return {"name": "s", "subjob": {"name": "sub", "tasks": [{"name": "t"}], **keys}}


def test_secrets_of_all_levels_are_named_once() -> None:
    registry = {"username": "u", "password": "pull"}
    deep = subjob(secrets={"x": "deep", "y": "{{ secrets.a }}"})
    each = {"name": "e", "each": {"list": "x", "task": deep}}
    spec = {
        "secrets": {"a": "own", "none": "", "twice": "own"},
        "inherited_secrets": ["above"],
        "tasks": [
            {"name": "t", "registry": registry, "pre": [{"name": "p", "registry": registry}]},
            {"name": "p", "parallel": {"tasks": [each]}},
        ],
    }  # fmt: skip
    assert values(spec, {"secrets": ["made"]}) == ["own", "pull", "deep", "above", "made"]
    assert PLUGINS.secrets("workflow", spec, {}) == ("own", "pull", "deep", "above")


def test_a_sub_job_inherits_what_its_parents_knew() -> None:
    run = simulation(
        subjob(inputs={"i": "<{{ secrets.a }}>"}, secrets={"b": "inner"}),
        secrets={"a": "outer"},
        inherited_secrets=["above"],
    )
    run.start()
    job = run.tasks[1].spec.job
    assert job is not None
    assert job.spec["inherited_secrets"] == ["outer", "inner", "above"]
    assert set(PLUGINS.secrets("workflow", dict(job.spec), {})) == {"outer", "inner", "above"}


def test_what_a_template_makes_of_a_sub_jobs_secret_is_remembered() -> None:
    numbered = subjob(secrets={"n": "n{{ item.value }}"})
    run = simulation(
        subjob(name="named made-up", secrets={"b": "{{ inputs.first + '-up' }}", "c": "known"}),
        {"name": "after"},
        {"name": "last", "each": {"list": "1..3", "task": numbered}},
        inputs={"first": "made"},
        secrets={"a": "known"},
    )  # fmt: skip
    run.start()
    job = run.tasks[1].spec.job
    assert job is not None
    assert (job.name, job.spec["name"]) == ("named [REDACTED]", "named made-up")
    run.run()
    assert run.state["secrets"] == ["made-up", "n1", "n2", "n3"]


def test_names_of_tasks_are_listed_without_secrets() -> None:
    run = simulation({"name": "t-{{ secrets.a }}"}, secrets={"a": "own"})
    run.start()
    assert (run.tasks[1].spec.name, run.tasks[1].spec.payload["name"]) == ("t-[REDACTED]", "t-own")


def test_a_long_list_of_sub_jobs_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrecy, "MOST_REMEMBERED", 10)
    task = subjob(secrets={"n": "secret number {{ item.value }}"})
    run = simulation({"name": "e", "each": {"list": "1..50", "task": task}}, secrets={"a": "own"})
    run.run()
    assert run.state["secrets"] == [f"secret number {number}" for number in range(1, 11)]
    specs = [one.spec.job.spec for one in run.tasks.values() if one.spec.job is not None]
    assert len(specs) == 50
    assert all(spec["inherited_secrets"] == ["own"] for spec in specs)


@pytest.mark.parametrize("count", [MOST_SECRETS, MOST_SECRETS + 1])
def test_secrets_are_counted(count: int) -> None:
    spec = {
        "tasks": [subjob(secrets={f"s{n}": f"v{n}" for n in range(count - 1)})],
        "secrets": {"a": "b"},
    }
    if count <= MOST_SECRETS:
        PLUGINS.load_spec(Workflow(), spec)
        return
    with pytest.raises(SpecInvalid) as refusal:
        PLUGINS.load_spec(Workflow(), spec)
    assert list(refusal.value.faults) == ["secrets"]
