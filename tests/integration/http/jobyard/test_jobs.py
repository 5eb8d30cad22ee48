"""Our own API over the whole engine."""

import pytest

JOBS = "/api/jobyard/v1/jobs"
UNKNOWN = "0123456789abcdef" * 2


def submit(server, **more):
    answer = server.post(JOBS, {"type": "shell", "spec": {"run": "true"}, **more})
    assert answer.status == 201, answer.body
    return answer.json


def test_job_types_are_those_of_the_plugins(server):
    items = server.get("/api/jobyard/v1/job-types").json["items"]
    names = [item["name"] for item in items]
    assert names == sorted(names)
    assert {"container", "shell", "workflow"} <= set(names)
    assert all(item.keys() == {"name", "title", "options", "schema"} for item in items)


def test_job_is_submitted_read_and_cancelled(server):
    job = submit(server, name="mine", tags=["a"], description="d", priority=3)
    assert (job["name"], job["state"], job["dialect"]) == ("mine", "PENDING", "jobyard")
    full = server.get(f"{JOBS}/{job['id']}").json
    assert (full["tags"], full["priority"], full["spec"]["run"]) == (["a"], 3, "true")
    [task] = server.get(f"{JOBS}/{job['id']}/tasks").json["items"]
    assert (task["state"], task["queue"]) == ("QUEUED", "jobyard/default")
    cancelled = server.put(f"{JOBS}/{job['id']}/cancel")
    assert (cancelled.status, cancelled.json["state"]) == (200, "CANCELLED")
    again = server.put(f"{JOBS}/{job['id']}/cancel")
    assert (again.status, again.json["code"]) == (409, "illegal-move")


def test_jobs_of_every_dialect_are_listed(fresh):
    tork = fresh.submit(name="theirs")
    own = submit(fresh)["id"]
    assert [job["id"] for job in fresh.get(JOBS).json["items"]] == [own, tork]
    only = fresh.get(f"{JOBS}?dialect=tork&type=workflow&state=SCHEDULED&size=1").json
    assert [job["id"] for job in only["items"]] == [tork]
    assert only["next"] is None
    assert fresh.get(f"{JOBS}?dialect=%00").json == {"items": [], "next": None}


def test_log_shows_what_tasks_wrote_with_secrets_masked(server):
    worker = server.worker(own=1)
    job_id = server.submit(defaults={"queue": "own"}, secrets={"s": "opensesame"})
    worker.write(worker.take("tork/own"), "one\n", "opensesame\n")
    page = server.get(f"{JOBS}/{job_id}/log").json
    assert [(part["number"], part["contents"]) for part in page["items"]] == [
        (1, "one\n"),
        (2, "********\n"),
    ]


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({"type": "nope"}, "unknown-job-type", None),
        ({"type": "shell"}, "spec-invalid", "run"),
        ({"type": "shell", "spec": {"run": "x", "nope": 1}}, "spec-invalid", "nope"),
        ({"type": "shell", "spec": []}, "bad-request", "spec"),
        ({"spec": {}}, "bad-request", "type"),
        ({"type": "shell", "spec": {"run": "x"}, "priority": "3"}, "bad-request", "priority"),
        ({"type": "shell", "tags": ["x"] * 101}, "bad-request", "tags"),
        ([], "bad-request", None),
        ("{", "bad-request", None),
        ("[" * 100_000, "bad-request", None),
        ('{"type": "shell", "spec": {"run": "\\ud800"}}', "bad-request", None),
        ('{"type": "shell", "priority": 99999999999999999999}', "bad-request", "priority"),
        (b"\xff", "bad-request", None),
    ],
)
def test_bad_body_is_told_what_is_wrong_where(server, body, code, path):
    answer = server.post(JOBS, body)
    assert answer.status == 400
    assert answer.json["code"] == code
    assert answer.json["message"]
    if path is not None:
        assert path in answer.json["faults"]


def test_other_content_types_are_refused_so_that_no_page_can_send_them(server):
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = server.post(JOBS, '{"type": "shell", "spec": {"run": "true"}}', kind=kind)
        assert (answer.status, answer.json["code"]) == (400, "bad-request")


@pytest.mark.parametrize(
    "query",
    [
        "size=501",
        "size=-1",
        "size=%00",
        "state=LOST",
        "state=FAILED,LOST",
        "after=x",
        "after=1",
        "after=1-",
        "after=99999999999999999999-a",
        "id=a-b",
        "id=" + "a" * 33,
        "created_from=yesterday",
        "created_before=2026-01-01T00:00:00",
    ],
)
def test_bad_query_is_refused(server, query):
    answer = server.get(f"{JOBS}?{query}")
    assert (answer.status, answer.json["code"]) == (400, "bad-request")


@pytest.mark.parametrize("job_id", [UNKNOWN, "x", "%00", "%ff"])
def test_unknown_job_is_not_found(server, job_id):
    for method, rest in (("GET", ""), ("PUT", "/cancel"), ("GET", "/log")):
        answer = server.request(method, f"{JOBS}/{job_id}{rest}")
        assert (answer.status, answer.json["code"]) == (404, "job-not-found")


def test_framework_errors_have_the_same_shape(server):
    for method, path, status in (
        ("GET", "/api/jobyard/v1/nope", 404),
        ("DELETE", JOBS, 405),
        ("GET", "/api/jobyard", 404),
    ):
        answer = server.request(method, path)
        assert answer.status == status
        assert answer.json.keys() == {"code", "message"}
    big = server.post(JOBS, b"x" * (4 * 1024 * 1024 + 1))
    assert (big.status, big.json["code"]) == (413, "request-entity-too-large")
