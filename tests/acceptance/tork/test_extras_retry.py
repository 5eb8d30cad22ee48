"""Retries after some exit codes alone."""

from typing import Any

import pytest

from tests.acceptance.tork.client import Tork


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
