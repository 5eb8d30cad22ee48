"""One of everything on a server, so that requests drawn from a document lead somewhere."""

from dataclasses import dataclass, field
from typing import Any

PASSWORD = "correct horse battery"
SHOT = {"filepath": "shot.blend", "frame_start": 5, "frame_end": 10}
STAGE = {
    "numberOfInstances": 1,
    "machineDefinition": {
        "cpuCores": 0.1, "memoryMB": 10, "diskMB": 5, "networkMbps": 128, "numPorts": 1,
    },
    "scalable": True,
    "softConstraints": [],
    "hardConstraints": [],
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """Parameters of paths, by name, and headers of somebody who is let in."""

    paths: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def known(server, dialect: str) -> Known:
    """Make one of everything that a dialect's paths name."""
    return {
        "tork": _tork,
        "task_tracker": _tracker,
        "manticore": _manticore,
        "mantis": _mantis,
        "flamenco": _flamenco,
        "jobyard": _jobyard,
        "system": lambda _server: Known({"name": "jobyard"}),
    }[dialect](server)


def _tork(server) -> Known:
    job_id = server.submit()
    return Known(
        {
            "job_id": job_id,
            "schedule_id": _schedule(server),
            "task_id": server.get(f"/jobs/{job_id}").json["execution"][0]["id"],
            "name": "default",
        }
    )


def _jobyard(server) -> Known:
    job_id = server.submit()
    tasks = server.get(f"/api/jobyard/v1/jobs/{job_id}/tasks").json["items"]
    return Known(
        {
            "job_id": job_id,
            "schedule_id": _schedule(server),
            "task_id": tasks[0]["id"],
            "worker_id": server.worker().record.id,
            "name": "shell",
            "token_id": "nobody",
        }
    )


def _schedule(server) -> str:
    body = {"name": "s", "tasks": [{"name": "t"}], "schedule": {"cron": "@daily"}}
    return server.post("/scheduled-jobs", body).json["id"]


def _tracker(server) -> Known:
    registered = server.post("/register", {"username": "manager", "password": PASSWORD})
    cookie = registered.headers["set-cookie"].partition(";")[0]
    worker = _content(server.post("/worker/create", {"alias": "w"}))["worker"]
    caller = {
        "Cookie": cookie,
        "X-Worker-ID": str(worker["id"]),
        "X-Secret": worker["secret"],
    }
    given = {**caller, "Content-Type": "application/json"}
    made = server.request("POST", "/project/create", '{"name": "p", "public": true}', given)
    return Known(
        {
            "project_id": _content(made)["id"],
            "worker_id": worker["id"],
            "manager_id": 1,
            "task_id": 1,
        },
        caller,
    )


def _content(answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    return answer.json["content"]


def _manticore(server) -> Known:
    wanted = server.get("/api/v2/job").json
    return Known({"passcode": wanted.get("passcode", "nobody")})


def _mantis(server) -> Known:
    body = {
        "jobDefinition": {
            "name": "known",
            "user": "tester",
            "jobJarFileLocation": "shell:exec sleep 100000",
            "version": "1",
            "schedulingInfo": {"stages": {"1": STAGE}},
        }
    }
    assert server.post("/api/v1/jobClusters", body).status == 201
    job = server.post("/api/v1/jobs", {"name": "known", "user": "tester"})
    assert job.status == 201, job.body
    return Known({"cluster": "known", "job": "known-1", "number": 1})


def _flamenco(server) -> Known:
    task = server.post("/tasks", {"type": "simple_blender_render", "settings": SHOT})
    assert task.status == 202, task.body
    worker = server.post("/workers", {"hostname": "h", "system": "Linux 6.1"})
    assert worker.status == 200, worker.body
    [shown] = worker.json.values()
    return Known(
        {
            "task_id": task.json["id"],
            "worker_id": shown["id"],
            "job_id": "1",
            "name": "default",
        }
    )
