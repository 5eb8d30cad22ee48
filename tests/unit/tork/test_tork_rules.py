"""Every rule of the job language, each with the path and text of its fault."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.api.tork.faults import Invalid
from app.api.tork.rules import INTERNAL_QUEUES

Validate = Callable[[dict[str, Any]], dict[str, Any]]

TASK = {"name": "t"}


def a_job(**keys: Any) -> dict[str, Any]:
    return {"name": "j", "tasks": [TASK], **keys}


def with_task(**keys: Any) -> dict[str, Any]:
    return a_job(tasks=[{"name": "t", **keys}])


def faults_of(validate: Validate, document: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(Invalid) as caught:
        validate(document)
    assert str(caught.value) == "; ".join(caught.value.faults)
    return caught.value.faults


COMPOSITES: dict[str, dict[str, Any]] = {
    "parallel": {"tasks": [TASK]},
    "each": {"list": "[1]", "task": TASK},
    "subjob": {"name": "i", "tasks": [TASK]},
}

REGULAR = {
    "image": "a",
    "cmd": ["a"],
    "entrypoint": ["a"],
    "run": "a",
    "env": {"A": "b"},
    "files": {"a": "b"},
    "queue": "q",
    "pre": [TASK],
    "post": [TASK],
    "sidecars": [TASK],
    "mounts": [{"type": "volume", "target": "/x"}],
    "networks": ["n"],
    "retry": {"limit": 1},
    "limits": {"cpus": "1"},
    "timeout": "1s",
    "gpus": "all",
    "workdir": "/w",
    "registry": {"username": "u"},
}


@pytest.mark.parametrize("composite", COMPOSITES)
@pytest.mark.parametrize("key", REGULAR)
def test_a_composite_task_runs_nothing_itself(job: Validate, composite: str, key: str) -> None:
    task = {composite: COMPOSITES[composite], key: REGULAR[key]}
    assert job(with_task(**{key: REGULAR[key]}))
    assert faults_of(job, with_task(**task)) == (
        f"tasks[0].{key}: must not be set on a task with {composite}",
    )


@pytest.mark.parametrize("second", ["each", "subjob"])
def test_a_task_is_one_composite_at_most(job: Validate, second: str) -> None:
    task = {"parallel": COMPOSITES["parallel"], second: COMPOSITES[second]}
    assert faults_of(job, with_task(**task)) == (
        f"tasks[0].{second}: must not be set together with parallel",
    )


UNKNOWN_AT = {
    "": lambda bad: a_job(**bad),
    "tasks[0].": lambda bad: with_task(**bad),
    "defaults.": lambda bad: a_job(defaults=bad),
    "webhooks[0].": lambda bad: a_job(webhooks=[{"url": "u", **bad}]),
    "permissions[0].": lambda bad: a_job(permissions=[{"user": "guest", **bad}]),
    "autoDelete.": lambda bad: a_job(autoDelete=bad),
    "wait.": lambda bad: a_job(wait={"timeout": "1s", **bad}),
    "tasks[0].pre[0].": lambda bad: with_task(pre=[{**TASK, **bad}]),
    "tasks[0].post[0].": lambda bad: with_task(post=[{**TASK, **bad}]),
    "tasks[0].sidecars[0].": lambda bad: with_task(sidecars=[{**TASK, **bad}]),
    "tasks[0].sidecars[0].probe.": lambda bad: with_task(
        sidecars=[{**TASK, "probe": {"path": "/", "port": 1, **bad}}]
    ),
    "tasks[0].mounts[0].": lambda bad: with_task(mounts=[{"type": "x", **bad}]),
    "tasks[0].retry.": lambda bad: with_task(retry={"limit": 1, **bad}),
    "tasks[0].limits.": lambda bad: with_task(limits=bad),
    "tasks[0].registry.": lambda bad: with_task(registry=bad),
    "tasks[0].parallel.": lambda bad: with_task(parallel={"tasks": [TASK], **bad}),
    "tasks[0].parallel.tasks[0].": lambda bad: with_task(parallel={"tasks": [{**TASK, **bad}]}),
    "tasks[0].each.": lambda bad: with_task(each={"list": "l", "task": TASK, **bad}),
    "tasks[0].each.task.": lambda bad: with_task(each={"list": "l", "task": {**TASK, **bad}}),
    "tasks[0].subjob.": lambda bad: with_task(subjob={**COMPOSITES["subjob"], **bad}),
    "tasks[0].subjob.tasks[0].": lambda bad: with_task(
        subjob={"name": "i", "tasks": [{**TASK, **bad}]}
    ),
}


@pytest.mark.parametrize("path", UNKNOWN_AT)
@pytest.mark.parametrize("key", ["ports", "Name", "id", "state"])
def test_unknown_keys_are_faults_at_every_level(job: Validate, path: str, key: str) -> None:
    document = UNKNOWN_AT[path]({key: "x"})
    assert f"{path}{key}: unknown key" in faults_of(job, document)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a b", '["a b"]'),
        ("", '[""]'),
        ("a\nb", '["a\\nb"]'),
        ("k" * 500, '["' + "k" * 61 + '..."]'),
        ("\u2028", '["\\u2028"]'),
    ],
)
def test_odd_keys_stay_on_one_line(job: Validate, key: str, path: str) -> None:
    assert faults_of(job, a_job(**{key: 1})) == (f"{path}: unknown key",)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        # required
        ({}, "name: is required; tasks: is required"),
        ({"tasks": [TASK]}, "name: is required"),
        (a_job(name=""), "name: is required"),
        (a_job(name=None), "name: is required"),
        (a_job(tasks=None), "tasks: is required"),
        (a_job(tasks=[]), "tasks: must have at least 1 entry"),
        (a_job(tasks=[{}]), "tasks[0].name: is required"),
        (a_job(tasks=[TASK, {"name": ""}]), "tasks[1].name: is required"),
        (with_task(pre=[{}]), "tasks[0].pre[0].name: is required"),
        (with_task(post=[{}]), "tasks[0].post[0].name: is required"),
        (with_task(sidecars=[{}]), "tasks[0].sidecars[0].name: is required"),
        (with_task(parallel={}), "tasks[0].parallel.tasks: is required"),
        (with_task(parallel={"tasks": []}), "tasks[0].parallel.tasks: must have at least 1 entry"),
        (
            with_task(each={}),
            "tasks[0].each.list: is required; tasks[0].each.task: is required",
        ),
        (
            with_task(subjob={}),
            "tasks[0].subjob.name: is required; tasks[0].subjob.tasks: is required",
        ),
        (
            with_task(subjob={"name": "i", "tasks": []}),
            "tasks[0].subjob.tasks: must have at least 1 entry",
        ),
        (with_task(subjob={"name": "i", "tasks": [{}]}), "tasks[0].subjob.tasks[0].name: is requ"),
        (with_task(retry={}), "tasks[0].retry.limit: is required"),
        (with_task(mounts=[{}]), "tasks[0].mounts[0].type: is required"),
        (a_job(webhooks=[{}]), "webhooks[0].url: is required"),
        (a_job(wait={}), "wait.timeout: is required"),
        (
            with_task(sidecars=[{"name": "s", "probe": {}}]),
            (
                "tasks[0].sidecars[0].probe.path: is required; "
                "tasks[0].sidecars[0].probe.port: is required"
            ),
        ),
        # kinds
        (a_job(name=5), "name: must be a string"),
        (a_job(name=["a"]), "name: must be a string"),
        (a_job(description=True), "description: must be a string"),
        (a_job(tags="a"), "tags: must be a list"),
        (a_job(tags=[1]), "tags[0]: must be a string"),
        (a_job(inputs=[]), "inputs: must be a mapping"),
        (a_job(inputs={"a": 1}), "inputs.a: must be a string"),
        (a_job(secrets={"a": {}}), "secrets.a: must be a string"),
        (a_job(tasks={}), "tasks: must be a list"),
        (a_job(tasks=["a"]), "tasks[0]: must be a mapping"),
        (a_job(tasks=[None]), "tasks[0]: must be a mapping"),
        (a_job(defaults="x"), "defaults: must be a mapping"),
        (a_job(webhooks={}), "webhooks: must be a list"),
        (with_task(priority="5"), "tasks[0].priority: must be an integer"),
        (with_task(priority=True), "tasks[0].priority: must be an integer"),
        (with_task(priority=1.0), "tasks[0].priority: must be an integer"),
        (with_task(timeout=5), "tasks[0].timeout: must be a duration"),
        (with_task(limits={"cpus": 1}), "tasks[0].limits.cpus: must be a string"),
        (with_task(subjob={**COMPOSITES["subjob"], "detached": 1}), "tasks[0].subjob.detached: "),
        (with_task(each=[1]), "tasks[0].each: must be a mapping"),
        # limits
        (a_job(name="n" * 257), "name: must be at most 256 characters long"),
        (with_task(var="v" * 65), "tasks[0].var: must be at most 64 characters long"),
        (with_task(workdir="w" * 257), "tasks[0].workdir: must be at most 256 characters long"),
        (
            with_task(sidecars=[{"name": "s", "probe": {"path": "p" * 257, "port": 1}}]),
            "tasks[0].sidecars[0].probe.path: must be at most 256 characters long",
        ),
        (with_task(retry={"limit": 0}), "tasks[0].retry.limit: must be between 1 and 10"),
        (with_task(retry={"limit": 11}), "tasks[0].retry.limit: must be between 1 and 10"),
        (a_job(defaults={"retry": {"limit": 0}}), "defaults.retry.limit: must be between 1 and 10"),
        (
            with_task(retry={"limit": 1, "scalingFactor": 0.5}),
            "tasks[0].retry.scalingFactor: must be between 1 and 10",
        ),
        (
            with_task(retry={"limit": 1, "scalingFactor": float("nan")}),
            "tasks[0].retry.scalingFactor: must be a number",
        ),
        (
            with_task(retry={"limit": 1, "initialDelay": "5m1s"}),
            "tasks[0].retry.initialDelay: must be at most 5m0s",
        ),
        (with_task(priority=10), "tasks[0].priority: must be between 0 and 9"),
        (with_task(priority=-1), "tasks[0].priority: must be between 0 and 9"),
        (a_job(defaults={"priority": 10}), "defaults.priority: must be between 0 and 9"),
        (
            with_task(each={"list": "l", "task": TASK, "concurrency": 100_000}),
            "tasks[0].each.concurrency: must be between 0 and 99999",
        ),
        (
            with_task(sidecars=[{"name": "s", "probe": {"path": "/", "port": 65_536}}]),
            "tasks[0].sidecars[0].probe.port: must be between 1 and 65535",
        ),
        (
            with_task(sidecars=[{"name": "s", "probe": {"path": "/", "port": 0}}]),
            "tasks[0].sidecars[0].probe.port: must be between 1 and 65535",
        ),
        # queues
        (with_task(queue="x-abc"), "tasks[0].queue: must not start with x-"),
        (a_job(defaults={"queue": "x-"}), "defaults.queue: must not start with x-"),
        *(
            (with_task(queue=name), "tasks[0].queue: is the name of an internal queue")
            for name in INTERNAL_QUEUES
        ),
        (a_job(defaults={"queue": "jobs"}), "defaults.queue: is the name of an internal queue"),
        # durations
        *(
            (document, f"{path}: must be a duration such as")
            for path, document in {
                "tasks[0].timeout": with_task(timeout="1234"),
                "tasks[0].pre[0].timeout": with_task(pre=[{**TASK, "timeout": "x"}]),
                "tasks[0].post[0].timeout": with_task(post=[{**TASK, "timeout": "1"}]),
                "tasks[0].sidecars[0].timeout": with_task(sidecars=[{**TASK, "timeout": "1"}]),
                "tasks[0].sidecars[0].probe.timeout": with_task(
                    sidecars=[{**TASK, "probe": {"path": "/", "port": 1, "timeout": "1"}}]
                ),
                "defaults.timeout": a_job(defaults={"timeout": "1"}),
                "autoDelete.after": a_job(autoDelete={"after": "1"}),
                "wait.timeout": a_job(wait={"timeout": "1"}),
                "tasks[0].subjob.autoDelete.after": with_task(
                    subjob={**COMPOSITES["subjob"], "autoDelete": {"after": "1"}}
                ),
            }.items()
        ),
        (with_task(timeout="5d"), "tasks[0].timeout: has an unknown unit"),
        (with_task(timeout="-5s"), "tasks[0].timeout: must not be negative"),
        (a_job(wait={"timeout": "-1ns"}), "wait.timeout: must not be negative"),
        # expressions
        (a_job(output="BROKEN"), "output: does not parse"),
        (with_task(**{"if": "BROKEN"}), "tasks[0].if: does not parse"),
        (with_task(each={"list": "BROKEN", "task": TASK}), "tasks[0].each.list: does not parse"),
        (a_job(webhooks=[{"url": "u", "if": "BROKEN"}]), "webhooks[0].if: does not parse"),
        (
            with_task(subjob={**COMPOSITES["subjob"], "output": "BROKEN"}),
            "tasks[0].subjob.output: does not parse",
        ),
        # mounts
        (
            with_task(mounts=[{"type": "volume"}]),
            "tasks[0].mounts[0].target: is required for a volume",
        ),
        (
            with_task(mounts=[{"type": "volume", "source": "/a", "target": "/b"}]),
            "tasks[0].mounts[0].source: must not be set on a volume",
        ),
        (
            with_task(mounts=[{"type": "bind", "target": "/b"}]),
            "tasks[0].mounts[0].source: is required for a bind mount",
        ),
        (
            with_task(mounts=[{"type": "bind", "source": "/a;b", "target": "/b"}]),
            "tasks[0].mounts[0].source: may hold only letters",
        ),
        (
            with_task(mounts=[{"type": "volume", "target": "/b:ro"}]),
            "tasks[0].mounts[0].target: may hold only letters",
        ),
        (
            with_task(mounts=[{"type": "volume", "target": "/b\n"}]),
            "tasks[0].mounts[0].target: may hold only letters",
        ),
        *(
            (
                with_task(mounts=[{"type": "volume", "target": target}]),
                "tasks[0].mounts[0].target: must not be /tork",
            )
            for target in ("/tork", "/tork/", "//tork", "/a/../tork")
        ),
        # files
        *(
            (with_task(files={name: "x"}), f"tasks[0].files[{json.dumps(name)}]: {text}")
            for name, text in {
                "/etc/x": "must be a relative path",
                "../x": "must not have .. in its path",
                "a/../../x": "must not have .. in its path",
                "..": "must not have .. in its path",
                "": "must name a file",
                "a/": "must name a file",
                ".": "must name a file",
            }.items()
        ),
        (with_task(pre=[{**TASK, "files": {"/x": ""}}]), 'tasks[0].pre[0].files["/x"]: must be a'),
        # permissions
        (a_job(permissions=[{}]), "permissions[0]: must have exactly one of user and role"),
        (
            a_job(permissions=[{"user": "guest", "role": "public"}]),
            "permissions[0]: must have exactly one of user and role",
        ),
        (a_job(permissions=[{"user": "nobody"}]), "permissions[0].user: does not exist"),
        (a_job(permissions=[{"role": "guest"}]), "permissions[0].role: does not exist"),
        # keys of the other route
        (
            a_job(schedule={"cron": "0 * * * *"}),
            "schedule: unknown key; a job with a schedule is posted to /scheduled-jobs",
        ),
    ],
)
def test_rules(job: Validate, document: dict[str, Any], fault: str) -> None:
    assert "; ".join(faults_of(job, document)).startswith(fault)
    assert len(faults_of(job, document)) == fault.count("; ") + 1 - ("unknown key;" in fault)


def test_secrets_are_counted_wherever_they_are(job: Validate) -> None:
    subjob = {"name": "s", "tasks": [TASK], "secrets": {f"s{n}": f"v{n}" for n in range(999)}}
    document = a_job(secrets={"a": "b"}, tasks=[{"name": "t", "subjob": subjob}])
    assert job(document)["secrets"] == {"a": "b"}
    subjob["secrets"]["more"] = "x"
    (fault,) = faults_of(job, document)
    assert fault.startswith("secrets: must be at most 1000")
