"""The API document says what validation does."""

from typing import Any

import pytest
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from app.api.tork import schemas, shapes


@pytest.fixture(scope="module")
def components() -> dict[str, Any]:
    spec = APISpec("t", "1", "3.0.3", plugins=[MarshmallowPlugin()])
    for name, found in vars(schemas).items():
        if isinstance(found, type) and issubclass(found, Schema) and found is not Schema:
            content = {"application/json": {"schema": found}}
            operation = {"responses": {"200": {"description": "", "content": content}}}
            spec.path(path=f"/{name}", operations={"get": operation})
    found = spec.to_dict()["components"]["schemas"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "shape",
    [shapes.JOB, shapes.SCHEDULED_JOB, shapes.TASK, shapes.SUBJOB, shapes.SIDECAR, shapes.RETRY],
    ids=lambda shape: shape.name,
)
def test_every_key_is_documented(components: dict[str, Any], shape: Any) -> None:
    found = components[shape.name]
    known = {key: field for key, field in shape.fields.items() if not field.elsewhere}
    assert set(found["properties"]) == set(known)
    assert set(found["required"]) == {key for key, field in known.items() if field.required}
    assert found["additionalProperties"] is False
    assert all(member["description"] for member in found["properties"].values())


def test_limits_and_defaults_are_documented(components: dict[str, Any]) -> None:
    assert components["Retry"]["properties"]["limit"]["maximum"] == 10
    assert components["TaskDefinition"]["properties"]["workdir"]["maxLength"] == 256
    assert components["JobDefinition"]["properties"]["tasks"]["minItems"] == 1
    assert components["Each"]["properties"]["var"]["default"] == "item"
    assert "schedule" not in components["JobDefinition"]["properties"]


def test_tasks_hold_tasks(components: dict[str, Any]) -> None:
    items = components["Parallel"]["properties"]["tasks"]["items"]
    assert items == {"$ref": "#/components/schemas/TaskDefinition"}


def test_an_executed_task_adds_to_its_definition(components: dict[str, Any]) -> None:
    defined = set(components["TaskDefinition"]["properties"])
    executed = set(components["Task"]["properties"])
    assert defined < executed
    assert {"id", "jobId", "nodeId", "redelivered"} <= executed - defined
    assert "attempts" in components["RetryState"]["properties"]


@pytest.mark.parametrize(
    ("name", "always"),
    [
        ("Job", {"tasks", "execution", "position", "context"}),
        ("JobSummary", {"position"}),
        ("JobPage", {"items", "number", "size", "totalPages", "totalItems"}),
        ("Node", {"version", "cpuPercent", "taskCount"}),
        ("Queue", {"name", "size", "subscribers", "unacked"}),
        ("Metrics", {"jobs", "tasks", "nodes"}),
        ("Error", {"message"}),
    ],
)
def test_what_is_always_there_is_required(
    components: dict[str, Any], name: str, always: set[str]
) -> None:
    assert set(components[name]["required"]) == always


def test_health_may_say_more(components: dict[str, Any]) -> None:
    assert components["Health"]["additionalProperties"] is True
