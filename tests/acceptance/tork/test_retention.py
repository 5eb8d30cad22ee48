"""Jobs that delete themselves."""

from datetime import datetime

from tests.acceptance.tork.client import TIME, Tork, named
from tests.yard import eventually


def gone(tork: Tork, job_id: str) -> bool:
    return tork.ask("GET", f"/jobs/{job_id}").status_code == 404


def test_a_completed_job_is_deleted_when_its_time_has_come(tork: Tork):
    after = {"after": "1s"}
    job = tork.done(
        {
            "name": "sub",
            "subjob": {
                "name": "s",
                "autoDelete": after,
                "tasks": [{"name": "t", "run": "echo x"}],
            },
        },
        "echo y",
        autoDelete=after,
    )
    assert TIME.fullmatch(job["deleteAt"])
    ends, deletes = (datetime.fromisoformat(job[key]) for key in ("completedAt", "deleteAt"))
    assert (deletes - ends).total_seconds() == 1
    assert job["autoDelete"] == after
    kept = tork.done("exit 0", autoDelete={"after": "1h"})
    failed = tork.fails("exit 1", autoDelete=after)
    assert "deleteAt" not in failed
    child = named(job, "sub")["subjob"]["id"]
    eventually(lambda: gone(tork, job["id"]) and gone(tork, child), "both jobs gone")
    for one in job["execution"]:
        assert tork.missing(f"/tasks/{one['id']}") == "task not found"
        assert tork.missing(f"/tasks/{one['id']}/log") == "task not found"
    assert not gone(tork, kept["id"])
    assert not gone(tork, failed["id"])
