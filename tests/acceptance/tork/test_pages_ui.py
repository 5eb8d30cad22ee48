"""What the stock web pages read."""

from tests.acceptance.tork.client import Tork


def test_what_the_pages_read(tork: Tork):
    job = tork.done("echo x; echo -n r > $TORK_OUTPUT", {"name": "s", "if": "false"})
    page = tork.get("/jobs", page=1, q="")
    assert isinstance(page["totalItems"], int)
    item = next(one for one in page["items"] if one["id"] == job["id"])
    wanted = {
        "id",
        "name",
        "createdAt",
        "completedAt",
        "position",
        "taskCount",
        "startedAt",
        "state",
    }
    assert wanted <= set(item)
    found = tork.get(f"/jobs/{job['id']}")
    assert isinstance(found["execution"], list)
    for one in found["execution"]:
        assert {"id", "name", "state", "startedAt", "completedAt"} <= set(one)
    for path in (f"/jobs/{job['id']}/log", f"/tasks/{job['execution'][0]['id']}/log"):
        log = tork.get(path, page=1, size=50)
        assert log["totalPages"] == 1
        assert log["items"][0]["contents"] == "x\n"
    metrics = tork.get("/metrics")
    for group, keys in {
        "jobs": ["running"],
        "tasks": ["running"],
        "nodes": ["online", "cpuPercent"],
    }.items():
        for key in keys:
            assert isinstance(metrics[group][key], int | float)
    for node in tork.get("/nodes"):
        keys = {
            "id",
            "name",
            "hostname",
            "version",
            "startedAt",
            "cpuPercent",
            "taskCount",
            "status",
        }
        assert keys <= set(node)


def test_execution_is_a_list_from_the_first_moment(tork: Tork):
    found = tork.job(tork.submit({"queue": "nobody-ui", "run": "exit 0"}))
    assert isinstance(found["execution"], list)
    assert found["createdAt"]
    assert "message" not in found
    tork.put(f"/jobs/{found['id']}/cancel")


def test_answers_of_success_have_no_message(tork: Tork):
    assert "message" not in tork.post("name: x\ntasks: [{name: t, run: exit 0}]").json()
