"""Each API document is kept: requests made from it get the answers it promises."""

import functools

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fuzzing import examples
from tests.integration.http.known import known

pytestmark = pytest.mark.property

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
DIALECTS = ["tork", "task_tracker", "manticore", "mantis", "flamenco", "jobyard"]
# Nothing in the server's own document can be asked wrongly.
DRAWN = [(name, mode) for name in DIALECTS for mode in GenerationMode]
DRAWN += [("system", GenerationMode.POSITIVE)]
# Waiting for work, or for the end of a job, is what the caller wants and may take hours.
PATIENT = {"wait", "timeout"}


@pytest.fixture(scope="module")
def found(server):
    """Return one of everything of a dialect, made when it is first asked for."""
    return functools.cache(functools.partial(known, server))


def operations_of(document):
    """Give what can be asked and ends by itself; streams have tests of their own."""
    for path in document["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                # It would stand for any answer at all.
                operation.get("responses", {}).pop("default", None)
    schema = schemathesis.openapi.from_dict(document)
    return [
        each
        for each in (result.ok() for result in schema.get_all_operations())
        if "text/event-stream" not in str(each.definition.raw["responses"].get("200"))
    ]


def test_every_document_is_asked(server):
    listed = server.get("/api/docs/").body.decode()
    assert listed.count(".json&quot;") == len({name for name, _ in DRAWN})
    assert all(f"/api/docs/{name}.json" in listed for name, _ in DRAWN)


def elsewhere(name, case):
    """Tell whether another dialect answers: two share `/tasks/<id>`, by the form of the id."""
    if not case.path.startswith("/tasks/{task_id}"):
        return False
    return str(case.path_parameters.get("task_id")).isdigit() != (name == "flamenco")


@pytest.mark.parametrize(("name", "mode"), DRAWN)
def test_document_is_kept(server, found, name, mode):
    here = found(name)
    operations = operations_of(server.get(f"/api/docs/{name}.json").json)
    assert operations
    strategies = [one.as_strategy(generation_mode=mode) for one in operations]
    for one in operations:
        given_path = {each.name: here.paths[each.name] for each in one.path_parameters}
        if given_path and mode is GenerationMode.POSITIVE:
            strategies.append(one.as_strategy(path_parameters=given_path))
    cases = st.one_of(strategies)
    seen = set()

    # Streams of requests to a real server: neither slowness nor its state is the strategy's fault.
    @examples(40, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def keep(case):
        for part in (case.body, case.query):
            if isinstance(part, dict):
                for word in PATIENT & part.keys():
                    del part[word]
        assume(not elsewhere(name, case))
        answer = case.call(base_url=server.url, headers=here.headers)
        seen.add((case.method, case.path))
        case.validate_response(answer, checks=CHECKS)

    keep()
    assert len(seen) >= min(len(operations), 3)
