"""Jobs in Tork's words: submitted, listed, read, cancelled, begun again."""

import re
import threading
import time

import pytest

UNKNOWN = "0123456789abcdef" * 2
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
SAMPLE = """
name: sample job
tasks:
  - name: sample task
    image: ubuntu:mantic
    run: echo hello world
"""


def read(server, job_id):
    answer = server.get(f"/jobs/{job_id}")
    assert answer.status == 200
    return answer.json


def test_submit_answers_at_once_with_the_summary_as_accepted(server):
    answer = server.post("/jobs", SAMPLE, kind="text/yaml")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    document = answer.json
    assert re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", document.pop("id"))
    assert TIME.fullmatch(document.pop("createdAt"))
    assert document.pop("createdBy")["username"] == "guest"
    assert document == {
        "name": "sample job",
        "state": "PENDING",
        "position": 0,
        "taskCount": 1,
    }


def test_job_in_full_shows_definition_execution_and_context(server):
    job_id = server.submit(inputs={"a": "b"}, tasks=2)
    document = read(server, job_id)
    assert document["state"] == "SCHEDULED"
    assert TIME.fullmatch(document["startedAt"])
    assert document["position"] == 1
    assert document["tasks"] == [
        {"name": "task 1", "run": "true"},
        {"name": "task 2", "run": "true"},
    ]
    [task] = document["execution"]
    assert task["jobId"] == job_id
    assert (task["position"], task["state"], task["queue"]) == (1, "SCHEDULED", "default")
    assert "startedAt" not in task
    assert "result" not in task
    assert document["context"] == {"job": {"id": job_id, "name": "a job"}, "inputs": {"a": "b"}}


def test_job_runs_through_its_states(server):
    worker = server.worker(lane=1)
    job_id = server.submit(
        tasks=1, defaults={"queue": "lane"}, output="{{ inputs.a }}!", inputs={"a": "done"}
    )
    claimed = worker.take("tork/lane")
    running = read(server, job_id)
    assert running["state"] == "RUNNING"
    assert running["execution"][0]["state"] == "RUNNING"
    assert running["execution"][0]["nodeId"] == worker.record.public_id
    worker.finish(claimed, "x")
    done = read(server, job_id)
    assert (done["state"], done["result"], done["position"]) == ("COMPLETED", "done!", 2)
    assert done["progress"] == 100
    assert done["completedAt"] >= done["startedAt"] >= done["createdAt"]
    assert "failedAt" not in done
    assert done["execution"][0]["result"] == "x"


def test_failed_job_tells_why(server):
    worker = server.worker(brittle=1)
    job_id = server.submit(defaults={"queue": "brittle"})
    worker.fail(worker.take("tork/brittle"), "exit code 3: oh")
    document = read(server, job_id)
    assert (document["state"], document["error"]) == ("FAILED", "exit code 3: oh")
    assert "failedAt" in document
    assert "completedAt" not in document


def test_result_of_a_task_is_in_the_context_under_its_var(server):
    worker = server.worker(vars=1)
    answer = server.post(
        "/jobs",
        {"name": "v", "tasks": [{"name": "t", "var": "out", "queue": "vars"}, {"name": "u"}]},
    )
    worker.finish(worker.take("tork/vars"), "forty two")
    context = read(server, answer.json["id"])["context"]
    assert context["tasks"] == {"out": "forty two"}


def test_parallel_shows_parents_and_completions(server):
    worker = server.worker(side=2)
    children = [{"name": name, "queue": "side"} for name in ("a", "b")]
    job_id = server.post(
        "/jobs", {"name": "p", "tasks": [{"name": "all", "parallel": {"tasks": children}}]}
    ).json["id"]
    worker.finish(worker.take("tork/side"))
    tasks = read(server, job_id)["execution"]
    [parent] = [task for task in tasks if "parallel" in task]
    assert parent["parallel"]["completions"] == 1
    assert parent["state"] == "RUNNING"
    assert "queue" not in parent
    others = [task for task in tasks if task is not parent]
    assert {task["parentId"] for task in others} == {parent["id"]}
    assert {task["position"] for task in tasks} == {1}
    assert server.get(f"/tasks/{others[0]['id']}").json["parentId"] == parent["id"]


def test_each_counts_size_completions_and_what_was_released(server):
    worker = server.worker(loop=1)
    body = {"name": "{{ item.value }}", "queue": "loop"}
    job_id = server.post(
        "/jobs",
        {
            "name": "e",
            "tasks": [
                {
                    "name": "all",
                    "each": {"list": "[1, 2, 3, 4]", "concurrency": 2, "task": body},
                }
            ],
        },
    ).json["id"]
    worker.finish(worker.take("tork/loop"))
    tasks = read(server, job_id)["execution"]
    [parent] = [task for task in tasks if "each" in task]
    figures = {key: parent["each"][key] for key in ("size", "completions", "index")}
    assert figures == {"size": 4, "completions": 1, "index": 3}
    assert [task["state"] for task in tasks].count("CREATED") == 1
    assert server.get(f"/tasks/{parent['id']}").json["each"] == parent["each"]


def test_answer_can_be_submitted_again(server):
    first = server.post(
        "/jobs",
        {
            "name": "round trip",
            "description": "d",
            "tags": ["x"],
            "inputs": {"a": "{{ not.a.template }}"},
            "secrets": {"token": "s3cr3t"},
            "output": "{{ tasks.t }}",
            "defaults": {"queue": "nobody", "retry": {"limit": 2}},
            "webhooks": [{"url": "http://127.0.0.1:1/", "headers": {"X-Password": "p"}}],
            "tasks": [{"name": "t", "var": "t", "env": {"A": "{{ secrets.token }}"}}],
        },
    ).json["id"]
    document = read(server, first)
    keys = (
        "name", "description", "tags", "inputs", "secrets", "output", "tasks", "defaults",
        "webhooks",
    )  # fmt: skip
    again = server.post("/jobs", {key: document[key] for key in keys if key in document})
    assert again.status == 200, again.body
    assert again.json["id"] != first


def test_list_is_newest_first_in_pages_that_are_clamped(fresh):
    ids = [fresh.submit(name=f"job {number}") for number in range(23)][::-1]
    page = fresh.get("/jobs").json
    assert [job["id"] for job in page["items"]] == ids[:10]
    assert (page["number"], page["size"], page["totalPages"], page["totalItems"]) == (1, 10, 3, 23)
    last = fresh.get("/jobs?page=2&size=1000").json
    assert [job["id"] for job in last["items"]] == ids[20:]
    assert (last["number"], last["size"], last["totalPages"], last["totalItems"]) == (2, 3, 2, 23)
    assert fresh.get("/jobs?page=-3&size=0").json["items"][0]["id"] == ids[0]
    assert fresh.get("/jobs?size=0").json["size"] == 1
    far = fresh.get("/jobs?page=9223372036854775807").json
    assert far["items"] == []
    assert far["totalItems"] == 23
    assert fresh.get("/jobs?q=nothing-like-it").json == {
        "items": [], "number": 1, "size": 0, "totalPages": 0, "totalItems": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("page=x", "invalid page number: x"),
        ("page=1.5", "invalid page number: 1.5"),
        ("page=9223372036854775808", "invalid page number: 9223372036854775808"),
        ("page=%D9%A1", "invalid page number: \u0661"),
        ("size=many", "invalid size: many"),
        ("page=1&size=%00", "invalid size: \0"),
    ],
)
def test_pages_that_are_no_numbers_are_not_found(server, query, message):
    answer = server.get(f"/jobs?{query}")
    assert (answer.status, answer.json) == (404, {"message": message})


def test_search_finds_words_states_and_tags(fresh):
    red = fresh.submit(name="Nightly red-ish Thumbnails", tags=["red", "night"])
    blue = fresh.submit(name="blue", description="made of THUMBNAILS", tags=["blue"])
    fresh.put(f"/jobs/{blue}/cancel")

    def found(query):
        return {job["id"] for job in fresh.get(f"/jobs?q={query}").json["items"]}

    assert found("thumbnails") == {red, blue}
    assert found("thumbnails%20nightly") == {red}
    assert found("red-ish") == {red}
    assert found("cancelled") == {blue}
    assert found("tag:red") == {red}
    assert found("tags:red,blue") == {red, blue}
    assert found("tags:red,blue%20made") == {blue}
    assert found("tag:green") == set()
    assert found("") == {red, blue}


@pytest.mark.parametrize(
    "text",
    [
        '"', "'", "*", "%25", "(", ")", ":", "-", "^", "AND", "NEAR", "tag:", "tags:,", "%00",
        "%ff", "_", "!", "\\", "a+" * 2000, "tags:" + "a,b" * 1000, "%F0%9F%92%A9", "[", "--", ";",
    ],
)  # fmt: skip
def test_no_search_text_is_an_error(server, text):
    answer = server.get(f"/jobs?q={text}")
    assert answer.status == 200
    assert server.get(f"/jobs/{server.submit()}/log?q={text}").status == 200


def test_cancel_is_done_when_it_is_answered_and_only_once(server):
    job_id = server.submit()
    answer = server.put(f"/jobs/{job_id}/cancel")
    assert (answer.status, answer.json) == (200, {"status": "OK"})
    document = read(server, job_id)
    assert document["state"] == "CANCELLED"
    assert {task["state"] for task in document["execution"]} == {"CANCELLED"}
    assert not {"completedAt", "failedAt"} & document.keys()
    again = server.put(f"/jobs/{job_id}/cancel")
    assert (again.status, again.json) == (400, {"message": "job in not running"})


def test_of_racing_cancels_exactly_one_is_answered_ok(server):
    job_id = server.submit()
    statuses = []

    def cancel():
        statuses.append(server.put(f"/jobs/{job_id}/cancel").status)

    threads = [threading.Thread(target=cancel) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [400] * 7


def test_restart_begins_again_at_the_current_task(server):
    worker = server.worker(again=1)
    job_id = server.submit(tasks=2, defaults={"queue": "again"})
    worker.finish(worker.take("tork/again"))
    worker.fail(worker.take("tork/again"))
    assert server.put(f"/jobs/{job_id}/restart").json == {"status": "OK"}
    document = read(server, job_id)
    assert document["state"] == "RUNNING"
    assert not {"error", "failedAt"} & document.keys()
    states = [(task["position"], task["state"]) for task in document["execution"]]
    assert states == [(1, "COMPLETED"), (2, "FAILED"), (2, "SCHEDULED")]
    worker.finish(worker.take("tork/again"))
    answer = server.put(f"/jobs/{job_id}/restart")
    message = "job is COMPLETED and can not be restarted"
    assert (answer.status, answer.json) == (400, {"message": message})


def test_job_without_a_task_left_cannot_be_restarted(server):
    worker = server.worker(last=1)
    job_id = server.submit(defaults={"queue": "last"}, output="{{ nothing.here() }}")
    worker.finish(worker.take("tork/last"))
    assert read(server, job_id)["state"] == "FAILED"
    answer = server.put(f"/jobs/{job_id}/restart")
    assert (answer.status, answer.json) == (400, {"message": "job has no more tasks to run"})


@pytest.mark.parametrize("job_id", [UNKNOWN, "x", "%00", "%ff%fe", "A" * 32, "..", "%2e%2e"])
def test_unknown_job_is_not_found(server, job_id):
    for method, path in (("GET", ""), ("PUT", "/cancel"), ("PUT", "/restart"), ("GET", "/log")):
        answer = server.request(method, f"/jobs/{job_id}{path}")
        assert answer.status == 404
        assert answer.json["message"] in ("job not found", "Not Found")


def test_jobs_of_other_dialects_are_not_shown(fresh):
    other = fresh.post("/api/jobyard/v1/jobs", {"type": "shell", "spec": {"run": "true"}}).json
    assert fresh.get(f"/jobs/{other['id']}").status == 404
    assert fresh.put(f"/jobs/{other['id']}/cancel").status == 404
    assert fresh.get("/jobs").json["totalItems"] == 0


def test_secrets_are_masked_in_every_answer(server):
    definition = {
        "name": "hush hunter2hunter2",
        "secrets": {"token": "hunter2hunter2", "empty": ""},
        "inputs": {"DB_PASSWORD": "visible-no-more", "plain": "has hunter2hunter2 in it"},
        "defaults": {"queue": "hush"},
        "output": "{{ secrets.token }}",
        "tasks": [{"name": "t", "env": {"T": "{{ secrets.token }}"}, "run": "true"}],
    }
    worker = server.worker(hush=1)
    submitted = server.post("/jobs", definition)
    job_id = submitted.json["id"]
    claimed = worker.take("tork/hush")
    assert claimed.payload["env"] == {"T": "hunter2hunter2"}
    worker.write(claimed, "token is hunter2hunter2\n")
    worker.finish(claimed, "hunter2hunter2")
    full = server.get(f"/jobs/{job_id}")
    task_id = full.json["execution"][0]["id"]
    answers = [
        submitted,
        full,
        server.get("/jobs?size=20"),
        server.get(f"/jobs/{job_id}/log"),
        server.get(f"/tasks/{task_id}"),
        server.get(f"/tasks/{task_id}/log"),
        server.get(f"/api/jobyard/v1/jobs/{job_id}"),
        server.get(f"/api/jobyard/v1/jobs/{job_id}/log"),
        server.get("/api/jobyard/v1/jobs"),
    ]
    for answer in answers:
        assert answer.status == 200
        assert b"hunter2" not in answer.body
        assert b"visible-no-more" not in answer.body
    assert full.json["secrets"]["token"] == "[REDACTED]"
    assert full.json["result"] == "[REDACTED]"
    assert full.json["tasks"][0]["env"] == {"T": "{{ secrets.token }}"}


def test_wait_answers_with_the_whole_job_when_it_ends(server):
    worker = server.worker(wait=1)
    answers = []

    def submit():
        answers.append(
            server.post(
                "/jobs",
                {
                    "name": "waited for",
                    "wait": {"timeout": "50s"},
                    "secrets": {"s": "quiet-please"},
                    "output": "quiet-please",
                    "tasks": [{"name": "t", "queue": "wait"}],
                },
            )
        )

    thread = threading.Thread(target=submit)
    thread.start()
    deadline = time.monotonic() + 30
    claimed = ()
    while not claimed and time.monotonic() < deadline:
        claimed = worker.engine.claims.claim(worker.record.id, "tork/wait", start=True)
    worker.finish(claimed[0])
    thread.join(timeout=40)
    [answer] = answers
    assert answer.status == 200
    assert answer.json["state"] == "COMPLETED"
    assert len(answer.json["execution"]) == 1
    assert answer.json["result"] == "[REDACTED]"
    assert "wait" not in answer.json


def test_wait_that_is_too_short_is_told_so_and_the_job_runs_on(server):
    answer = server.post(
        "/jobs",
        {"name": "slow one", "wait": {"timeout": "200ms"}, "tasks": [{"name": "t", "queue": "no"}]},
    )
    message = "timeout waiting for job to complete"
    assert (answer.status, answer.json) == (408, {"message": message})
    [job] = server.get("/jobs?q=slow").json["items"]
    assert job["state"] == "SCHEDULED"


def test_cancel_ends_the_wait(server):
    answers = []

    def submit():
        answers.append(
            server.post(
                "/jobs",
                {
                    "name": "cancelled meanwhile",
                    "wait": {"timeout": "50s"},
                    "tasks": [{"name": "t", "queue": "nobody"}],
                },
            )
        )

    thread = threading.Thread(target=submit)
    thread.start()
    deadline = time.monotonic() + 30
    found = []
    while not found and time.monotonic() < deadline:
        found = server.get("/jobs?q=meanwhile").json["items"]
    assert server.put(f"/jobs/{found[0]['id']}/cancel").status == 200
    thread.join(timeout=40)
    assert (answers[0].status, answers[0].json["state"]) == (200, "CANCELLED")


@pytest.mark.parametrize("wait", [{}, {"timeout": "soon"}, {"timeout": "-1s"}, {"timeout": ""}])
def test_bad_wait_is_refused_and_nothing_is_stored(server, wait):
    before = server.get("/jobs").json["totalItems"]
    answer = server.post("/jobs", {"name": "w", "tasks": [{"name": "t"}], "wait": wait})
    assert answer.status == 400
    assert answer.json["message"].startswith("wait")
    assert server.get("/jobs").json["totalItems"] == before


def test_redaction_is_a_setting(servers):
    document = {
        "name": "j",
        "secrets": {"token": "hunter2"},
        "inputs": {"my_password": "visible", "x": "a hunter2", "MY_OWN_KEY": "mine"},
        "tasks": [{"name": "t"}],
    }
    plain = servers.inside("[tork]\nmiddleware.job.redact.enabled = false\n")
    job = plain.get(f"/jobs/{plain.post('/jobs', document).json['id']}").json
    assert job["secrets"] == {"token": "hunter2"}
    assert job["inputs"] == document["inputs"]
    other = servers.inside("[tork]\nmiddleware.job.redact.patterns = ['*_own_*']\n")
    job = other.get(f"/jobs/{other.post('/jobs', document).json['id']}").json
    assert job["secrets"] == {"token": "[REDACTED]"}
    assert job["inputs"] == {
        "my_password": "visible",
        "x": "a [REDACTED]",
        "MY_OWN_KEY": "[REDACTED]",
    }
