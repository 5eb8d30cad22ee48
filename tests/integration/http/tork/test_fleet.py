"""Nodes, queues and counters."""

import pytest

from app.domain.clock import seconds

INTERNAL = {
    "completed", "error", "heartbeat", "jobs", "logs", "pending", "progress", "redeliveries",
    "started",
}  # fmt: skip


def age(server, worker, by_s):
    """Let a worker have been silent for some time."""
    store = server.services.store
    with store.transaction():
        store.run(
            "UPDATE worker SET heartbeat_at = heartbeat_at - ? WHERE id = ?",
            (seconds(by_s), worker.record.id),
        )


def test_queues_are_listed_by_name_internal_ones_and_default_always(fresh):
    listed = fresh.get("/queues").json
    assert [queue["name"] for queue in listed] == sorted(INTERNAL | {"default"})
    assert {queue["name"]: queue["subscribers"] for queue in listed} == {
        **dict.fromkeys(INTERNAL, 1),
        "default": 0,
    }
    assert all(queue.keys() == {"name", "size", "subscribers", "unacked"} for queue in listed)


def test_queue_figures_tell_waiting_slots_and_taken(fresh):
    worker = fresh.worker(default=3, gpu=2)
    for _ in range(4):
        fresh.submit()
    worker.take()
    queue = {"name": "default", "size": 3, "subscribers": 3, "unacked": 1}
    assert fresh.get("/queues/default").json == queue
    assert fresh.get("/queues/gpu").json["subscribers"] == 2
    own = f"x-{worker.record.public_id}"
    assert fresh.get(f"/queues/{own}").json == {
        "name": own, "size": 0, "subscribers": 1, "unacked": 0,
    }  # fmt: skip


def test_queue_nobody_listens_to_is_listed_while_a_task_waits_in_it(fresh):
    job_id = fresh.submit(defaults={"queue": "lonely"})
    assert fresh.get("/queues/lonely").json["size"] == 1
    fresh.put(f"/jobs/{job_id}/cancel")
    answer = fresh.get("/queues/lonely")
    assert (answer.status, answer.json) == (404, {"message": "queue lonely not found"})


def test_deleting_a_queue_fails_what_waits_and_leaves_what_runs(fresh):
    worker = fresh.worker(doomed=1)
    running = fresh.submit(defaults={"queue": "doomed"})
    claimed = worker.take("tork/doomed")
    waiting = fresh.submit(defaults={"queue": "doomed"})
    answer = fresh.request("DELETE", "/queues/doomed")
    assert (answer.status, answer.body) == (200, b"")
    document = fresh.get(f"/jobs/{waiting}").json
    assert (document["state"], document["error"]) == ("FAILED", "queue doomed was deleted")
    worker.finish(claimed)
    assert fresh.get(f"/jobs/{running}").json["state"] == "COMPLETED"
    again = fresh.submit(defaults={"queue": "doomed"})
    assert fresh.get(f"/jobs/{again}").json["state"] == "SCHEDULED"


@pytest.mark.parametrize("name", [*sorted(INTERNAL), "x-1", "x-abc"])
def test_only_task_queues_can_be_deleted(server, name):
    answer = server.request("DELETE", f"/queues/{name}")
    assert (answer.status, answer.json) == (400, {"message": f"queue {name} is not a task queue"})


@pytest.mark.parametrize("name", ["nope", "%00", "%ff", "tork%2Fdefault", "a%20b"])
def test_unknown_queue_is_not_found(server, name):
    for method in ("GET", "DELETE"):
        answer = server.request(method, f"/queues/{name}")
        assert answer.status == 404
        assert answer.json.keys() == {"message"}


def test_nodes_show_coordinators_and_workers_of_ours(fresh):
    worker = fresh.worker(default=1)
    workers = fresh.services.engine.workers
    coordinator = workers.register(dialect="", kind="coordinator", name="ticker", hostname="h")
    workers.register(dialect="", kind="daemon", name="m", queues={"mantis/pool": 4})
    workers.register(dialect="flamenco", kind="remote", name="r", queues={"flamenco/render": 1})
    workers.heartbeat(worker.record.id, cpu_percent=12.5)
    fresh.submit()
    worker.take()
    first, second = fresh.get("/nodes").json
    assert first == {
        "id": coordinator.public_id, "name": "Coordinator", "status": "UP", "hostname": "h",
        "cpuPercent": 0.0, "taskCount": 0, "version": first["version"],
        "startedAt": first["startedAt"], "lastHeartbeatAt": first["lastHeartbeatAt"],
    }  # fmt: skip
    assert (second["name"], second["taskCount"], second["cpuPercent"]) == ("Worker", 1, 12.5)
    assert second["queue"] == f"x-{second['id']}"
    assert second["version"] == "9.9"
    assert fresh.get("/metrics").json["nodes"] == {"online": 2, "cpuPercent": 6.25}


def test_silent_node_is_offline_and_then_gone(fresh):
    worker = fresh.worker(default=1)
    age(fresh, worker, 61)
    [node] = fresh.get("/nodes").json
    assert node["status"] == "OFFLINE"
    assert fresh.get(f"/queues/x-{node['id']}").status == 404
    assert fresh.get("/queues/default").json["subscribers"] == 0
    age(fresh, worker, 240)
    assert fresh.get("/nodes").json == []


def test_node_that_said_it_is_down_is_shown_so(fresh):
    worker = fresh.worker(default=1)
    fresh.services.engine.workers.heartbeat(worker.record.id, status="DOWN")
    assert fresh.get("/nodes").json[0]["status"] == "DOWN"
    age(fresh, worker, 61)
    assert fresh.get("/nodes").json[0]["status"] == "DOWN"


def test_names_of_nodes_are_settings(servers):
    named = servers.inside("[tork]\ncoordinator.name = 'Boss'\nworker.name = 'Hand'\n")
    named.worker(default=1)
    named.services.engine.workers.register(dialect="", kind="coordinator", name="ticker")
    assert [node["name"] for node in named.get("/nodes").json] == ["Boss", "Hand"]


def test_metrics_count_running_jobs_and_tasks(fresh):
    worker = fresh.worker(default=2)
    zero = {
        "jobs": {"running": 0},
        "tasks": {"running": 0},
        "nodes": {"online": 1, "cpuPercent": 0.0},
    }
    assert fresh.get("/metrics").json == zero
    for _ in range(3):
        fresh.submit()
    worker.take()
    worker.take()
    document = fresh.get("/metrics", Accept="application/json, text/plain, */*").json
    assert (document["jobs"], document["tasks"]) == ({"running": 2}, {"running": 2})


def test_prometheus_gets_its_text_where_it_asks_for_it(fresh):
    fresh.submit()
    for path, accept in (
        ("/metrics", "text/plain; version=0.0.4"),
        ("/metrics", "application/openmetrics-text; version=1.0.0, text/plain;q=0.5, */*;q=0.1"),
        ("/metrics/prometheus", "application/json"),
    ):
        answer = fresh.get(path, Accept=accept)
        assert answer.status == 200
        assert b'jobyard_jobs{dialect="tork",state="SCHEDULED"} 1.0' in answer.body
        assert b'jobyard_queue_size{queue="tork/default"} 1.0' in answer.body
    assert fresh.get("/metrics", Accept="text/html").json["jobs"] == {"running": 0}
