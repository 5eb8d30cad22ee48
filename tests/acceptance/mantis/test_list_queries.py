"""Values of queries: which are refused, which count as absent, which are ignored."""

import pytest

from tests.acceptance.mantis.client import EXTERNAL, Mantis, definition, scheduling, unique
from tests.rotation import rotated, short


@pytest.fixture(scope="module")
def five(server: Mantis):
    """A cluster with the five active jobs 1 to 5, of users that are not in that order."""
    cluster = server.cluster(keep=True, schedulingInfo=scheduling(1))
    for user in ("d", "b", "e", "a", "c"):
        cluster.submit(parameters=EXTERNAL, user=user)
    yield cluster
    cluster.end()


# -- bad values -----------------------------------------------------------------------------------

NO_WHOLE = [
    "-1",
    "1.5",
    "abc",
    "1x",
    "0x1",
    "1e1",
    "NaN",
    "Infinity",
    "--1",
    "1,2",
    "null",
    "true",
    "½",
    "\u0661a",
]
BOOLEANS = ["yes", "2", "t", "truee", "null", "-1", "on", "10"]
PATHS = ["/jobClusters", "/jobs", "{c}/jobs", "{j}/archivedWorkers"]


def filled(path: str, cluster) -> str:
    return path.replace("{c}", cluster.path).replace("{j}", f"/jobs/{cluster}-1")


SIZES = [
    (path, name)
    for path in PATHS
    for name in ("pageSize", "offset", "limit")
    if (path, name) != ("/jobClusters", "limit")  # which is no parameter of that list
]


@pytest.mark.parametrize(("place", "value"), rotated(SIZES, NO_WHOLE, rounds=3), ids=short)
def test_bad_sizes_are_refused(mantis: Mantis, five, place, value):
    path, name = place
    mantis.refused(400, "GET", filled(path, five), params={name: value})


@pytest.mark.parametrize("value", BOOLEANS)
@pytest.mark.parametrize("path", PATHS)
def test_bad_booleans_are_refused(mantis: Mantis, five, path, value):
    mantis.refused(400, "GET", filled(path, five), params={"ascending": value})
    if path.endswith("/jobs"):
        mantis.refused(400, "GET", filled(path, five), params={"compact": value})
        mantis.refused(400, "GET", filled(path, five), params={"activeOnly": value})
    mantis.refused(400, "GET", f"/jobs/{five}-1", params={"archived": value})


@pytest.mark.parametrize("value", ["true", "TRUE", "tRue", "1", "false", "False", "0", ""])
def test_booleans_may_be_in_any_case(mantis: Mantis, five, value):
    up = value.lower() in ("true", "1", "")
    users = [one["user"] for one in five.jobs(ascending=value, sortBy="user", compact="1")]
    assert users == sorted("abcde", reverse=not up)
    found = five.jobs(compact=value)[0]
    assert ("jobId" in found) is (value.lower() in ("true", "1"))
    assert len(five.jobs(activeOnly=value)) == 5
    assert mantis.get(f"/jobs/{five}-1", archived=value)


BAD_FILTERS = [
    ("jobState", "active"), ("jobState", "ACTIVE"), ("jobState", "Accepted"), ("jobState", "Noop"), ("jobState", "x"),
    ("workerState", "active"), ("workerState", "Started"), ("workerState", "noop"), ("workerState", "x"),
    ("labels.op", "AND"), ("labels.op", "Or"), ("labels.op", "xor"), ("stageNumber", "x"), ("stageNumber", "1.5"),
    ("workerIndex", "x"), ("workerIndex", "1e1"), ("workerNumber", "x"), ("workerNumber", "1.0x"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD_FILTERS)
@pytest.mark.parametrize("path", ["/jobs", "{c}/jobs"])
def test_bad_filters_are_refused(mantis: Mantis, five, path, name, value):
    mantis.refused(400, "GET", filled(path, five), params={name: value})


ALL = ["pageSize", "offset", "limit", "ascending", "compact", "sortBy", "fields", "matching", "activeOnly", "jobState",
       "labels", "labels.op", "stageNumber", "workerIndex", "workerNumber", "workerState", "fromObj"]  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_an_empty_value_counts_as_absent(mantis: Mantis, five, name):
    assert five.jobs(**{name: ""}) == five.jobs()
    mantis.get("/jobClusters", {name: "", "pageSize": "1"} if name != "pageSize" else {name: ""})
    assert mantis.get(f"/jobs/{five}-1/archivedWorkers", **{name: ""})["total"] == 0


def test_unknown_parameters_are_ignored(mantis: Mantis, five):
    query = {"nope": "1", "PageSize": "x", "page": "-1", "": "x", "jobstate": "x"}
    assert five.jobs(**query) == five.jobs()
    assert mantis.get("/jobClusters", query)["total"] > 0
    assert mantis.job(f"{five}-1", **query)


def test_sizes_beyond_64_bits_break_nothing(mantis: Mantis, five):
    for value in (2**31, 2**63 - 1, 2**63, 2**64, 10**30, int("9" * 300)):
        for path in PATHS:
            for name in ("pageSize", "offset", "limit"):
                answer = mantis.ask("GET", filled(path, five), params={name: value})
                assert answer.status_code in (200, 400)
        for name in ("stageNumber", "workerIndex", "workerNumber"):
            answer = mantis.ask("GET", f"{five.path}/jobs", params={name: value})
            assert answer.status_code in (200, 400)
    answer = mantis.raw("GET", "/jobs", params={"offset": "9" * 5000})
    assert answer.status_code in (200, 400, 414)


def test_a_created_cluster_is_listed_at_once(mantis: Mantis):
    name = unique()
    mantis.expect(201, "POST", "/jobClusters", definition(name))
    assert mantis.get("/jobClusters", matching=name, fields="name")["list"] == [{"name": name}]
