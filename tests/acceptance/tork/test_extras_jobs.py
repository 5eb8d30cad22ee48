"""Jobs that run later, jobs that pause, and jobs that are put away or deleted."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.domain.clock import SystemClock, to_datetime
from tests.acceptance.tork.access import as_user, new_user, started
from tests.acceptance.tork.client import TIME, Tork, by_name, check_filled, named
from tests.yard import Yard, eventually

OK = (200, {"status": "OK"})
NOBODY = "0" * 32


def listed(tork: Tork, tag: str, **query: Any) -> list[str]:
    page = tork.get("/jobs", q=f"tag:{tag}", **query)
    assert page["totalItems"] == len(page["items"])
    return [job["id"] for job in page["items"]]


def at(**words: float) -> str:
    return (to_datetime(SystemClock().now()) + timedelta(**words)).isoformat()


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# -- later -----------------------------------------------------------------------------------------


def test_a_delay_is_kept(tork: Tork):
    made = tork.summary("exit 0", delay="2s")
    assert made["state"] == "PENDING"
    job = tork.over(made["id"])
    assert job["state"] == "COMPLETED"
    assert job["delay"] == "2s"
    assert instant(job["startedAt"]) - instant(job["createdAt"]) >= timedelta(seconds=2)
    check_filled(job)


def test_a_time_is_kept(tork: Tork):
    text = at(seconds=3)
    job = tork.done("exit 0", startAt=text)
    assert job["startAt"] == text
    assert instant(job["startedAt"]) >= instant(text)


@pytest.mark.parametrize("text", ["2001-01-01T00:00:00Z", "2001-01-01 00:00:00.5+14:00"])
def test_a_time_that_is_past_is_now(tork: Tork, text: str):
    assert tork.done("exit 0", startAt=text)["startAt"] == text


def test_yaml_times(tork: Tork):
    text = "name: j\nstartAt: 2999-01-01T00:00:00Z\ntasks: [{name: t}]\n"
    job_id = tork.post(text).json()["id"]
    assert tork.job(job_id)["state"] == "PENDING"
    assert tork.put(f"/jobs/{job_id}/cancel") == OK


def test_a_job_that_waits_for_its_time(tork: Tork):
    job_id = tork.submit("exit 0", startAt=at(days=300))
    job = tork.job(job_id)
    assert (job["state"], job["position"], job["execution"]) == ("PENDING", 0, [])
    assert "startedAt" not in job
    assert tork.put(f"/jobs/{job_id}/restart")[0] == 400
    assert tork.put(f"/jobs/{job_id}/cancel") == OK
    assert tork.job(job_id)["state"] == "CANCELLED"
    assert tork.put(f"/jobs/{job_id}/restart") == OK
    assert tork.over(job_id)["state"] == "COMPLETED"


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"startAt": "tomorrow"}, "startAt"), ({"startAt": "2030-01-01"}, "startAt"),
        ({"startAt": "2030-01-01T00:00:00"}, "startAt"), ({"startAt": "2030-02-30T00:00:00Z"}, "startAt"),
        ({"startAt": "2030-01-01T24:00:00Z"}, "startAt"), ({"startAt": 1}, "startAt"),
        ({"startAt": ["x"]}, "startAt"), ({"startAt": "\u0662030-01-01T00:00:00Z"}, "startAt"),
        ({"delay": "-1s"}, "delay"), ({"delay": "5"}, "delay"), ({"delay": 5}, "delay"),
        ({"delay": "9000h"}, "delay"), ({"delay": "1s", "startAt": "2030-01-01T00:00:00Z"}, "delay"),
    ],
)  # fmt: skip
def test_bad_times(tork: Tork, more: dict, path: str):
    message = tork.refused({"name": "j", "tasks": [{"name": "t"}], **more})
    assert message.startswith(f"{path}: "), message


def test_a_schedule_says_when_by_itself(tork: Tork):
    document = {"name": "j", "tasks": [{"name": "t"}], "schedule": {"cron": "0 0 1 1 *"}}
    for more in ({"delay": "1s"}, {"startAt": "2030-01-01T00:00:00Z"}):
        assert "unknown key" in tork.refused({**document, **more}, "/scheduled-jobs")


def test_a_key_and_a_delay(tork: Tork):
    key = {"Idempotency-Key": uuid.uuid4().hex}
    document = {"name": "j", "tasks": [{"name": "t"}], "delay": "1s"}
    first, again = (tork.ask("POST", "/jobs", json=document, headers=key).json() for _ in range(2))
    assert first["id"] == again["id"]
    other = tork.ask("POST", "/jobs", json={**document, "delay": "2s"}, headers=key)
    assert other.status_code == 400


# -- pause -----------------------------------------------------------------------------------------


def test_a_pause_lets_running_tasks_end_and_holds_the_rest(tork: Tork):
    job_id = tork.submit(
        {"name": "p", "parallel": {"tasks": [
            {"name": "left", "run": "sleep 2", "queue": "single"},
            {"name": "right", "run": "exit 0", "queue": "single"}]}},
        {"name": "last", "run": "exit 0"},
    )  # fmt: skip
    tork.eventually(job_id, lambda job: "RUNNING" in by_name(job).get("left", ""), "left runs")
    assert tork.put(f"/jobs/{job_id}/pause") == OK
    assert tork.put(f"/jobs/{job_id}/pause") == (400, {"message": "job is already paused"})
    job = tork.eventually(job_id, lambda job: by_name(job)["left"] == "COMPLETED", "left ends")
    assert TIME.fullmatch(job["pausedAt"])
    check_filled(job)
    assert tork.done({"name": "other", "run": "exit 0", "queue": "single"})
    job = tork.job(job_id)
    assert (job["state"], by_name(job)["right"]) == ("RUNNING", "PENDING")
    assert tork.put(f"/jobs/{job_id}/resume") == OK
    job = tork.over(job_id)
    assert job["state"] == "COMPLETED"
    assert "pausedAt" not in job
    assert tork.put(f"/jobs/{job_id}/resume") == (400, {"message": "job is not paused"})
    assert tork.put(f"/jobs/{job_id}/pause") == (
        400,
        {"message": "job is COMPLETED and can not be paused"},
    )


def test_a_paused_job_of_many_children(tork: Tork):
    job_id = tork.submit(
        {"name": "e", "each": {"list": "{{ sequence(0, 40) }}", "concurrency": 5,
            "task": {"name": "c", "run": "sleep 0.1", "retry": {"limit": 1}}}}
    )  # fmt: skip
    tork.until(job_id, "RUNNING")
    assert tork.put(f"/jobs/{job_id}/pause") == OK

    def still() -> bool:
        return not [t for t in tork.job(job_id)["execution"][1:] if t["state"] == "RUNNING"]

    eventually(still, "what runs has ended")
    assert tork.put(f"/jobs/{job_id}/resume") == OK
    job = tork.over(job_id)
    assert job["state"] == "COMPLETED"
    assert named(job, "e")["each"]["completions"] == 40


def test_a_paused_job_can_be_cancelled(tork: Tork):
    job_id = tork.submit({"name": "t", "run": "exit 0", "queue": "nobody-listens"})
    assert tork.put(f"/jobs/{job_id}/pause") == OK
    assert tork.put(f"/jobs/{job_id}/cancel") == OK
    job = tork.job(job_id)
    assert (job["state"], by_name(job)) == ("CANCELLED", {"t": "CANCELLED"})
    assert tork.put(f"/jobs/{job_id}/resume")[0] == 400


def test_a_pause_outlives_the_server():
    with started() as yard:
        tork = Tork(yard)
        job_id = tork.submit("exit 0", delay="1s")
        assert tork.put(f"/jobs/{job_id}/pause") == OK
        later = tork.submit("exit 0", delay="3s")
        yard.stop()
        yard.start()
        tork = Tork(yard)
        assert tork.over(later)["state"] == "COMPLETED"
        assert "pausedAt" in tork.job(job_id)
        assert tork.put(f"/jobs/{job_id}/resume") == OK
        assert tork.over(job_id)["state"] == "COMPLETED"


# -- away ------------------------------------------------------------------------------------------


def test_archived_jobs_are_left_out_of_lists(tork: Tork):
    tag = uuid.uuid4().hex
    first, second = (tork.done("exit 0", tags=[tag])["id"] for _ in range(2))
    assert tork.put(f"/jobs/{first}/archive") == OK
    assert tork.put(f"/jobs/{first}/archive") == OK
    assert listed(tork, tag) == [second]
    assert listed(tork, tag, archived="false") == [second]
    assert listed(tork, tag, archived="true") == [second, first]
    assert tork.job(first)["archived"] is True
    assert tork.put(f"/jobs/{first}/unarchive") == OK
    assert listed(tork, tag) == [second, first]
    assert "archived" not in tork.job(first)
    assert tork.ask("GET", "/jobs", params={"archived": "x"}).status_code == 400


def test_deleted_jobs_are_gone_with_their_logs(tork: Tork):
    tag = uuid.uuid4().hex
    job = tork.done("echo one", tags=[tag])
    task_id = job["execution"][0]["id"]
    answer = tork.ask("DELETE", f"/jobs/{job['id']}")
    assert (answer.status_code, answer.json()) == OK
    assert listed(tork, tag, archived="true") == []
    for path in (f"/jobs/{job['id']}", f"/jobs/{job['id']}/log"):
        assert tork.missing(path) == "job not found"
    for path in (f"/tasks/{task_id}", f"/tasks/{task_id}/log"):
        assert tork.missing(path) == "task not found"
    assert tork.missing(f"/jobs/{job['id']}", "DELETE") == "job not found"


def test_only_what_is_over_goes_away(tork: Tork):
    job_id = tork.submit("sleep 600")
    state = tork.until(job_id, "RUNNING")["state"]
    assert tork.put(f"/jobs/{job_id}/archive") == (
        400,
        {"message": f"job is {state} and can not be archived"},
    )
    answer = tork.ask("DELETE", f"/jobs/{job_id}")
    assert answer.json() == {"message": f"job is {state} and can not be deleted"}
    assert answer.status_code == 400
    assert tork.put(f"/jobs/{job_id}/cancel") == OK
    assert tork.ask("DELETE", f"/jobs/{job_id}").status_code == 200


@pytest.mark.parametrize("job_id", [NOBODY, "x", "0" * 31, "%00"])
def test_what_is_not_there(tork: Tork, job_id: str):
    for verb in ("pause", "resume", "archive", "unarchive"):
        assert tork.missing(f"/jobs/{job_id}/{verb}", "PUT") == "job not found"
    assert tork.missing(f"/jobs/{job_id}", "DELETE") == "job not found"


def test_others_jobs_are_left_alone(guarded: Yard):
    owner, other = new_user(guarded), new_user(guarded)
    mine, theirs = as_user(guarded, owner), as_user(guarded, other)
    job = mine.done("echo one", permissions=[{"user": owner}])
    path = f"/jobs/{job['id']}"
    for verb in ("pause", "resume", "archive", "unarchive"):
        assert theirs.missing(f"{path}/{verb}", "PUT") == "job not found"
    assert theirs.missing(path, "DELETE") == "job not found"
    assert theirs.missing(f"{path}/log/stream") == "job not found"
    assert theirs.missing(f"{path}/log?format=text") == "job not found"
    task = f"/tasks/{job['execution'][0]['id']}"
    assert theirs.missing(f"{task}/log/stream") == "task not found"
    assert theirs.missing(f"{task}/log?format=text") == "task not found"
    assert mine.ask("DELETE", path).status_code == 200
