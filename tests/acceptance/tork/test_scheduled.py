"""Scheduled jobs."""

import uuid

import psutil
import pytest

from tests.acceptance.tork.client import ID, TIME, Tork, check_filled
from tests.yard import eventually

YEARLY = "0 0 1 1 *"


def create(tork: Tork, cron: str = YEARLY, **more: object) -> dict:
    answer = tork.post(
        {
            "name": "cron",
            "tasks": [{"name": "t", "run": "exit 0"}],
            "schedule": {"cron": cron},
            **more,
        },
        "/scheduled-jobs",
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def runs(tork: Tork, tag: str) -> list[dict]:
    return tork.get("/jobs", q=f"tag:{tag}", size=20)["items"]


def test_the_answers(tork: Tork):
    made = create(
        tork, description="d", tags=["x"], inputs={"a": "b"}, output="{{ inputs.a }}",
        defaults={"queue": "default"}, autoDelete={"after": "1h"},
    )  # fmt: skip
    assert ID.fullmatch(made["id"])
    assert TIME.fullmatch(made["createdAt"])
    assert made["createdBy"]["username"] == "guest"
    rest = {k: v for k, v in made.items() if k not in ("id", "createdAt", "createdBy")}
    assert rest == {
        "name": "cron", "description": "d", "tags": ["x"], "inputs": {"a": "b"}, "cron": YEARLY,
        "state": "ACTIVE",
    }  # fmt: skip
    full = tork.get(f"/scheduled-jobs/{made['id']}")
    check_filled(full)
    assert TIME.fullmatch(full.pop("nextRunAt"))
    assert full == {
        **made,
        "tasks": [{"name": "t", "run": "exit 0"}],
        "output": "{{ inputs.a }}",
        "defaults": {"queue": "default"},
        "autoDelete": {"after": "1h"},
    }
    assert tork.get("/scheduled-jobs")["items"][0] == made
    assert tork.put(f"/scheduled-jobs/{made['id']}/pause") == (200, {"status": "OK"})
    assert tork.get(f"/scheduled-jobs/{made['id']}")["state"] == "PAUSED"
    assert tork.put(f"/scheduled-jobs/{made['id']}/pause") == (
        400,
        {"message": "scheduled job is not active"},
    )
    assert tork.put(f"/scheduled-jobs/{made['id']}/resume") == (200, {"status": "OK"})
    assert tork.put(f"/scheduled-jobs/{made['id']}/resume") == (
        400,
        {"message": "scheduled job is not paused"},
    )
    answer = tork.ask("DELETE", f"/scheduled-jobs/{made['id']}")
    assert (answer.status_code, answer.json()) == (200, {"status": "OK"})
    assert tork.missing(f"/scheduled-jobs/{made['id']}") == "scheduled job not found"
    assert tork.missing(f"/scheduled-jobs/{made['id']}", "DELETE") == "scheduled job not found"


def test_pages(tork: Tork):
    made = [create(tork)["id"] for _ in range(3)]
    page = tork.get("/scheduled-jobs", size=2)
    assert list(page) == ["items", "number", "size", "totalPages", "totalItems"]
    assert [one["id"] for one in page["items"]] == made[:0:-1]
    assert page["totalItems"] >= 3
    assert tork.get("/scheduled-jobs", size=1000)["size"] <= 20
    assert tork.get("/scheduled-jobs", size=2, page=2)["items"][0]["id"] == made[0]


@pytest.mark.parametrize(
    "cron",
    [
        "* * * * *", "*/5 0/10 1-5 JAN,mar-MAY MON-fri", "0 0 ? * 7", "0 0 1 * ?", "@yearly",
        "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", "@every 1h30m",
        "@every 1s", "1,2,3 4-6/2 * * 0",
    ],
)  # fmt: skip
def test_good_rules(tork: Tork, cron: str):
    made = create(tork, cron)
    assert made["cron"] == cron
    tork.ask("DELETE", f"/scheduled-jobs/{made['id']}")


@pytest.mark.parametrize(
    "cron",
    [
        "", " ", "x", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *",
        "* * * 13 *", "* * * 0 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *", "a-b * * * *", "1- * * * *",
        "@nope", "@every", "@every 0s", "@every x", "@every 100ms", "@every -1h", "1.5 * * * *", "-1 * * * *",
        "* * 30 2 *", "1,,2 * * * *", "*/-1 * * * *", "99999999999999999999 * * * *", "* * * FOO *",
    ],
)  # fmt: skip
def test_bad_rules(tork: Tork, cron: str):
    message = tork.refused(
        {"name": "c", "tasks": [{"name": "t"}], "schedule": {"cron": cron}}, "/scheduled-jobs"
    )
    assert message.startswith("schedule.cron"), message


@pytest.mark.parametrize(
    "more",
    [
        {}, {"schedule": None}, {"schedule": {}}, {"schedule": {"cron": None}}, {"schedule": "x"},
        {"schedule": {"cron": YEARLY, "x": 1}}, {"schedule": {"cron": YEARLY}, "wait": {"timeout": "1s"}},
        {"schedule": {"cron": YEARLY}, "tasks": []}, {"schedule": {"cron": YEARLY}, "state": "PAUSED"},
        {"schedule": {"cron": ["*"]}},
    ],
)  # fmt: skip
def test_what_is_refused(tork: Tork, more: dict):
    tork.refused({"name": "c", "tasks": [{"name": "t"}], **more}, "/scheduled-jobs")


def test_yaml_with_a_bare_rule(tork: Tork):
    answer = tork.post(
        "name: c\nschedule:\n  cron: 0 0 1 1 *\ntasks:\n  - name: t\n    run: exit 0\n",
        "/scheduled-jobs",
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["cron"] == YEARLY
    assert "message" not in answer.json()


def test_ticks_make_jobs(tork: Tork):
    tag = uuid.uuid4().hex
    made = create(
        tork, "@every 1s", tags=[tag], name="ticking", inputs={"a": "b"}, secrets={"k": "hush-hush"},
        defaults={"priority": 3}, output="{{ job.name }}{{ len(secrets.k) }}{{ inputs.a }}",
    )  # fmt: skip
    found = eventually(lambda: len(r := runs(tork, tag)) >= 2 and r, "two runs")
    assert found[0]["schedule"] == {"id": made["id"], "cron": "@every 1s"}
    assert found[0]["name"] == "ticking"
    assert "parentId" not in found[0]
    job = tork.over(found[-1]["id"])
    assert job["state"] == "COMPLETED"
    assert job["result"] == "ticking9b"
    assert job["execution"][0]["priority"] == 3
    assert job["schedule"]["id"] == made["id"]
    assert tork.put(f"/scheduled-jobs/{made['id']}/pause")[0] == 200
    here = {job["id"] for job in runs(tork, tag)}
    assert tork.put(f"/scheduled-jobs/{made['id']}/resume")[0] == 200
    eventually(lambda: {job["id"] for job in runs(tork, tag)} - here, "a run after resuming")
    assert tork.ask("DELETE", f"/scheduled-jobs/{made['id']}").status_code == 200
    assert runs(tork, tag) == []
    assert tork.missing(f"/jobs/{job['id']}") == "job not found"


def test_deleting_ends_the_runs(tork: Tork):
    tag = uuid.uuid4().hex
    word = f"4712{uuid.uuid4().int % 10**9}"
    made = create(tork, "@every 1s", tags=[tag], tasks=[{"name": "t", "run": f"sleep {word}"}])
    eventually(lambda: any(job["state"] == "RUNNING" for job in runs(tork, tag)), "a run")
    assert tork.ask("DELETE", f"/scheduled-jobs/{made['id']}").status_code == 200
    assert runs(tork, tag) == []
    eventually(
        lambda: (
            not [p for p in psutil.process_iter(["cmdline"]) if word in (p.info["cmdline"] or [])]
        ),
        "the processes gone",
    )
