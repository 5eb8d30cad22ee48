"""Paths, bodies in, bodies out, times, ids and pages."""

import json
import uuid

import pytest

from tests.acceptance.tork.client import ID, TIME, Tork, check_filled

GOOD = "name: good\ntasks:\n  - name: task\n    run: exit 0\n"
NOBODY = "facade00facade00facade00facade00"
ROUTES = {
    "/jobs": {"GET", "POST"},
    f"/jobs/{NOBODY}": {"GET", "DELETE"},
    f"/jobs/{NOBODY}/cancel": {"PUT"},
    f"/jobs/{NOBODY}/restart": {"PUT"},
    f"/jobs/{NOBODY}/log": {"GET"},
    f"/tasks/{NOBODY}": {"GET"},
    f"/tasks/{NOBODY}/log": {"GET"},
    "/nodes": {"GET"},
    "/queues": {"GET"},
    "/queues/nope": {"GET", "DELETE"},
    "/metrics": {"GET"},
    "/users": {"POST"},
    "/scheduled-jobs": {"GET", "POST"},
    f"/scheduled-jobs/{NOBODY}": {"GET", "PUT", "DELETE"},
    f"/scheduled-jobs/{NOBODY}/pause": {"PUT"},
    f"/scheduled-jobs/{NOBODY}/resume": {"PUT"},
}


@pytest.mark.parametrize("path", ROUTES)
def test_a_known_path_refuses_other_methods(tork: Tork, path: str):
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - ROUTES[path]:
        answer = tork.ask(method, path)
        assert answer.status_code == 405, method
        assert answer.json() == {"message": "Method Not Allowed"}


@pytest.mark.parametrize("path", ROUTES)
def test_a_path_is_exact(tork: Tork, path: str):
    assert tork.missing(f"{path}/") == "Not Found"
    assert tork.missing(f"{path}/and/more") == "Not Found"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/jobs/{}", "job not found"),
        ("/jobs/{}/log", "job not found"),
        ("/tasks/{}", "task not found"),
        ("/tasks/{}/log", "task not found"),
        ("/scheduled-jobs/{}", "scheduled job not found"),
    ],
)
@pytest.mark.parametrize(
    "word", [NOBODY, "0" * 32, "nope", "A" * 32, "%2e%2e", "%00", "%ff", "ü" * 9]
)
def test_unknown_ids_are_not_found(tork: Tork, path: str, message: str, word: str):
    found = tork.missing(path.format(word))
    assert found in (message, "Not Found")
    if word in (NOBODY, "0" * 32):
        assert found == message


@pytest.mark.parametrize("verb", ["cancel", "restart"])
def test_verbs_on_unknown_jobs_are_not_found(tork: Tork, verb: str):
    assert tork.missing(f"/jobs/{NOBODY}/{verb}", "PUT") == "job not found"


@pytest.mark.parametrize(
    ("method", "tail"), [("PUT", "/pause"), ("PUT", "/resume"), ("DELETE", "")]
)
def test_verbs_on_unknown_scheduled_jobs_are_not_found(tork: Tork, method: str, tail: str):
    assert tork.missing(f"/scheduled-jobs/{NOBODY}{tail}", method) == "scheduled job not found"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/yaml",
        "application/x-yaml",
        "application/yaml",
        "text/x-yaml",
        "TEXT/YAML",
        "text/yaml; charset=utf-8",
        " text/yaml ;x=y",
    ],
)
@pytest.mark.parametrize("path", ["/jobs", "/scheduled-jobs"])
def test_yaml_is_read_under_all_its_names(tork: Tork, content_type: str, path: str):
    text = GOOD + ("schedule:\n  cron: 0 0 1 1 *\n" if path != "/jobs" else "")
    answer = tork.ask("POST", path, data=text, headers={"Content-Type": content_type.strip()})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"],
)
def test_json_is_read_with_parameters(tork: Tork, content_type: str):
    body = json.dumps({"name": "j", "tasks": [{"name": "t", "run": "exit 0"}]})
    answer = tork.ask("POST", "/jobs", data=body, headers={"Content-Type": content_type})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("path", ["/jobs", "/scheduled-jobs"])
def test_other_content_types_are_named(tork: Tork, path: str):
    answer = tork.ask("POST", path, data=GOOD.encode(), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400
    assert answer.json()["message"] == "unknown content type: text/plain"
    answer = tork.ask("POST", path, data=GOOD.encode())
    assert answer.status_code == 400
    assert answer.json()["message"] == "missing content type"


def test_the_largest_body(tork: Tork):
    def answer(size: int):
        text = GOOD + "description: "
        return tork.ask(
            "POST",
            "/jobs",
            data=text + "x" * (size - len(text)),
            headers={"Content-Type": "text/yaml"},
        )

    assert answer(500 * 1024).status_code == 200
    over = answer(500 * 1024 + 1)
    assert over.status_code == 413
    assert over.json() == {"message": "Request Entity Too Large"}


def test_health(tork: Tork):
    found = tork.session.get(f"{tork.url}/health", timeout=30)
    assert found.status_code == 200
    assert found.json()["status"] == "UP"
    assert found.json()["version"]


def test_the_submit_answer(tork: Tork):
    found = tork.summary(
        {"run": "exit 0"},
        name="a name",
        description="text",
        tags=["x", "y"],
        inputs={"a": "b"},
        output="{{ inputs.a }}",
    )
    assert ID.fullmatch(found["id"])
    assert TIME.fullmatch(found["createdAt"])
    assert found["createdBy"]["username"] == "guest"
    assert found["createdBy"]["name"] == "Guest"
    assert found["createdBy"]["disabled"] is True
    assert ID.fullmatch(found["createdBy"]["id"])
    for key in ("createdBy", "createdAt", "id"):
        del found[key]
    assert found == {
        "name": "a name",
        "description": "text",
        "tags": ["x", "y"],
        "inputs": {"a": "b"},
        "state": "PENDING",
        "position": 0,
        "taskCount": 1,
    }


def test_a_finished_job_in_full(tork: Tork):
    job = tork.done(
        {"name": "one", "run": "echo -n 1 > $TORK_OUTPUT", "var": "one", "env": {"A": "{{ 1+1 }}"}},
        {"name": "two", "run": "exit 0"},
        {"name": "three", "run": "exit 0"},
        output="{{ tasks.one }}!",
        inputs={"i": "j"},
    )
    check_filled(job)
    assert job["position"] == 4
    assert job["taskCount"] == 3
    assert job["progress"] == 100
    assert job["result"] == "1!"
    assert job["output"] == "{{ tasks.one }}!"
    assert "error" not in job
    assert "failedAt" not in job
    assert job["createdAt"] <= job["startedAt"] <= job["completedAt"]
    assert job["context"] == {
        "job": {"id": job["id"], "name": "job"},
        "inputs": {"i": "j"},
        "tasks": {"one": "1"},
    }
    assert job["tasks"] == [
        {"name": "one", "run": "echo -n 1 > $TORK_OUTPUT", "var": "one", "env": {"A": "{{ 1+1 }}"}},
        {"name": "two", "run": "exit 0"},
        {"name": "three", "run": "exit 0"},
    ]
    assert [one["name"] for one in job["execution"]] == ["one", "two", "three"]
    nodes = {node["id"] for node in tork.get("/nodes")}
    for place, one in enumerate(job["execution"], 1):
        assert ID.fullmatch(one["id"])
        assert one["jobId"] == job["id"]
        assert one["position"] == place
        assert one["state"] == "COMPLETED"
        assert one["queue"] == "default"
        assert one["nodeId"] in nodes
        assert one["createdAt"] <= one["scheduledAt"] <= one["startedAt"] <= one["completedAt"]
        for key in ("createdAt", "scheduledAt", "startedAt", "completedAt"):
            assert TIME.fullmatch(one[key])
        assert "parentId" not in one
        assert tork.get(f"/tasks/{one['id']}") == one
    assert job["execution"][0]["env"] == {"A": "2"}
    assert job["execution"][0]["result"] == "1"


def test_pages_of_jobs(tork: Tork):
    tag = uuid.uuid4().hex
    ids = [tork.submit("exit 0", tags=[tag]) for _ in range(12)]
    for job_id in ids:
        tork.over(job_id)
    first = tork.get("/jobs", q=f"tag:{tag}")
    assert list(first) == ["items", "number", "size", "totalPages", "totalItems"]
    assert (first["number"], first["size"], first["totalPages"]) == (1, 10, 2)
    assert first["totalItems"] == 12
    assert [job["id"] for job in first["items"]] == ids[:1:-1]
    for job in first["items"]:
        check_filled(job)
        assert "execution" not in job
        assert "tasks" not in job
    second = tork.get("/jobs", q=f"tag:{tag}", page=2)
    assert [job["id"] for job in second["items"]] == [ids[1], ids[0]]
    assert (second["number"], second["size"]) == (2, 2)
    for query, number, size in (
        ({"size": 0}, 1, 1),
        ({"size": -5}, 1, 1),
        ({"size": 1000}, 1, 12),
        ({"size": 20}, 1, 12),
        ({"page": -3}, 1, 10),
        ({"page": 0}, 1, 10),
        ({"page": 3}, 3, 0),
        ({"page": 2**63 - 1, "size": 20}, 2**63 - 1, 0),
    ):
        page = tork.get("/jobs", q=f"tag:{tag}", **query)
        assert (page["number"], page["size"], page["totalItems"]) == (number, size, 12), query
        assert len(page["items"]) == size
    none = tork.get("/jobs", q="tag:" + uuid.uuid4().hex)
    assert none == {"items": [], "number": 1, "size": 0, "totalPages": 0, "totalItems": 0}


@pytest.mark.parametrize(
    "value", ["x", "1.5", "1e3", "9223372036854775808", "0x1", "\uff11", " 1", "--1"]
)
@pytest.mark.parametrize("key", ["page", "size"])
def test_pages_want_integers(tork: Tork, key: str, value: str):
    words = "invalid page number" if key == "page" else "invalid size"
    job_id = tork.submit("exit 0")
    for path in ("/jobs", "/scheduled-jobs", f"/jobs/{job_id}/log"):
        answer = tork.ask("GET", path, params={key: value})
        assert answer.status_code == 404, (path, value)
        assert answer.json()["message"] == f"{words}: {value}"


def test_search(tork: Tork):
    word = "w" + uuid.uuid4().hex
    one = tork.submit("exit 0", name=f"Nightly {word} thumbnails", tags=["red", word])
    two = tork.submit("exit 1", name="other", description=f"very {word}-hyphen_x", tags=["blue"])
    tork.over(one)
    tork.over(two)

    def ids(q: str) -> list[str]:
        return [job["id"] for job in tork.get("/jobs", q=q)["items"]]

    assert ids(word) == [two, one]
    assert ids(word.upper()) == [two, one]
    assert ids(f"{word} NIGHTLY") == [one]
    assert ids(f"{word} failed") == [two]
    assert ids(f"{word} COMPLETED") == [one]
    assert ids(f"{word}-hyphen") == ids(f"hyphen.{word}")
    assert ids(f"tag:{word}") == [one]
    assert ids(f"tags:nope,{word}") == [one]
    assert ids(f"tag:red tag:blue {word}") == [two, one]
    assert ids(f"tags:red,blue {word} thumbnails") == [one]
    assert ids(f"tag:nope {word}") == []
    assert ids(word[:20]) == []
    assert ids(f"  {word}  ") == [two, one]


@pytest.mark.parametrize(
    "q",
    [
        '"', "'", "*", "%", "(", ")", ":", "-", "^", "AND", "NEAR", "NOT", "OR", "a AND", '"a', "a*",
        "NEAR(a b, 2)", "{a}", "col:x", "\\", "tag:", "tags:", "tags:,,", "tag:%", "tag:'", "\x00",
        "\x00a", "ü", "💥", ";", "--", "/*", "\ud800".encode("utf-8", "surrogatepass"), "a" * 5000,
        "_", "?", "+", "&", "|", "!", "<->",
    ],
)  # fmt: skip
def test_search_words_are_plain_text(tork: Tork, q: str):
    assert tork.ask("GET", "/jobs", params={"q": q}).status_code == 200
    job_id = tork.submit("exit 0")
    assert tork.ask("GET", f"/jobs/{job_id}/log", params={"q": q}).status_code == 200


def test_metrics(tork: Tork):
    found = tork.get("/metrics")
    assert list(found) == ["jobs", "tasks", "nodes"]
    assert set(found["nodes"]) == {"online", "cpuPercent"}
    assert found["nodes"]["online"] >= 2
    answer = tork.ask("GET", "/metrics", headers={"Accept": "application/json, text/plain, */*"})
    assert set(answer.json()) == {"jobs", "tasks", "nodes"}
    job = tork.submit("sleep 1000")
    tork.until(job, "RUNNING")
    found = tork.get("/metrics")
    assert found["jobs"]["running"] >= 1
    assert found["tasks"]["running"] >= 1
    tork.put(f"/jobs/{job}/cancel")


def test_wait_answers_in_full(tork: Tork):
    job = tork.summary("echo -n x > $TORK_OUTPUT", wait={"timeout": "60s"})
    assert job["state"] == "COMPLETED"
    assert job["execution"][0]["result"] == "x"
    assert "wait" not in job
    job = tork.summary("exit 3", wait={"timeout": "60s"})
    assert job["state"] == "FAILED"


def test_wait_gives_up(tork: Tork):
    answer = tork.post(
        {"name": uuid.uuid4().hex, "tasks": [{"name": "t", "run": "sleep 1000"}],
         "wait": {"timeout": "100ms"}, "tags": [tag := uuid.uuid4().hex]}
    )  # fmt: skip
    assert answer.status_code == 408
    assert answer.json() == {"message": "timeout waiting for job to complete"}
    job = tork.get("/jobs", q=f"tag:{tag}")["items"][0]
    assert job["state"] in ("PENDING", "SCHEDULED", "RUNNING")
    tork.put(f"/jobs/{job['id']}/cancel")


@pytest.mark.parametrize(
    "wait", [{}, {"timeout": ""}, {"timeout": "x"}, {"timeout": "-1s"}, {"timeout": 5}, []]
)
def test_wait_wants_a_duration(tork: Tork, wait: object):
    tork.refused({"name": "j", "tasks": [{"name": "t"}], "wait": wait})


def test_users(tork: Tork):
    name = "u" + uuid.uuid4().hex
    answer = tork.ask("POST", "/users", json={"name": "N", "username": name, "password": "pa"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert ID.fullmatch(found.pop("id"))
    assert TIME.fullmatch(found.pop("createdAt"))
    assert found == {"name": "N", "username": name}

    def refused(**body: object) -> str:
        answer = tork.ask(
            "POST", "/users", data=json.dumps(body), headers={"Content-Type": "text/plain"}
        )
        assert answer.status_code == 400
        return answer.json()["message"]

    assert refused(name="N", username=name, password="x") == "user already exists"
    assert refused(name="N", username="  ", password="x") == "must provide username"
    assert refused(name="N", password="x") == "must provide username"
    assert refused(name="N", username="x", password=" ") == "must provide password"
    assert refused(username="guest", password="x") == "user already exists"
