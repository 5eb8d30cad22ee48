"""Secrets: in no answer, on no route, but in the tasks themselves."""

import json
import uuid

from tests.acceptance.tork.client import Tork, named

MASK = "[REDACTED]"


def a_secret() -> str:
    return f"s3cr3t-{uuid.uuid4().hex}"


def test_a_secret_is_in_no_answer(tork: Tork):
    token, key, pull, deep = (a_secret() for _ in range(4))
    tag = uuid.uuid4().hex
    answers: list[object] = []
    document = {
        "name": f"job {token}",
        "description": "d",
        "tags": [tag],
        "inputs": {"plain": f"x{token}y", "MY_PASSWORD": key, "ok": "fine", "aws_access_key_id": "visible?"},
        "secrets": {"token": token, "empty": ""},
        "output": "out {{ secrets.token }}",
        "webhooks": [
            {"url": "http://127.0.0.1:9/", "headers": {"X-Secret": key, "Auth": f"Bearer {token}"},
             "event": "never"}
        ],
        "tasks": [
            {
                "name": "t-{{ secrets.token }}",
                "var": "v",
                "env": {"T": "{{ secrets.token }}", "client_secret": key, "OK": "fine"},
                "run": "echo log $T ${client_secret:0:6} $OK; echo -n r $T > $TORK_OUTPUT",
            },
            {"name": "after", "var": "my_secret_var", "run": "echo -n value > $TORK_OUTPUT",
             "pre": [{"name": "p", "env": {"P": "{{ secrets.token }}"}, "run": "echo pre $P"}]},
            {"name": "par", "parallel": {"tasks": [
                {"name": "c", "env": {"T": "{{ secrets.token }}", "A_PASSWORD": key},
                 "run": "echo -n $T > $TORK_OUTPUT"}]}},
            {"name": "loop", "each": {"list": "[secrets.token]", "task": {
                "name": "i-{{ item.value }}", "env": {"I": "{{ item.value }}"}, "run": "echo $I"}}},
            {"name": "img", "if": "false", "image": "x", "cmd": ["{{ secrets.token }}"],
             "registry": {"username": "u", "password": pull}},
            {"name": "sub", "var": "sub", "subjob": {
                "name": "sub {{ secrets.token }}", "inputs": {"i": "{{ secrets.token }}"},
                "secrets": {"deep": deep, "from": "{{ secrets.token }}"}, "output": "{{ secrets.deep }}",
                "tasks": [{"name": "s", "env": {"D": "{{ secrets.deep }}"}, "run": "echo $D; echo -n $D > $TORK_OUTPUT"}]}},
            {"name": "bad", "env": {"T": "{{ secrets.token }}"}, "run": "echo why $T; exit 1", "retry": {"limit": 1}},
        ],
    }  # fmt: skip
    answer = tork.post(document)
    assert answer.status_code == 200, answer.text
    answers.append(answer.json())
    job = tork.over(answer.json()["id"])
    assert job["state"] == "FAILED"
    answers.append(job)
    answers.append(tork.get("/jobs", size=20))
    answers.append(tork.get("/jobs", q=f"tag:{tag}"))
    answers.append(tork.parts(f"/jobs/{job['id']}/log"))
    for one in job["execution"]:
        answers.append(tork.get(f"/tasks/{one['id']}"))
        answers.append(tork.get(f"/tasks/{one['id']}/log"))
    child = tork.job(named(job, "sub")["subjob"]["id"])
    answers += [child, tork.get(f"/jobs/{child['id']}/log")]
    answers += [tork.get(f"/tasks/{one['id']}") for one in child["execution"]]
    answers.append(tork.post({**document, "wait": {"timeout": "60s"}}).json())
    document["schedule"] = {"cron": "0 0 1 1 *"}
    scheduled = tork.post(document, "/scheduled-jobs").json()
    answers += [
        scheduled,
        tork.get("/scheduled-jobs"),
        tork.get(f"/scheduled-jobs/{scheduled['id']}"),
    ]
    for found in answers:
        text = json.dumps(found)
        for secret in (token, key, pull):
            assert secret not in text, text[max(0, text.find(secret) - 300) :][:600]
    for found in (child, named(job, "sub"), job["context"]):
        assert deep not in json.dumps(found)
    assert deep not in json.dumps(answers)

    assert job["secrets"]["token"] == MASK
    assert job["name"] == f"job {MASK}"
    assert job["inputs"]["plain"] == f"x{MASK}y"
    assert job["inputs"]["MY_PASSWORD"] == MASK
    assert job["inputs"]["aws_access_key_id"] == MASK
    assert job["inputs"]["ok"] == "fine"
    assert job["context"]["secrets"]["token"] == MASK
    assert job["context"]["tasks"]["v"] == f"r {MASK}"
    assert job["context"]["tasks"]["my_secret_var"] == MASK
    assert job["webhooks"][0]["headers"] == {"X-Secret": MASK, "Auth": f"Bearer {MASK}"}
    assert job["error"] == f"exit code 1: why {MASK}"
    assert job["tasks"][0]["env"] == {
        "T": "{{ secrets.token }}", "client_secret": MASK, "OK": "fine",
    }  # fmt: skip
    assert job["output"] == "out {{ secrets.token }}"
    first = job["execution"][0]
    assert first["name"] == f"t-{MASK}"
    assert first["env"] == {"T": MASK, "client_secret": MASK, "OK": "fine"}
    assert first["result"] == f"r {MASK}"
    # The real values got to the task, and an empty secret spoils nothing.
    assert tork.text(first["id"]) == f"log {MASK} s3cr3t fine\n"


def test_a_task_gets_the_real_value(tork: Tork):
    secret = a_secret()
    job = tork.done(
        {"env": {"T": "{{ secrets.t }}"}, "run": f'[ "$T" = {secret[:20]}{secret[20:]} ]'},
        secrets={"t": secret},
    )
    assert job["execution"][0]["env"] == {"T": MASK}


def test_longer_secrets_are_masked_before_shorter_ones(tork: Tork):
    secret = a_secret()
    job = tork.done(
        {"env": {"A": "{{ secrets.long }}", "B": "{{ secrets.short }}"}, "run": "echo $A $B"},
        secrets={"short": secret, "long": f"{secret}-and-more"},
    )
    assert job["execution"][0]["env"] == {"A": MASK, "B": MASK}
    assert tork.text(job["execution"][0]["id"]) == f"{MASK} {MASK}\n"


def test_secrets_cut_by_parts_and_lines(tork: Tork):
    secret = a_secret()
    job = tork.done(
        {
            "env": {"T": "{{ secrets.t }}"},
            "run": "printf '%s' \"${T:0:9}\"; sleep 1.3; printf '%s' \"${T:9}\"",
        },
        secrets={"t": secret},
    )
    assert "".join(part["contents"] for part in tork.parts(f"/jobs/{job['id']}/log"))


def test_a_search_does_not_tell_a_secret(tork: Tork):
    secret = a_secret()
    job = tork.done({"env": {"T": "{{ secrets.t }}"}, "run": "echo $T"}, secrets={"t": secret})
    page = tork.get(f"/jobs/{job['id']}/log", q=secret)
    assert secret not in json.dumps(page)


def test_an_empty_secret_masks_nothing(tork: Tork):
    job = tork.done(
        {"run": "echo hello", "env": {"A": "b"}}, secrets={"none": ""}, inputs={"x": "y"}
    )
    assert job["inputs"] == {"x": "y"}
    assert tork.text(job["execution"][0]["id"]) == "hello\n"
    assert job["execution"][0]["env"] == {"A": "b"}
