"""Names of clusters, versions of artifacts, ids of jobs and of their workers."""

from urllib.parse import quote

import pytest

from tests.acceptance.mantis.client import (
    EXTERNAL,
    LEAVE_OUT,
    Mantis,
    definition,
    now_ms,
    scheduling,
    unique,
)
from tests.rotation import rotated, short
from tests.yard import eventually

GOOD = [
    "sinefn", "jschmoe_validation", "Ab1-x_y=z:1;2+3", "A", "z", "a-1", "a-", "a--", "a_", "a.b",
    "a..b", "a,b", "a<b>", "a@b", "a[b]", "a^b", "a=b", "a:b", "a;b", "a+b", "a1", "AAA", "a+", "SINEFN",
    "Zz9", "a.", "a;", "discovery", "jobs", "actions", "b" * 254, "c" * 255,
]  # fmt: skip
BAD = [
    "", " ", "1abc", "-abc", "_abc", "+abc", "=a", ":a", ";a", ".a", ".", "..", "@a", "[a]", "a b", " a", "a ",
    "a/b", "/a", "a/", "a\\b", "a?b", "a?", "naïve", "é", "\uff41", "aé", "a\u0663", "a\uff11", "a" * 256, "a" * 300,
    "a" * 100_000, "a!b", 'a"b', "a#b", "a$b", "a%b", "a&b", "a'b", "a(b", "a)b", "a*b", "a`b", "a{b", "a|b",
    "a}b", "a~b", "a\n", "a\nb", "\na", "a\r", "a\t", "a\x00", "a\x00b", "a\x0b", "a\x1f", "a\x7f", "a\x85",
    "a\u2028", "a\u200b", "a\u017f", "a\u212a", "a😀", "a\ud800", "\udfff", "%41", "a%20b", "a%2Fb",
]  # fmt: skip
NO_TEXT = [None, 5, 1.5, True, [], ["a"], {}, {"a": "b"}, LEAVE_OUT]


def path_of(name: str) -> str:
    return f"/jobClusters/{quote(name, safe='')}"


@pytest.mark.parametrize("name", GOOD, ids=lambda name: name[:20])
def test_a_good_name_is_created_read_and_deleted(mantis: Mantis, name):
    made = mantis.expect(201, "POST", "/jobClusters", definition(name))
    assert made["name"] == name
    assert mantis.get(path_of(name)) == made
    assert mantis.get(f"{path_of(name)}/jobs")["list"] == []
    text = mantis.refused(409, "POST", "/jobClusters", definition(name))
    assert name in text
    mantis.expect(202, "DELETE", path_of(name), params={"user": "tester"})
    eventually(lambda: mantis.ask("GET", path_of(name)).status_code == 404, f"{name} to be gone")


@pytest.mark.parametrize("name", BAD, ids=lambda name: ascii(name[:12]))
def test_a_bad_name_is_refused(mantis: Mantis, name):
    before = mantis.get("/jobClusters", pageSize=1)["total"]
    mantis.refused(400, "POST", "/jobClusters", definition(name))
    assert mantis.get("/jobClusters", pageSize=1)["total"] == before


@pytest.mark.parametrize("name", NO_TEXT, ids=str)
def test_a_name_that_is_no_text_is_refused(mantis: Mantis, name):
    mantis.refused(400, "POST", "/jobClusters", definition(name))


@pytest.mark.parametrize("name", ["1abc", "a b", "naïve", "a" * 300, "%", "a\x00", "é%00", "😀"])
def test_a_bad_name_in_a_path_is_unknown(mantis: Mantis, name):
    mantis.refused(404, "GET", path_of(name))
    mantis.refused(404, "GET", f"{path_of(name)}/jobs")
    mantis.refused(404, "DELETE", path_of(name), params={"user": "tester"})


def test_names_are_case_sensitive(mantis: Mantis):
    name = unique("case")
    mantis.cluster(name)
    mantis.refused(404, "GET", path_of(name.upper()))
    mantis.refused(404, "GET", path_of(name.capitalize()))
    other = mantis.cluster(name.upper())
    assert other.view()["name"] == name.upper()
    assert other.start() == f"{name.upper()}-1"
    assert mantis.get(f"{path_of(name)}/jobs", jobState="Active")["list"] == []


@pytest.mark.parametrize("encoded", ["+", "%2B", "%2b"])
def test_a_plus_in_a_path_is_a_plus(mantis: Mantis, encoded):
    name = unique("plus") + "+z=1;2:3"
    mantis.cluster(name)
    found = mantis.get("/jobClusters/" + name.replace("+", encoded))
    assert found["name"] == name


def test_every_letter_of_a_path_may_be_percent_encoded(mantis: Mantis):
    cluster = mantis.cluster()
    encoded = "".join(f"%{ord(letter):02x}" for letter in cluster.name)
    assert mantis.get(f"/jobClusters/{encoded}")["name"] == cluster.name


# -- versions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [LEAVE_OUT, None, "", " ", "   \t"], ids=repr)
def test_a_missing_version_is_the_time_in_ms(mantis: Mantis, version):
    before = now_ms()
    cluster = mantis.cluster(version=version)
    given = cluster.created["latestVersion"]
    assert before - 5 <= int(given) <= now_ms() + 5
    assert cluster.created["jars"][0]["version"] == given


def test_a_version_still_listed_cannot_be_used_again(mantis: Mantis):
    cluster = mantis.cluster(version="0.2.9 2019-03-19 17:01:36")
    before = cluster.view()
    cluster.put(400, version="0.2.9 2019-03-19 17:01:36")
    cluster.act("updateArtifact", 400, version="0.2.9 2019-03-19 17:01:36", url="shell:true")
    assert cluster.view() == before
    cluster.put(version="2")
    cluster.put(400, version="0.2.9 2019-03-19 17:01:36")
    cluster.put(400, version="2")
    assert [jar["version"] for jar in cluster.view()["jars"]] == ["0.2.9 2019-03-19 17:01:36", "2"]


def test_a_version_no_longer_listed_may_be_used_again(mantis: Mantis):
    cluster = mantis.cluster(version="1")
    for version in ("2", "3", "4"):
        cluster.put(version=version)
    cluster.put(400, version="1")
    cluster.put(version="5")
    found = cluster.put(version="1")
    assert [jar["version"] for jar in found["jars"]] == ["3", "4", "5", "1"]


def test_versions_differ_by_case_and_blanks_within(mantis: Mantis):
    cluster = mantis.cluster(version="a b")
    cluster.put(version="A b")
    cluster.put(version="a  b")
    assert cluster.view()["latestVersion"] == "a  b"


# -- job ids ------------------------------------------------------------------------------------


def test_jobs_are_numbered_from_1_by_cluster(mantis: Mantis):
    first, second = mantis.cluster(), mantis.cluster()
    assert first.view()["lastJobCount"] == 0
    assert [first.start(parameters=EXTERNAL) for _ in range(3)] == [
        f"{first}-{n}" for n in (1, 2, 3)
    ]
    assert second.start(parameters=EXTERNAL) == f"{second}-1"
    assert (first.view()["lastJobCount"], second.view()["lastJobCount"]) == (3, 1)


def test_a_rejected_submit_uses_no_number(mantis: Mantis):
    cluster = mantis.cluster()
    cluster.refused(400, version="none of these")
    cluster.refused(400, user="")
    cluster.refused(400, jobJarFileLocation="shell:true", version="7")
    cluster.refused(400, schedulingInfo=scheduling(1, 1))
    assert cluster.view()["lastJobCount"] == 0
    assert cluster.start(parameters=EXTERNAL) == f"{cluster}-1"
    cluster.refused(400, schedulingInfo=scheduling(1, 1))
    assert cluster.view()["lastJobCount"] == 1
    assert cluster.start(parameters=EXTERNAL) == f"{cluster}-2"


def test_an_id_is_split_at_the_last_dash(mantis: Mantis):
    stem = unique()
    mantis.cluster(stem)
    cluster, deeper = mantis.cluster(f"{stem}-1"), mantis.cluster(f"{stem}-1-")
    ids = [cluster.start(parameters=EXTERNAL) for _ in range(2)]
    assert ids == [f"{stem}-1-1", f"{stem}-1-2"]
    assert deeper.start(parameters=EXTERNAL) == f"{stem}-1--1"
    assert mantis.job(f"{stem}-1-2")["jobMetadata"]["name"] == f"{stem}-1"
    assert mantis.job(f"{stem}-1--1")["jobMetadata"]["name"] == f"{stem}-1-"
    mantis.refused(404, "GET", f"/jobs/{stem}-1")
    mantis.refused(404, "GET", f"/jobs/{stem}-2")


def test_a_number_is_never_used_twice_by_a_cluster(mantis: Mantis):
    cluster = mantis.cluster()
    mantis.kill(cluster.start(parameters=EXTERNAL))
    mantis.until(f"{cluster}-1", "Completed")
    assert cluster.start(parameters=EXTERNAL) == f"{cluster}-2"


def test_a_cluster_created_again_starts_over(mantis: Mantis):
    cluster = mantis.cluster()
    for number in (1, 2):
        assert cluster.start(parameters=EXTERNAL) == f"{cluster}-{number}"
        mantis.kill(f"{cluster}-{number}")
        mantis.until(f"{cluster}-{number}", "Completed")
    mantis.expect(202, "DELETE", cluster.path, params={"user": "tester"})
    eventually(lambda: mantis.ask("GET", cluster.path).status_code == 404, "gone")
    mantis.refused(404, "GET", f"/jobs/{cluster}-1?archived=true")
    again = mantis.cluster(cluster.name)
    assert again.created["lastJobCount"] == 0
    assert again.ids(activeOnly="false") == []
    assert again.start(parameters=EXTERNAL) == f"{cluster}-1"


IDS = [
    "{}", "{}-", "{}-abc", "{}-0", "{}--1", "{}-1.0", "{}-1.5", "{}-+1", "{}- 1", "{}-1 ", "{}-1a", "{}-0x1",
    "{}-1e0", "{}-\uff11", "{}-\u0662", "{}-2", "{}-9223372036854775808", "{}-18446744073709551617",
    "{}-99999999999999999999999999999", "{}_1", "-1", "-", "1", "x", "{}-1-1", "{}\x00-1", "{}-1\x00", "%",
    "{}-1_0", "{}-worker-0-1", "{}-1%0A", "😀-1", "{}-01", "{}-" + "9" * 3000,
]  # fmt: skip


@pytest.fixture(scope="module")
def lone(server: Mantis):
    """A cluster with the one job 1, still active."""
    cluster = server.cluster(keep=True)
    cluster.start(parameters=EXTERNAL)
    yield cluster
    cluster.end()


@pytest.mark.parametrize(
    ("route", "shape"),
    rotated(
        [
            ("GET", "/jobs/{}"),
            ("GET", "/jobs/{}?archived=true"),
            ("GET", "/jobClusters/{cluster}/jobs/{}"),
            ("GET", "/jobs/{}/archivedWorkers"),
            ("DELETE", "/jobs/{}?user=u&reason=r"),
            ("POST", "/jobs/{}/actions/scaleStage"),
            ("POST", "/jobs/{}/actions/resubmitWorker"),
            ("GET", "/jobDiscoveryStream/{}"),
            ("GET", "/jobs/schedulingInfo/{}"),
            ("GET", "/jobConnectbyid/{}"),
        ],
        IDS,
        rounds=3,
    ),
    ids=short,
)
def test_an_id_that_does_not_parse_is_unknown(mantis: Mantis, lone, route, shape):
    method, path = route
    job_id = shape.format(lone.name)
    filled = path.format(quote(job_id, safe=""), cluster=lone.name)
    body = {"JobId": job_id, "StageNumber": 1, "NumWorkers": 1, "workerNumber": 1, "user": "u"}
    given = body if method == "POST" else LEAVE_OUT
    mantis.refused(404, method, filled, given)


@pytest.mark.parametrize(
    "shape", [one for one in IDS if "\x00" not in one], ids=lambda shape: ascii(shape[:24])
)
def test_a_status_of_an_id_that_does_not_parse_is_dropped(mantis: Mantis, lone, shape):
    worker = {"stageNum": 1, "workerIndex": 0, "workerNumber": 1}
    mantis.status(shape.format(lone.name), worker, "HEARTBEAT")
    mantis.status(shape.format(lone.name), worker, "INFO", state="Completed")
    assert mantis.state(f"{lone}-1") == "Accepted"


# -- workers ------------------------------------------------------------------------------------


def test_workers_are_numbered_across_the_stages(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(2, 3, zero=1))
    workers = cluster.submit()["workerMetadataList"]
    found = [(w["workerNumber"], w["stageNum"], w["workerIndex"]) for w in workers]
    assert found == [(1, 0, 0), (2, 1, 0), (3, 1, 1), (4, 2, 0), (5, 2, 1), (6, 2, 2)]


def test_without_stage_0_the_first_worker_is_in_stage_1(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(2))
    view = cluster.submit()
    found = [
        (w["workerNumber"], w["stageNum"], w["workerIndex"]) for w in view["workerMetadataList"]
    ]
    assert found == [(1, 1, 0), (2, 1, 1)]
    assert view["jobMetadata"]["nextWorkerNumberToUse"] > 2
    assert view["jobMetadata"]["numStages"] == 1


def test_eleven_stages_are_in_the_order_of_their_numbers(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(*[1] * 11))
    view = cluster.submit(parameters=EXTERNAL)
    assert [one["stageNum"] for one in view["stageMetadataList"]] == list(range(1, 12))
    assert [one["stageNum"] for one in view["workerMetadataList"]] == list(range(1, 12))
    assert [one["workerNumber"] for one in view["workerMetadataList"]] == list(range(1, 12))
