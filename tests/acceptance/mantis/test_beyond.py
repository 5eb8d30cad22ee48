"""What clients may ask for beyond the common ground: readiness, history, dry runs, logs, races."""

import itertools
import json

import pytest
import requests

from tests.acceptance.mantis.client import (
    EXTERNAL,
    SLEEP,
    Mantis,
    crowd,
    definition,
    pairs,
    scheduling,
    unique,
)
from tests.yard import eventually

MORE = {
    "/jobClusters/{c}/latestJobDiscoveryInfo": "GET",
    "/jobClusters/{c}/healthcheck": "GET",
    "/jobClusters/{c}/actions/updateSchedulingInfo": "POST",
}


@pytest.mark.parametrize(("path", "right"), MORE.items())
def test_these_endpoints_are_like_the_others(mantis: Mantis, path, right):
    name = unique("unknown")
    for verb in {"GET", "POST", "PUT", "DELETE", "PATCH"} - {right}:
        answer = mantis.ask(verb, path.format(c=name), b"{nonsense")
        assert answer.status_code == 405
        assert right in answer.headers["Allow"]
    body = {"name": name, "user": "u", "version": "2", "schedulingInfo": scheduling(1)}
    for slash in ("", "/"):
        sent = json.dumps(body).encode() if right == "POST" else b""
        assert name in mantis.refused(404, right, path.format(c=name) + slash, sent)


# -- readiness ----------------------------------------------------------------------------------------


def test_discovery_info_once(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(2))
    path = f"{cluster.path}/latestJobDiscoveryInfo"
    mantis.refused(404, "GET", path)
    cluster.start(parameters=EXTERNAL)
    mantis.refused(404, "GET", path)
    launched = cluster.launch()
    cluster.start(parameters=EXTERNAL)
    found = mantis.get(path)
    assert found["jobId"] == launched
    one = found["workerAssignments"]["1"]
    assert (one["stage"], one["numWorkers"], one["activeWorkers"], set(one["hosts"])) == (
        1,
        2,
        2,
        {"1", "2"},
    )


def test_health_is_that_every_worker_is_ready(mantis: Mantis):
    cluster = mantis.cluster()
    path = f"{cluster.path}/healthcheck"
    ready = cluster.launch()
    assert mantis.get(path) == {"isHealthy": True, "message": "OK", "failureReason": None}
    waiting = cluster.start(parameters=EXTERNAL, schedulingInfo=scheduling(2))
    workers = mantis.workers_until(
        waiting, lambda ws: {w["state"] for w in ws} == {"Launched"}, "placed"
    )
    mantis.status(waiting, workers[1], "HEARTBEAT")
    sick = {
        "isHealthy": False, "message": "unready workers",
        "failureReason": {"type": "unreadyWorkers", "workers": [
            {"jobId": waiting, "workerIndex": 0, "workerNumber": 1, "state": "Launched"},
        ]},
    }  # fmt: skip
    assert mantis.get(path) == sick
    assert mantis.get(path, {"job-ids": waiting}) == sick
    assert mantis.get(path, {"job-ids": f"{ready},{waiting}"}) == sick
    assert mantis.get(path, {"job-ids": ready})["isHealthy"] is True
    mantis.status(waiting, workers[0], "HEARTBEAT")
    assert mantis.get(path)["isHealthy"] is True


@pytest.mark.parametrize("path", ["{c}/jobs", "/jobs", "/jobs/actions/quickSubmit"])
def test_a_submit_may_wait_for_the_launch(mantis: Mantis, path):
    cluster = mantis.cluster()
    query = {"wait": "launched", "timeoutSecs": "60"}
    found = mantis.expect(201, "POST", path.format(c=cluster.path), cluster.wish(), params=query)
    assert found["jobMetadata"]["state"] == "Launched"
    cluster.start(parameters=EXTERNAL)
    query = {"wait": "launched", "timeoutSecs": "1"}
    found = mantis.expect(
        200, "POST", path.format(c=cluster.path), cluster.wish(parameters=EXTERNAL), params=query
    )
    assert f"{cluster}-3" in json.dumps(found)
    assert mantis.state(f"{cluster}-3") == "Accepted"
    for wrong in (
        {"wait": "forever"},
        {"wait": "launched", "timeoutSecs": "x"},
        {"wait": "launched", "timeoutSecs": "-1"},
    ):
        mantis.refused(400, "POST", path.format(c=cluster.path), cluster.wish(), params=wrong)
    assert cluster.view()["lastJobCount"] == 3


# -- scheduling of a cluster ----------------------------------------------------------------------------


def test_scheduling_is_replaced_by_a_new_jar(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL)
    body = {
        "name": cluster.name,
        "user": "u",
        "version": "2",
        "schedulingInfo": scheduling(2, 1, zero=1),
    }
    path = f"{cluster.path}/actions/updateSchedulingInfo"
    mantis.expect(204, "POST", path, body)
    first, second = cluster.view()["jars"]
    assert first == cluster.created["jars"][0]
    assert (second["url"], second["version"]) == (SLEEP, "2")
    assert list(second["schedulingInfo"]["stages"]) == ["0", "1", "2"]
    mantis.refused(400, "POST", path, body)
    mantis.refused(400, "POST", path, {**body, "version": "1"})
    mantis.refused(400, "POST", path, {**body, "version": "3", "schedulingInfo": scheduling(0)})
    mantis.refused(400, "POST", path, {**body, "version": "3", "schedulingInfo": None})
    assert len(cluster.submit()["stageMetadataList"]) == 3


# -- history --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def past(server: Mantis):
    """Five jobs that are over, of two users and two versions, and one that is not."""
    cluster = server.cluster(keep=True, parameters=EXTERNAL, version="1")
    for user in "ababa":
        job_id = cluster.start(user=user)
        server.kill(job_id)
        server.until(job_id, "Completed")
        if job_id.endswith("-3"):
            cluster.act("updateArtifact", url=SLEEP, version="2", skipsubmit=True)
    cluster.start(user="b")
    yield cluster
    cluster.end()


def numbers(cluster, **query) -> list[int]:
    return [int(job_id.rpartition("-")[2]) for job_id in cluster.ids(**query)]


def test_history_is_paged_by_the_job_before_it(mantis: Mantis, past):
    assert numbers(past, jobState="Terminal", startJobIdExclusive=f"{past}-4") == [1, 2, 3]
    assert numbers(past, jobState="Terminal", startJobIdExclusive=f"{past}-1") == []
    assert numbers(past, jobState="Terminal", startJobIdExclusive=f"{past}-6") == [1, 2, 3, 4, 5]
    query = {
        "jobState": "Terminal",
        "startJobIdExclusive": f"{past}-5",
        "sortBy": "jobId",
        "ascending": "false",
        "limit": 2,
    }
    assert numbers(past, **query) == [4, 3]
    answer = mantis.ask(
        "GET",
        f"{past.path}/jobs",
        params={"jobState": "Terminal", "startJobIdExclusive": "nonsense"},
    )
    assert answer.status_code in (400, 404)


def test_history_by_user_version_and_time(past):
    everything = past.jobs(activeOnly="false")
    assert numbers(past, activeOnly="false", user="a") == [1, 3, 5]
    assert numbers(past, activeOnly="false", user="A") == []
    assert numbers(past, user="b") == [6]
    assert numbers(past, activeOnly="false", version="2") == [4, 5, 6]
    assert numbers(past, activeOnly="false", version="2", user="a") == [5]
    third = everything[2]
    moment = third["jobMetadata"]["submittedAt"]
    wanted = [
        n for n, job in enumerate(everything, 1) if job["jobMetadata"]["submittedAt"] > moment
    ]
    assert numbers(past, activeOnly="false", submittedAfter=moment) == wanted
    wanted = [
        n for n, job in enumerate(everything, 1) if job["terminatedAt"] > third["terminatedAt"]
    ]
    assert numbers(past, activeOnly="false", terminatedAfter=third["terminatedAt"]) == wanted


@pytest.mark.parametrize("name", ["submittedAfter", "terminatedAfter"])
@pytest.mark.parametrize("value", ["x", "1.5", "NaN", "-", "2026-01-01"])
def test_times_that_are_none_are_refused(mantis: Mantis, past, name, value):
    mantis.refused(400, "GET", f"{past.path}/jobs", params={name: value})


# -- dry runs -------------------------------------------------------------------------------------------


def test_dry_runs_judge_and_store_nothing(mantis: Mantis):
    cluster = mantis.cluster()
    dry = {"dryRun": "true"}
    name = unique()
    for over, status in (({}, 400), ({"slaMin": 6}, 400), ({"cronSpec": "nonsense"}, 400)):
        if over:
            mantis.refused(status, "POST", "/jobClusters", definition(name, **over), params=dry)
            body = definition(cluster.name, version="2", **over)
            mantis.refused(status, "PUT", cluster.path, body, params=dry)
    mantis.refused(409, "POST", "/jobClusters", definition(cluster.name), params=dry)
    mantis.refused(400, "PUT", cluster.path, definition(cluster.name), params=dry)
    for method, path, body in (
        ("POST", "/jobClusters", definition(name, cronSpec="0 0 12 * * ?", slaMin=1, slaMax=1)),
        ("PUT", cluster.path, definition(cluster.name, version="2")),
        ("POST", f"{cluster.path}/actions/updateSla", {"name": cluster.name, "user": "u", "min": 1, "max": 3}),
        ("POST", f"{cluster.path}/jobs", cluster.wish()),
    ):  # fmt: skip
        answer = mantis.ask(method, path, body, params=dry)
        assert answer.status_code in (200, 201), answer.text
        assert answer.json()
    mantis.refused(404, "GET", f"/jobClusters/{name}")
    assert cluster.view() == cluster.created
    assert cluster.ids(activeOnly="false") == []
    mantis.refused(400, "POST", f"{cluster.path}/jobs", cluster.wish(version="none"), params=dry)
    path = f"{cluster.path}/actions/updateSla"
    mantis.refused(
        400, "POST", path, {"name": cluster.name, "user": "u", "cronspec": "nonsense"}, params=dry
    )
    assert cluster.view()["disabled"] is False


def test_a_dry_run_of_a_cron_tells_the_next_five_firings(mantis: Mantis):
    body = definition(unique(), cronSpec="0 30 12 * * ?")
    answer = mantis.ask("POST", "/jobClusters", body, params={"dryRun": "true"})

    def times(value):
        if isinstance(value, dict):
            return [one for inner in value.values() for one in times(inner)]
        if isinstance(value, list):
            whole = len(value) == 5 and all(type(one) is int for one in value)
            return [value] if whole else [one for inner in value for one in times(inner)]
        return []

    (found,) = times(answer.json())
    assert [one % 86_400_000 for one in found] == [45_000_000] * 5
    assert [after - before for before, after in itertools.pairwise(found)] == [86_400_000] * 4


# -- logs, audit ------------------------------------------------------------------------------------------


def test_the_log_of_a_worker(mantis: Mantis):
    cluster = mantis.cluster(
        jobJarFileLocation="shell:seq 1 20; echo to-stderr >&2", schedulingInfo=scheduling(1)
    )
    job_id = cluster.start()
    mantis.until(job_id, "Completed")
    path = f"/jobs/{job_id}/workers/1/log"

    def text(**query) -> str:
        answer = mantis.raw("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        return answer.text

    eventually(lambda: "to-stderr" in text(), "the whole log")
    assert {str(number) for number in range(1, 21)} <= set(text().split())
    assert len(text(tail=3).split()) == 3
    followed = text(follow="true")
    assert "20" in followed
    for wrong in ("/jobs/nobodyhere-1/workers/1/log", f"/jobs/{job_id}/workers/2/log", f"/jobs/{job_id}/workers/x/log",
                  f"/jobs/{job_id}/workers/99999999999999999999/log"):  # fmt: skip
        answer = mantis.ask("GET", wrong)
        assert answer.status_code in (400, 404)
    mantis.refused(400, "GET", path, params={"tail": "x"})
    mantis.refused(400, "GET", path, params={"tail": "-1"})


def test_the_audit_tells_who_did_what_and_why(mantis: Mantis):
    cluster = mantis.cluster(user="anna")
    cluster.put(version="2", user="bert")
    job_id = cluster.start(user="carl", parameters=EXTERNAL)
    mantis.expect(
        202, "DELETE", f"/jobs/{job_id}", params={"user": "dora", "reason": "for a reason"}
    )
    cluster.act("disableCluster", user="emil")
    found = json.dumps(mantis.get(f"{cluster.path}/audit"))
    for word in ("anna", "bert", "carl", "dora", "emil", "for a reason", job_id):
        assert word in found, word


# -- races --------------------------------------------------------------------------------------------------


def test_a_lost_race_is_412(mantis: Mantis):
    cluster = mantis.cluster()

    def tag() -> str:
        return mantis.ask("GET", cluster.path).headers["ETag"]

    def put(version: str, match: str) -> requests.Response:
        body = definition(cluster.name, version=version)
        return mantis.ask("PUT", cluster.path, body, headers={"If-Match": match})

    first = tag()
    assert first == tag()
    assert put("2", first).status_code == 200
    second = tag()
    assert second != first
    assert put("3", first).status_code == 412
    assert put("3", '"never"').status_code == 412
    assert put("3", "*").status_code == 200
    body = {"name": cluster.name, "user": "u", "labels": pairs(a="b")}
    path = f"{cluster.path}/actions/updateLabel"
    assert mantis.ask("POST", path, body, headers={"If-Match": second}).status_code == 412
    assert mantis.ask("POST", path, body, headers={"If-Match": tag()}).status_code == 204
    assert mantis.ask("POST", path, body, headers={"If-Match": "nonsense"}).status_code in (
        400,
        412,
    )
    assert [jar["version"] for jar in cluster.view()["jars"]] == ["1", "2", "3"]


def test_of_many_with_one_tag_one_wins(mantis: Mantis):
    cluster = mantis.cluster()
    tag = mantis.ask("GET", cluster.path).headers["ETag"]
    statuses: list[int] = []

    def put(number: int):
        body = definition(cluster.name, version=f"v{number}")
        return lambda: statuses.append(
            Mantis(mantis.yard)
            .ask("PUT", cluster.path, body, headers={"If-Match": tag})
            .status_code
        )

    crowd([put(number) for number in range(8)])
    assert sorted(statuses) == [200] + [412] * 7


@pytest.mark.parametrize("path", ["{c}/jobs", "/jobs", "/jobs/actions/quickSubmit"])
def test_a_submit_with_a_key_is_made_once(mantis: Mantis, path):
    cluster = mantis.cluster(parameters=EXTERNAL)
    ids: list[str] = []

    def submit(key: str):
        def send() -> None:
            answer = Mantis(mantis.yard).ask(
                "POST",
                path.format(c=cluster.path),
                cluster.wish(),
                headers={"Idempotency-Key": key},
            )
            assert answer.status_code in (200, 201), answer.text
            ids.append(answer.json()["jobMetadata"]["jobId"])

        return send

    crowd([submit("one")] * 6)
    submit("two")()
    assert ids == [f"{cluster}-1"] * 6 + [f"{cluster}-2"]
    mantis.kill(f"{cluster}-1")
    mantis.until(f"{cluster}-1", "Completed")
    submit("one")()
    assert ids[-1] == f"{cluster}-1"
    assert cluster.view()["lastJobCount"] == 2
