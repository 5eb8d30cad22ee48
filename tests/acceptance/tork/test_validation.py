"""What is refused before anything is stored, and how it is said."""

import json
import uuid

import pytest

from tests.acceptance.tork.client import Tork


def a_task(**more: object) -> dict:
    return {"name": "j", "tasks": [{"name": "t", "run": "exit 0", **more}]}


def of(**more: object) -> dict:
    """Give a job of one task with nothing but these keys."""
    return {"name": "j", "tasks": [{"name": "t", **more}]}


def nested(levels: int) -> dict:
    found: dict = {"name": "t", "run": "exit 0"}
    for _ in range(levels):
        found = {"name": "t", "parallel": {"tasks": [found]}}
    return {"name": "j", "tasks": [found]}


@pytest.mark.parametrize(
    "body",
    ["", " \n", "# nothing\n", "---\n", "...", "null", "~", "5", "text", "- a", "[]", "'", "{", "a: b: c",
     "\t", "name: j\n\ttasks: []", "%YAML 9.9\n---\na: b", "name: *x", "&a [*a]", "? [a]\n: b",
     "name: j\nname: k\ntasks: [{name: t}]", "name: j\ntasks: [{name: t, name: u}]"],
)  # fmt: skip
def test_documents_that_are_none(tork: Tork, body: str):
    tork.refused(body)


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"null", b"5", b'"x"', b"[]", b"{", b'{"name"', b"{'name': 'x'}", b"NaN", b'{"name":NaN}',
     b"\xff\xfe", b"\x00", b'{"name": "\xff"}', b'{"name": "\\ud800", "tasks": [{"name": "t"}]}',
     b"[" * 100_000, b'{"a":' * 50_000, b"1" * 10_000, b'{"name":1e999}', b"-", b'{"a":1,}',
     b'{"name":"j","tasks":[{"name":"t"}]} x'],
)  # fmt: skip
def test_json_that_is_none(tork: Tork, body: bytes):
    answer = tork.ask("POST", "/jobs", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe\xff", b"name: \xff\ntasks: [{name: t}]", b"\x00", b"name: \x00", b"\xef\xbb\xbf",
        b'name: "\\0"\ntasks: [{name: t}]', b'name: "\\ud800"\ntasks: [{name: t}]',
        b"name: !!python/object/apply:os.system [id]\ntasks: [{name: t}]",
        b"name: !!python/name:os.system\ntasks: [{name: t}]", b"name: !x y\ntasks: [{name: t}]",
        b"name: !!binary aGk=\ntasks: [{name: t}]", b"!!set {a, b}", b"!!omap [a: b]",
        b"name: !!int x\ntasks: [{name: t}]", b"name: !<tag:x,2000:y> z\ntasks: [{name: t}]",
        b"[" * 400_000, b"{a: " * 100_000, b"- " * 200_000, b"a: " + b"&a " * 10_000,
        b"name: j\ntasks: [{name: t, priority: " + b"9" * 300_000 + b"}]",
        b"name: j\ntasks: [{name: t, priority: 0x" + b"f" * 300_000 + b"}]",
        b"name: j\ntasks: [{name: t, priority: 0b" + b"1" * 300_000 + b"}]",
        b"%TAG ! tag:x,2000:\n" * 20_000 + b"---\nname: j",
        b"? " * 100_000, b"!" * 1000, b"&" * 1000, b"*" * 1000, b"'" * 99_999, b'"' + b"\\x0" * 999,
        b"name: |9\n x", b"\xe2\x80\xa8" * 100, b"\xed\xa0\x80",
    ],
)  # fmt: skip
def test_yaml_that_is_hostile(tork: Tork, body: bytes):
    answer = tork.ask("POST", "/jobs", data=body, headers={"Content-Type": "text/yaml"})
    assert answer.status_code == 400, answer.text


def test_aliases_that_explode(tork: Tork):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    tork.refused("\n".join(lines) + "\nname: j\ntasks: [{name: t}]\n")
    merges = ["a0: &a0 {x: y}"]
    merges += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 30)]
    tork.refused("\n".join(merges) + "\nname: j\ntasks: [{name: t}]\n")


def test_depth(tork: Tork):
    assert tork.post(nested(20)).status_code == 200
    tork.refused(nested(60))
    tork.refused({"name": "j", "tasks": [{"name": "t"}], "inputs": {"a": [[[]]]}})


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"tasks": [{"name": "t"}]}, "name"),
        ({"name": "", "tasks": [{"name": "t"}]}, "name"),
        ({"name": None, "tasks": [{"name": "t"}]}, "name"),
        ({"name": "x" * 257, "tasks": [{"name": "t"}]}, "name"),
        ({"name": "j"}, "tasks"),
        ({"name": "j", "tasks": []}, "tasks"),
        ({"name": "j", "tasks": None}, "tasks"),
        ({"name": "j", "tasks": [None]}, "tasks[0]"),
        ({"name": "j", "tasks": [{}]}, "tasks[0].name"),
        ({"name": "j", "tasks": [{"name": "t"}, {"run": "x"}]}, "tasks[1].name"),
        ({"name": "j", "tasks": [{"name": "t"}], "Name": "x"}, "Name"),
        ({"name": "j", "tasks": [{"name": "t"}], "schedule": {"cron": "* * * * *"}}, "schedule"),
        ({"name": "j", "tasks": [{"name": "t"}], "id": "x"}, "id"),
        ({"name": "j", "tasks": [{"name": "t"}], "output": "{{ 1 + }}"}, "output"),
        ({"name": "j", "tasks": [{"name": "t"}], "output": "{{ 1 }} {{ + }}"}, "output"),
        ({"name": "j", "tasks": [{"name": "t"}], "autoDelete": {"after": "1d"}}, "autoDelete.after"),
        ({"name": "j", "tasks": [{"name": "t"}], "autoDelete": {"after": "-1h"}}, "autoDelete.after"),
        ({"name": "j", "tasks": [{"name": "t"}], "defaults": {"queue": "x-1"}}, "defaults.queue"),
        ({"name": "j", "tasks": [{"name": "t"}], "defaults": {"queue": "jobs"}}, "defaults.queue"),
        ({"name": "j", "tasks": [{"name": "t"}], "defaults": {"timeout": "5"}}, "defaults.timeout"),
        ({"name": "j", "tasks": [{"name": "t"}], "defaults": {"timeout": "-5s"}}, "defaults.timeout"),
        ({"name": "j", "tasks": [{"name": "t"}], "defaults": {"priority": 10}}, "defaults.priority"),
        ({"name": "j", "tasks": [{"name": "t"}], "defaults": {"retry": {"limit": 0}}}, "defaults.retry"),
        ({"name": "j", "tasks": [{"name": "t"}], "defaults": {"var": "x"}}, "defaults.var"),
        ({"name": "j", "tasks": [{"name": "t"}], "webhooks": [{}]}, "webhooks[0].url"),
        ({"name": "j", "tasks": [{"name": "t"}], "webhooks": [{"url": "u", "if": "1 +"}]}, "webhooks[0].if"),
        ({"name": "j", "tasks": [{"name": "t"}], "permissions": [{}]}, "permissions[0]"),
        ({"name": "j", "tasks": [{"name": "t"}], "permissions": [{"user": "guest", "role": "public"}]}, "permissions[0]"),
        ({"name": "j", "tasks": [{"name": "t"}], "permissions": [{"user": "nobody at all"}]}, "permissions[0]"),
        ({"name": "j", "tasks": [{"name": "t"}], "permissions": [{"role": "no such role"}]}, "permissions[0]"),
        (a_task(Run="x"), "tasks[0].Run"),
        (a_task(ports=[]), "tasks[0].ports"),
        (a_task(state="PENDING"), "tasks[0].state"),
        (a_task(priority=10), "tasks[0].priority"),
        (a_task(priority=-1), "tasks[0].priority"),
        (a_task(priority=10**30), "tasks[0].priority"),
        (a_task(retry={"limit": 0}), "tasks[0].retry.limit"),
        (a_task(retry={"limit": 11}), "tasks[0].retry.limit"),
        (a_task(retry={"limit": 1, "initialDelay": "301s"}), "tasks[0].retry.initialDelay"),
        (a_task(retry={"limit": 1, "scalingFactor": 11}), "tasks[0].retry.scalingFactor"),
        (a_task(retry={"limit": 1, "scalingFactor": 0.5}), "tasks[0].retry.scalingFactor"),
        (a_task(retry={"limit": 1, "attempts": 1}), "tasks[0].retry.attempts"),
        (a_task(var="x" * 65), "tasks[0].var"),
        (a_task(workdir="x" * 257), "tasks[0].workdir"),
        (a_task(queue="x-abc"), "tasks[0].queue"),
        (a_task(timeout="1234"), "tasks[0].timeout"),
        (a_task(timeout="-1s"), "tasks[0].timeout"),
        (a_task(timeout="1d"), "tasks[0].timeout"),
        (a_task(timeout="s"), "tasks[0].timeout"),
        (a_task(timeout="1h 5m"), "tasks[0].timeout"),
        (a_task(timeout="1e3s"), "tasks[0].timeout"),
        (a_task(timeout="9" * 400 + "h"), "tasks[0].timeout"),
        (a_task(**{"if": "{{ 1 + }}"}), "tasks[0].if"),
        (a_task(**{"if": "{1+1"}), "tasks[0].if"),
        (a_task(**{"if": "1" + "+1" * 6000}), "tasks[0].if"),
        (a_task(**{"if": "(" * 5000 + "1" + ")" * 4000}), "tasks[0].if"),
        (a_task(pre=[{"run": "x"}]), "tasks[0].pre[0].name"),
        (a_task(post=[{"run": "x"}]), "tasks[0].post[0].name"),
        (a_task(pre=[{"name": "x", "queue": "q"}]), "tasks[0].pre[0].queue"),
        (a_task(pre=[{"name": "x", "timeout": "5"}]), "tasks[0].pre[0].timeout"),
        (a_task(sidecars=[{"image": "i"}]), "tasks[0].sidecars[0].name"),
        (a_task(sidecars=[{"name": "s", "probe": {"port": 1}}]), "tasks[0].sidecars[0].probe.path"),
        (a_task(sidecars=[{"name": "s", "probe": {"path": "/"}}]), "tasks[0].sidecars[0].probe.port"),
        (a_task(sidecars=[{"name": "s", "probe": {"path": "/", "port": 0}}]), "tasks[0].sidecars[0].probe.port"),
        (a_task(sidecars=[{"name": "s", "probe": {"path": "/", "port": 65536}}]), "tasks[0].sidecars[0].probe.port"),
        (a_task(sidecars=[{"name": "s", "probe": {"path": "/" * 257, "port": 1}}]), "tasks[0].sidecars[0].probe.path"),
        (a_task(sidecars=[{"name": "s", "probe": {"path": "/", "port": 1, "timeout": "x"}}]), "tasks[0].sidecars[0].probe.timeout"),
        (a_task(mounts=[{"target": "/x"}]), "tasks[0].mounts[0].type"),
        (a_task(mounts=[{"type": "volume"}]), "tasks[0].mounts[0]"),
        (a_task(mounts=[{"type": "volume", "target": "/x", "source": "y"}]), "tasks[0].mounts[0]"),
        (a_task(mounts=[{"type": "bind", "target": "/x"}]), "tasks[0].mounts[0]"),
        (a_task(mounts=[{"type": "bind", "target": "/x", "source": "a:b"}]), "tasks[0].mounts[0]"),
        (a_task(mounts=[{"type": "bind", "target": "/x;y", "source": "a"}]), "tasks[0].mounts[0]"),
        (a_task(mounts=[{"type": "volume", "target": "/tork"}]), "tasks[0].mounts[0]"),
        (a_task(files={"../x": "y"}), "tasks[0].files"),
        (a_task(files={"a/../../x": "y"}), "tasks[0].files"),
        (a_task(files={"/x": "y"}), "tasks[0].files"),
        (a_task(files={"": "y"}), "tasks[0].files"),
        (a_task(env={"A": "x\0y"}), "tasks[0].env"),
        (a_task(run="x\0y"), "tasks[0].run"),
        (of(parallel={"tasks": []}), "tasks[0].parallel.tasks"),
        (of(parallel={}), "tasks[0].parallel.tasks"),
        (of(parallel={"tasks": [{"run": "x"}]}), "tasks[0].parallel.tasks[0].name"),
        (of(each={"task": {"name": "c"}}), "tasks[0].each.list"),
        (of(each={"list": "[1]"}), "tasks[0].each.task"),
        (of(each={"list": "{{ 1 + }}", "task": {"name": "c"}}), "tasks[0].each.list"),
        (of(each={"list": "1 2", "task": {"name": "c"}}), "tasks[0].each.list"),
        (of(each={"list": "[1]", "concurrency": -1, "task": {"name": "c"}}), "tasks[0].each.concurrency"),
        (of(each={"list": "[1]", "concurrency": 100000, "task": {"name": "c"}}), "tasks[0].each.concurrency"),
        (of(each={"list": "[1]", "task": {"name": "c"}, "size": 1}), "tasks[0].each.size"),
        (of(subjob={"tasks": [{"name": "c"}]}), "tasks[0].subjob.name"),
        (of(subjob={"name": "s"}), "tasks[0].subjob.tasks"),
        (of(subjob={"name": "s", "tasks": []}), "tasks[0].subjob.tasks"),
        (of(subjob={"name": "s", "tasks": [{"run": "x"}]}), "tasks[0].subjob.tasks[0].name"),
        (of(subjob={"name": "s", "tasks": [{"name": "c", "retry": {"limit": 0}}]}), "tasks[0].subjob.tasks[0].retry.limit"),
        (of(subjob={"name": "s", "tasks": [{"name": "c"}], "defaults": {}}), "tasks[0].subjob.defaults"),
        (of(subjob={"name": "s", "tasks": [{"name": "c"}], "wait": {}}), "tasks[0].subjob.wait"),
        (of(subjob={"name": "s", "tasks": [{"name": "c"}], "autoDelete": {"after": "x"}}), "tasks[0].subjob.autoDelete.after"),
        (of(parallel={"tasks": [{"name": "c"}]}, each={"list": "[1]", "task": {"name": "c"}}), "tasks[0]"),
        (of(parallel={"tasks": [{"name": "c"}]}, subjob={"name": "s", "tasks": [{"name": "c"}]}), "tasks[0]"),
    ],
)  # fmt: skip
def test_rules(tork: Tork, document: dict, path: str):
    message = tork.refused(document)
    assert message.startswith(path), message


@pytest.mark.parametrize(
    "queue",
    [
        "pending",
        "started",
        "completed",
        "error",
        "heartbeat",
        "jobs",
        "logs",
        "progress",
        "redeliveries",
    ],
)
def test_internal_queues_are_reserved(tork: Tork, queue: str):
    assert tork.refused(a_task(queue=queue)).startswith("tasks[0].queue")


COMPOSITES = {
    "parallel": {"tasks": [{"name": "c"}]},
    "each": {"list": "[1]", "task": {"name": "c"}},
    "subjob": {"name": "s", "tasks": [{"name": "c"}]},
}
BESIDE = {
    "image": "i", "cmd": ["c"], "entrypoint": ["e"], "run": "r", "env": {"A": "b"}, "queue": "q",
    "pre": [{"name": "p"}], "post": [{"name": "p"}], "mounts": [{"type": "volume", "target": "/x"}],
    "retry": {"limit": 1}, "limits": {"cpus": "1"}, "timeout": "1s", "files": {"a": "b"},
    "sidecars": [{"name": "s", "image": "i"}], "networks": ["n"],
    "registry": {"username": "u", "password": "p"}, "gpus": "all", "workdir": "/w",
}  # fmt: skip


@pytest.mark.parametrize("kind", COMPOSITES)
def test_composites_have_nothing_to_run(tork: Tork, kind: str):
    for key, value in BESIDE.items():
        message = tork.refused(of(**{kind: COMPOSITES[kind], key: value}))
        assert message.startswith("tasks[0]"), message
    answer = tork.post(
        of(
            **{kind: COMPOSITES[kind]},
            description="d",
            var="v",
            tags=["t"],
            priority=1,
            **{"if": "false"},
        )
    )
    assert answer.status_code == 200, answer.text


def test_several_faults_are_said_at_once(tork: Tork):
    message = tork.refused({"tasks": [{"name": "t", "priority": 99}], "bogus": 1})
    parts = message.split("; ")
    assert sorted(part.split(":")[0] for part in parts) == ["bogus", "name", "tasks[0].priority"]


def test_the_right_route_for_a_schedule_is_named(tork: Tork):
    assert "/scheduled-jobs" in tork.refused(
        {"name": "j", "tasks": [{"name": "t"}], "schedule": {"cron": "* * * * *"}}
    )


@pytest.mark.parametrize(
    "more",
    [
        {"timeout": "300ms"}, {"timeout": "1.5h"}, {"timeout": "2h45m"}, {"timeout": "0"},
        {"timeout": "1us"}, {"timeout": "1µs"}, {"timeout": "100ns"}, {"timeout": ".5s"},
        {"timeout": "1.s"}, {"timeout": "+5s"}, {"if": "1+1"}, {"if": "{{ 1 }} and {{ + }}"},
        {"if": "nope.nope"}, {"priority": 0}, {"var": "x" * 64}, {"workdir": "x" * 256},
        {"mounts": [{"type": "sidecar-of-a-plugin"}]}, {"files": {"a/b/c": "x", "..a": "y"}},
        {"retry": {"limit": 10, "initialDelay": "5m", "scalingFactor": 10}}, {"networks": ["x"]},
        {"queue": "xyz"}, {"env": {}}, {"cmd": []}, {"pre": []}, {"limits": {}}, {"description": ""},
        {"mounts": [{"type": "bind", "source": "/a b-c/._=d", "target": "/x"}]},
    ],
)  # fmt: skip
def test_what_is_accepted(tork: Tork, more: dict):
    # Skipped at once, so that nothing of it runs.
    document = a_task(**{"if": "false", **more})
    answer = tork.post(document)
    assert answer.status_code == 200, answer.text
    tork.put(f"/jobs/{answer.json()['id']}/cancel")


@pytest.mark.parametrize(
    "output", ["plain text", "1+1", "{{ 1 }}", "", "a { b } c", "{{ nope }} x", "}} {"]
)
def test_outputs_that_are_accepted(tork: Tork, output: str):
    answer = tork.post({**a_task(), "output": output})
    assert answer.status_code == 200, answer.text


def test_nothing_is_stored_of_what_is_refused(tork: Tork):
    tag = uuid.uuid4().hex
    for body in (
        {"name": "j", "tags": [tag], "tasks": []},
        {"name": "j", "tags": [tag], "tasks": [{"name": "t", "priority": 10}]},
        {"name": "j", "tags": [tag], "tasks": [{"name": "t"}], "permissions": [{"user": "nope"}]},
        {"name": "j", "tags": [tag], "tasks": [{"name": "t"}], "schedule": {"cron": "@daily"}},
    ):
        tork.refused(body)
    assert tork.get("/jobs", q=f"tag:{tag}")["totalItems"] == 0


def test_messages_are_bounded(tork: Tork):
    message = tork.refused({f"k{number}": 1 for number in range(10_000)})
    assert len(message) < 100_000
    message = tork.refused({"x" * 300_000: 1})
    assert len(message) < 100_000
    body = json.dumps({"name": "j", "tasks": [{"name": "t", "timeout": "x" * 400_000}]})
    answer = tork.ask("POST", "/jobs", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert len(answer.text) < 100_000


def test_permissions_name_what_exists(tork: Tork):
    answer = tork.post({**a_task(), "permissions": [{"role": "public"}]})
    assert answer.status_code == 200, answer.text
    found = tork.job(answer.json()["id"])["permissions"]
    assert found[0]["role"]["slug"] == "public"
    answer = tork.post({**a_task(), "permissions": [{"user": "guest"}]})
    assert answer.status_code == 200, answer.text
    assert tork.job(answer.json()["id"])["permissions"][0]["user"]["username"] == "guest"
