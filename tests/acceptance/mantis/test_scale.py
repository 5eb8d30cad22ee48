"""Scaling stages by hand."""

import pytest

from tests.acceptance.mantis.client import EXTERNAL, LEAVE_OUT, Mantis, scheduling, stage
from tests.yard import eventually


@pytest.fixture(scope="module")
def still(server: Mantis):
    """A Launched job with the stages 0, 1 (scalable) and 2 (not)."""
    cluster = server.cluster(
        keep=True, schedulingInfo=scheduling(1, stage(1, scalable=False), zero=1)
    )
    job_id = cluster.launch()
    yield job_id
    cluster.end()


def scale(
    mantis: Mantis, job_id: str, wanted: object, number: object = 1, status: int = 204, **more
) -> None:
    body = {"JobId": job_id, "StageNumber": number, "NumWorkers": wanted, **more}
    mantis.expect(status, "POST", f"/jobs/{job_id}/actions/scaleStage", body)


def places(workers: list[dict]) -> list[tuple[int, int]]:
    return [(w["workerIndex"], w["workerNumber"]) for w in workers if w["stageNum"] == 1]


def sizes(view: dict) -> dict[int, int]:
    return {one["stageNum"]: one["numWorkers"] for one in view["stageMetadataList"]}


def test_a_stage_grows_and_shrinks(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(1, zero=1))
    job_id = cluster.launch()
    scale(mantis, job_id, 3)
    view = mantis.job(job_id)
    assert sizes(view) == {0: 1, 1: 3}
    assert places(view["workerMetadataList"]) == [(0, 2), (1, 3), (2, 4)]
    assert view["jobMetadata"]["nextWorkerNumberToUse"] > 4
    workers = mantis.workers_until(
        job_id, lambda ws: {w["state"] for w in ws} == {"Started"}, "Started"
    )
    assert [w["totalResubmitCount"] for w in workers] == [0] * 4
    scale(mantis, job_id, "3", User="u", Reason="again")
    assert places(mantis.job(job_id)["workerMetadataList"]) == [(0, 2), (1, 3), (2, 4)]
    scale(mantis, job_id, 1)
    view = mantis.job(job_id)
    assert sizes(view) == {0: 1, 1: 1}
    assert places(view["workerMetadataList"]) == [(0, 2)]
    gone = eventually(
        lambda: len(mantis.archived(job_id)) == 2 and mantis.archived(job_id), "two archived"
    )
    eventually(
        lambda: (
            {(w["state"], w["reason"]) for w in mantis.archived(job_id)}
            == {("Completed", "Killed")}
        ),
        "Killed",
    )
    assert [w["workerNumber"] for w in gone] == [3, 4]
    scale(mantis, job_id, 2)
    assert places(mantis.job(job_id)["workerMetadataList"]) == [(0, 2), (1, 5)]
    compact = cluster.jobs(compact="true")[0]
    assert compact["numWorkers"] == 3
    mantis.workers_until(job_id, lambda ws: {w["state"] for w in ws} == {"Started"}, "Started")
    assert mantis.state(job_id) == "Launched"


def test_a_worker_scaled_away_does_not_end_the_job_but_the_others_do(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(2), parameters=EXTERNAL)
    job_id = cluster.start()
    workers = mantis.workers_until(
        job_id, lambda ws: {w["state"] for w in ws} == {"Launched"}, "placed"
    )
    for worker in workers:
        mantis.status(job_id, worker, "HEARTBEAT")
    mantis.launched(job_id)
    scale(mantis, job_id, 1)
    eventually(lambda: mantis.archived(job_id), "one archived")
    assert mantis.state(job_id) == "Launched"
    mantis.status(job_id, workers[1], "INFO", state="Failed")
    assert places(mantis.job(job_id)["workerMetadataList"]) == [(0, 1)]
    mantis.status(job_id, workers[0], "INFO", state="Completed")
    mantis.until(job_id, "Completed")


def test_a_job_that_grew_stays_launched(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL)
    job_id = cluster.start()
    workers = mantis.workers_until(job_id, lambda ws: ws[0]["state"] == "Launched", "placed")
    scale(mantis, job_id, 2, status=409)
    mantis.status(job_id, workers[0], "HEARTBEAT")
    started = mantis.launched(job_id)["jobMetadata"]["startedAt"]
    scale(mantis, job_id, 2)
    view = mantis.job(job_id)
    assert view["workerMetadataList"][1]["state"] in ("Accepted", "Launched")
    assert (view["jobMetadata"]["state"], view["jobMetadata"]["startedAt"]) == ("Launched", started)


@pytest.mark.parametrize(
    "over",
    [{"StageNumber": 0}, {"StageNumber": -1}, {"StageNumber": 3}, {"StageNumber": 2}, {"StageNumber": "x"},
     {"StageNumber": LEAVE_OUT}, {"StageNumber": None}, {"StageNumber": ""}, {"StageNumber": 1.5}, {"StageNumber": []},
     {"StageNumber": 10**30}, {"NumWorkers": 0}, {"NumWorkers": -1}, {"NumWorkers": 1501}, {"NumWorkers": 2**63},
     {"NumWorkers": "x"}, {"NumWorkers": LEAVE_OUT}, {"NumWorkers": None}, {"NumWorkers": ""}, {"NumWorkers": 1.5},
     {"NumWorkers": {}}, {"NumWorkers": 10**30}, {"JobId": "other-1"}, {"JobId": LEAVE_OUT}, {"JobId": None},
     {"JobId": ""}, {"JobId": 5}, {"JobId": []}],
    ids=str,
)  # fmt: skip
def test_a_bad_wish_is_refused(mantis: Mantis, still, over):
    body = {"JobId": still, "StageNumber": 1, "NumWorkers": 2, **over}
    body = {key: value for key, value in body.items() if value is not LEAVE_OUT}
    mantis.refused(400, "POST", f"/jobs/{still}/actions/scaleStage", body)
    assert sizes(mantis.job(still)) == {0: 1, 1: 1, 2: 1}


def test_capitals_are_part_of_the_names(mantis: Mantis, still):
    body = {"jobId": still, "stageNumber": 1, "numWorkers": 2}
    mantis.refused(400, "POST", f"/jobs/{still}/actions/scaleStage", body)


def test_the_order_in_which_a_wish_is_judged(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(1, stage(1, scalable=False)))
    ended = cluster.launch()
    mantis.kill(ended)
    mantis.until(ended, "Completed")
    for job_id in (ended, "nobodyhere-1", "nonsense"):
        for body in ({}, {"JobId": job_id, "StageNumber": 1, "NumWorkers": 2}):
            mantis.refused(404, "POST", f"/jobs/{job_id}/actions/scaleStage", body)
    waiting = cluster.start(parameters=EXTERNAL)
    scale(mantis, waiting, 0, status=400)
    scale(mantis, waiting, 2, 2, status=400)
    scale(mantis, waiting, 2, 7, status=400)
    scale(mantis, waiting, 2, status=409)
    assert sizes(mantis.job(waiting)) == {1: 1, 2: 1}
