"""What this server has beside the original: readiness, dry runs, audit, logs, safe updates."""

import threading

import pytest

from tests.acceptance.mantis.client import EXTERNAL, Mantis, definition, pairs, scheduling, unique
from tests.yard import eventually


def quick(mantis: Mantis, cluster, *, status: int = 201, query=None, **headers):
    path = "/jobs/actions/quickSubmit"
    body = {"name": cluster.name, "user": "u"}
    options = {"params": query or {}, "headers": headers}
    return mantis.expect(status, "POST", path, body, **options)


# -- readiness -------------------------------------------------------------------------------------


def test_a_health_check_names_the_workers_that_have_not_started(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL, schedulingInfo=scheduling(2))
    assert mantis.get(f"{cluster.path}/healthcheck") == {
        "isHealthy": True,
        "message": "OK",
        "failureReason": None,
    }
    job_id = cluster.start()
    mantis.workers_until(
        job_id, lambda found: all(w["state"] == "Launched" for w in found), "there"
    )
    found = mantis.get(f"{cluster.path}/healthcheck")
    assert (found["isHealthy"], found["message"]) == (False, "unready workers")
    assert found["failureReason"]["type"] == "unreadyWorkers"
    blocking = {"jobId": job_id, "workerIndex": 0, "workerNumber": 1, "state": "Launched"}
    assert blocking in found["failureReason"]["workers"]
    for worker in mantis.job(job_id)["workerMetadataList"]:
        mantis.status(job_id, worker, "HEARTBEAT")
    assert mantis.get(f"{cluster.path}/healthcheck", {"job-ids": job_id})["isHealthy"]


def test_a_health_check_wants_active_jobs_of_the_cluster(mantis: Mantis):
    one, other = mantis.cluster(), mantis.cluster()
    job_id = one.start()
    mantis.refused(404, "GET", f"{other.path}/healthcheck", params={"job-ids": job_id})
    mantis.refused(404, "GET", f"{one.path}/healthcheck", params={"job-ids": f"{one}-9"})
    mantis.refused(404, "GET", f"/jobClusters/{unique()}/healthcheck")


def test_a_submit_may_wait_until_the_job_is_launched(mantis: Mantis):
    cluster = mantis.cluster()
    view = quick(mantis, cluster, query={"wait": "launched"})
    assert view["jobMetadata"]["state"] == "Launched"
    assert "blockingWorkers" not in view


def test_a_submit_that_waited_in_vain_names_who_keeps_it(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL)
    view = quick(mantis, cluster, status=200, query={"wait": "launched", "timeoutSecs": "1"})
    assert view["jobMetadata"]["state"] == "Accepted"
    assert [worker["workerNumber"] for worker in view["blockingWorkers"]] == [1]
    quick(mantis, cluster, status=400, query={"wait": "started"})


def test_who_works_on_the_latest_job(mantis: Mantis):
    cluster = mantis.cluster()
    mantis.refused(404, "GET", f"{cluster.path}/latestJobDiscoveryInfo")
    job_id = cluster.launch()
    found = mantis.get(f"{cluster.path}/latestJobDiscoveryInfo")
    assert found["jobId"] == job_id
    assert found["workerAssignments"]["1"]["hosts"]["1"]["state"] == "Started"


# -- dry runs --------------------------------------------------------------------------------------


def test_a_dry_run_stores_nothing(mantis: Mantis):
    name = unique()
    body = definition(name, cronSpec="0 0 12 * * ?")
    dry = {"dryRun": "true"}
    found = mantis.expect(200, "POST", "/jobClusters", body, params=dry)
    assert found["dryRun"] is True
    assert found["cluster"]["sla"]["max"] == 1
    assert len(found["nextFireTimes"]) == 5
    days = [
        after - before
        for before, after in zip(found["nextFireTimes"], found["nextFireTimes"][1:], strict=False)
    ]
    assert set(days) == {86_400_000}
    mantis.refused(404, "GET", f"/jobClusters/{name}")
    mantis.refused(400, "POST", "/jobClusters", definition(name, cronSpec="x"), params=dry)

    cluster = mantis.cluster()
    before = cluster.view()
    mantis.refused(409, "POST", "/jobClusters", definition(cluster.name), params=dry)
    found = mantis.expect(
        200, "PUT", cluster.path, definition(cluster.name, version="9"), params=dry
    )
    assert found["cluster"]["latestVersion"] == "9"
    assert (
        quick(mantis, cluster, status=200, query=dry)["job"]["jobMetadata"]["jobId"]
        == f"{cluster}-1"
    )
    given = {"name": cluster.name, "user": "u", "min": 1, "max": 2}
    found = mantis.expect(200, "POST", f"{cluster.path}/actions/updateSla", given, params=dry)
    assert found["cluster"]["sla"]["min"] == 1
    bad = {**given, "cronspec": "x"}
    mantis.refused(400, "POST", f"{cluster.path}/actions/updateSla", bad, params=dry)
    assert cluster.view() == before
    assert cluster.jobs(activeOnly="false") == []


# -- audit -----------------------------------------------------------------------------------------


def test_who_did_what_and_why(mantis: Mantis):
    cluster = mantis.cluster()
    job_id = cluster.launch()
    mantis.kill(job_id)
    cluster.act("updateLabel", labels=pairs(a="b"))
    found = mantis.get(f"{cluster.path}/audit")["list"]
    assert [one["action"] for one in found] == [
        "updated the labels",
        "killed",
        "submitted",
        "created",
    ]
    assert found[1]["user"] == "tester"
    assert (found[1]["jobId"], found[1]["reason"]) == (job_id, "done")
    assert mantis.get(f"{cluster.path}/audit", limit="2")["list"] == found[:2]
    assert mantis.get(f"{cluster.path}/audit", before=str(found[1]["id"]))["list"] == found[2:]
    mantis.refused(400, "GET", f"{cluster.path}/audit", params={"limit": "x"})


# -- logs ------------------------------------------------------------------------------------------


def test_what_a_worker_wrote(mantis: Mantis):
    run = "for n in 1 2 3; do echo line $n; done; echo beside >&2; exec sleep 1000"
    cluster = mantis.cluster(jobJarFileLocation=f"shell:{run}")
    job_id = cluster.launch()
    path = f"/jobs/{job_id}/workers/1/log"

    def text(**query):
        answer = mantis.raw("GET", path, params=query)
        assert answer.status_code == 200
        return answer.text

    eventually(lambda: text().count("\n") == 4, "four lines")
    # Two pipes, so what is beside may come at any place.
    lines = text().splitlines()
    assert [line for line in lines if line != "beside"] == ["line 1", "line 2", "line 3"]
    assert len(text(tail="2").splitlines()) == 2
    assert text(tail="0") == ""
    assert "beside" in text()
    for wrong in ("9", "x", "-1", "9" * 30):
        mantis.refused(404, "GET", f"/jobs/{job_id}/workers/{wrong}/log")
    mantis.refused(400, "GET", path, params={"tail": "x"})


def test_a_log_is_followed_to_the_end_of_the_worker(mantis: Mantis):
    cluster = mantis.cluster(jobJarFileLocation="shell:echo begun; exec sleep 1000")
    job_id = cluster.launch()
    answer = mantis.raw(
        "GET", f"/jobs/{job_id}/workers/1/log", params={"follow": "true"}, stream=True
    )
    lines = answer.iter_lines()
    assert next(lines) == b"begun"
    mantis.kill(job_id)
    assert list(lines) == []


# -- safe updates ----------------------------------------------------------------------------------


def test_an_update_of_what_has_changed_meanwhile_is_refused(mantis: Mantis):
    cluster = mantis.cluster()
    tag = mantis.raw("GET", cluster.path).headers["ETag"]
    label = {"name": cluster.name, "user": "u", "labels": pairs(a="1")}
    path = f"{cluster.path}/actions/updateLabel"
    mantis.expect(204, "POST", path, label, headers={"If-Match": tag})
    changed = mantis.raw("GET", cluster.path).headers["ETag"]
    assert changed != tag
    mantis.refused(412, "POST", path, {**label, "labels": []}, headers={"If-Match": tag})
    body = definition(cluster.name, version="2")
    mantis.refused(412, "PUT", cluster.path, body, headers={"If-Match": tag})
    assert cluster.view()["labels"] == pairs(a="1")
    mantis.expect(200, "PUT", cluster.path, body, headers={"If-Match": f'"x", {changed}'})
    mantis.expect(204, "POST", path, label, headers={"If-Match": "*"})


def test_of_many_updates_on_one_state_one_is_taken(mantis: Mantis):
    cluster = mantis.cluster()
    tag = mantis.raw("GET", cluster.path).headers["ETag"]
    statuses: list[int] = []

    def update(number: int) -> None:
        label = {"name": cluster.name, "user": "u", "labels": pairs(n=str(number))}
        path = f"{cluster.path}/actions/updateLabel"
        answer = mantis.raw("POST", path, json=label, headers={"If-Match": tag})
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=update, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [204, 412, 412, 412, 412, 412]


def test_a_submit_that_is_sent_twice_is_one_job(mantis: Mantis):
    one, other = mantis.cluster(), mantis.cluster()
    headers = {"Idempotency-Key": "the same"}
    first = quick(mantis, one, **headers)["jobMetadata"]["jobId"]
    assert quick(mantis, one, **headers)["jobMetadata"]["jobId"] == first
    assert (
        quick(mantis, one, **{"Idempotency-Key": "another"})["jobMetadata"]["jobId"] == f"{one}-2"
    )
    assert quick(mantis, other, **headers)["jobMetadata"]["jobId"] == f"{other}-1"
    quick(mantis, one, status=400, **{"Idempotency-Key": "x" * 256})


@pytest.mark.parametrize(
    "query", [{"user": "nobody"}, {"version": "nope"}, {"submittedAfter": "9" * 15}]
)
def test_other_filters(mantis: Mantis, query):
    cluster = mantis.cluster()
    cluster.start()
    assert len(cluster.jobs()) == 1
    assert cluster.jobs(**query) == []


def test_errors_have_a_word_for_programs(mantis: Mantis):
    assert mantis.ask("GET", f"/jobClusters/{unique()}").json()["code"] == "cluster-not-found"
    assert mantis.ask("GET", "/jobs", params={"matching": "("}).json()["code"] == "invalid-regex"
