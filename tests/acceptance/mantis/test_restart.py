"""A restart, gentle or not: clusters, jobs, SLAs and cron are there again."""

import contextlib
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.acceptance.mantis.client import (
    EXTERNAL,
    Cluster,
    Mantis,
    definition,
    pairs,
    scheduling,
    unique,
)
from tests.acceptance.mantis.streams import Sse
from tests.yard import Yard, eventually

NOON = "0 0 12 * * ?"


@pytest.fixture(scope="module")
def restless() -> Iterator[Mantis]:
    """A server that is started anew by these tests; they run one after the other."""
    folder = Path(tempfile.mkdtemp(prefix="jy"))
    yard = Yard(folder, JOBYARD_WEB_PROCESSES="2")
    try:
        yield Mantis(yard.start())
    finally:
        yard.end()
        shutil.rmtree(folder, ignore_errors=True)


def again(mantis: Mantis) -> None:
    mantis.yard.start()
    mantis.session = requests.Session()


def test_all_is_there_after_a_restart(restless: Mantis):
    cluster = restless.cluster(
        keep=True, parameters=EXTERNAL, labels=pairs(a="b"), slaMin=1, slaMax=2
    )
    cluster.until_active(1)
    crons = restless.cluster(
        keep=True, parameters=EXTERNAL, cronSpec="* * * * * ?", cronPolicy="KEEP_NEW"
    )
    noon = restless.cluster(keep=True, cronSpec=NOON)
    off = restless.cluster(keep=True, cronSpec=NOON)
    off.act("disableCluster")
    plain = restless.cluster(keep=True, schedulingInfo=scheduling(2))
    ended = plain.start(parameters=pairs(command="exit 0"))
    restless.until(ended, "Completed")
    restless.expect(200, "POST", "/agentClusters", ["kept"])
    clusters = [noon, off, cluster, plain]
    before = [one.view() for one in clusters], restless.job(ended), restless.archived(ended)
    created = restless.get("/masterInfo")["createTime"]
    eventually(lambda: crons.view()["lastJobCount"] >= 1, "a firing")
    restless.yard.stop()
    again(restless)
    assert (
        [one.view() for one in clusters],
        restless.job(ended),
        restless.archived(ended),
    ) == before
    assert restless.get("/agentClusters") == ["kept"]
    restless.expect(200, "POST", "/agentClusters", [])
    assert restless.get("/masterInfo")["createTime"] > created
    count = crons.view()["lastJobCount"]
    eventually(lambda: crons.view()["lastJobCount"] > count, "a firing after the restart")
    crons.end()
    restless.kill(f"{cluster}-1")
    eventually(lambda: cluster.active() == [f"{cluster}-2"], "the SLA after the restart")
    assert plain.start(parameters=EXTERNAL) == f"{plain}-2"
    for one in clusters:
        one.end()


def test_work_goes_on_after_every_process_was_killed(restless: Mantis):
    """kill -9 amid submits: what was answered is there, nothing is there twice, jobs come up again."""
    cluster = restless.cluster(keep=True, schedulingInfo=scheduling(1, zero=1))
    running = cluster.launch(jobSla={"userProvidedType": "the one"})
    answered: list[str] = []
    stop = threading.Event()

    def submit() -> None:
        client = Mantis(restless.yard)
        with contextlib.suppress(requests.RequestException):
            while not stop.is_set():
                answer = client.raw(
                    "POST", f"{cluster.path}/jobs", json=cluster.wish(parameters=EXTERNAL)
                )
                answered.append(answer.json()["jobMetadata"]["jobId"])

    threads = [threading.Thread(target=submit) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(answered) > 5, "some submits")
    restless.yard.kill_all()
    stop.set()
    for thread in threads:
        thread.join()
    again(restless)
    found = cluster.ids(activeOnly="false")
    assert len(answered) == len(set(answered))
    assert set(answered) <= set(found)
    numbers = [int(job_id.rpartition("-")[2]) for job_id in found]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert cluster.view()["lastJobCount"] == len(numbers)
    assert cluster.submit(jobSla={"userProvidedType": "the one"})["jobMetadata"]["jobId"] == running
    restless.workers_until(
        running, lambda ws: {w["state"] for w in ws} == {"Started"}, "Started again"
    )
    assert restless.state(running) == "Launched"
    cluster.end()
    eventually(lambda: cluster.active() == [], "the end of all")


def test_one_of_two_web_processes_may_die_at_any_time(restless: Mantis):
    cluster = restless.cluster(
        keep=True, jobJarFileLocation="shell:while :; do echo tick; sleep 0.2; done"
    )
    cluster.launch()
    for worker in restless.yard.part("web").children():
        worker.kill()

        def answers(method="GET", path=cluster.path, **options) -> bool:
            try:
                return Mantis(restless.yard).raw(method, path, **options).status_code < 300
            except requests.RequestException:
                return False

        eventually(answers, "an answer")
    with Sse(restless, f"/jobConnectbyid/{cluster}-1") as sink:
        sink.until(3)
    cluster.end()


# -- two servers on one database ------------------------------------------------------------------------


@pytest.fixture
def pair(postgres_url: str) -> Iterator[tuple[Mantis, Mantis]]:
    """Two whole servers on one PostgreSQL."""
    folders = [Path(tempfile.mkdtemp(prefix="jy")) for _ in range(2)]
    yards = [Yard(folder, JOBYARD_DATABASE_URL=postgres_url) for folder in folders]
    try:
        yield Mantis(yards[0].start()), Mantis(yards[1].start())
    finally:
        for yard, folder in zip(yards, folders, strict=True):
            yard.end()
            shutil.rmtree(folder, ignore_errors=True)


def test_two_servers_on_one_database_are_one(pair):
    first, second = pair
    name = unique("pair")
    statuses: list[int] = []

    def create(mantis: Mantis):
        return lambda: statuses.append(
            Mantis(mantis.yard).ask("POST", "/jobClusters", definition(name)).status_code
        )

    threads = [threading.Thread(target=create(mantis)) for mantis in pair * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [409] * 7
    here, there = Cluster(first, name), Cluster(second, name)
    assert there.launch(jobSla={"userProvidedType": "k"}) == f"{name}-1"
    assert here.submit(jobSla={"userProvidedType": "k"})["jobMetadata"]["jobId"] == f"{name}-1"
    crons = first.cluster(
        keep=True, parameters=EXTERNAL, cronSpec="* * * * * ?", cronPolicy="KEEP_NEW"
    )
    eventually(lambda: crons.view()["lastJobCount"] >= 4, "firings")
    crons.act("disableCluster")
    jobs = Cluster(second, crons.name).jobs(activeOnly="false")
    moments = [job["jobMetadata"]["submittedAt"] // 1000 for job in jobs]
    assert len(jobs) <= moments[-1] - moments[0] + 2  # each second once, not once by each server
    kept = first.cluster(keep=True, parameters=EXTERNAL, slaMin=2, slaMax=2)
    kept.until_active(1, 2)
    second.kill(f"{kept}-1")
    kept.until_active(2, 3)
    kept.end()
    assert here.view() == there.view()
    with Sse(second, f"/lastSubmittedJobIdStream/{name}") as stream:
        stream.until(1)
        fresh = here.launch()
        stream.until_event(lambda event: event["jobId"] == fresh, "what the other server launched")
    here.end()
    eventually(lambda: there.active() == [], "the end")
