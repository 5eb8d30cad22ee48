"""A pedantic client of the Mantis dialect: what holds for every answer is checked on every answer."""

from __future__ import annotations

import itertools
import json
import secrets
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import requests

from app.domain.clock import SECOND, SystemClock
from tests.yard import Yard, eventually

ERROR_KEYS = {"time", "host", "error", "requestId"}
SLEEP = "shell:exec sleep 100000"
# Keeps a job in Accepted: its workers are Launched until somebody reports a heartbeat.
EXTERNAL = [{"name": "mantis.job.worker.heartbeat.source", "value": "external"}]
DEFAULT_MIGRATION = {
    "strategy": "PERCENTAGE",
    "configString": '{"percentToMove":25,"intervalMs":60000}',
}
ACTIVE = ("Accepted", "Launched")
TERMINAL = ("Completed", "Failed")


class _LeftOut:
    """What stands for no value at all; it says the same in every process, as names of cases must."""

    def __repr__(self) -> str:
        return "left out"


LEAVE_OUT = _LeftOut()

_numbers = itertools.count(1)


def now_ms() -> int:
    """Give the time, in whole Unix milliseconds."""
    return SystemClock().now() * 1000 // SECOND


def unique(word: str = "c") -> str:
    """Make a cluster name that no other test uses and no other name contains."""
    return f"{word}{secrets.token_hex(4)}x{next(_numbers)}q"


def without(document: dict[str, Any]) -> dict[str, Any]:
    """Drop the keys that a test wants left out."""
    return {key: value for key, value in document.items() if value is not LEAVE_OUT}


def machine(**over: Any) -> dict[str, Any]:
    given = {"cpuCores": 0.1, "memoryMB": 10, "diskMB": 5, "networkMbps": 128, "numPorts": 1}
    return without({**given, **over})


def stage(instances: Any = 1, **over: Any) -> dict[str, Any]:
    given = {
        "numberOfInstances": instances,
        "machineDefinition": machine(),
        "scalable": True,
        "softConstraints": [],
        "hardConstraints": [],
    }
    return without({**given, **over})


def scheduling(*stages: Any, zero: Any = None) -> dict[str, Any]:
    """Make a schedulingInfo of stages 1, 2 …; a number stands for a stage of that many workers."""
    made = {} if zero is None else {"0": zero if isinstance(zero, dict) else stage(zero)}
    for number, one in enumerate(stages or (1,), 1):
        made[str(number)] = one if isinstance(one, dict) else stage(one)
    return {"stages": made}


def definition(name: Any, **over: Any) -> dict[str, Any]:
    """Make the body that creates a cluster; owner and jobPrincipal lie beside the definition."""
    beside = {key: over.pop(key) for key in ("owner", "jobPrincipal") if key in over}
    given = {
        "name": name,
        "user": "tester",
        "jobJarFileLocation": SLEEP,
        "version": "1",
        "schedulingInfo": scheduling(1),
    }
    return {"jobDefinition": without({**given, **over}), **beside}


def pairs(**values: Any) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def as_dict(items: list[dict[str, Any]]) -> dict[str, str]:
    """Give the labels or parameters by name; a name must not be there twice."""
    found = {one["name"]: one["value"] for one in items}
    assert len(found) == len(items), items
    return found


def crowd(calls: list[Callable[[], object]]) -> None:
    """Make all the calls at once and wait until they are done."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def check_error(answer: requests.Response) -> str:
    """Check the one form of every error and give its text."""
    found = answer.json()
    assert isinstance(found, dict), found
    assert set(found) - {"code"} == ERROR_KEYS, found
    assert type(found["time"]) is int
    assert abs(found["time"] - now_ms()) < 3_600_000
    assert isinstance(found["host"], str)
    assert found["host"]
    assert isinstance(found["error"], str)
    assert found["error"].strip()
    assert "Traceback" not in found["error"]
    assert type(found["requestId"]) is int
    return found["error"]


def check_answer(answer: requests.Response, method: str = "GET") -> None:
    """Check what holds for every answer that is no stream."""
    what = (method, answer.url[:300], answer.status_code, answer.text[:2000])
    assert answer.status_code < 500, what
    assert answer.status_code not in (301, 302, 303, 307, 308), what
    assert answer.headers.get("Access-Control-Allow-Origin") == "*", what
    if method in ("HEAD", "OPTIONS"):
        return
    if answer.status_code in (202, 204):
        assert answer.content == b"", what
        return
    assert answer.headers["Content-Type"] == "application/json", what
    if answer.status_code >= 400:
        check_error(answer)
    else:
        answer.json()


class Mantis:
    """Speaks to one server."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.session = requests.Session()
        self.busy: list[Cluster] = []

    # -- any route ------------------------------------------------------------------------------

    def url(self, path: str) -> str:
        return f"{self.yard.url}{path if path.startswith('/api/') else '/api/v1' + path}"

    def raw(self, method: str, path: str, **options: Any) -> requests.Response:
        """Ask without checking anything."""
        given = {"timeout": 60, "allow_redirects": False, **options}
        return self.session.request(method, self.url(path), **given)

    def ask(self, method: str, path: str, body: Any = LEAVE_OUT, **options: Any):
        """Ask and check what holds for every answer; bytes are sent as they are."""
        if isinstance(body, bytes):
            options["data"] = body
        elif body is not LEAVE_OUT:
            options["data"] = json.dumps(body).encode()
            options.setdefault("headers", {"Content-Type": "application/json"})
        answer = self.raw(method, path, **options)
        check_answer(answer, method)
        return answer

    def get(self, path: str, query: Any = None, **more: Any) -> Any:
        answer = self.ask("GET", path, params=query or more)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    def expect(self, status: int, method: str, path: str, body: Any = LEAVE_OUT, **options: Any):
        """Ask for an answer of this status and give its content."""
        answer = self.ask(method, path, body, **options)
        assert answer.status_code == status, (method, path, body, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def refused(self, status: int, method: str, path: str, body: Any = LEAVE_OUT, **options: Any):
        """Ask for what must be refused and give the text of the error."""
        return self.expect(status, method, path, body, **options)["error"]

    # -- clusters -------------------------------------------------------------------------------

    def cluster(self, name: str = "", *, keep: bool = False, **over: Any) -> Cluster:
        """Create a cluster. Its jobs end with the test unless it is to be kept."""
        cluster = Cluster(self, name or unique())
        if not keep:
            self.busy.append(cluster)
        cluster.created = self.expect(201, "POST", "/jobClusters", definition(cluster.name, **over))
        return cluster

    def settle(self) -> None:
        """End the jobs of all clusters that need not be kept."""
        while self.busy:
            self.busy.pop().end()

    # -- jobs -----------------------------------------------------------------------------------

    def job(self, job_id: str, **query: Any) -> dict[str, Any]:
        return self.get(f"/jobs/{quote(job_id, safe='')}", archived="true", **query)

    def state(self, job_id: str) -> str:
        return self.job(job_id)["jobMetadata"]["state"]

    def until(self, job_id: str, *states: str) -> dict[str, Any]:
        """Wait until a job is in one of these states and give its view."""
        seen: list[Any] = []

        def there() -> dict[str, Any] | None:
            view = self.job(job_id)
            seen[:] = [view]
            return view if view["jobMetadata"]["state"] in states else None

        try:
            return eventually(there, f"{job_id} in {states}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen}") from None

    def launched(self, job_id: str) -> dict[str, Any]:
        return self.until(job_id, "Launched")

    def workers_until(self, job_id: str, condition: Any, what: str) -> list[dict[str, Any]]:
        """Wait until the current workers of a job are as wanted, and give them."""

        def there() -> list[dict[str, Any]] | None:
            workers = self.job(job_id)["workerMetadataList"]
            return workers if condition(workers) else None

        return eventually(there, f"workers of {job_id}: {what}")

    def archived(self, job_id: str, **query: Any) -> list[dict[str, Any]]:
        return self.get(f"/jobs/{job_id}/archivedWorkers", **query)["list"]

    def kill(self, job_id: str) -> None:
        path = f"/jobs/{quote(job_id, safe='')}"
        self.expect(202, "DELETE", path, params={"user": "tester", "reason": "done"})

    def status(self, job_id: str, worker: dict[str, Any], kind: str = "INFO", **more: Any) -> None:
        """Post a status of a worker, as the worker itself would."""
        status = {
            "jobId": job_id,
            "stageNum": worker["stageNum"],
            "workerIndex": worker["workerIndex"],
            "workerNumber": worker["workerNumber"],
            "type": kind,
            "message": "told by a test",
            "state": "Noop",
            "hostname": None,
            "timestamp": now_ms(),
            "reason": "Normal",
            "payloads": [],
            **more,
        }
        body = {"jobId": job_id, "status": without(status)}
        self.expect(204, "POST", "/jobs/actions/postJobStatus", body)


class Cluster:
    """One job cluster of a test."""

    def __init__(self, mantis: Mantis, name: str) -> None:
        self.mantis = mantis
        self.name = name
        self.created: dict[str, Any] = {}

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        return f"/jobClusters/{quote(self.name, safe='')}"

    def view(self, **query: Any) -> dict[str, Any]:
        return self.mantis.get(self.path, **query)

    def put(self, status: int = 200, **over: Any) -> Any:
        return self.mantis.expect(status, "PUT", self.path, definition(self.name, **over))

    def act(self, action: str, status: int = 204, **body: Any) -> requests.Response:
        """Do an action on the cluster and give the answer."""
        given = without({"name": self.name, "user": "tester", **body})
        answer = self.mantis.ask("POST", f"{self.path}/actions/{action}", given)
        assert answer.status_code == status, (action, body, answer.status_code, answer.text)
        return answer

    def sla(self, status: int = 204, **body: Any) -> requests.Response:
        return self.act("updateSla", status, **body)

    def wish(self, **over: Any) -> dict[str, Any]:
        """Make the body of a submit."""
        return without({"name": self.name, "user": "tester", **over})

    def submit(self, **over: Any) -> dict[str, Any]:
        """Submit a job and give its view."""
        view = self.mantis.expect(201, "POST", f"{self.path}/jobs", self.wish(**over))
        assert view["jobMetadata"]["state"] in ACTIVE, view
        return view

    def refused(self, status: int = 400, **over: Any) -> str:
        return self.mantis.refused(status, "POST", f"{self.path}/jobs", self.wish(**over))

    def start(self, **over: Any) -> str:
        """Submit a job and give its id."""
        return self.submit(**over)["jobMetadata"]["jobId"]

    def launch(self, **over: Any) -> str:
        """Submit a job, wait until it is Launched and give its id."""
        job_id = self.start(**over)
        self.mantis.launched(job_id)
        return job_id

    def quick(self, **over: Any) -> dict[str, Any]:
        return self.mantis.expect(201, "POST", "/jobs/actions/quickSubmit", self.wish(**over))

    def jobs(self, **query: Any) -> list[dict[str, Any]]:
        return self.mantis.get(f"{self.path}/jobs", **query)["list"]

    def ids(self, **query: Any) -> list[str]:
        """Give the ids of its jobs as a list with this query has them."""
        return [job["jobMetadata"]["jobId"] for job in self.jobs(**query)]

    def active(self) -> list[str]:
        return self.ids(jobState="Active")

    def until_active(self, *numbers: int) -> None:
        """Wait until exactly these jobs, by number, are active."""
        wanted = [f"{self.name}-{number}" for number in numbers]
        eventually(lambda: self.active() == wanted, f"{wanted} active")

    def end(self) -> None:
        """Kill its jobs, start no more."""
        body = {"name": self.name, "user": "tester"}
        self.mantis.raw("POST", f"{self.path}/actions/disableCluster", data=json.dumps(body))
