"""The job language in YAML and JSON: what is accepted, and what comes of it."""

import pytest

from tests.acceptance.tork.client import Tork, check_filled

EVERYTHING = {
    "name": "everything",
    "description": "all keys",
    "tags": ["a", "b"],
    "inputs": {"source": "/data/in", "empty": ""},
    "secrets": {"token": "hush-hush"},
    "output": "{{ tasks.count }} files",
    "defaults": {
        "retry": {"limit": 2},
        "limits": {"cpus": ".5", "memory": "10m"},
        "timeout": "1h",
        "queue": "default",
        "priority": 3,
    },
    "webhooks": [
        {
            "url": "http://127.0.0.1:9/x",
            "headers": {"X-A": "b"},
            "event": "job.StateChange",
            "if": "{{ job.State == 'NEVER' }}",
        }
    ],
    "autoDelete": {"after": "24h"},
    "tasks": [
        {
            "name": "never {{ inputs.source }}",
            "if": "{{ 1 == 2 }}",
            "description": "a task",
            "image": "ubuntu:mantic",
            "run": "echo {{ not.a.template }}",
            "cmd": ["a", "{{ inputs.source }}"],
            "entrypoint": ["sh", "-c"],
            "env": {"DIR": "{{ inputs.source }}"},
            "files": {"a/b.txt": "text"},
            "queue": "default",
            "var": "x",
            "pre": [{"name": "p", "image": "busybox", "run": "true", "timeout": "1m"}],
            "post": [{"name": "p", "cmd": ["x"], "entrypoint": ["y"], "env": {"A": "b"}}],
            "sidecars": [
                {"name": "s", "image": "i", "probe": {"path": "/", "port": 80, "timeout": "1m"}}
            ],
            "mounts": [{"type": "volume", "target": "/x", "opts": {"o": "p"}}],
            "networks": ["net"],
            "retry": {"limit": 1, "initialDelay": "1s", "scalingFactor": 2},
            "limits": {"cpus": "1", "memory": "1g"},
            "timeout": "10s",
            "priority": 9,
            "gpus": "all",
            "tags": ["t"],
            "workdir": "/w",
            "registry": {"username": "u", "password": "pass-phrase"},
        },
        {"name": "par", "if": "false", "parallel": {"tasks": [{"name": "c", "run": "x"}]}},
        {
            "name": "each",
            "if": "false",
            "priority": 1,
            "tags": ["q"],
            "each": {
                "list": "{{ sequence(1, 3) }}",
                "var": "it",
                "concurrency": 2,
                "task": {"name": "c{{ it.index }}", "run": "x"},
            },
        },
        {
            "name": "sub",
            "if": "false",
            "subjob": {
                "name": "s",
                "description": "d",
                "inputs": {"a": "b"},
                "secrets": {"c": "hidden-too"},
                "output": "o",
                "autoDelete": {"after": "1h"},
                "webhooks": [{"url": "http://127.0.0.1:9/"}],
                "detached": True,
                "tasks": [{"name": "t", "run": "x"}],
            },
        },
        {"name": "count", "var": "count", "run": "echo -n 7 > $TORK_OUTPUT"},
    ],
}
ROUND = (
    "name", "description", "tags", "inputs", "secrets", "output", "tasks", "defaults", "webhooks",
)  # fmt: skip


def test_every_key_is_taken_and_comes_back(tork: Tork):
    job = tork.done(*EVERYTHING["tasks"], **{k: v for k, v in EVERYTHING.items() if k != "tasks"})
    assert job["result"] == "7 files"
    check_filled(job)
    for key in ("description", "tags", "inputs", "output", "defaults", "webhooks", "autoDelete"):
        assert job[key] == EVERYTHING[key], key
    assert "deleteAt" in job
    shown = job["tasks"]
    hidden = [dict(one) for one in EVERYTHING["tasks"]]
    hidden[0] = {**hidden[0], "registry": {"username": "u", "password": "[REDACTED]"}}
    hidden[3] = {**hidden[3], "subjob": {**hidden[3]["subjob"], "secrets": {"c": "[REDACTED]"}}}
    assert shown == hidden
    assert job["secrets"] == {"token": "[REDACTED]"}
    # What the page's button for a duplicate does.
    again = tork.post({key: job[key] for key in ROUND if key in job})
    assert again.status_code == 200, again.text
    twin = tork.over(again.json()["id"])
    assert twin["state"] == "COMPLETED"
    assert twin["tasks"] == job["tasks"]


def test_scalars_of_yaml_are_taken_as_written(tork: Tork):
    answer = tork.post(
        """
name: 1.10
description: null
tags: [yes, 0x1F, 1_000, ~]
inputs: {a: .5, b: yes, c: 1.10, d: 2001-01-01, e: null, f: 'q', g: 010, h: ~, i: 1e3, 8: x,
  j: .inf, k: "", l: 12:30:45}
tasks:
  - name: 8080
    run: |
      echo -n "$A|$B|$C|$D|$E" > $TORK_OUTPUT
    env:
      A: 8080
      B: yes
      C: 1.10
      D: "{{ inputs.d }}"
      E:
    limits:
    priority: 9
"""
    )
    assert answer.status_code == 200, answer.text
    job = tork.over(answer.json()["id"])
    assert job["state"] == "COMPLETED", job
    assert job["name"] == "1.10"
    assert "description" not in job
    assert job["inputs"] == {
        "a": ".5", "b": "yes", "c": "1.10", "d": "2001-01-01", "e": "", "f": "q", "g": "010",
        "h": "", "i": "1e3", "8": "x", "j": ".inf", "k": "", "l": "12:30:45",
    }  # fmt: skip
    assert job["tags"][:3] == ["yes", "0x1F", "1_000"]
    assert job["execution"][0]["name"] == "8080"
    assert job["execution"][0]["result"] == "8080|yes|1.10|2001-01-01|"
    assert job["execution"][0]["priority"] == 9


@pytest.mark.parametrize("word", ["true", "yes", "on", "True", "ON", "Yes", "TRUE"])
def test_words_for_true(tork: Tork, word: str):
    answer = tork.post(
        f"{{name: j, tasks: [{{name: t, subjob: {{name: s, detached: {word}, "
        "tasks: [{name: u, run: exit 0}]}}]}"
    )
    assert answer.status_code == 200, answer.text
    assert tork.job(answer.json()["id"])["tasks"][0]["subjob"]["detached"] is True


@pytest.mark.parametrize(
    "tail",
    [
        "priority: '5'",
        "priority: x",
        "priority: 1.5",
        "priority: true",
        "env: [a]",
        "env: {A: [b]}",
        "env: {A: {b: c}}",
        "name: [x]",
        "run: {a: b}",
        "cmd: x",
        "retry: 5",
        "retry: {limit: '3'}",
        "subjob: {name: s, detached: maybe, tasks: [{name: t}]}",
    ],
)
def test_wrong_kinds_in_yaml_are_refused(tork: Tork, tail: str):
    tork.refused(f"name: j\ntasks:\n  - name: t\n    {tail}\n".replace("name: t\n    name", "name"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", 5), ("name", True), ("name", ["x"]), ("name", {}), ("run", 1), ("env", {"A": 1}),
        ("env", {"A": True}), ("env", {"A": ["b"]}), ("env", []), ("cmd", "x"), ("cmd", [1]),
        ("priority", "5"), ("priority", 1.5), ("priority", True), ("retry", {"limit": "3"}),
        ("tags", "x"), ("tags", [1]), ("timeout", 5), ("files", {"a": 1}), ("limits", {"cpus": 1}),
        ("pre", {}), ("parallel", []), ("each", "x"), ("subjob", []), ("registry", "x"),
        ("mounts", {}), ("networks", "n"), ("gpus", 1), ("workdir", 1), ("image", 1), ("if", True),
        ("var", 1), ("queue", 1), ("description", 1), ("entrypoint", "sh"), ("sidecars", "x"),
    ],
)  # fmt: skip
def test_json_is_strict(tork: Tork, key: str, value: object):
    message = tork.refused({"name": "j", "tasks": [{"name": "t", key: value}]})
    assert message.startswith(f"tasks[0].{key}"), message


def test_only_the_first_document_is_read(tork: Tork):
    answer = tork.post("name: one\ntasks: [{name: t, run: exit 0}]\n---\nname: two\n")
    assert answer.status_code == 200
    assert answer.json()["name"] == "one"


def test_anchors_aliases_and_merges(tork: Tork):
    answer = tork.post(
        """
name: j
inputs: &in {a: x, b: y}
tasks:
  - &base
    name: base
    env: &env {<<: *in, c: z}
    run: echo -n $a$b$c > $TORK_OUTPUT
    var: one
  - <<: *base
    name: second
    env: {<<: [*env, *in], a: w}
    var: two
output: "{{ tasks.one }}-{{ tasks.two }}"
"""
    )
    assert answer.status_code == 200, answer.text
    assert tork.over(answer.json()["id"])["result"] == "xyz-wyz"


def test_a_task_with_nothing_to_run_completes(tork: Tork):
    job = tork.done({}, {"run": ""}, {"env": {"A": "b"}})
    assert [one["state"] for one in job["execution"]] == ["COMPLETED"] * 3


def test_nulls_in_json_are_unset(tork: Tork):
    job = tork.done({"run": "exit 0", "env": None, "retry": None, "if": None}, description=None)
    assert job["tasks"] == [{"name": "task", "run": "exit 0"}]
