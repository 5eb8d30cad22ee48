"""Secrets never leave in a document, and nothing else changes."""

import copy
import json
from typing import Any

import pytest

from app.api.tork.redaction import REDACTED, Masker, Redactor, secret_values

SECRET = "s3cr3t-value"
INNER = "inner-s3cr3t"
PASSWORD = "pull-s3cr3t"


@pytest.fixture
def redactor() -> Redactor:
    return Redactor()


def a_task(**keys: Any) -> dict[str, Any]:
    return {
        "name": f"uses {SECRET}",
        "description": "d",
        "state": "RUNNING",
        "image": f"host/{SECRET}:1",
        "queue": f"q-{SECRET}",
        "var": f"v{SECRET}",
        "if": f"'{SECRET}' == 'x'",
        "cmd": ["echo", SECRET],
        "run": "true",
        "result": f"<{SECRET}>",
        "error": f"exit code 1: {SECRET}",
        "env": {"TOKEN": SECRET, "MY_SECRET_KEY": "short", "PLAIN": "p"},
        "registry": {"username": f"u{SECRET}", "password": PASSWORD},
        "mounts": [{"type": "volume", "target": "/x", "opts": {"password": "abc", "o": SECRET}}],
        **keys,
    }


def a_job() -> dict[str, Any]:
    subjob = {
        "name": f"sub {INNER}",
        "secrets": {"key": INNER},
        "inputs": {"copy": INNER, "access_key_id": "x"},
        "webhooks": [{"url": f"http://h/{INNER}", "headers": {"X": SECRET}}],
        "tasks": [a_task()],
    }
    everything = a_task(
        pre=[a_task()],
        post=[a_task()],
        sidecars=[a_task()],
        parallel={"tasks": [a_task(each={"list": "[1]", "task": a_task(subjob=subjob)})]},
    )
    return {
        "id": "0" * 32,
        "name": f"job {SECRET}",
        "state": "FAILED",
        "createdBy": {"name": "Guest", "username": "guest"},
        "tags": ["t"],
        "position": 1,
        "inputs": {"db_password": "hunter2", "in": f"a{SECRET}b{SECRET}"},
        "secrets": {"token": SECRET, "empty": ""},
        "result": SECRET,
        "error": SECRET,
        "webhooks": [{"url": f"http://{SECRET}/", "headers": {"Authorization": f"B {SECRET}"}}],
        "context": {
            "job": {"id": "0" * 32, "name": f"job {SECRET}"},
            "inputs": {"db_password": "hunter2", "in": SECRET},
            "secrets": {"token": SECRET, "made": "made-s3cr3t"},
            "tasks": {"out": f"{SECRET} made-s3cr3t", "some_secret": "z"},
        },
        "tasks": [everything],
        "execution": [a_task(error="made-s3cr3t")],
    }


def test_no_secret_is_left_anywhere(redactor: Redactor) -> None:
    text = json.dumps(redactor.document(a_job()))
    for value in (SECRET, INNER, PASSWORD, "hunter2", "made-s3cr3t", '"short"', '"z"', '"abc"'):
        assert value not in text


def test_what_is_no_secret_stays(redactor: Redactor) -> None:
    job = redactor.document(a_job())
    assert job["id"] == "0" * 32
    assert job["state"] == "FAILED"
    assert job["inputs"] == {"db_password": REDACTED, "in": f"a{REDACTED}b{REDACTED}"}
    assert job["secrets"] == {"token": REDACTED, "empty": REDACTED}
    assert job["createdBy"] == {"name": "Guest", "username": "guest"}
    task = job["tasks"][0]
    assert task["cmd"] == ["echo", REDACTED]
    assert task["env"] == {"TOKEN": REDACTED, "MY_SECRET_KEY": REDACTED, "PLAIN": "p"}
    assert task["registry"] == {"username": f"u{REDACTED}", "password": REDACTED}
    assert task["mounts"][0]["opts"] == {"password": REDACTED, "o": REDACTED}
    assert task["run"] == "true"


def test_what_was_given_is_not_changed(redactor: Redactor) -> None:
    job = a_job()
    before = copy.deepcopy(job)
    redactor.document(job)
    assert job == before


def test_a_document_without_secrets_is_given_back_as_it_is(redactor: Redactor) -> None:
    job = {
        "name": "j",
        "inputs": {"a": "b"},
        "context": {"inputs": {"a": "b"}, "tasks": {"x": "y"}},
        "tasks": [{"name": "t", "env": {"A": "b"}, "cmd": ["a"], "pre": [{"name": "p"}]}],
        "execution": [],
    }
    assert redactor.document(job) is job
    assert redactor.document(job, ["", "absent"]) is job


def test_parts_without_secrets_are_shared(redactor: Redactor) -> None:
    job = {"inputs": {"password": "x"}, "tasks": [{"name": "t"}]}
    assert redactor.document(job)["tasks"] is job["tasks"]


def test_secrets_of_the_job_reach_documents_that_do_not_hold_them(redactor: Redactor) -> None:
    summary = {"name": "j", "inputs": {"a": SECRET}, "error": SECRET}
    assert redactor.document(summary, [SECRET]) == {
        "name": "j",
        "inputs": {"a": REDACTED},
        "error": REDACTED,
    }
    assert redactor.document(a_task(), [SECRET])["result"] == f"<{REDACTED}>"


def test_log_parts_share_one_masker(redactor: Redactor) -> None:
    parts = [{"number": n, "taskId": "1" * 32, "contents": f"a\n{SECRET}\n"} for n in (2, 1)]
    assert redactor.documents(parts, [SECRET, "1"]) == [
        {"number": n, "taskId": "1" * 32, "contents": f"a\n{REDACTED}\n"} for n in (2, 1)
    ]


def test_ids_and_states_survive_short_secrets(redactor: Redactor) -> None:
    task = {"id": "a" * 32, "state": "FAILED", "nodeId": "a", "run": "a", "result": "banana"}
    assert redactor.document(task, ["a", "A"]) == {
        **task,
        "result": f"b{REDACTED}n{REDACTED}n{REDACTED}",
    }


def test_templates_in_a_definition_survive(redactor: Redactor) -> None:
    task = {
        "name": "t",
        "env": {"T": "{{ secrets.token }}"},
        "subjob": {"name": "s", "secrets": {"token": "{{ secrets.token }}"}},
        "registry": {"password": "{{ secrets.pw }}"},
    }
    found = redactor.document({"tasks": [task]})["tasks"][0]
    assert found["env"] == task["env"]
    assert found["subjob"]["secrets"] == {"token": REDACTED}
    assert found["registry"] == {"password": REDACTED}


def test_values_are_found_where_they_are_kept() -> None:
    assert set(secret_values(a_job())) - {""} == {SECRET, "made-s3cr3t", INNER, PASSWORD}


@pytest.mark.parametrize(
    ("secrets", "text", "masked"),
    [
        ([], "abc", "abc"),
        ([""], "abc", "abc"),
        (["b"], "abc", "a[REDACTED]c"),
        (["ab", "abc"], "abcab", "[REDACTED][REDACTED]"),
        (["RED", "x"], "x", "[REDACTED]"),
        ([".*", "("], "a.*(b", "a[REDACTED][REDACTED]b"),
        (["a\nb"], "1a\nb2", "1[REDACTED]2"),
        (["B"], "b", "b"),
    ],
)
def test_masking_of_texts(secrets: list[str], text: str, masked: str) -> None:
    assert Masker(secrets)(text) == masked


@pytest.mark.parametrize(
    ("patterns", "key", "hidden"),
    [
        (["*TOKEN*"], "my_token_2", True),
        (["*TOKEN*"], "password", False),
        (["TOKEN"], "token", True),
        (["TOKEN"], "token2", False),
        (["pre_*"], "PRE_X", True),
        (["pre_*"], "xpre_x", False),
        (["a*c.d"], "abcxd", False),
        (["a*c.d"], "abc.d", True),
        (["*"], "line\nbreak", True),
        ([], "password", False),
    ],
)
def test_patterns_name_the_keys_to_hide(patterns: list[str], key: str, hidden: bool) -> None:
    found = Redactor(patterns).document({"inputs": {key: "v"}})
    assert found["inputs"][key] == (REDACTED if hidden else "v")


def test_redaction_can_be_off() -> None:
    job = a_job()
    off = Redactor(enabled=False)
    assert off.document(job, [SECRET]) is job
    assert off.documents([job], [SECRET]) == [job]


def test_documents_nested_as_deep_as_can_be_submitted_are_masked(redactor: Redactor) -> None:
    task: dict[str, Any] = {"name": SECRET}
    for _ in range(50):
        task = {"name": "t", "parallel": {"tasks": [task]}}
    assert SECRET not in json.dumps(redactor.document({"tasks": [task], "secrets": {"a": SECRET}}))
