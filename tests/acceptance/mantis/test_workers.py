"""Workers: their states, heartbeats and statuses, failures and replacements, archived ones."""

import pytest

from tests.acceptance.mantis.client import (
    EXTERNAL,
    LEAVE_OUT,
    SLEEP,
    Mantis,
    as_dict,
    pairs,
    scheduling,
)
from tests.acceptance.mantis.test_jobs import check_worker
from tests.yard import eventually

MAX = "mantis.job.worker.max.resubmits"
SUBSCRIBED = [
    {"type": "SubscriptionState", "data": "false"},
    {"type": "IncomingDataDrop", "data": '{"onNextCount":0}'},
]


@pytest.fixture
def external(mantis: Mantis):
    """A job of two workers that are up and wait for their heartbeats: its id and the two."""
    cluster = mantis.cluster(schedulingInfo=scheduling(2), parameters=EXTERNAL)
    job_id = cluster.start()
    workers = mantis.workers_until(
        job_id, lambda ws: {w["state"] for w in ws} == {"Launched"}, "Launched"
    )
    assert mantis.state(job_id) == "Accepted"
    return job_id, workers


def worker_of(mantis: Mantis, job_id: str, index: int = 0) -> dict:
    return next(w for w in mantis.job(job_id)["workerMetadataList"] if w["workerIndex"] == index)


def resubmit(mantis: Mantis, job_id: str, number: int) -> int:
    body = {"user": "jschmoe", "workerNumber": number, "reason": "test worker resubmit"}
    found = mantis.expect(200, "POST", f"/jobs/{job_id}/actions/resubmitWorker", body)
    assert set(found) == {"jobId", "workerNumber", "newWorkerNumber"}
    assert (found["jobId"], found["workerNumber"]) == (job_id, number)
    assert found["newWorkerNumber"] > number
    return found["newWorkerNumber"]


# -- statuses ---------------------------------------------------------------------------------------


def test_a_job_is_launched_when_all_workers_have_spoken(mantis: Mantis, external):
    job_id, (first, second) = external
    for worker in (first, second):
        assert (worker["startedAt"], worker["completedAt"]) == (-1, -1)
        assert worker["launchedAt"] > 0
    mantis.status(job_id, first, "HEARTBEAT", state="Failed", payloads=SUBSCRIBED)
    assert worker_of(mantis, job_id)["state"] == "Started"
    assert mantis.state(job_id) == "Accepted"
    mantis.status(job_id, second, "INFO", state="StartInitiated")
    found = worker_of(mantis, job_id, 1)
    assert found["state"] == "StartInitiated"
    assert found["startingAt"] > 0
    mantis.status(job_id, second, "WARN", state="Started", timestamp=1)
    view = mantis.launched(job_id)
    meta = view["jobMetadata"]
    assert meta["submittedAt"] <= meta["startedAt"]
    for worker in view["workerMetadataList"]:
        check_worker(worker, job_id)
        assert worker["startedAt"] >= worker["launchedAt"] > 1_600_000_000_000


def test_statuses_that_have_no_effect(mantis: Mantis, external):
    job_id, (first, _) = external
    for state in ("Accepted", "Launched", "Noop"):
        mantis.status(job_id, first, "INFO", state=state)
        assert worker_of(mantis, job_id)["state"] == "Launched"
    mantis.status(job_id, first, "ERROR", state="Started")
    mantis.status(job_id, first, "DEBUG", state="StartInitiated")
    assert worker_of(mantis, job_id)["state"] == "Started"


def test_a_status_of_nobody_is_dropped(mantis: Mantis, external):
    job_id, (first, second) = external
    for over in (
        {"workerNumber": 99}, {"workerNumber": 0}, {"workerNumber": -1}, {"stageNum": 7, "workerNumber": 98},
    ):  # fmt: skip
        for state in ("Started", "Completed", "Failed"):
            mantis.status(job_id, {**first, **over}, "INFO", state=state)
        mantis.status(job_id, {**first, **over}, "HEARTBEAT")
    mantis.status("nobodyhere-1", second, "INFO", state="Failed")
    mantis.status("nonsense", second, "HEARTBEAT")
    assert [w["state"] for w in mantis.job(job_id)["workerMetadataList"]] == ["Launched"] * 2
    assert mantis.archived(job_id) == []


def test_a_status_may_complete_a_worker_and_so_its_job(mantis: Mantis, external):
    job_id, (first, second) = external
    mantis.status(job_id, first, "HEARTBEAT")
    mantis.status(job_id, second, "HEARTBEAT")
    mantis.launched(job_id)
    mantis.status(job_id, first, "INFO", state="Completed")
    found = mantis.workers_until(job_id, lambda ws: ws[0]["state"] == "Completed", "Completed")[0]
    assert found["completedAt"] > 0
    assert mantis.state(job_id) == "Launched"
    mantis.status(job_id, second, "INFO", state="Completed")
    view = mantis.until(job_id, "Completed")
    assert [w["state"] for w in view["workerMetadataList"]] == ["Completed"] * 2
    mantis.status(job_id, second, "INFO", state="Started")
    assert mantis.state(job_id) == "Completed"


def test_a_status_may_fail_a_worker_which_is_replaced(mantis: Mantis, external):
    job_id, (first, second) = external
    mantis.status(job_id, first, "INFO", state="Failed")
    found = mantis.workers_until(job_id, lambda ws: ws[-1]["workerNumber"] == 3, "worker 3")
    assert [w["workerNumber"] for w in found] == [2, 3]
    new = found[1]
    assert (new["workerIndex"], new["resubmitOf"], new["totalResubmitCount"]) == (0, 1, 1)
    old = eventually(lambda: mantis.archived(job_id), "an archived worker")
    assert [(w["workerNumber"], w["state"], w["reason"]) for w in old] == [
        (1, "Failed", "Relaunched")
    ]
    # What the old one says later is dropped.
    mantis.status(job_id, first, "INFO", state="Completed")
    mantis.status(job_id, first, "HEARTBEAT")
    assert worker_of(mantis, job_id)["state"] in ("Accepted", "Launched")
    mantis.workers_until(job_id, lambda ws: ws[-1]["state"] == "Launched", "placed again")
    mantis.status(job_id, new, "HEARTBEAT")
    mantis.status(job_id, second, "HEARTBEAT")
    mantis.launched(job_id)


GOOD_STATUS = {
    "jobId": "nobodyhere-1", "stageNum": 1, "workerIndex": 0, "workerNumber": 2, "type": "HEARTBEAT",
    "message": "heartbeat", "state": "Noop", "hostname": None, "timestamp": 1525813363585, "reason": "Normal",
    "payloads": SUBSCRIBED,
}  # fmt: skip


@pytest.mark.parametrize("kind", ["ERROR", "WARN", "INFO", "DEBUG", "HEARTBEAT"])
@pytest.mark.parametrize(
    "state", ["Accepted", "Launched", "StartInitiated", "Started", "Failed", "Completed", "Noop"]
)
def test_every_type_and_state_is_read(mantis: Mantis, kind, state):
    status = {**GOOD_STATUS, "type": kind, "state": state}
    mantis.expect(
        204, "POST", "/jobs/actions/postJobStatus", {"jobId": "nobodyhere-1", "status": status}
    )


BAD_STATUS = [
    ("type", "INFORMATION"), ("type", "info"), ("type", 5), ("type", []), ("type", None), ("type", LEAVE_OUT),
    ("state", "Running"), ("state", "started"), ("state", 5), ("state", {}), ("stageNum", "x"), ("stageNum", 1.5),
    ("stageNum", []), ("workerIndex", "x"), ("workerIndex", {}), ("workerNumber", "x"), ("workerNumber", 2.5),
    ("workerNumber", []), ("payloads", "x"), ("payloads", {}), ("payloads", [5]), ("payloads", ["x"]),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD_STATUS, ids=str)
def test_a_malformed_status_is_refused(mantis: Mantis, field, value):
    status = {**GOOD_STATUS, field: value}
    status = {key: one for key, one in status.items() if one is not LEAVE_OUT}
    mantis.refused(
        400, "POST", "/jobs/actions/postJobStatus", {"jobId": "nobodyhere-1", "status": status}
    )


@pytest.mark.parametrize("status", [LEAVE_OUT, None, "x", [], 5, {}], ids=str)
def test_a_body_without_status_is_refused(mantis: Mantis, status):
    body = (
        {"jobId": "nobodyhere-1"}
        if status is LEAVE_OUT
        else {"jobId": "nobodyhere-1", "status": status}
    )
    mantis.refused(400, "POST", "/jobs/actions/postJobStatus", body)


@pytest.mark.parametrize("number", [2**31, 2**63, 2**64, -(2**70), 10**30])
def test_numbers_beyond_64_bits_in_a_status_break_nothing(mantis: Mantis, external, number):
    job_id, _ = external
    for field in ("stageNum", "workerIndex", "workerNumber", "timestamp"):
        status = {**GOOD_STATUS, "jobId": job_id, field: number}
        answer = mantis.ask(
            "POST", "/jobs/actions/postJobStatus", {"jobId": job_id, "status": status}
        )
        assert answer.status_code in (204, 400)
    assert mantis.state(job_id) == "Accepted"


# -- time-outs ----------------------------------------------------------------------------------------


def test_timeouts_of_a_job_are_told(mantis: Mantis):
    given = pairs(
        **{"mantis.job.worker.heartbeat.interval.secs": "7", "mantis.job.worker.timeout.secs": 33}
    )
    meta = mantis.cluster().submit(parameters=[*EXTERNAL, *given])["jobMetadata"]
    assert (meta["heartbeatIntervalSecs"], meta["workerTimeoutSecs"]) == (7, 33)
    assert as_dict(meta["parameters"])["mantis.job.worker.timeout.secs"] == "33"


def test_a_worker_without_heartbeats_is_replaced(mantis: Mantis):
    given = [*EXTERNAL, *pairs(**{"mantis.job.worker.timeout.secs": "2"})]
    cluster = mantis.cluster(schedulingInfo=scheduling(2, zero=1), parameters=given)
    job_id = cluster.start()
    workers = mantis.workers_until(
        job_id, lambda ws: {w["state"] for w in ws[1:]} == {"Launched"}, "placed"
    )
    assert [w["workerNumber"] for w in workers] == [1, 2, 3]

    def spoken_and_replaced():
        mantis.status(job_id, workers[2], "HEARTBEAT")
        return mantis.archived(job_id)

    old = eventually(spoken_and_replaced, "a worker replaced")[0]
    assert (old["workerNumber"], old["state"], old["reason"]) == (2, "Failed", "Relaunched")
    assert old["completedAt"] - old["launchedAt"] >= 2900
    found = mantis.job(job_id)["workerMetadataList"]
    assert [w["workerNumber"] for w in found] == [1, 3, 4]
    assert (found[2]["workerIndex"], found[2]["resubmitOf"]) == (0, 2)


def test_the_engine_speaks_for_processes_of_its_own(mantis: Mantis):
    """A job of the default source outlives the tolerance that ends a silent external one."""
    given = pairs(**{"mantis.job.worker.timeout.secs": "1"})
    cluster = mantis.cluster()
    job_id = cluster.launch(parameters=given)
    other = cluster.start(parameters=[*EXTERNAL, *given])
    eventually(lambda: mantis.archived(other), "the silent worker replaced")
    assert mantis.archived(job_id) == []
    assert worker_of(mantis, job_id)["state"] == "Started"


# -- failures -----------------------------------------------------------------------------------------


def test_a_worker_that_fails_is_replaced_and_counted(mantis: Mantis):
    command = "[ $MANTIS_WORKER_NUMBER -lt 3 ] && [ $MANTIS_WORKER_INDEX = 0 ] && exit 3; exec sleep 100000"
    cluster = mantis.cluster(jobJarFileLocation=f"shell:{command}", schedulingInfo=scheduling(2))
    job_id = cluster.start()
    found = mantis.workers_until(
        job_id,
        lambda ws: [w["state"] for w in ws] == ["Started"] * 2 and ws[-1]["workerNumber"] == 3,
        "replaced",
    )
    assert [(w["workerNumber"], w["workerIndex"], w["resubmitOf"], w["totalResubmitCount"]) for w in found] == [
        (2, 1, 0, 0), (3, 0, 1, 1),
    ]  # fmt: skip
    old = mantis.archived(job_id)
    assert [(w["workerNumber"], w["workerIndex"], w["state"], w["reason"]) for w in old] == [
        (1, 0, "Failed", "Relaunched")
    ]
    check_worker(old[0], job_id)
    assert old[0]["completedAt"] >= old[0]["launchedAt"] > 0
    assert mantis.job(job_id)["jobMetadata"]["nextWorkerNumberToUse"] > 3
    mantis.launched(job_id)


def test_the_second_replacement_waits(mantis: Mantis):
    command = "[ $MANTIS_WORKER_NUMBER -lt 3 ] && exit 3; exec sleep 100000"
    cluster = mantis.cluster(jobJarFileLocation=f"shell:{command}")
    job_id = cluster.start()
    new = mantis.workers_until(
        job_id, lambda ws: ws[0]["workerNumber"] == 3 and ws[0]["state"] == "Started", "the third"
    )[0]
    assert (new["resubmitOf"], new["totalResubmitCount"]) == (2, 2)
    second = mantis.archived(job_id)[1]
    assert new["launchedAt"] - second["completedAt"] >= 4900


@pytest.mark.parametrize(("most", "workers"), [("0", 1), ("1", 2)])
def test_too_many_failures_fail_the_job(mantis: Mantis, most, workers):
    command = "[ $MANTIS_WORKER_INDEX = 0 ] && exit 3; exec sleep 100000"
    cluster = mantis.cluster(jobJarFileLocation=f"shell:{command}", schedulingInfo=scheduling(2))
    job_id = cluster.start(parameters=pairs(**{MAX: most}))
    view = mantis.until(job_id, "Failed")
    assert view["terminatedAt"] > 0
    eventually(lambda: len(mantis.archived(job_id)) == workers + 1, "all archived")
    found = {
        w["workerNumber"]: (w["workerIndex"], w["state"], w["reason"])
        for w in mantis.archived(job_id)
    }
    failed = [one for one in found.values() if one[0] == 0]
    assert failed == [(0, "Failed", "Relaunched")] * (workers - 1) + [(0, "Failed", "Error")]
    assert [one for one in found.values() if one[0] == 1] == [(1, "Completed", "Killed")]
    mantis.refused(404, "GET", f"/jobs/{job_id}")
    assert cluster.ids(jobState="Terminal") == [job_id]


# -- resubmitWorker -----------------------------------------------------------------------------------


def test_a_worker_is_replaced_by_hand(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(2, zero=1), parameters=pairs(**{MAX: "0"}))
    job_id = cluster.launch()
    assert resubmit(mantis, job_id, 3) == 4
    found = mantis.workers_until(
        job_id, lambda ws: {w["state"] for w in ws} == {"Started"} and len(ws) == 3, "Started"
    )
    assert [(w["workerNumber"], w["stageNum"], w["workerIndex"]) for w in found] == [
        (1, 0, 0),
        (2, 1, 0),
        (4, 1, 1),
    ]
    assert (found[2]["resubmitOf"], found[2]["totalResubmitCount"]) == (3, 1)
    assert resubmit(mantis, job_id, 4) == 5
    found = mantis.workers_until(
        job_id, lambda ws: ws[-1]["workerNumber"] == 5 and ws[-1]["state"] == "Started", "again"
    )
    assert (found[-1]["resubmitOf"], found[-1]["totalResubmitCount"], found[-1]["workerIndex"]) == (
        4,
        2,
        1,
    )
    old = mantis.archived(job_id)
    assert [(w["workerNumber"], w["state"], w["reason"]) for w in old] == [
        (3, "Failed", "Relaunched"), (4, "Failed", "Relaunched"),
    ]  # fmt: skip
    view = mantis.job(job_id)
    assert view["jobMetadata"]["state"] == "Launched"
    assert view["jobMetadata"]["nextWorkerNumberToUse"] > 5


def test_the_master_stage_may_be_resubmitted_too(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(1, zero=1))
    job_id = cluster.launch()
    assert resubmit(mantis, job_id, 1) == 3
    mantis.workers_until(job_id, lambda ws: {w["state"] for w in ws} == {"Started"}, "Started")


def test_a_job_that_is_not_launched_may_be_resubmitted(mantis: Mantis, external):
    job_id, _ = external
    assert resubmit(mantis, job_id, 1) == 3
    mantis.workers_until(job_id, lambda ws: [w["workerNumber"] for w in ws] == [2, 3], "replaced")


@pytest.fixture(scope="module")
def still(server: Mantis):
    """A Launched job whose worker 1 was replaced by 2."""
    cluster = server.cluster(keep=True)
    job_id = cluster.launch()
    resubmit(server, job_id, 1)
    server.workers_until(
        job_id, lambda ws: ws[0]["workerNumber"] == 2 and ws[0]["state"] == "Started", "replaced"
    )
    yield job_id
    cluster.end()


@pytest.mark.parametrize(
    "over",
    [{"workerNumber": 1}, {"workerNumber": 3}, {"workerNumber": 0}, {"workerNumber": -1}, {"workerNumber": LEAVE_OUT},
     {"workerNumber": None}, {"workerNumber": ""}, {"workerNumber": "x"}, {"workerNumber": 10**30},
     {"workerNumber": 2**63}, {"workerNumber": [2]}, {"user": LEAVE_OUT}, {"user": None}, {"user": ""}, {"user": "  "},
     {"user": 5}, {"user": []}, {"reason": []}, {"reason": {}}],
    ids=str,
)  # fmt: skip
def test_a_bad_resubmit_is_refused(mantis: Mantis, still, over):
    body = {"user": "u", "workerNumber": 2, "reason": "r", **over}
    body = {key: value for key, value in body.items() if value is not LEAVE_OUT}
    mantis.refused(400, "POST", f"/jobs/{still}/actions/resubmitWorker", body)
    assert [w["workerNumber"] for w in mantis.job(still)["workerMetadataList"]] == [2]


def test_a_terminal_job_resubmits_nothing(mantis: Mantis):
    cluster = mantis.cluster()
    job_id = cluster.launch()
    mantis.kill(job_id)
    mantis.until(job_id, "Completed")
    for body in ({"user": "u", "workerNumber": 1}, {}):
        mantis.refused(404, "POST", f"/jobs/{job_id}/actions/resubmitWorker", body)
    worker = {"stageNum": 1, "workerIndex": 0, "workerNumber": 1}
    mantis.status(job_id, worker, "INFO", state="Failed")
    assert mantis.state(job_id) == "Completed"


# -- archivedWorkers ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ended(server: Mantis):
    """A killed job with the archived workers 1 to 4; 3 and 4 took the places of 1 and 2."""
    cluster = server.cluster(keep=True, schedulingInfo=scheduling(2), jobJarFileLocation=SLEEP)
    job_id = cluster.launch()
    resubmit(server, job_id, 1)
    resubmit(server, job_id, 2)
    server.workers_until(
        job_id, lambda ws: {w["state"] for w in ws} == {"Started"}, "Started again"
    )
    server.kill(job_id)
    server.until(job_id, "Completed")
    eventually(lambda: len(server.archived(job_id)) == 4, "four archived workers")
    return job_id


def test_archived_workers_of_a_job_that_ended(mantis: Mantis, ended):
    found = mantis.archived(ended)
    assert [w["workerNumber"] for w in found] == [1, 2, 3, 4]
    assert [(w["state"], w["reason"]) for w in found] == [("Failed", "Relaunched")] * 2 + [
        ("Completed", "Killed")
    ] * 2
    for worker in found:
        check_worker(worker, ended)
        assert worker["completedAt"] >= worker["acceptedAt"]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [({"sortBy": "workerNumber", "ascending": "false"}, [4, 3, 2, 1]), ({"limit": 3}, [1, 2, 3]),
     ({"limit": 3, "pageSize": 2, "offset": 2}, [3]), ({"pageSize": 2}, [1, 2]), ({"offset": 3}, [4]),
     ({"sortBy": "resubmitOf"}, [1, 2, 3, 4]), ({"sortBy": "state"}, [3, 4, 1, 2]), ({"limit": 0}, [1, 2, 3, 4]),
     ({"sortBy": "acceptedAt", "limit": 2}, [1, 2])],
)  # fmt: skip
def test_archived_workers_are_a_list_like_the_others(mantis: Mantis, ended, query, numbers):
    found = mantis.archived(ended, **query)
    if query.get("sortBy") == "state":
        assert [w["state"] for w in found] == ["Completed"] * 2 + ["Failed"] * 2
    else:
        assert [w["workerNumber"] for w in found] == numbers


def test_fields_and_pages_of_archived_workers(mantis: Mantis, ended):
    found = mantis.get(f"/jobs/{ended}/archivedWorkers", fields="workerNumber", pageSize=3)
    assert found["list"] == [{"workerNumber": number} for number in (1, 2, 3)]
    assert (found["total"], found["prev"]) == (4, None)
    assert mantis.get(found["next"])["list"] == [{"workerNumber": 4}]


def test_a_job_without_archived_workers_has_none(mantis: Mantis, external):
    found = mantis.get(f"/jobs/{external[0]}/archivedWorkers")
    assert found == {"list": [], "prev": None, "next": None, "total": 0}
