"""What scheduled jobs can do beside firing."""

import uuid
from datetime import datetime
from typing import Any

import pytest
import requests

from tests.acceptance.tork.access import as_user, new_user
from tests.acceptance.tork.client import FINAL, TIME, Tork, check_filled
from tests.yard import Yard, eventually

YEARLY = "0 0 1 1 *"
NOBODY = "0" * 32


def definition(tag: str, run: str = "exit 0", **schedule: str) -> dict:
    return {
        "name": "cron", "tags": [tag], "tasks": [{"name": "t", "run": run}],
        "schedule": {"cron": YEARLY, **schedule},
    }  # fmt: skip


def create(tork: Tork, document: dict) -> str:
    answer = tork.post(document, "/scheduled-jobs")
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def change(tork: Tork, schedule_id: str, document: Any) -> requests.Response:
    return tork.ask("PUT", f"/scheduled-jobs/{schedule_id}", json=document)


def fire(tork: Tork, schedule_id: str) -> dict:
    answer = tork.ask("POST", f"/scheduled-jobs/{schedule_id}/run")
    assert answer.status_code == 200, answer.text
    return answer.json()


def runs(tork: Tork, tag: str) -> list[dict]:
    return tork.get("/jobs", q=f"tag:{tag}", size=20)["items"]


def test_a_time_zone_moves_the_next_run(tork: Tork):
    hours = {}
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        document = definition("x", cron="30 5 10 1 *", timezone=zone)
        full = tork.get(f"/scheduled-jobs/{create(tork, document)}")
        check_filled(full)
        assert full.get("timezone", "UTC") == zone
        assert TIME.fullmatch(full["nextRunAt"])
        hours[zone] = datetime.fromisoformat(full["nextRunAt"])
    assert {zone: (at.day, at.hour, at.minute) for zone, at in hours.items()} == {
        "UTC": (10, 5, 30), "Asia/Tokyo": (9, 20, 30), "America/New_York": (10, 10, 30),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timezone", "Mars/Olympus"), ("timezone", "../../etc/passwd"), ("timezone", "/etc/localtime"),
        ("timezone", "Europe"), ("timezone", "."), ("timezone", "x" * 5000), ("timezone", "a\nb"),
        ("timezone", ["UTC"]), ("overlap", "replace"), ("overlap", "Skip"), ("overlap", True),
    ],
)  # fmt: skip
def test_bad_schedules(tork: Tork, key: str, value: Any):
    message = tork.refused(definition("x", **{key: value}), "/scheduled-jobs")
    assert message.startswith(f"schedule.{key}: "), message


def test_a_definition_is_changed(tork: Tork):
    tag = uuid.uuid4().hex
    schedule_id = create(tork, definition(tag))
    before = tork.get(f"/scheduled-jobs/{schedule_id}")
    other = definition(tag, "echo new", cron="@daily", overlap="skip")
    answer = change(tork, schedule_id, {**other, "name": "new", "secrets": {"k": "hush-hush"}})
    assert answer.status_code == 200
    after = tork.get(f"/scheduled-jobs/{schedule_id}")
    assert {key: after[key] for key in ("id", "createdAt", "state")} == {
        key: before[key] for key in ("id", "createdAt", "state")
    }
    assert (after["name"], after["cron"], after["overlap"]) == ("new", "@daily", "skip")
    assert after["secrets"] == {"k": "[REDACTED]"}
    assert after["nextRunAt"] < before["nextRunAt"]
    job = tork.over(fire(tork, schedule_id)["id"])
    assert job["name"] == "new"
    assert tork.text(job["execution"][0]["id"]) == "new\n"


def test_a_changed_schedule_stays_paused(tork: Tork):
    tag = uuid.uuid4().hex
    schedule_id = create(tork, definition(tag))
    assert tork.put(f"/scheduled-jobs/{schedule_id}/pause")[0] == 200
    assert change(tork, schedule_id, definition(tag, cron="@every 1s")).status_code == 200
    full = tork.get(f"/scheduled-jobs/{schedule_id}")
    assert (full["state"], "nextRunAt" in full) == ("PAUSED", False)
    assert runs(tork, tag) == []
    assert tork.put(f"/scheduled-jobs/{schedule_id}/resume")[0] == 200
    eventually(lambda: runs(tork, tag), "a run")
    assert tork.ask("DELETE", f"/scheduled-jobs/{schedule_id}").status_code == 200


def test_what_no_definition_is_changes_nothing(tork: Tork):
    schedule_id = create(tork, definition("x"))
    before = tork.get(f"/scheduled-jobs/{schedule_id}")
    for bad in ({}, {**definition("x"), "name": ""}, definition("x", cron="x"), [], "x"):
        assert change(tork, schedule_id, bad).status_code == 400
    assert tork.get(f"/scheduled-jobs/{schedule_id}") == before
    assert change(tork, NOBODY, definition("x")).status_code == 404
    assert tork.missing(f"/scheduled-jobs/{NOBODY}/run", "POST") == "scheduled job not found"


def test_a_run_by_hand(tork: Tork):
    tag = uuid.uuid4().hex
    schedule_id = create(tork, {**definition(tag), "secrets": {"k": "hush-hush"}})
    assert tork.put(f"/scheduled-jobs/{schedule_id}/pause")[0] == 200
    made = [fire(tork, schedule_id) for _ in range(2)]
    assert made[0]["schedule"] == {"id": schedule_id, "cron": YEARLY}
    for summary in made:
        assert tork.over(summary["id"])["state"] == "COMPLETED"
    assert tork.ask("DELETE", f"/scheduled-jobs/{schedule_id}").status_code == 200
    assert runs(tork, tag) == []


def test_a_run_is_skipped_while_another_is_not_over(tork: Tork):
    tag = uuid.uuid4().hex
    document = definition(tag, "sleep 600", cron="@every 1s", overlap="skip")
    schedule_id = create(tork, document)
    first = eventually(lambda: runs(tork, tag), "a run")[0]["id"]
    due = tork.get(f"/scheduled-jobs/{schedule_id}")["nextRunAt"]
    eventually(
        lambda: tork.get(f"/scheduled-jobs/{schedule_id}")["nextRunAt"] > due, "a skipped run"
    )
    assert [job["id"] for job in runs(tork, tag)] == [first]
    assert tork.put(f"/jobs/{first}/cancel")[0] == 200
    eventually(lambda: len(runs(tork, tag)) > 1, "a run after the first")
    assert tork.ask("DELETE", f"/scheduled-jobs/{schedule_id}").status_code == 200


def test_queued_runs_wait_for_each_other(tork: Tork):
    tag = uuid.uuid4().hex
    schedule_id = create(tork, definition(tag, "sleep 1", overlap="queue"))
    made = [fire(tork, schedule_id)["id"] for _ in range(3)]

    def over() -> bool:
        found = runs(tork, tag)
        assert sum(job["state"] in ("SCHEDULED", "RUNNING") for job in found) <= 1, found
        return all(job["state"] in FINAL for job in found)

    eventually(over, "all runs are over")
    jobs = [tork.job(job_id) for job_id in made]
    assert {job["state"] for job in jobs} == {"COMPLETED"}
    assert jobs[0]["completedAt"] <= jobs[1]["startedAt"] < jobs[2]["startedAt"]


def test_others_schedules_are_left_alone(guarded: Yard):
    owner, other = new_user(guarded), new_user(guarded)
    mine, theirs = as_user(guarded, owner), as_user(guarded, other)
    schedule_id = create(mine, {**definition("x"), "permissions": [{"user": owner}]})
    assert change(theirs, schedule_id, definition("x")).status_code == 404
    assert theirs.missing(f"/scheduled-jobs/{schedule_id}/run", "POST")
    # A new definition says anew who may see it.
    assert change(mine, schedule_id, definition("x")).status_code == 200
    assert theirs.get(f"/scheduled-jobs/{schedule_id}")["id"] == schedule_id
