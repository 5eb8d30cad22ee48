"""Single tasks, and the output of tasks and jobs."""

import re

import pytest


def execution(server, job_id):
    return server.get(f"/jobs/{job_id}").json["execution"]


@pytest.fixture(scope="module")
def written(server):
    """Return (job id, documents of its two tasks) of a job whose tasks wrote seven parts."""
    worker = server.worker(log=1)
    job_id = server.submit(tasks=2, defaults={"queue": "log"}, secrets={"s": "opensesame"})
    first = worker.take("tork/log")
    worker.write(first, "one apple\n", "two\n", "three apples opensesame\n")
    worker.finish(first)
    second = worker.take("tork/log")
    worker.write(second, *[f"line {number}\n" for number in range(1, 5)])
    return job_id, execution(server, job_id)


def test_task_is_shown_as_in_its_job(server, written):
    job_id, tasks = written
    for task in tasks:
        answer = server.get(f"/tasks/{task['id']}")
        assert (answer.status, answer.json) == (200, task)
        assert answer.json["jobId"] == job_id


def test_lost_worker_counts_as_redelivery(server):
    worker = server.worker(lossy=1)
    job_id = server.submit(defaults={"queue": "lossy"})
    worker.engine.attempts.lose(worker.take("tork/lossy").lease)
    [task] = execution(server, job_id)
    assert (task["redelivered"], task["state"]) == (1, "SCHEDULED")
    assert not {"nodeId", "startedAt"} & task.keys()


def test_retry_is_an_entry_of_its_own(server):
    worker = server.worker(retry=1)
    job_id = server.post(
        "/jobs",
        {"name": "r", "tasks": [{"name": "t", "queue": "retry", "retry": {"limit": 1}}]},
    ).json["id"]
    worker.fail(worker.take("tork/retry"), "first")
    first, second = execution(server, job_id)
    assert (first["state"], first["error"], first["retry"]) == ("FAILED", "first", {"limit": 1})
    assert (second["state"], second["retry"]) == ("SCHEDULED", {"limit": 1, "attempts": 1})
    assert first["id"] != second["id"]
    assert "result" not in first


def test_log_of_a_task_is_newest_first(server, written):
    _, (first, _) = written
    page = server.get(f"/tasks/{first['id']}/log").json
    assert [part["number"] for part in page["items"]] == [3, 2, 1]
    texts = [part["contents"] for part in page["items"]]
    assert texts == ["three apples [REDACTED]\n", "two\n", "one apple\n"]
    assert {part["taskId"] for part in page["items"]} == {first["id"]}
    ids = [part["id"] for part in page["items"]]
    assert all(re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{19}", each) for each in ids)
    assert len(set(ids)) == 3
    assert [part["id"] for part in server.get(f"/tasks/{first['id']}/log").json["items"]] == ids
    assert (page["number"], page["size"], page["totalPages"], page["totalItems"]) == (1, 3, 1, 3)


def test_log_of_a_job_keeps_the_parts_of_a_task_together(server, written):
    job_id, (first, second) = written
    page = server.get(f"/jobs/{job_id}/log?size=5").json
    assert [(part["taskId"], part["number"]) for part in page["items"]] == [
        *[(second["id"], number) for number in (4, 3, 2, 1)],
        (first["id"], 3),
    ]
    assert (page["size"], page["totalPages"], page["totalItems"]) == (5, 2, 7)
    rest = server.get(f"/jobs/{job_id}/log?size=5&page=2").json
    assert [part["number"] for part in rest["items"]] == [2, 1]


def test_log_pages_are_clamped_to_a_hundred(server):
    worker = server.worker(many=1)
    job_id = server.submit(defaults={"queue": "many"})
    worker.write(worker.take("tork/many"), *["x\n"] * 130)
    assert server.get(f"/jobs/{job_id}/log").json["size"] == 25
    assert server.get(f"/jobs/{job_id}/log?size=1000").json["size"] == 100
    assert server.get(f"/jobs/{job_id}/log?size=0").json["size"] == 1


def test_search_in_a_log_keeps_parts_with_all_the_words(server, written):
    job_id, (first, _) = written
    page = server.get(f"/jobs/{job_id}/log?q=APPLE").json
    assert [part["number"] for part in page["items"]] == [3, 1]
    assert page["totalItems"] == 2
    assert server.get(f"/tasks/{first['id']}/log?q=apple%20one").json["totalItems"] == 1


@pytest.mark.parametrize("path", ["/tasks/{}", "/tasks/{}/log"])
@pytest.mark.parametrize(
    "task_id", ["0" * 32, "1" * 32, "a" * 32, "x", "12x", "-1", "%00", "A" * 32]
)
def test_unknown_task_is_not_found_in_our_form(server, path, task_id):
    answer = server.get(path.format(task_id))
    assert (answer.status, answer.json) == (404, {"message": "task not found"})
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"


@pytest.mark.parametrize("path", ["/tasks", "/tasks/1", "/tasks/" + "1" * 31, "/tasks/" + "1" * 33,
                                  "/tasks/compiled", "/tasks/file", "/tasks/zip",
                                  "/tasks/thumbnails", "/tasks/17/log"])  # fmt: skip
def test_task_paths_of_another_dialect_are_not_ours(server, path):
    # What they say is theirs; it is none of our words.
    said = server.get(path).body.strip()
    assert said not in (b'{"message":"task not found"}', b'{"message":"Not Found"}')


def test_tasks_of_other_dialects_are_not_shown(server):
    job = server.post(
        "/api/jobyard/v1/jobs", {"type": "workflow", "spec": {"tasks": [{"name": "t"}]}}
    )
    [task] = server.services.engine.jobs.tasks(job.json["id"])
    assert task.public_id
    assert server.get(f"/tasks/{task.public_id}").status == 404
