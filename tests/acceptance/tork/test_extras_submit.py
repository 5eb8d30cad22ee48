"""Submitting: a dry run, and no job twice."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.acceptance.tork.access import as_user, new_user
from tests.acceptance.tork.client import JSON, Tork
from tests.yard import Yard

JOB = {"name": "job", "tasks": [{"name": "t", "run": "exit 0"}]}
CRON = {"cron": "0 0 1 1 *"}


def post(tork: Tork, document: Any, key: str, **query: str) -> requests.Response:
    return tork.ask("POST", "/jobs", json=document, params=query, headers={"Idempotency-Key": key})


def named_so(tork: Tork, name: str) -> list[dict]:
    return tork.get("/jobs", q=name)["items"]


# -- dry run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "more"), [("/jobs", {}), ("/scheduled-jobs", {"schedule": CRON})])
def test_a_dry_run_creates_nothing(tork: Tork, path: str, more: dict):
    name = uuid.uuid4().hex
    document = {**JOB, "name": name, **more}
    before = tork.get(path)["totalItems"]
    answer = tork.post(document, f"{path}?validate=true")
    assert (answer.status_code, answer.json()) == (200, {"status": "OK"})
    assert tork.get(path)["totalItems"] == before
    assert named_so(tork, name) == []
    assert tork.post(document, f"{path}?validate=false").json()["name"] == name


@pytest.mark.parametrize(("path", "more"), [("/jobs", {}), ("/scheduled-jobs", {"schedule": CRON})])
def test_a_dry_run_tells_every_fault(tork: Tork, path: str, more: dict):
    tasks = [{"name": "t", "priority": 10}] * 500
    document = {"name": "j", "tasks": tasks, "output": "{{ 1 + }}", **more}
    message = tork.refused(document, f"{path}?validate=true")
    faults = message.split("; ")
    assert faults[:500] == [
        f"tasks[{number}].priority: must be between 0 and 9" for number in range(500)
    ]
    assert faults[500].startswith("output: ")
    assert len(tork.refused(document, path).split("; ")) < 100


def test_a_dry_run_does_not_wait(tork: Tork):
    document = {**JOB, "tasks": [{"name": "t", "run": "sleep 600"}], "wait": {"timeout": "10m"}}
    assert tork.post(document, "/jobs?validate=true").json() == {"status": "OK"}


def test_a_dry_run_reads_yaml_and_refuses_other_words(tork: Tork):
    assert tork.refused("name: [", "/jobs?validate=true").startswith("body: ")
    assert tork.post("name: j\ntasks: [{name: t}]\n", "/jobs?validate=true").status_code == 200
    for path in ("/jobs", "/scheduled-jobs"):
        assert tork.refused({**JOB}, f"{path}?validate=yes") == "validate: must be true or false"


# -- keys ------------------------------------------------------------------------------------------


def test_a_second_job_under_a_key_is_the_first(tork: Tork):
    key, name = uuid.uuid4().hex, uuid.uuid4().hex
    document = {
        **JOB, "name": name, "tags": ["a", "b"], "inputs": {"n": "1"}, "secrets": {"s": "hush-hush"},
        "description": "d", "output": "{{ secrets.s }}",
    }  # fmt: skip
    first = post(tork, document, key)
    assert first.status_code == 200
    job_id = first.json()["id"]
    tork.over(job_id)
    again = post(tork, document, key)
    assert again.status_code == 200
    assert again.headers["Content-Type"] == JSON
    assert (again.json()["id"], again.json()["state"]) == (job_id, "COMPLETED")
    assert again.json()["result"] == "[REDACTED]"
    assert len(named_so(tork, name)) == 1


def test_form_does_not_matter_and_content_does(tork: Tork):
    key = uuid.uuid4().hex
    first = post(tork, JOB, key).json()["id"]
    yaml = "tasks: [{run: exit 0, name: t}]\nname: job\n"
    answer = tork.ask(
        "POST", "/jobs", data=yaml, headers={"Idempotency-Key": key, "Content-Type": "text/yaml"}
    )
    assert answer.json()["id"] == first
    for other in ({"name": "x"}, {"tags": ["x"]}, {"inputs": {"a": "b"}}, {"description": "x"}):
        answer = post(tork, {**JOB, **other}, key)
        assert answer.status_code == 400
        assert answer.json()["message"] == "Idempotency-Key: was used for another job"
    assert post(tork, JOB, key + "x").json()["id"] != first


def test_what_is_refused_takes_no_key(tork: Tork):
    key = uuid.uuid4().hex
    assert post(tork, {"name": "x"}, key).status_code == 400
    assert post(tork, JOB, key, validate="true").json() == {"status": "OK"}
    assert "id" in post(tork, JOB, key).json()


def test_many_at_once_make_one_job(tork: Tork):
    key, name = uuid.uuid4().hex, uuid.uuid4().hex
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: post(Tork(tork.yard), {**JOB, "name": name}, key), [0] * 48)
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(named_so(tork, name)) == 1


def test_waiting_for_the_job_of_a_key(tork: Tork):
    key = uuid.uuid4().hex
    document = {**JOB, "tasks": [{"name": "t", "run": "sleep 3"}]}
    job_id = post(tork, document, key).json()["id"]
    answer = post(tork, {**document, "wait": {"timeout": "1m"}}, key)
    assert (answer.json()["id"], answer.json()["state"]) == (job_id, "COMPLETED")


@pytest.mark.parametrize("key", ["", "a b", "\u00e4", "x" * 256])
def test_bad_keys(tork: Tork, key: str):
    answer = tork.ask("POST", "/jobs", json=JOB, headers={"Idempotency-Key": key.encode("latin-1")})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Idempotency-Key: ")


def test_everybody_has_keys_of_their_own(guarded: Yard):
    first, second = (as_user(guarded, new_user(guarded)) for _ in range(2))
    key = uuid.uuid4().hex
    one, other = post(first, JOB, key).json(), post(second, {**JOB, "name": "x"}, key).json()
    assert one["id"] != other["id"]
    assert post(first, JOB, key).json()["id"] == one["id"]
