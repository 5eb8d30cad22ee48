"""Jobs that cron submits."""

import pytest

from app.domain.clock import seconds

UNKNOWN = "0123456789abcdef" * 2
TASKS = [{"name": "t", "run": "true"}]


def create(server, cron="0 4 * * *", **more):
    answer = server.post(
        "/scheduled-jobs", {"name": "s", "tasks": TASKS, "schedule": {"cron": cron}, **more}
    )
    assert answer.status == 200, answer.body
    return answer.json


def fire(server, schedule_id):
    """Let the present be when it fires, and return the job's id."""
    engine = server.services.engine
    due = engine.schedules.get(schedule_id).next_fire_at
    assert due is not None
    assert engine.schedules.run_once(due + seconds(1)) >= 1
    return due


def test_created_answers_its_summary_and_is_read_in_full(server):
    made = create(server, inputs={"a": "b"}, tags=["x"], description="d", secrets={"k": "sesame"})
    assert {key: made[key] for key in ("name", "state", "cron", "inputs", "tags")} == {
        "name": "s", "state": "ACTIVE", "cron": "0 4 * * *", "inputs": {"a": "b"}, "tags": ["x"],
    }  # fmt: skip
    assert made["createdBy"]["username"] == "guest"
    full = server.get(f"/scheduled-jobs/{made['id']}").json
    assert full.pop("nextRunAt").endswith("T04:00:00.000000Z")
    assert full == {**made, "tasks": TASKS, "secrets": {"k": "[REDACTED]"}}


@pytest.mark.parametrize(
    "cron",
    ["", "* * * *", "* * * * * *", "61 * * * *", "0 0 30 2 *", "@sometimes", "@every 0s", "x"],
)
def test_bad_cron_is_refused(server, cron):
    body = {"name": "s", "tasks": TASKS, "schedule": {"cron": cron}}
    answer = server.post("/scheduled-jobs", body)
    assert answer.status == 400
    assert answer.json["message"].startswith("schedule")


@pytest.mark.parametrize(
    "cron", ["*/5 * * * *", "0 8 * * MON", "@daily", "@every 1h30m", "0 0 ? * 7"]
)
def test_usual_cron_is_taken(server, cron):
    assert create(server, cron)["cron"] == cron


def test_wait_has_no_place_in_a_schedule(server):
    body = {"name": "s", "tasks": TASKS, "schedule": {"cron": "@daily"}, "wait": {"timeout": "1s"}}
    assert server.post("/scheduled-jobs", body).status == 400


def test_firing_makes_a_job_that_names_its_schedule(server):
    made = create(server, name="fires", inputs={"a": "b"}, secrets={"k": "sesame"})
    fire(server, made["id"])
    [job] = server.get("/jobs?q=fires").json["items"]
    assert job["schedule"] == {"id": made["id"], "cron": "0 4 * * *"}
    assert (job["inputs"], job["taskCount"]) == ({"a": "b"}, 1)
    full = server.get(f"/jobs/{job['id']}").json
    assert full["secrets"] == {"k": "[REDACTED]"}
    assert full["state"] == "SCHEDULED"


def test_pause_and_resume_each_work_once(server):
    made = create(server)
    path = f"/scheduled-jobs/{made['id']}"
    assert server.put(f"{path}/pause").json == {"status": "OK"}
    assert server.get(path).json["state"] == "PAUSED"
    again = server.put(f"{path}/pause")
    assert (again.status, again.json) == (400, {"message": "scheduled job is not active"})
    assert server.put(f"{path}/resume").json == {"status": "OK"}
    again = server.put(f"{path}/resume")
    assert (again.status, again.json) == (400, {"message": "scheduled job is not paused"})


def test_delete_takes_the_runs_along_active_ones_too(server):
    made = create(server, name="goes away")
    fire(server, made["id"])
    fire(server, made["id"])
    runs = server.get("/jobs?q=goes").json["items"]
    assert len(runs) == 2
    stays = server.submit(name="goes nowhere")
    assert server.request("DELETE", f"/scheduled-jobs/{made['id']}").json == {"status": "OK"}
    assert [job["id"] for job in server.get("/jobs?q=goes").json["items"]] == [stays]
    assert server.get(f"/scheduled-jobs/{made['id']}").status == 404


def test_list_is_in_pages_newest_first(fresh):
    ids = [create(fresh)["id"] for _ in range(12)][::-1]
    page = fresh.get("/scheduled-jobs").json
    assert [each["id"] for each in page["items"]] == ids[:10]
    assert (page["size"], page["totalPages"], page["totalItems"]) == (10, 2, 12)
    assert fresh.get("/scheduled-jobs?page=x").json == {"message": "invalid page number: x"}


@pytest.mark.parametrize("schedule_id", [UNKNOWN, "x", "%00"])
@pytest.mark.parametrize(
    ("method", "rest"), [("GET", ""), ("PUT", "/pause"), ("PUT", "/resume"), ("DELETE", "")]
)
def test_unknown_schedule_is_not_found(server, schedule_id, method, rest):
    answer = server.request(method, f"/scheduled-jobs/{schedule_id}{rest}")
    assert (answer.status, answer.json) == (404, {"message": "scheduled job not found"})
