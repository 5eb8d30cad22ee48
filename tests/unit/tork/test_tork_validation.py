"""What validation makes of documents: values, several faults, both routes, any input."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.tork.documents import read_json, read_yaml
from app.api.tork.faults import MOST_FAULTS, Invalid
from app.api.tork.validation import validate_job, validate_scheduled_job
from tests.fuzzing import examples

Validate = Callable[[dict[str, Any]], dict[str, Any]]

TASK = {"name": "t"}


def a_job(**keys: Any) -> dict[str, Any]:
    return {"name": "j", "tasks": [TASK], **keys}


def faults_of(validate: Validate, document: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(Invalid) as caught:
        validate(document)
    assert str(caught.value) == "; ".join(caught.value.faults)
    return caught.value.faults


FULL = {
    "name": "full",
    "description": "everything at once",
    "tags": ["a", "b"],
    "inputs": {"source": "/data", "empty": ""},
    "secrets": {"token": "abc"},
    "output": "{{ tasks.count }} files",
    "defaults": {
        "retry": {"limit": 2, "initialDelay": "5m", "scalingFactor": 1.5},
        "limits": {"cpus": ".5", "memory": "500m"},
        "timeout": "1h30m",
        "queue": "slow",
        "priority": 9,
    },
    "webhooks": [
        {"url": "http://h/", "headers": {"A": "b"}, "event": "job.StateChange", "if": "true"}
    ],
    "permissions": [{"user": "guest"}, {"role": "public"}],
    "autoDelete": {"after": "24h"},
    "tasks": [
        {
            "name": "regular",
            "description": "d",
            "image": "alpine",
            "run": "true",
            "cmd": ["a", ""],
            "entrypoint": ["sh", "-c"],
            "env": {"A": "{{ inputs.source }}", "EMPTY": ""},
            "files": {"a/b.txt": "x", "..c": "", "d..": "y"},
            "queue": "default",
            "var": "v" * 64,
            "if": "{{ true }}",
            "pre": [{"name": "p", "timeout": "5s", "files": {"f": "x"}}],
            "post": [{"name": "p", "image": "alpine", "registry": {"username": "u"}}],
            "sidecars": [{"name": "s", "probe": {"path": "/ok", "port": 65535, "timeout": "1m"}}],
            "mounts": [
                {"type": "volume", "target": "/data", "opts": {"size": "1g"}},
                {"type": "bind", "source": "/a b/c-d.e_f=g", "target": "/tork2"},
                {"type": "tmpfs", "target": "/tmp"},
                {"type": "nfs", "source": "server/x"},
            ],
            "networks": ["n"],
            "retry": {"limit": 10},
            "limits": {"cpus": "1"},
            "timeout": "0",
            "priority": 1,
            "gpus": "all",
            "tags": ["x"],
            "workdir": "w" * 256,
            "registry": {"username": "u", "password": "p"},
        },
        {
            "name": "p",
            "description": "d",
            "var": "v",
            "if": "true",
            "tags": ["x"],
            "priority": 3,
            "parallel": {"tasks": [{"name": "a"}, {"name": "b"}]},
        },
        {
            "name": "e",
            "each": {"list": "[1]", "var": "i", "concurrency": 99_999, "task": {"name": "x"}},
        },
        {
            "name": "s",
            "subjob": {
                "name": "inner",
                "description": "d",
                "tasks": [{"name": "x", "env": {"A": "b"}}],
                "inputs": {"a": "b"},
                "secrets": {"c": "d"},
                "output": "done",
                "autoDelete": {"after": "1s"},
                "webhooks": [{"url": "u"}],
                "detached": True,
            },
        },
    ],
}


def test_every_key_is_taken_and_kept(job: Validate) -> None:
    assert job(FULL) == FULL


def test_a_definition_validates_to_itself(job: Validate) -> None:
    once = job(FULL)
    assert job(read_json(json.dumps(once).encode())) == once
    # JSON is YAML; read that way every value is a scalar that finds its type again.
    assert job(read_yaml(json.dumps(once).encode())) == once


def test_what_is_answered_shares_nothing_with_what_was_given(job: Validate) -> None:
    document = read_yaml(b"{name: j, tasks: [{name: a, env: &e {A: b}}, {name: b, env: *e}]}")
    first, second = job(document)["tasks"]
    assert first["env"] == second["env"]
    assert first["env"] is not second["env"]


def test_the_sample_of_the_language_is_taken(job: Validate) -> None:
    body = b"""
name: nightly thumbnails
inputs: {source: /data/in}
secrets: {api_token: abc}
output: "{{ tasks.count }} files"
tasks:
  - name: count
    var: count
    env: {DIR: "{{ inputs.source }}"}
    run: ls "$DIR" | wc -l | tr -d '\\n' > "$TORK_OUTPUT"
"""
    assert job(read_yaml(body))["tasks"] == [
        {
            "name": "count",
            "var": "count",
            "env": {"DIR": "{{ inputs.source }}"},
            "run": 'ls "$DIR" | wc -l | tr -d \'\\n\' > "$TORK_OUTPUT"',
        }
    ]


def test_yaml_values_become_what_the_field_wants(job: Validate) -> None:
    body = b"""
name: 2024-01-01
description: null
tags: [1.10, yes, ~, 0x1F]
defaults:
tasks:
- name: .5
  env: {FLAG: yes, PORT: 8080, V: 1.10, N: null, E: , 8: 9, T: !!str 1}
  cmd: [1, true]
  limits: {cpus: .5, memory: 1_000}
  retry: {limit: 0xA, scalingFactor: 2.5}
  priority: 011
- name: s
  subjob: {name: i, tasks: [{name: x}], detached: ON}
"""
    assert job(read_yaml(body)) == {
        "name": "2024-01-01",
        "tags": ["1.10", "yes", "", "0x1F"],
        "tasks": [
            {
                "name": ".5",
                "env": {
                    "FLAG": "yes",
                    "PORT": "8080",
                    "V": "1.10",
                    "N": "",
                    "E": "",
                    "8": "9",
                    "T": "1",
                },
                "cmd": ["1", "true"],
                "limits": {"cpus": ".5", "memory": "1_000"},
                "retry": {"limit": 10, "scalingFactor": 2.5},
                "priority": 9,
            },
            {"name": "s", "subjob": {"name": "i", "tasks": [{"name": "x"}], "detached": True}},
        ],
    }


@pytest.mark.parametrize(
    ("task", "fault"),
    [
        ("priority: '5'", "tasks[0].priority: must be an integer"),
        ("priority: 5.0", "tasks[0].priority: must be an integer"),
        ("priority: five", "tasks[0].priority: must be an integer"),
        ("priority: 0o", "tasks[0].priority: must be an integer"),
        ("priority: 0x_", "tasks[0].priority: must be an integer"),
        ("priority: 08", "tasks[0].priority: must be an integer"),
        ("priority: " + "9" * 60, "tasks[0].priority: must be between 0 and 9"),
        ("priority: " + "9" * 9000, "tasks[0].priority: must be an integer"),
        ("priority: [1]", "tasks[0].priority: must be an integer"),
        ("env: {A: [1]}", "tasks[0].env.A: must be a string"),
        ("env: {A: {b: c}}", "tasks[0].env.A: must be a string"),
        ("run: [a]", "tasks[0].run: must be a string"),
        ("retry: {limit: 1, scalingFactor: .inf}", "tasks[0].retry.scalingFactor: must be a num"),
        ("retry: {limit: 1, scalingFactor: 1e300}", "tasks[0].retry.scalingFactor: must be betw"),
        ("subjob: {name: i, tasks: [{name: x}], detached: 'yes'}", "tasks[0].subjob.detached: mu"),
        ("subjob: {name: i, tasks: [{name: x}], detached: y}", "tasks[0].subjob.detached: must "),
        ("subjob: {name: i, tasks: [{name: x}], detached: yEs}", "tasks[0].subjob.detached: mus"),
    ],
)
def test_yaml_values_of_the_wrong_kind(job: Validate, task: str, fault: str) -> None:
    document = read_yaml(f"name: j\ntasks:\n- name: t\n  {task}\n".encode())
    (found,) = faults_of(job, document)
    assert found.startswith(fault)


def detached(word: str) -> dict[str, Any]:
    subjob = f"{{name: i, tasks: [{{name: x}}], detached: {word}}}"
    return read_yaml(f"{{name: j, tasks: [{{name: t, subjob: {subjob}}}]}}".encode())


@pytest.mark.parametrize(
    "word", ["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "!!bool 'on'"]
)
def test_words_for_true(job: Validate, word: str) -> None:
    assert job(detached(word))["tasks"][0]["subjob"]["detached"] is True


@pytest.mark.parametrize("word", ["false", "no", "off", "No", "OFF"])
def test_words_for_false_are_left_out(job: Validate, word: str) -> None:
    assert "detached" not in job(detached(word))["tasks"][0]["subjob"]


def test_empty_values_mean_the_same_as_none(job: Validate) -> None:
    assert job(
        {
            "name": "j",
            "description": "",
            "tags": [],
            "inputs": {},
            "defaults": {"limits": {}, "priority": 0},
            "wait": None,
            "tasks": [
                {"name": "t", "env": {}, "timeout": "", "if": "", "queue": "", "pre": None},
                # Empty keys do not make a composite task an impossible one.
                {"name": "p", "run": "", "env": {}, "parallel": {"tasks": [TASK]}},
            ],
        }
    ) == {"name": "j", "tasks": [TASK, {"name": "p", "parallel": {"tasks": [TASK]}}]}


def test_lengths_are_counted_in_characters(job: Validate) -> None:
    assert job(a_job(name="\U0001f600" * 256))


def test_several_faults_are_told_at_once(job: Validate) -> None:
    document = {"name": 5, "tasks": [{"name": "t", "retry": {"limit": 0}}, {"run": "x"}]}
    assert faults_of(job, document) == (
        "name: must be a string",
        "tasks[0].retry.limit: must be between 1 and 10",
        "tasks[1].name: is required",
    )


def test_no_more_than_some_faults_are_told(job: Validate) -> None:
    found = faults_of(job, a_job(tasks=[{}] * 1000))
    assert len(found) == MOST_FAULTS
    assert found[0] == "tasks[0].name: is required"


def test_faults_never_quote_values(job: Validate) -> None:
    document = a_job(
        secrets={"a": ["hunter2"]}, defaults={"queue": "x-hunter2", "timeout": "hunter2"}
    )
    assert "hunter2" not in "; ".join(faults_of(job, document))


def test_each_kind_of_expression_is_asked_for_its_own_check(job: Validate, checker: Any) -> None:
    job(
        a_job(
            output="o",
            webhooks=[{"url": "{{ u }}", "if": "w"}],
            tasks=[
                {"name": "{{ n }}", "if": "i", "run": "{{"},
                {"name": "e", "each": {"list": "l", "task": TASK}},
            ],
        )
    )
    assert sorted(checker.expressions) == ["i", "l", "w"]
    assert checker.outputs == ["o"]


def test_a_job_may_wait_and_a_scheduled_one_may_not(job: Validate, scheduled: Validate) -> None:
    document = a_job(wait={"timeout": "5s"})
    assert job(document) == document
    assert faults_of(scheduled, {**document, "schedule": {"cron": "0 * * * *"}}) == (
        "wait: unknown key; waiting is for jobs posted to /jobs",
    )


def test_a_scheduled_job_has_a_schedule(scheduled: Validate) -> None:
    document = {**FULL, "schedule": {"cron": "0 * * * *"}}
    assert scheduled(document) == document
    assert faults_of(scheduled, a_job()) == ("schedule: is required",)
    assert faults_of(scheduled, a_job(schedule={})) == ("schedule.cron: is required",)
    assert faults_of(scheduled, a_job(schedule={"cron": "x"})) == (
        "schedule.cron: is not a cron expression",
    )


def nested(levels: int) -> dict[str, Any]:
    task: dict[str, Any] = {"name": "t"}
    for _ in range(levels):
        task = {"name": "t", "parallel": {"tasks": [task]}}
    return a_job(tasks=[task])


def test_documents_nested_as_deep_as_can_be_read_are_validated(job: Validate) -> None:
    document = nested(32)
    assert job(read_yaml(json.dumps(document).encode())) == document
    with pytest.raises(Invalid, match="nests deeper"):
        read_yaml(json.dumps(nested(33)).encode())


KEYS = st.sampled_from(
    ["name", "tasks", "env", "retry", "limit", "each", "list", "task", "parallel", "if", "files",
     "mounts", "type", "target", "priority", "timeout", "webhooks", "url", "schedule", "cron"]
)  # fmt: skip
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "a", "5s", "-5s", "volume", "bind", "..", "/tork", "BROKEN", "x-", "1"]),
    st.text(max_size=5),
)
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
        max_leaves=20,
    ),
)


class Taking:
    """Takes every expression; hypothesis wants no fixtures of one test."""

    def check_expression(self, text: str) -> None:
        """Take it."""

    def check_output(self, text: str) -> None:
        """Take it."""


@examples(300)
@given(DOCUMENTS, st.booleans())
def test_any_document_is_a_definition_or_faults(document: dict[str, Any], as_yaml: bool) -> None:
    text = json.dumps(document).encode()
    faults: tuple[str, ...] = ()
    try:
        read = read_yaml(text) if as_yaml else read_json(text)
        found = validate_job(read, expressions=Taking(), permission_exists=lambda *_: True)
    except Invalid as error:
        faults = error.faults
    if faults:
        assert len(faults) <= MOST_FAULTS
        return
    again = validate_job(found, expressions=Taking(), permission_exists=lambda *_: True)
    assert again == found
    assert json.loads(json.dumps(found)) == found


@examples(100)
@given(DOCUMENTS)
def test_any_document_is_a_scheduled_definition_or_faults(document: dict[str, Any]) -> None:
    faults: tuple[str, ...] = ()
    found: dict[str, Any] = {}
    try:
        found = validate_scheduled_job(
            document, expressions=Taking(), cron=str, permission_exists=lambda *_: True
        )
    except Invalid as error:
        faults = error.faults
    assert faults or found["schedule"]["cron"]
