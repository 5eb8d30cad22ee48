"""Retries after some exit codes alone, and failures that a job goes on without."""

from typing import Any

import pytest

from tests.acceptance.tork.client import Tork
from tests.yard import eventually


def tries(tork: Tork, run: str, **retry: Any) -> list[str]:
    job = tork.fails({"name": "t", "run": run, "retry": {"limit": 2, **retry}})
    return [each["state"] for each in job["execution"]]


def test_a_code_that_is_named_is_tried_again(tork: Tork):
    assert tries(tork, "exit 75", on=[1, 75]) == ["FAILED"] * 3
    assert tries(tork, "exit 7", on=[1, 75]) == ["FAILED"]
    assert tries(tork, "exit 7") == ["FAILED"] * 3


def test_other_failures_have_no_code(tork: Tork):
    job = tork.fails(
        {
            "name": "t",
            "run": "sleep 600",
            "timeout": "1s",
            "retry": {"limit": 2, "on": [1, 137, 143]},
        }
    )
    assert len(job["execution"]) == 1


def test_words_of_a_task_are_no_code(tork: Tork):
    assert tries(tork, "echo exit code 75: no; exit 7", on=[75]) == ["FAILED"]


def test_defaults_and_yaml(tork: Tork):
    answer = tork.post(
        "name: j\ndefaults: {retry: {limit: 1, on: [3]}}\ntasks: [{name: t, run: exit 3}]\n"
    )
    job = tork.over(answer.json()["id"])
    assert [each["retry"] for each in job["execution"]] == [
        {"limit": 1, "on": [3]},
        {"limit": 1, "on": [3], "attempts": 1},
    ]


@pytest.mark.parametrize("on", [[256], [-1], ["1"], 1, [1.5], [True], list(range(256)) * 2])
def test_bad_codes(tork: Tork, on: Any):
    message = tork.refused(
        {"name": "j", "tasks": [{"name": "t", "run": "x", "retry": {"limit": 1, "on": on}}]}
    )
    assert message.startswith("tasks[0].retry.on")


# -- allowFailure, maxFailures ----------------------------------------------------------------


def each(script: str, **keys: Any) -> dict[str, Any]:
    task = {"name": "part {{ item.value }}", "env": {"N": "{{ item.value }}"}, "run": script}
    return {"name": "all", "each": {"list": "1..5", "task": task, **keys}}


def test_a_list_bears_so_many_failures(tork: Tork):
    job = tork.done(each("test $N -gt 2", maxFailures=2), "true")
    states = sorted(one["state"] for one in job["execution"])
    assert states == ["COMPLETED"] * 5 + ["FAILED"] * 2
    assert job["tasks"][0]["each"]["maxFailures"] == 2
    failed = tork.fails(each("exit $N", maxFailures=2, concurrency=1))
    assert failed["error"] == "exit code 3: "


def test_a_task_and_a_sub_job_may_fail(tork: Tork):
    sub = {"name": "sub", "tasks": [{"name": "t", "run": "exit 4"}]}
    job = tork.done(
        {"name": "a", "run": "exit 3", "allowFailure": True},
        {"name": "b", "subjob": sub, "allowFailure": True},
        "true",
    )
    assert [one["state"] for one in job["execution"]] == ["FAILED", "FAILED", "COMPLETED"]
    assert job["execution"][0]["allowFailure"] is True
    assert "error" not in job


@pytest.mark.parametrize(
    ("task", "path"),
    [
        ({"name": "t", "allowFailure": "maybe"}, "tasks[0].allowFailure"),
        ({"name": "t", "parallel": {"tasks": [{"name": "u"}], "maxFailures": -1}},
         "tasks[0].parallel.maxFailures"),
        ({"name": "t", "each": {"list": "1..2", "task": {"name": "u"}, "maxFailures": 100_000}},
         "tasks[0].each.maxFailures"),
    ],
)  # fmt: skip
def test_bad_bounds_of_failure(tork: Tork, task: dict, path: str):
    assert tork.refused({"name": "j", "tasks": [task]}).startswith(f"{path}: ")


# -- post: always -----------------------------------------------------------------------------


def test_a_post_task_that_always_runs(tork: Tork):
    clean = {"name": "clean", "run": "echo cleaned", "always": True}
    job = tork.fails({"name": "t", "run": "echo began; exit 3", "post": [clean]})
    assert tork.text_of(job["id"]) == "began\ncleaned\n"
    assert job["error"] == "exit code 3: began"
    # A shell that lives a moment longer than its program would tell of its end.
    job_id = tork.submit({"name": "t", "run": "echo began; exec sleep 600", "post": [clean]})
    eventually(lambda: tork.text_of(job_id) == "began\n", "the task running")
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200
    assert tork.job(job_id)["state"] == "CANCELLED"
    eventually(lambda: tork.text_of(job_id) == "began\ncleaned\n", "the clean-up")


def test_always_is_for_post_alone(tork: Tork):
    for key in ("pre", "sidecars"):
        given = {"name": "t", "image": "i", key: [{"name": "x", "always": True}]}
        message = tork.refused({"name": "j", "tasks": [given]})
        assert message.startswith(f"tasks[0].{key}[0].always: ")
