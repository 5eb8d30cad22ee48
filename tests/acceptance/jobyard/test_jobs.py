"""Jobs of every dialect through our own API."""

import uuid
from datetime import timedelta

import jsonschema_rs
import pytest
import requests

from app.domain.clock import SystemClock, to_datetime
from tests.yard import eventually


def unique():
    return uuid.uuid4().hex[:10]


def test_job_runs_from_submit_to_delete(api):
    job_id = api.submit("echo out; echo result > $TORK_OUTPUT || true", name="mine")
    job = api.until(job_id, "COMPLETED")
    assert (job["dialect"], job["type"], job["tasks_total"]) == ("jobyard", "shell", 1)
    [task] = api.get(f"/jobs/{job_id}/tasks")["items"]
    assert api.get(f"/tasks/{task['id']}") == task
    assert (task["state"], task["job_id"]) == ("COMPLETED", job_id)
    assert "out\n" in requests.get(f"{api.url}/jobs/{job_id}/log/text", timeout=60).text
    api.call("DELETE", f"/jobs/{job_id}", 204)
    for path in (f"/jobs/{job_id}", f"/jobs/{job_id}/tasks", f"/jobs/{job_id}/log"):
        assert api.get(path, 404)["code"] == "job-not-found"
    assert api.get(f"/tasks/{task['id']}", 404)["code"] == "task-not-found"


def test_running_job_is_cancelled_and_only_then_deleted_or_restarted(api):
    job_id = api.submit("sleep 600")
    api.until(job_id, "RUNNING")
    for method, path in (("DELETE", ""), ("PUT", "/restart")):
        refused = api.call(method, f"/jobs/{job_id}{path}", 409)
        assert (refused["code"], "RUNNING" in refused["message"]) == ("illegal-move", True)
    assert api.call("PUT", f"/jobs/{job_id}/cancel")["state"] == "CANCELLED"
    again = api.call("PUT", f"/jobs/{job_id}/restart")
    assert again["state"] in ("SCHEDULED", "RUNNING")
    api.until(job_id, "RUNNING")
    api.call("PUT", f"/jobs/{job_id}/cancel")
    api.call("DELETE", f"/jobs/{job_id}", 204)


def test_list_goes_on_behind_its_cursor_while_jobs_come(api):
    tag = unique()
    ids = [api.submit("true", tags=[tag]) for _ in range(5)]
    seen, after = [], ""
    while after is not None:
        page = api.get("/jobs", tag=tag, size=2, after=after)
        seen += [job["id"] for job in page["items"]]
        after = page["next"]
        api.submit("true", tags=[tag])  # what is newer does not shift what is behind
    assert seen == ids[::-1]


def test_filters_hold_together(api):
    tag, word = unique(), unique()
    before = to_datetime(SystemClock().now()) - timedelta(seconds=1)
    job_id = api.submit("exit 3", tags=[tag, "x"], name=f"job {word}")
    api.submit("true", tags=[tag])
    api.until(job_id, "FAILED")
    later = (to_datetime(SystemClock().now()) + timedelta(hours=1)).isoformat()
    fits = {
        "tag": [unique(), tag],
        "q": f"JOB {word}",
        "state": "FAILED,CANCELLED",
        "dialect": "jobyard",
        "type": "shell",
        "id": job_id[:9],
        "created_from": before.isoformat(),
        "created_before": later,
    }
    assert [job["id"] for job in api.get("/jobs", **fits)["items"]] == [job_id]
    others = {
        "tag": unique(),
        "q": f"{word} {unique()}",
        "state": "COMPLETED",
        "dialect": "tork",
        "type": "container",
        "id": "f" * 20,
        "parent": job_id,
        "schedule": "0" * 32,
        "created_from": later,
        "created_before": before.isoformat(),
    }
    for name, value in others.items():
        assert api.get("/jobs", **{**fits, name: value})["items"] == [], name


def test_jobs_that_a_job_started_are_found_by_it(api):
    child = {"name": "child", "tasks": [{"name": "t", "run": "true"}]}
    job = {"name": "parent", "tasks": [{"name": "s", "subjob": child}]}
    made = requests.post(f"{api.yard.url}/jobs", json=job, timeout=60).json()
    api.until(made["id"], "COMPLETED")
    [found] = api.get("/jobs", parent=made["id"])["items"]
    assert (found["name"], found["dialect"]) == ("child", "tork")


def test_tasks_go_on_behind_their_cursor(api):
    job = {"name": "j", "tasks": [{"name": f"t{number}", "run": "true"} for number in range(5)]}
    made = requests.post(f"{api.yard.url}/jobs", json=job, timeout=60).json()
    api.until(made["id"], "COMPLETED")
    names, after = [], ""
    while after is not None:
        page = api.get(f"/jobs/{made['id']}/tasks", size=2, after=after)
        names += [task["name"] for task in page["items"]]
        after = page["next"]
    assert names == [f"t{number}" for number in range(5)]


def test_second_submission_under_a_key_gives_the_first_ones_job(api):
    headers = {"Idempotency-Key": unique()}
    job = {"type": "shell", "spec": {"run": "true"}}
    first = api.call("POST", "/jobs", 201, json=job, headers=headers)
    again = api.call("POST", "/jobs", 200, json={**job, "name": "other"}, headers=headers)
    assert again["id"] == first["id"]
    api.call("POST", "/jobs", 400, json=job, headers={"Idempotency-Key": "x" * 201})


def test_schema_of_every_job_type_takes_what_the_type_takes(api):
    types = api.get("/job-types")["items"]
    schemas = {each["name"]: each["schema"] for each in types}
    for schema in schemas.values():
        jsonschema_rs.Draft202012Validator(schema)
    good = {
        "shell": {"run": "true", "env": {"A": "b"}, "queue": "default", "timeout_s": None},
        "container": {"image": "busybox", "limits": {"cpus": 1.5}, "registry": None},
        "workflow": {"tasks": [{"name": "t", "parallel": {"tasks": [{"name": "u"}]}}]},
    }
    bad = {
        "shell": {"run": "", "queue": "default"},
        "container": {"image": "busybox", "mounts": [{"type": "disk", "target": "/"}]},
        "workflow": {"tasks": [{"name": "t", "nonsense": 1}]},
    }
    for name, spec in good.items():
        jsonschema_rs.validate(schemas[name], spec)
    for name, spec in bad.items():
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validate(schemas[name], spec)
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schemas["shell"], {"run": "true", "queue": "/"})
    assert api.get("/job-types/shell")["schema"] == schemas["shell"]
    assert api.get("/job-types/none", 404)["code"] == "not-found"


def test_fleet_is_listed(api):
    def ready():
        workers = api.get("/workers")["items"]
        return workers if {w["kind"] for w in workers} >= {"daemon", "coordinator"} else None

    for worker in eventually(ready, "daemon and ticker"):
        assert api.get(f"/workers/{worker['id']}")["name"] == worker["name"]
    assert api.get("/workers/999999", 404)["code"] == "worker-not-found"
    queues = {queue["name"]: queue for queue in api.get("/queues")["items"]}
    assert queues["jobyard/default"]["subscribers"] > 0
    server = api.get("/server")
    assert {"name": "tork", "prefix": ""} in server["dialects"]


def test_schedules_of_all_dialects_are_paused_resumed_and_deleted(api):
    job = {"name": "nightly", "tasks": [{"name": "t"}], "schedule": {"cron": "0 3 * * *"}}
    made = requests.post(f"{api.yard.url}/scheduled-jobs", json=job, timeout=60).json()["id"]
    listed = {each["id"]: each for each in api.get("/schedules", dialect="tork")["items"]}
    assert (listed[made]["cron"], listed[made]["type"]) == ("0 3 * * *", "workflow")
    assert api.get("/schedules", dialect="jobyard")["total"] == 0
    paused = api.call("PUT", f"/schedules/{made}/pause")
    assert (paused["state"], paused["next_fire_at"]) == ("PAUSED", None)
    assert api.call("PUT", f"/schedules/{made}/pause", 409)["code"] == "illegal-move"
    assert api.call("PUT", f"/schedules/{made}/resume")["state"] == "ACTIVE"
    api.call("DELETE", f"/schedules/{made}", 204)
    assert api.get(f"/schedules/{made}", 404)["code"] == "schedule-not-found"
