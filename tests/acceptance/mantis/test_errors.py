"""The one form of errors, wrong verbs, unknown paths, slashes at the end, CORS, long requests."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from tests.acceptance.mantis.client import LEAVE_OUT, Mantis, check_error, definition, unique
from tests.acceptance.mantis.endpoints import READERS, ROUTES, STREAMS, launched_cluster
from tests.rotation import rotated, short

VERBS = ("GET", "POST", "PUT", "DELETE", "PATCH")
WRONG = [(verb, path) for path, right in ROUTES.items() for verb in VERBS if verb not in right]
NOBODY = "nobodyhere"
PREFLIGHT = {
    "Origin": "https://elsewhere.example",
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "x-anything",
}


@pytest.fixture(scope="module")
def ready(server: Mantis):
    cluster = launched_cluster(server)
    yield cluster
    cluster.end()


def listed(header: str) -> set[str]:
    return {word.strip() for word in header.split(",")}


# -- wrong verbs --------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "path"), WRONG)
def test_a_wrong_verb_is_refused_before_anything_is_looked_at(mantis: Mantis, verb, path):
    filled = path.format(c=NOBODY, j=f"{NOBODY}-1")
    for body in (LEAVE_OUT, b"{nonsense", b'{"name": "x"}'):
        for slash in ("", "/"):
            answer = mantis.ask(verb, filled + slash, body)
            assert answer.status_code == 405, answer.text
            allowed = listed(answer.headers["Allow"])
            assert set(ROUTES[path]) <= allowed, allowed
            assert verb not in allowed


@pytest.mark.parametrize("verb", ["TRACE", "PROPFIND", "FOO", "CONNECTED"])
@pytest.mark.parametrize(
    "path", ["/jobClusters", "/jobs", "/jobs/a-1", "/masterInfo", "/agentClusters"]
)
def test_verbs_nobody_knows_are_refused(mantis: Mantis, verb, path):
    answer = mantis.raw(verb, path)
    assert 400 <= answer.status_code < 500, answer.text
    if verb == "PROPFIND":
        assert answer.status_code == 405
        check_error(answer)


def test_a_wrong_verb_with_a_huge_body_is_a_wrong_verb(mantis: Mantis):
    answer = mantis.ask("PATCH", "/jobClusters", b" " * 100_000)
    assert answer.status_code == 405


@pytest.mark.parametrize("path", [path for path in ROUTES if path not in STREAMS])
def test_head_is_answered_without_a_body(mantis: Mantis, ready, path):
    answer = mantis.ask("HEAD", path.format(c=ready.name, j=f"{ready}-1"))
    assert answer.content == b""
    assert answer.status_code in ((200, 405) if "GET" in ROUTES[path] else (405,))


# -- unknown things -----------------------------------------------------------------------------

UNKNOWN_PATHS = [
    "", "/", "/nothing", "/jobCluster", "/jobclusters", "/JobClusters", "/Jobs", "/job", "/masterinfo",
    "/masterInfo/x", "/masterConfigs/x", "/agentClusters/nothing", "/agentClusters/jobs/x",
    "/jobClusters/{c}/nothing", "/jobClusters/{c}/actions", "/jobClusters/{c}/actions/nothing",
    "/jobClusters/{c}/actions/updatesla", "/jobClusters/{c}/jobs/{j}/x", "/jobs/{j}/nothing",
    "/jobs/{j}/actions", "/jobs/{j}/actions/nothing", "/jobs/actions/nothing", "/jobs/{j}/archivedWorkers/1",
    "/mantis", "/mantis/publish", "/mantis/publish/streamJobClusterMap/x", "/jobDiscoveryStream",
    "/jobs/schedulingInfo/{j}/x", "/jobConnectbyid", "/jobConnectbyname", "/jobsubmitandconnect/x",
    "/jobStatusStream", "/lastSubmittedJobIdStream", "/%00", "/%ff%fe", "/..%2f..%2fetc%2fpasswd", "/😀", "/a/b/c/d/e/f",
]  # fmt: skip


@pytest.mark.parametrize(("verb", "path"), rotated(VERBS, UNKNOWN_PATHS, rounds=2), ids=short)
def test_an_unknown_path_is_404(mantis: Mantis, ready, verb, path):
    answer = mantis.ask(
        verb, path.format(c=ready.name, j=f"{ready}-1"), b"{}" if verb == "POST" else LEAVE_OUT
    )
    assert answer.status_code == 404, answer.text


OF_A_CLUSTER = [
    (verb, path) for path, verbs in ROUTES.items() for verb in verbs
    if "{c}" in path and "StatusStream" not in path
]  # fmt: skip
OF_A_JOB = [
    (verb, path) for path, verbs in ROUTES.items() for verb in verbs
    if "{j}" in path and "StatusStream" not in path
]  # fmt: skip


def body_for(verb: str, path: str, name: str):
    """Give a body that is good but for the cluster or job it speaks of."""
    if verb not in ("POST", "PUT"):
        return LEAVE_OUT
    if verb == "PUT":
        return definition(name)
    good = {
        "name": name, "user": "u", "version": "v", "url": "shell:true", "min": 0, "max": 0, "labels": [],
        "migrationConfig": {"strategy": "ONE_WORKER"}, "JobId": f"{name}-1", "StageNumber": 1,
        "NumWorkers": 1, "workerNumber": 1,
    }  # fmt: skip
    if path.endswith("/jobs"):
        good.pop("version")
    return good


@pytest.mark.parametrize(("verb", "path"), OF_A_CLUSTER)
def test_an_unknown_cluster_is_404_and_named(mantis: Mantis, verb, path):
    name = unique("unknown")
    query = {"user": "u"} if verb == "DELETE" else {}
    filled = path.format(c=name, j=f"{name}-1")
    for slash in ("", "/"):
        text = mantis.refused(404, verb, filled + slash, body_for(verb, path, name), params=query)
        assert name in text


@pytest.mark.parametrize(("verb", "path"), OF_A_JOB)
def test_an_unknown_job_is_404_and_named(mantis: Mantis, ready, verb, path):
    query = {"user": "u", "reason": "r"} if verb == "DELETE" else {}
    for name in (ready.name, unique("unknown")):
        job_id = f"{name}-17"
        body = body_for(verb, path, name)
        if body is not LEAVE_OUT:
            body["JobId"] = job_id
        text = mantis.refused(404, verb, path.format(c=name, j=job_id), body, params=query)
        assert job_id in text or name in text


def test_quick_submits_of_an_unknown_cluster_are_404(mantis: Mantis):
    name = unique("unknown")
    for path in ("/jobs", "/jobs/actions/quickSubmit", "/jobsubmitandconnect"):
        assert name in mantis.refused(404, "POST", path, {"name": name, "user": "u"})


def test_a_job_of_another_cluster_is_404(mantis: Mantis, ready):
    other = mantis.cluster()
    mantis.refused(404, "GET", f"{other.path}/jobs/{ready}-1")
    mantis.refused(404, "GET", f"{other.path}/jobs/{ready}-1?archived=true")
    mantis.refused(404, "GET", f"/jobClusters/{NOBODY}/jobs/{ready}-1")
    assert mantis.get(f"{ready.path}/jobs/{ready}-1")["jobMetadata"]["jobId"] == f"{ready}-1"


# -- slashes at the end ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [p for p, verbs in ROUTES.items() if "GET" in verbs and p not in STREAMS]
)
def test_a_slash_at_the_end_changes_nothing(mantis: Mantis, ready, path):
    filled = path.format(c=ready.name, j=f"{ready}-1")
    mantis.expect(200, "GET", filled)
    mantis.expect(200, "GET", filled + "/")


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_slash_at_the_end_of_what_reads_a_body_changes_nothing(mantis: Mantis, ready, reader):
    mantis.expect(reader.status, reader.method, reader.filled(ready) + "/", reader.body(ready))


def test_deleting_with_a_slash_at_the_end(mantis: Mantis):
    cluster = mantis.cluster()
    job_id = cluster.start()
    mantis.expect(202, "DELETE", f"/jobs/{job_id}/", params={"user": "u", "reason": "r"})
    mantis.until(job_id, "Completed")
    mantis.expect(202, "DELETE", f"{cluster.path}/", params={"user": "tester"})


# -- CORS -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*ROUTES, "/nothing", "/jobs/", "/jobs/x/y/z"])
def test_every_path_answers_options(mantis: Mantis, path):
    for headers in ({}, PREFLIGHT):
        answer = mantis.ask("OPTIONS", path.format(c=NOBODY, j="x-1"), headers=headers)
        assert answer.status_code == 200
        wanted = {"GET", "OPTIONS", "PUT", "POST", "DELETE"}
        assert listed(answer.headers["Access-Control-Allow-Methods"]) == wanted
        given = listed(answer.headers["Access-Control-Allow-Headers"])
        assert given == {"Origin", "X-Requested-With", "Accept", "Content-Type", "Cache-Control"}
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "", "a\tb"])
def test_any_origin_may_read_every_answer(mantis: Mantis, ready, origin):
    for path in ("/jobs", "/jobClusters", ready.path, "/jobs/nope-1", "/nothing"):
        answer = mantis.ask("GET", path, headers={"Origin": origin})
        assert answer.raw.headers.getlist("Access-Control-Allow-Origin") == ["*"]


# -- long requests --------------------------------------------------------------------------------


def exchange(mantis: Mantis, target: str) -> tuple[int, bytes]:
    where = urlsplit(mantis.yard.url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    try:
        connection.putrequest("GET", target, skip_accept_encoding=True)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (http.client.HTTPException, ConnectionError):
        return 0, b""  # closed without an answer
    finally:
        connection.close()


@pytest.mark.parametrize("length", [1000, 2000, 3900, 4000])
def test_request_lines_up_to_4000_bytes_work(mantis: Mantis, length):
    start = "/api/v1/jobClusters?matching=zzzz&x="
    line = f"GET {start} HTTP/1.1\r\n"
    target = start + "y" * (length - len(line))
    status, body = exchange(mantis, target)
    assert status == 200
    assert json.loads(body)["list"] == []


@pytest.mark.parametrize("length", [9000, 40_000, 100_000])
def test_longer_request_lines_break_nothing(mantis: Mantis, length):
    status, _ = exchange(mantis, "/api/v1/jobClusters?matching=zzzz&x=" + "y" * length)
    assert status in (0, 200, 400, 414), status
    status, _ = exchange(mantis, "/api/v1/jobs/" + "y" * length)
    assert status in (0, 400, 404, 414), status


# -- the form -------------------------------------------------------------------------------------


def test_what_went_wrong_is_named(mantis: Mantis, ready):
    cases = [
        ("POST", "/jobClusters", definition("1abc"), 400, "1abc"),
        ("POST", "/jobClusters", {"owner": {}}, 400, "jobDefinition"),
        ("POST", "/jobClusters", definition(unique(), user=""), 400, "user"),
        ("POST", "/jobClusters", definition(unique(), schedulingInfo=LEAVE_OUT), 400, "schedulingInfo"),
        ("POST", "/jobClusters", definition(unique(), jobJarFileLocation=LEAVE_OUT), 400, "jobJarFileLocation"),
        ("POST", "/jobClusters", definition(ready.name), 409, ready.name),
        ("POST", f"{ready.path}/actions/updateLabel", {"name": ready.name, "user": "u"}, 400, "labels"),
        ("POST", f"{ready.path}/actions/updateSla", {"name": ready.name, "min": 0, "max": 0}, 400, "user"),
        ("GET", "/jobs?pageSize=x", LEAVE_OUT, 400, "pageSize"),
        ("GET", "/jobs?jobState=x", LEAVE_OUT, 400, "jobState"),
        ("GET", "/jobs?sortBy=nonsense", LEAVE_OUT, 400, "nonsense"),
        ("DELETE", f"/jobs/{ready}-1?user=u", LEAVE_OUT, 400, "reason"),
        ("DELETE", f"/jobs/{ready}-1?reason=u", LEAVE_OUT, 400, "user"),
    ]  # fmt: skip
    for method, path, body, status, word in cases:
        assert word in mantis.refused(status, method, path, body), (method, path)


def test_a_name_that_is_taken_says_so(mantis: Mantis, ready):
    text = mantis.refused(409, "POST", "/jobClusters", definition(ready.name))
    assert "exists" in text
