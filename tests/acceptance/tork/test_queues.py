"""Queues, nodes and priority."""

import re

import pytest

from tests.acceptance.tork.client import TIME, Tork, by_name
from tests.yard import eventually

INTERNAL = [
    "completed", "error", "heartbeat", "jobs", "logs", "pending", "progress", "redeliveries",
    "started",
]  # fmt: skip


def test_all_kinds_of_queues_are_listed(tork: Tork):
    found = tork.get("/queues")
    for queue in found:
        assert list(queue) == ["name", "size", "subscribers", "unacked"]
    names = [queue["name"] for queue in found]
    assert names == sorted(names)
    assert {*INTERNAL, "default", "single"} <= set(names)
    by = {queue["name"]: queue for queue in found}
    for name in INTERNAL:
        assert by[name]["subscribers"] >= 1
        assert tork.get(f"/queues/{name}")["name"] == name
    assert by["default"]["subscribers"] == 10
    assert by["single"]["subscribers"] == 1
    workers = [node for node in tork.get("/nodes") if "queue" in node]
    for node in workers:
        assert by[node["queue"]]["subscribers"] == 1


def test_nodes(tork: Tork):
    found = tork.get("/nodes")
    assert [node["name"] for node in found] == ["Coordinator", "Worker"]
    for node in found:
        assert re.fullmatch(r"[0-9A-Za-z]{22}", node["id"])
        assert TIME.fullmatch(node["startedAt"])
        assert TIME.fullmatch(node["lastHeartbeatAt"])
        assert isinstance(node["cpuPercent"], int | float)
        assert node["status"] == "UP"
        assert node["hostname"]
        assert node["version"]
        assert "taskCount" in node
    assert "queue" not in found[0]
    assert found[1]["queue"] == f"x-{found[1]['id']}"


def test_the_node_counts_its_tasks(tork: Tork):
    job_id = tork.submit("sleep 1000")
    tork.until(job_id, "RUNNING")
    node = tork.get("/nodes")[1]
    assert node["taskCount"] >= 1
    assert tork.job(job_id)["execution"][0]["nodeId"] == node["id"]
    tork.put(f"/jobs/{job_id}/cancel")


def test_a_queue_counts_what_waits_and_what_runs(tork: Tork, yard):
    gate = yard.data_dir / "queue-gate"
    wait = {"queue": "single", "run": f"until [ -e {gate} ]; do sleep 0.02; done"}
    first = tork.submit(wait)
    tork.until(first, "RUNNING")
    others = [tork.submit({"queue": "single", "run": "exit 0"}) for _ in range(3)]
    assert tork.get("/queues/single") == {
        "name": "single", "size": 3, "subscribers": 1, "unacked": 1,
    }  # fmt: skip
    gate.touch()
    for job_id in (first, *others):
        assert tork.over(job_id)["state"] == "COMPLETED"
    eventually(
        lambda: (
            tork.get("/queues/single")
            == {"name": "single", "size": 0, "subscribers": 1, "unacked": 0}
        ),
        "an empty queue",
    )


def test_priority_orders_what_waits(tork: Tork, yard):
    gate, order = yard.data_dir / "priority-gate", yard.data_dir / "priority-order"
    first = tork.submit({"queue": "single", "run": f"until [ -e {gate} ]; do sleep 0.02; done"})
    tork.until(first, "RUNNING")
    jobs = []
    for number, priority in enumerate([0, 5, 9, 5, 0, 9]):
        jobs.append(
            tork.submit(
                {"queue": "single", "priority": priority, "run": f"echo {number} >> {order}"}
            )
        )
    jobs.append(
        tork.submit({"queue": "single", "run": f"echo 6 >> {order}"}, defaults={"priority": 7})
    )
    gate.touch()
    for job_id in jobs:
        assert tork.over(job_id)["state"] == "COMPLETED"
    assert order.read_text().split() == ["2", "5", "6", "1", "3", "0", "4"]


def test_deleting_a_queue_fails_what_waits_in_it(tork: Tork, yard):
    gate = yard.data_dir / "delete-gate"
    running = tork.submit({"queue": "single", "run": f"until [ -e {gate} ]; do sleep 0.02; done"})
    tork.until(running, "RUNNING")
    waiting = tork.submit({"queue": "single", "retry": {"limit": 2}, "run": "exit 0"})
    inside = tork.submit(
        {"name": "p", "parallel": {"tasks": [
            {"name": "a", "queue": "single", "run": "exit 0"}, {"name": "b", "run": "sleep 1000"}]}}
    )  # fmt: skip
    answer = tork.ask("DELETE", "/queues/single")
    assert answer.status_code == 200
    assert answer.content == b""
    job = tork.over(inside)
    assert job["state"] == "FAILED"
    assert by_name(job) == {"p": "CANCELLED", "a": "FAILED", "b": "CANCELLED"}
    gate.touch()
    assert tork.over(running)["state"] == "COMPLETED"
    job = tork.over(waiting)
    # The queue came back at once for the retry; without one the error would be the job's.
    assert job["execution"][0]["error"] == "queue single was deleted"
    assert tork.done({"queue": "single", "run": "exit 0"})
    alone = tork.submit({"queue": "gone-soon", "run": "exit 0"})
    assert tork.ask("DELETE", "/queues/gone-soon").status_code == 200
    job = tork.over(alone)
    assert job["state"] == "FAILED"
    assert job["error"] == job["execution"][0]["error"] == "queue gone-soon was deleted"
    assert tork.missing("/queues/gone-soon") == "queue gone-soon not found"


def test_what_cannot_be_deleted(tork: Tork):
    for name in (*INTERNAL, "x-nope", tork.get("/nodes")[1]["queue"]):
        answer = tork.ask("DELETE", f"/queues/{name}")
        assert answer.status_code == 400
        assert answer.json()["message"] == f"queue {name} is not a task queue"
    assert tork.missing("/queues/nope", "DELETE") == "queue nope not found"
    assert tork.missing("/queues/nope") == "queue nope not found"


def test_odd_names_of_queues(tork: Tork):
    name = "a b/ü%?#💥"
    job_id = tork.submit({"queue": name, "run": "exit 0"})
    tork.until(job_id, "SCHEDULED")
    assert name in [queue["name"] for queue in tork.get("/queues")]
    assert tork.put(f"/jobs/{job_id}/cancel")[0] == 200


def test_composites_hold_no_slot(tork: Tork):
    leaf = {"name": "leaf", "queue": "single", "run": "exit 0"}
    deep = leaf
    for _ in range(6):
        deep = {"name": "p", "parallel": {"tasks": [deep, leaf]}}
    assert tork.done(deep)["state"] == "COMPLETED"


@pytest.mark.parametrize("name", ["jobs", "x-1"])
def test_a_template_does_not_lead_into_a_reserved_queue(tork: Tork, name: str):
    job = tork.fails({"queue": f"{{{{ '{name}' }}}}", "run": "exit 0"})
    assert job["error"] == f"queue {name} is not a task queue"
