"""Views of jobs, full and compact; what lists of jobs filter; killing."""

import pytest

from tests.acceptance.mantis.client import (
    EXTERNAL,
    LEAVE_OUT,
    SLEEP,
    Mantis,
    as_dict,
    machine,
    now_ms,
    pairs,
    scheduling,
    stage,
    unique,
)
from tests.yard import eventually

META = {
    "jobId", "name", "user", "submittedAt", "startedAt", "jarUrl", "numStages", "sla", "state", "workerTimeoutSecs",
    "heartbeatIntervalSecs", "subscriptionTimeoutSecs", "parameters", "nextWorkerNumberToUse", "migrationConfig",
    "labels", "costs",
}  # fmt: skip
STAGE = {
    "jobId", "stageNum", "numStages", "machineDefinition", "numWorkers", "hardConstraints", "softConstraints",
    "scalingPolicy", "scalable",
}  # fmt: skip
WORKER = {
    "workerIndex", "workerNumber", "stageNum", "jobId", "numberOfPorts", "metricsPort", "consolePort", "debugPort",
    "customPort", "ports", "state", "slave", "slaveID", "cluster", "acceptedAt", "launchedAt", "startingAt",
    "startedAt", "completedAt", "reason", "resubmitOf", "totalResubmitCount",
}  # fmt: skip
COMPACT = {
    "jobId", "jarUrl", "submittedAt", "terminatedAt", "user", "state", "type", "numStages", "numWorkers", "totCPUs",
    "totMemory", "statesSummary", "labels",
}  # fmt: skip
BIG = machine(cpuCores=0.5, memoryMB=100, diskMB=7, networkMbps=30, numPorts=3)
TWO_STAGES = scheduling(stage(2, machineDefinition=BIG, hardConstraints=["UniqueHost"]), zero=1)
SLA = {
    "runtimeLimitSecs": 0, "minRuntimeSecs": 3, "slaType": "Lossy", "durationType": "Perpetual",
    "userProvidedType": "mine",
}  # fmt: skip


def check_view(view: dict) -> None:
    """Check what holds for every job, whatever its state."""
    assert {
        "jobMetadata",
        "stageMetadataList",
        "workerMetadataList",
        "terminatedAt",
        "version",
    } <= set(view)
    meta = view["jobMetadata"]
    assert set(meta) >= META
    job_id = meta["jobId"]
    assert job_id.rpartition("-")[0] == meta["name"]
    assert meta["costs"] is None
    for time in ("submittedAt", "startedAt"):
        assert type(meta[time]) is int
    assert set(meta["sla"]) == set(SLA)
    assert set(meta["migrationConfig"]) == {"strategy", "configString"}
    numbers = [one["stageNum"] for one in view["stageMetadataList"]]
    assert numbers == sorted(numbers)
    for one in view["stageMetadataList"]:
        assert set(one) >= STAGE
        assert (one["jobId"], one["numStages"]) == (job_id, meta["numStages"])
    workers = view["workerMetadataList"]
    assert [w["workerNumber"] for w in workers] == sorted(w["workerNumber"] for w in workers)
    for worker in workers:
        check_worker(worker, job_id)
        assert worker["workerNumber"] < meta["nextWorkerNumberToUse"]


def check_worker(worker: dict, job_id: str) -> None:
    assert set(worker) >= WORKER
    assert worker["jobId"] == job_id
    assert worker["state"] in {
        "Accepted",
        "Launched",
        "StartInitiated",
        "Started",
        "Failed",
        "Completed",
    }
    assert worker["reason"] in {"Normal", "Error", "Lost", "Killed", "Relaunched"}
    assert isinstance(worker["ports"], list)
    for field in (
        "workerIndex", "workerNumber", "stageNum", "numberOfPorts", "metricsPort", "consolePort", "debugPort",
        "customPort", "acceptedAt", "launchedAt", "startingAt", "startedAt", "completedAt", "resubmitOf",
        "totalResubmitCount",
    ):  # fmt: skip
        assert type(worker[field]) is int, (field, worker)
    assert worker["acceptedAt"] > 0
    if worker["state"] == "Started":
        assert worker["acceptedAt"] <= worker["launchedAt"] <= worker["startedAt"]
        assert worker["completedAt"] == -1
        for field in ("slave", "slaveID", "cluster"):
            assert isinstance(worker[field], str)
            assert worker[field]


@pytest.fixture(scope="module")
def ran(server: Mantis):
    """Jobs of one cluster: 1 ended by itself, 2 killed, 3 Launched with stage 0, 4 Accepted."""
    cluster = server.cluster(
        keep=True, schedulingInfo=TWO_STAGES, parameters=pairs(p="q"), labels=pairs(team="blue", env="test"),
        migrationConfig={"strategy": "ONE_WORKER", "configString": "kept"},
    )  # fmt: skip
    cluster.start(parameters=pairs(command="exit 0"), labels=pairs(team="red"))
    cluster.launch()
    cluster.launch(jobSla=SLA, user="anna", subscriptionTimeoutSecs=9)
    cluster.start(parameters=EXTERNAL, labels=pairs(alone="yes", env="prod"), user="bert")
    server.kill(f"{cluster}-2")
    server.until(f"{cluster}-1", "Completed")
    server.until(f"{cluster}-2", "Completed")
    yield cluster
    cluster.end()


# -- the view -------------------------------------------------------------------------------------


def test_every_view_is_whole(mantis: Mantis, ran):
    for number in (1, 2, 3, 4):
        check_view(mantis.job(f"{ran}-{number}"))
    for view in ran.jobs(activeOnly="false"):
        check_view(view)


def test_a_fresh_job(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=TWO_STAGES)
    before = now_ms()
    view = cluster.submit(parameters=EXTERNAL, user="anna")
    check_view(view)
    meta = view["jobMetadata"]
    assert (meta["jobId"], meta["name"], meta["user"], meta["state"]) == (
        f"{cluster}-1",
        cluster.name,
        "anna",
        "Accepted",
    )
    assert before - 5 <= meta["submittedAt"] <= now_ms() + 5
    assert (meta["startedAt"], view["terminatedAt"]) == (0, -1)
    assert (meta["jarUrl"], view["version"], meta["numStages"]) == (SLEEP, "1", 2)
    assert (meta["workerTimeoutSecs"], meta["heartbeatIntervalSecs"]) == (0, 0)
    assert meta["subscriptionTimeoutSecs"] == 0
    assert [one["numWorkers"] for one in view["stageMetadataList"]] == [1, 2]
    for worker in view["workerMetadataList"]:
        assert (worker["resubmitOf"], worker["totalResubmitCount"], worker["completedAt"]) == (
            0,
            0,
            -1,
        )
        assert worker["reason"] == "Normal"
    assert mantis.job(f"{cluster}-1")["jobMetadata"]["submittedAt"] == meta["submittedAt"]


def test_a_launched_job(mantis: Mantis, ran):
    view = mantis.job(f"{ran}-3")
    meta = view["jobMetadata"]
    assert (meta["state"], meta["user"], meta["numStages"]) == ("Launched", "anna", 2)
    assert meta["submittedAt"] <= meta["startedAt"] <= now_ms() + 5
    assert view["terminatedAt"] == -1
    assert meta["sla"] == SLA
    assert meta["subscriptionTimeoutSecs"] == 9
    assert meta["parameters"] == pairs(p="q")
    assert meta["migrationConfig"] == {"strategy": "ONE_WORKER", "configString": "kept"}
    labels = as_dict(meta["labels"])
    assert labels == {
        "team": "blue",
        "env": "test",
        "_mantis.artifact": "shell",
        "_mantis.version": "1",
    }
    zero, one = view["stageMetadataList"]
    assert (zero["stageNum"], zero["numWorkers"]) == (0, 1)
    assert {key: one[key] for key in STAGE - {"jobId"}} == {
        "stageNum": 1, "numStages": 2, "machineDefinition": BIG, "numWorkers": 2, "hardConstraints": ["UniqueHost"],
        "softConstraints": [], "scalingPolicy": None, "scalable": True,
    }  # fmt: skip
    workers = view["workerMetadataList"]
    assert [w["state"] for w in workers] == ["Started"] * 3
    assert [w["numberOfPorts"] for w in workers] == [5, 7, 7]
    assert meta["startedAt"] >= max(w["startedAt"] for w in workers) - 1000


def test_a_job_that_ended_by_itself(mantis: Mantis, ran):
    view = mantis.job(f"{ran}-1")
    assert view["jobMetadata"]["state"] == "Completed"
    assert view["jobMetadata"]["submittedAt"] <= view["terminatedAt"] <= now_ms() + 5
    ended = [w for w in view["workerMetadataList"] if w["stageNum"] == 1]
    assert [(w["state"], w["reason"]) for w in ended] == [("Completed", "Normal")] * 2
    assert all(w["completedAt"] > 0 for w in ended)


def test_a_killed_job(mantis: Mantis, ran):
    view = mantis.job(f"{ran}-2")
    assert view["jobMetadata"]["state"] == "Completed"
    assert view["terminatedAt"] >= view["jobMetadata"]["startedAt"] > 0
    eventually(
        lambda: (
            {(w["state"], w["reason"]) for w in mantis.job(f"{ran}-2")["workerMetadataList"]}
            == {("Completed", "Killed")}
        ),
        "all workers Completed, Killed",
    )


def test_the_migration_config_is_that_of_the_submit(mantis: Mantis):
    cluster = mantis.cluster()
    job_id = cluster.start(parameters=EXTERNAL)
    before = mantis.job(job_id)["jobMetadata"]["migrationConfig"]
    cluster.act(
        "updateMigrationStrategy", migrationConfig={"strategy": "ONE_WORKER", "configString": "new"}
    )
    cluster.act("updateLabel", labels=pairs(new="label"))
    cluster.put(version="2", parameters=pairs(new="one"))
    meta = mantis.job(job_id)["jobMetadata"]
    assert meta["migrationConfig"] == before
    assert "new" not in as_dict(meta["labels"])
    assert meta["parameters"] == EXTERNAL


def test_only_active_jobs_are_found_unless_archived_ones_are_asked_for(mantis: Mantis, ran):
    for path in ("/jobs", f"{ran.path}/jobs"):
        for number in (1, 2):
            assert f"{ran}-{number}" in mantis.refused(404, "GET", f"{path}/{ran}-{number}")
            mantis.refused(404, "GET", f"{path}/{ran}-{number}?archived=false")
            mantis.refused(404, "GET", f"{path}/{ran}-{number}?archived=0")
            for yes in ("true", "TRUE", "1"):
                found = mantis.get(f"{path}/{ran}-{number}?archived={yes}")
                assert found["jobMetadata"]["jobId"] == f"{ran}-{number}"
        for number in (3, 4):
            for query in ("", "?archived=true", "?archived=false", "?archived="):
                found = mantis.get(f"{path}/{ran}-{number}{query}")
                assert found["jobMetadata"]["jobId"] == f"{ran}-{number}"


# -- compact --------------------------------------------------------------------------------------


def test_compact_jobs(mantis: Mantis, ran):
    found = {job["jobId"]: job for job in ran.jobs(compact="true", activeOnly="false")}
    assert set(found) == {f"{ran}-{number}" for number in (1, 2, 3, 4)}
    for job_id, job in found.items():
        assert set(job) >= COMPACT
        view = mantis.job(job_id)
        for key in ("jarUrl", "submittedAt", "user", "state", "numStages", "labels"):
            assert job[key] == view["jobMetadata"][key]
        assert job["terminatedAt"] == view["terminatedAt"]
        assert job["type"] == "Perpetual"
        assert job["numWorkers"] == 3
        assert job["totCPUs"] == pytest.approx(0.1 + 2 * 0.5)
        assert job["totMemory"] == pytest.approx(10 + 2 * 100)
    assert found[f"{ran}-3"]["statesSummary"] == {"Started": 3}
    waiting = found[f"{ran}-4"]["statesSummary"]
    assert sum(waiting.values()) == 3
    assert set(waiting) <= {"Accepted", "Launched", "StartInitiated", "Started"}


def test_the_type_of_a_compact_job_is_its_duration(mantis: Mantis):
    cluster = mantis.cluster()
    cluster.start(parameters=EXTERNAL, jobSla={"durationType": "Transient"})
    assert cluster.jobs(compact="true")[0]["type"] == "Transient"


# -- filters of the lists -------------------------------------------------------------------------

STATES = [
    ({}, "34"), ({"activeOnly": "true"}, "34"), ({"activeOnly": "false"}, "1234"), ({"activeOnly": "0"}, "1234"),
    ({"jobState": "Active"}, "34"), ({"jobState": "Active", "activeOnly": "false"}, "34"),
    ({"jobState": "Terminal"}, "12"), ({"jobState": "Terminal", "activeOnly": "true"}, "12"),
    ({"jobState": "Terminal", "activeOnly": "false"}, "12"),
]  # fmt: skip
LABELS = [
    ("team=blue", None, "234"), ("team=red", None, "1"), ("team", None, "1234"), ("alone", None, "4"),
    ("env=test", None, "123"), ("team=blue,team=red", None, "1234"), ("team=blue,team=red", "and", ""),
    ("team=red,env=test", "and", "1"), ("team=blue,env=prod", "and", "4"), ("team=blue,env=prod", "or", "234"),
    ("alone,team=red", None, "14"), ("alone,team", "and", "4"), ("nothing", None, ""), ("team=", None, ""),
    ("team=blu", None, ""), ("tea", None, ""), ("Team=blue", None, ""), ("_mantis.version=1", None, "1234"),
    ("_mantis.artifact=shell", "and", "1234"), ("alone=yes", "or", "4"), ("nothing,alone", "and", ""),
]  # fmt: skip
WORKERS = [
    ({"stageNumber": 0}, "34"), ({"stageNumber": 1}, "34"), ({"stageNumber": 2}, ""),
    ({"workerIndex": 1}, "34"), ({"workerIndex": 2}, ""), ({"workerNumber": 3}, "34"), ({"workerNumber": 4}, ""),
    ({"stageNumber": 0, "workerIndex": 1}, ""), ({"stageNumber": 1, "workerNumber": 1}, ""),
    ({"stageNumber": [0, 7]}, "34"), ({"workerNumber": [1, 99]}, "34"), ({"workerNumber": [98, 99]}, ""),
    ({"stageNumber": [0, 1], "workerIndex": 1}, "34"), ({"workerState": "Noop"}, "34"), ({"workerState": "Active"}, "34"),
    ({"workerState": "Terminal"}, ""), ({"workerState": ["Active", "Terminal"]}, "34"),
]  # fmt: skip


def numbers(mantis: Mantis, cluster, **query) -> list[str]:
    """Give the numbers of the jobs that both lists hold."""
    one = cluster.ids(**query)
    other = mantis.get("/jobs", {"matching": f"^{cluster}$", **query})["list"]
    assert one == [job["jobMetadata"]["jobId"] for job in other]
    return [job_id.rpartition("-")[2] for job_id in one]


@pytest.mark.parametrize(("query", "wanted"), STATES, ids=str)
def test_jobs_by_state(mantis: Mantis, ran, query, wanted):
    assert "".join(numbers(mantis, ran, **query)) == wanted


@pytest.mark.parametrize(("labels", "op", "wanted"), LABELS)
def test_jobs_by_label(mantis: Mantis, ran, labels, op, wanted):
    query = {"labels": labels, "activeOnly": "false", **({"labels.op": op} if op else {})}
    assert "".join(numbers(mantis, ran, **query)) == wanted


@pytest.mark.parametrize(("query", "wanted"), WORKERS, ids=str)
def test_jobs_by_stage_and_worker(mantis: Mantis, ran, query, wanted):
    assert "".join(numbers(mantis, ran, **query)) == wanted


NARROWED = [  # query, stages left, worker numbers left
    ({"stageNumber": 0}, [0], [1]), ({"stageNumber": 1}, [1], [2, 3]), ({"stageNumber": [0, 1]}, [0, 1], [1, 2, 3]),
    ({"workerNumber": 3}, None, [3]), ({"workerNumber": [1, 2]}, None, [1, 2]), ({"workerIndex": 0}, None, [1, 2]),
    ({"workerIndex": 0, "stageNumber": 1}, [1], [2]), ({"workerNumber": [1, 3], "stageNumber": 1}, [1], [3]),
    ({"workerState": "Active"}, [0, 1], [1, 2, 3]), ({"workerState": "Noop"}, [0, 1], [1, 2, 3]), ({}, [0, 1], [1, 2, 3]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "stages", "workers"), NARROWED, ids=str)
def test_lists_hold_only_the_stages_and_workers_asked_for(ran, query, stages, workers):
    job = next(job for job in ran.jobs(**query) if job["jobMetadata"]["jobId"] == f"{ran}-3")
    if stages is not None:
        assert [one["stageNum"] for one in job["stageMetadataList"]] == stages
    assert [one["workerNumber"] for one in job["workerMetadataList"]] == workers
    assert job["jobMetadata"]["numStages"] == 2


def test_terminal_jobs_show_their_last_workers(mantis: Mantis, ran):
    for job in ran.jobs(jobState="Terminal"):
        assert [one["workerNumber"] for one in job["workerMetadataList"]] == [1, 2, 3]
    for job in ran.jobs(jobState="Terminal", stageNumber=1):
        assert [one["workerNumber"] for one in job["workerMetadataList"]] == [2, 3]
    killed = [
        job
        for job in ran.jobs(jobState="Terminal", workerState="Terminal")
        if job["jobMetadata"]["jobId"] == f"{ran}-2"
    ]
    assert [one["workerNumber"] for one in killed[0]["workerMetadataList"]] == [1, 2, 3]


def test_filters_work_for_compact_jobs_too(ran):
    assert [job["jobId"] for job in ran.jobs(compact="true", labels="alone")] == [f"{ran}-4"]
    assert ran.jobs(compact="true", stageNumber=7) == []
    assert [job["jobId"] for job in ran.jobs(compact="true", jobState="Terminal", limit=1)] == [
        f"{ran}-1"
    ]


def test_jobs_come_oldest_first(mantis: Mantis, ran):
    assert numbers(mantis, ran, activeOnly="false") == ["1", "2", "3", "4"]


def test_the_jobs_of_a_cluster_are_exactly_its_own(mantis: Mantis):
    stem = unique("near")
    for name in (stem, f"{stem}-1", f"{stem}x", f"{stem.upper()}"):
        mantis.cluster(name).start(parameters=EXTERNAL)
    assert mantis.get(f"/jobClusters/{stem}/jobs")["total"] == 1
    assert mantis.get("/jobs", matching=f"^{stem}")["total"] == 4


def test_the_jobs_of_a_disabled_cluster_are_listed(mantis: Mantis):
    cluster = mantis.cluster()
    cluster.start(parameters=EXTERNAL)
    cluster.act("disableCluster")
    assert mantis.get(f"{cluster.path}/jobs", activeOnly="false")["total"] == 1
    mantis.until(f"{cluster}-1", "Completed")
    assert mantis.get(f"{cluster.path}/jobs", jobState="Terminal")["total"] == 1


# -- killing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [{}, {"user": "u"}, {"reason": "r"}, {"user": "", "reason": "r"}, {"user": "u", "reason": ""},
     {"user": " ", "reason": "r"}, {"user": "u", "reason": "\t "}, {"User": "u", "Reason": "r"}],
)  # fmt: skip
def test_a_kill_needs_a_user_and_a_reason(mantis: Mantis, ran, query):
    for job_id in (f"{ran}-3", f"{ran}-1", "nobodyhere-1", "nothing"):
        mantis.refused(400, "DELETE", f"/jobs/{job_id}", params=query)
    assert mantis.state(f"{ran}-3") == "Launched"


def test_a_job_is_killed_once(mantis: Mantis):
    cluster = mantis.cluster()
    for job_id in (cluster.launch(), cluster.start(parameters=EXTERNAL)):
        query = {"user": "anybody", "reason": "no: naïve 😀 'x'"}
        mantis.expect(202, "DELETE", f"/jobs/{job_id}", params=query)
        view = mantis.until(job_id, "Completed")
        assert view["terminatedAt"] > 0
        mantis.refused(404, "DELETE", f"/jobs/{job_id}", params=query)
        mantis.refused(404, "GET", f"/jobs/{job_id}")
    assert cluster.active() == []
    assert cluster.view()["lastJobCount"] == 2


def test_a_killed_job_looks_terminal_in_one_piece(mantis: Mantis):
    """As soon as its state is terminal, the time is there and the lists agree."""
    cluster = mantis.cluster()
    job_id = cluster.launch()
    mantis.kill(job_id)

    def ended():
        view = mantis.job(job_id)
        assert (view["terminatedAt"] == -1) == (view["jobMetadata"]["state"] == "Launched"), view
        return view["terminatedAt"] != -1

    eventually(ended, "the end")
    assert job_id not in cluster.active()


def test_a_worker_that_ignores_sigterm_is_killed_anyhow(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation="shell:trap '' TERM; while :; do sleep 1; done")
    job_id = cluster.launch()
    mantis.kill(job_id)
    mantis.until(job_id, "Completed")
    eventually(lambda: len(mantis.archived(job_id)) == 1, "an archived worker")
    worker = mantis.archived(job_id)[0]
    assert (worker["state"], worker["reason"]) == ("Completed", "Killed")


def test_a_submit_body_may_leave_out_almost_everything(mantis: Mantis):
    cluster = mantis.cluster()
    for field in ("name", "user"):
        for value in (LEAVE_OUT, None, "", " ", 5, [], {}):
            cluster.refused(400, **{field: value})
    cluster.refused(400, name="other")
    cluster.refused(400, name=cluster.name.upper())
    view = cluster.submit()
    assert view["jobMetadata"]["sla"] == {**SLA, "minRuntimeSecs": 0, "userProvidedType": ""}
