"""Each API document is kept: requests made from it get the answers it promises."""

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 40
# Streams of requests to a real server: neither slowness nor its state is the strategy's fault.
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def known(server):
    """Return parameters of paths that lead somewhere."""
    job_id = server.submit()
    schedule = {"name": "s", "tasks": [{"name": "t"}], "schedule": {"cron": "@daily"}}
    tasks = server.get(f"/api/jobyard/v1/jobs/{job_id}/tasks").json["items"]
    both = {
        "job_id": job_id,
        "schedule_id": server.post("/scheduled-jobs", schedule).json["id"],
    }
    return {
        "tork": {
            **both,
            "task_id": server.get(f"/jobs/{job_id}").json["execution"][0]["id"],
            "name": "default",
        },
        "jobyard": {
            **both,
            "task_id": tasks[0]["id"],
            "worker_id": server.worker().record.id,
            "name": "shell",
            "token_id": "nobody",
        },
        "system": {"name": "jobyard"},
    }


def streams(operation):
    """Tell whether an operation may answer without end."""
    return "text/event-stream" in str(operation.definition.raw["responses"].get("200"))


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("tork", GenerationMode.POSITIVE),
        ("tork", GenerationMode.NEGATIVE),
        ("jobyard", GenerationMode.POSITIVE),
        ("jobyard", GenerationMode.NEGATIVE),
        # Nothing in it can be asked wrongly.
        ("system", GenerationMode.POSITIVE),
    ],
)
def test_document_is_kept(server, known, name, mode):
    document = server.get(f"/api/docs/{name}.json").json
    schema = schemathesis.openapi.from_dict(document)
    operations = [result.ok() for result in schema.get_all_operations()]
    # A stream of what has not ended goes on for ever; those have tests of their own.
    operations = [one for one in operations if not streams(one)]
    assert operations
    strategies = [one.as_strategy(generation_mode=mode) for one in operations]
    for one in operations:
        given_path = {each.name: known[name][each.name] for each in one.path_parameters}
        if given_path and mode is GenerationMode.POSITIVE:
            strategies.append(one.as_strategy(path_parameters=given_path))
    cases = st.one_of(strategies)
    seen = set()

    @BOUNDED
    @given(case=cases)
    def keep(case):
        # A `wait` block may ask for hours, which is what its author wants.
        if isinstance(case.body, dict):
            case.body.pop("wait", None)
        # Tasks whose ids are numbers are those of the render farm.
        task_id = str((case.path_parameters or {}).get("task_id", ""))
        assume(name != "tork" or not task_id.isdigit())
        answer = case.call(base_url=server.url)
        seen.add((case.method, case.path))
        case.validate_response(answer, checks=CHECKS)

    keep()
    assert len(seen) >= min(len(operations), 3)
