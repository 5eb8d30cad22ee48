"""Job clusters outlive what is killed: their SLA is restored, and each firing stays one job."""

import contextlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
import requests

from app.wiring import build
from config.settings import load
from tests.yard import Yard, eventually

MACHINE = {"cpuCores": 0.1, "memoryMB": 10}


class Clusters:
    """A client of one server."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard

    def ask(self, method: str, path: str, body: object = None) -> requests.Response:
        return requests.request(method, f"{self.yard.url}/api/v1{path}", json=body, timeout=30)

    def make(self, name: str, *, workers: int = 1, **words: object) -> None:
        stages = {"1": {"numberOfInstances": workers, "machineDefinition": MACHINE}}
        definition = {
            "name": name,
            "user": "u",
            "version": "1",
            "jobJarFileLocation": "shell:exec sleep 100000",
            "schedulingInfo": {"stages": stages},
            **words,
        }
        answer = self.ask("POST", "/jobClusters", {"jobDefinition": definition})
        assert answer.status_code == 201, answer.text

    def jobs(self, name: str, **query: str) -> list[dict]:
        with contextlib.suppress(requests.RequestException):
            words = "&".join(f"{key}={value}" for key, value in query.items())
            answer = self.ask("GET", f"/jobClusters/{name}/jobs?{words}")
            if answer.status_code == 200:
                return answer.json()["list"]
        return []

    def launched(self, name: str, count: int) -> list[dict]:
        """Wait until a cluster has so many jobs, all of them launched, and give them."""

        def there() -> list[dict] | None:
            found = self.jobs(name)
            well = [job for job in found if job["jobMetadata"]["state"] == "Launched"]
            started = all(
                worker["state"] == "Started" for job in well for worker in job["workerMetadataList"]
            )
            return found if len(found) == len(well) == count and started else None

        return eventually(there, f"{count} launched jobs of {name}")


def numbers(job: dict) -> list[int]:
    return [worker["workerNumber"] for worker in job["workerMetadataList"]]


@pytest.fixture
def clusters(yard: Yard) -> Clusters:
    return Clusters(yard)


def test_workers_are_replaced_when_their_machine_is_killed(yard: Yard, clusters: Clusters):
    clusters.make("kept", workers=3, slaMin=2, slaMax=2)
    before = clusters.launched("kept", 2)
    yard.kill("worker")

    def replaced() -> bool:
        return all(min(numbers(job)) > 3 for job in clusters.jobs("kept")[:2] or before)

    eventually(replaced, "new workers")
    after = clusters.launched("kept", 2)
    assert [job["jobMetadata"]["jobId"] for job in after] == ["kept-1", "kept-2"]
    for job in after:
        assert len(numbers(job)) == 3


def test_a_cluster_is_as_it_was_after_everything_was_killed(yard: Yard, clusters: Clusters):
    clusters.make("kept", slaMin=1, slaMax=1)
    clusters.launched("kept", 1)
    assert clusters.ask("DELETE", "/jobs/kept-1?user=u&reason=r").status_code == 202
    yard.kill_all()
    yard.start()
    (job,) = clusters.launched("kept", 1)
    assert job["jobMetadata"]["jobId"] == "kept-2"
    answer = clusters.ask("GET", "/jobs/kept-1?archived=true").json()
    assert answer["jobMetadata"]["state"] == "Completed"
    assert clusters.ask("GET", "/jobClusters/kept").json()["sla"]["min"] == 1


@contextlib.contextmanager
def second_ticker(yard: Yard) -> Iterator[None]:
    """Run one more ticker on the database of a server."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "ticker"],
        env=yard.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait(90)


def test_a_firing_is_one_job_whichever_ticker_is_killed(yard: Yard, clusters: Clusters):
    with second_ticker(yard):
        clusters.make("often", cronSpec="* * * * * ?", cronPolicy="KEEP_NEW")
        eventually(lambda: len(clusters.jobs("often", activeOnly="false")) >= 5, "five firings")
        yard.kill("ticker")
        many = len(clusters.jobs("often", activeOnly="false")) + 5
        eventually(lambda: len(clusters.jobs("often", activeOnly="false")) >= many, "five more")
    services = build(load(yard.environment))
    try:
        with services.store.session():
            rows = services.store.run(
                "SELECT schedule_id, fire_at FROM job WHERE dialect = 'mantis'"
            ).fetchall()
    finally:
        services.close()
    assert len(rows) >= many
    assert max(Counter(rows).values()) == 1
