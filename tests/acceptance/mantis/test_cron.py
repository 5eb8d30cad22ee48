"""Cron: which specs are taken, when they fire, and what a firing does."""

from datetime import UTC, datetime

import pytest

from tests.acceptance.mantis.client import (
    EXTERNAL,
    LEAVE_OUT,
    Mantis,
    definition,
    pairs,
    scheduling,
    unique,
)
from tests.yard import eventually

GOOD = [
    "0 0 12 * * ?", "0 15 10 ? * *", "0 15 10 * * ?", "0 0-5 14 * * ?", "5 * * * * ?", "2 * * * * ?",
    "*/2 * * * * ?", "/2 0 0 1 1 ?", "0/15 0 0 1 1 ?", "5/20 0 0 1 1 ?", "0 /5 0 1 1 ?", "10-40/10 0 0 1 1 ?",
    "0,1,59 0 0 1 1 ?", "0 0 22-2 1 1 ?", "50-10 0 0 1 1 ?", "0 0 0 1 JAN ?", "0 0 0 1 jan ?", "0 0 0 1 Jan-mAr ?",
    "0 0 0 1 NOV-FEB ?", "0 0 0 1 11-2 ?", "0 0 0 1 1/3 ?", "0 0 0 1 JAN,JUL ?", "0 0 0 28-3 1 ?", "0 0 0 ? 1 MON",
    "0 0 0 ? 1 mon-fri", "0 0 0 ? 1 FRI-MON", "0 0 0 ? 1 6-2", "0 0 0 ? 1 1", "0 0 0 ? 1 7", "0 0 0 ? 1 SUN,TUE",
    "0 0 0 ? 1 2/2", "0 0 0 ? 1 L", "0 0 0 ? 1 6L", "0 0 0 ? 1 6l", "0 0 0 ? 1 FRIL", "0 0 0 ? 1 6#3", "0 0 0 ? 1 6#5",
    "0 0 0 ? 1 FRI#1", "0 0 0 L 1 ?", "0 0 0 l 1 ?", "0 0 0 L-3 1 ?", "0 0 0 LW 1 ?", "0 0 0 lw 1 ?", "0 0 0 15W 1 ?",
    "0 0 0 1W 1 ?", "0 0 0 31W 1 ?", "0 0 0 15w 1 ?", "0 0 0 1/5 1 ?", "0 0 0 31 1 ?", "0 0 0 29 2 ?", "0 0 0 1 1 ? 2099",
    "0 0 0 1 1 ? 2090-2099", "0 0 0 1 1 ? 2050/10", "0 0 0 1 1 ? 2030,2040", "0 0 0 1 1 ? *", "0 0 0 1 1 ? */2",
    "  0   0  0 1 1  ? ", "0\t0 0 1 1 ?", "0 0 0 ? * 6L 2098", "59 59 23 31 12 ? 2099",
]  # fmt: skip
BAD = [
    "nonsense", "*", "* * * * *", "0 0 12 * *", "0 12 * * ?", "0 0 0 1 1 ? 2099 1", "0 0 0 1 1 ? 2099 * *", "? ? ? ? ? ?",
    "0 0 12 * * *", "0 0 12 ? * ?", "0 0 12 1 * 2", "0 0 12 1 * *", "0 0 12 * * MON", "0 0 12 L * L",
    "60 0 0 1 1 ?", "-1 0 0 1 1 ?", "0 60 0 1 1 ?", "0 0 24 1 1 ?", "0 0 0 0 1 ?", "0 0 0 32 1 ?", "0 0 0 1 0 ?",
    "0 0 0 1 13 ?", "0 0 0 ? 1 0", "0 0 0 ? 1 8", "0 0 0 1 1 ? 1969", "0 0 0 1 1 ? 2100", "0 0 0 1 1 ? 99",
    "0 0 0 1 FOO ?", "0 0 0 1 JANUARY ?", "0 0 0 ? 1 FOO", "0 0 0 ? 1 MONDAY", "0 0 0 ? 1 MON-FOO", "a 0 0 1 1 ?",
    "0/0 0 0 1 1 ?", "*/0 0 0 1 1 ?", "/0 0 0 1 1 ?", "0/60 0 0 1 1 ?", "*/61 0 0 1 1 ?", "0 0 0/24 1 1 ?",
    "0 0 0 1/32 1 ?", "0 0 0 1 1/13 ?", "0 0 0 ? 1 1/8", "0/ 0 0 1 1 ?", "0/a 0 0 1 1 ?", "0// 0 0 1 1 ?", "0/-1 0 0 1 1 ?",
    "1-2-3 0 0 1 1 ?", "1- 0 0 1 1 ?", "-5 0 0 1 1 ?", "1, 0 0 1 1 ?", ",1 0 0 1 1 ?", "1,,2 0 0 1 1 ?", "1.5 0 0 1 1 ?",
    "L 0 0 1 1 ?", "0 L 0 1 1 ?", "0 0 L 1 1 ?", "? 0 0 1 1 ?", "0 ? 0 1 1 ?", "0 0 ? 1 1 ?", "0 0 0 1 ? ?", "0 0 0 1 ? 1",
    "0 0 0 1 L ?", "0 0 0 1#2 1 ?", "0 0 0 ? 1 15W", "0 0 0 ? 1 W", "0 0 0 W 1 ?", "0 0 0 0W 1 ?", "0 0 0 32W 1 ?",
    "0 0 0 ? 1 6#0", "0 0 0 ? 1 6#6", "0 0 0 ? 1 0#1", "0 0 0 ? 1 8#1", "0 0 0 ? 1 6#", "0 0 0 ? 1 #3", "0 0 0 ? 1 8L",
    "0 0 0 L-31 1 ?", "0 0 0 L- 1 ?", "0 0 0 L-x 1 ?", "0 0 0 1 1 ? 1999", "0 0 0 1 1 ? 1970-2000", "0 0 0 30 2 ?",
    "0 0 0 31 4 ?", "0 0 0 31 APR,JUN,SEP,NOV ?", "0 0 0 29 2 ? 2099", "0 0 0 1 1 ? L", "0 0 0 1 1 ? ?", "@daily",
    "@reboot", "every day", "0 0 0 1 1 ?\x00", "0 0 0 \uff11 1 ?", "\u0660 0 0 1 1 ?", "0 0 0 1 1 ? " + "9" * 400, "9" * 5000,
    "* " * 5000, "1," * 5000 + "1 * * * * ?x", "0 0 0 1 1 \ud800", "0;0;0;1;1;?", "0 0 0 1 1 ?; rm -rf /",
]  # fmt: skip


@pytest.fixture(scope="module")
def quiet(server: Mantis):
    """A disabled cluster, so that no cron of it fires."""
    cluster = server.cluster(keep=True)
    cluster.act("disableCluster")
    return cluster


@pytest.mark.parametrize("spec", GOOD)
def test_a_good_spec_is_taken_and_kept(mantis: Mantis, quiet, spec):
    quiet.sla(cronspec=spec)
    found = quiet.view()["sla"]
    assert found["cronSpec"].split() == spec.split()
    assert (found["min"], found["max"]) == (0, 1)
    assert quiet.put(version=unique("v"), cronSpec=spec)["sla"]["cronSpec"].split() == spec.split()


@pytest.mark.parametrize("spec", BAD, ids=lambda spec: ascii(spec[:30]))
def test_a_bad_spec_is_refused(mantis: Mantis, quiet, spec):
    name = unique()
    mantis.refused(400, "POST", "/jobClusters", definition(name, cronSpec=spec))
    mantis.refused(404, "GET", f"/jobClusters/{name}")
    quiet.put(400, version=unique("v"), cronSpec=spec)
    before = quiet.view()["sla"]
    quiet.sla(400, cronspec=spec)
    assert quiet.view()["sla"] == before


FIRINGS = [  # spec, its next firings; times of day only where they are not midnight
    ("0 0 12 * * ? 2096", "2096-01-01T12 2096-01-02T12 2096-01-03T12 2096-01-04T12 2096-01-05T12"),
    ("0 15 10 ? * * 2099", "2099-01-01T10:15 2099-01-02T10:15 2099-01-03T10:15 2099-01-04T10:15 2099-01-05T10:15"),
    ("0 0-5 14 * * ? 2096", "2096-01-01T14:00 2096-01-01T14:01 2096-01-01T14:02 2096-01-01T14:03 2096-01-01T14:04"),
    ("5 * * * * ? 2096", "2096-01-01T00:00:05 2096-01-01T00:01:05 2096-01-01T00:02:05 2096-01-01T00:03:05 2096-01-01T00:04:05"),
    ("*/20 0 0 1 1 ? 2096", "2096-01-01 2096-01-01T00:00:20 2096-01-01T00:00:40"),
    ("/25 0 0 1 1 ? 2096", "2096-01-01 2096-01-01T00:00:25 2096-01-01T00:00:50"),
    ("0 0 22-2 1 1 ? 2096", "2096-01-01T00 2096-01-01T01 2096-01-01T02 2096-01-01T22 2096-01-01T23"),
    ("0 0 0/6 1 1 ? 2096", "2096-01-01T00 2096-01-01T06 2096-01-01T12 2096-01-01T18"),
    ("0 0 0 L * ? 2096", "2096-01-31 2096-02-29 2096-03-31 2096-04-30 2096-05-31"),
    ("0 0 0 L-3 * ? 2096", "2096-01-28 2096-02-26 2096-03-28 2096-04-27 2096-05-28"),
    ("0 0 0 LW * ? 2096", "2096-01-31 2096-02-29 2096-03-30 2096-04-30 2096-05-31"),
    ("0 0 0 LW 2 ? 2092-2099", "2092-02-29 2093-02-27 2094-02-26 2095-02-28 2096-02-29"),
    ("0 0 0 15W * ? 2096", "2096-01-16 2096-02-15 2096-03-15 2096-04-16 2096-05-15"),
    ("0 0 0 1W * ? 2096", "2096-01-02 2096-02-01 2096-03-01 2096-04-02 2096-05-01"),
    ("0 0 0 ? * 6L 2096", "2096-01-27 2096-02-24 2096-03-30 2096-04-27 2096-05-25"),
    ("0 0 0 ? * 6#3 2096", "2096-01-20 2096-02-17 2096-03-16 2096-04-20 2096-05-18"),
    ("0 0 0 ? * FRI#5 2096", "2096-03-30 2096-06-29 2096-08-31 2096-11-30"),
    ("0 0 0 ? * 1#1 2096", "2096-01-01 2096-02-05 2096-03-04 2096-04-01 2096-05-06"),
    ("0 0 0 ? * L 2096", "2096-01-07 2096-01-14 2096-01-21 2096-01-28 2096-02-04"),
    ("0 0 0 ? 1 FRI-MON 2096", "2096-01-01 2096-01-02 2096-01-06 2096-01-07 2096-01-08"),
    ("0 0 0 ? 1 2/2 2096", "2096-01-02 2096-01-04 2096-01-06 2096-01-09 2096-01-11"),
    ("0 0 0 1 NOV-FEB ? 2096-2097", "2096-01-01 2096-02-01 2096-11-01 2096-12-01 2097-01-01"),
    ("0 0 0 29 2 ? 2090-2099", "2092-02-29 2096-02-29"),
    ("0 0 0 31 * ? 2096", "2096-01-31 2096-03-31 2096-05-31 2096-07-31 2096-08-31"),
    ("0 0 0 1/10 1 ? 2096", "2096-01-01 2096-01-11 2096-01-21 2096-01-31"),
    ("0 0 0 1 1 ? 2090/3", "2090-01-01 2093-01-01 2096-01-01 2099-01-01"),
    ("0 59 23 31 12 ? 2099", "2099-12-31T23:59"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "moments"), FIRINGS)
def test_when_a_spec_fires(mantis: Mantis, spec, moments):
    answer = mantis.ask(
        "POST", "/jobClusters", definition(unique(), cronSpec=spec), params={"dryRun": "true"}
    )
    wanted = [datetime.fromisoformat(one).replace(tzinfo=UTC) for one in moments.split()]
    found = [datetime.fromtimestamp(one / 1000, UTC) for one in answer.json()["nextFireTimes"]]
    assert found == wanted


EVERY_SECOND = "* * * * * ?"


def test_a_firing_runs_the_latest_jar_with_the_clusters_own(mantis: Mantis):
    cluster = mantis.cluster(
        parameters=[*EXTERNAL, *pairs(of="cluster")], labels=pairs(l="cluster")
    )
    cluster.start(
        user="anna", parameters=pairs(of="job"), schedulingInfo=scheduling(3), subscriptionTimeoutSecs=77,
        jobSla={"durationType": "Transient", "minRuntimeSecs": 5},
    )  # fmt: skip
    mantis.kill(f"{cluster}-1")
    mantis.until(f"{cluster}-1", "Completed")
    cluster.act("updateArtifact", url="shell:sleep 1007", version="2", skipsubmit=True)
    cluster.sla(cronspec=EVERY_SECOND)
    eventually(cluster.active, "a firing")
    view = mantis.job(cluster.active()[0])
    cluster.act("disableCluster")
    meta = view["jobMetadata"]
    assert (view["version"], meta["jarUrl"], meta["user"]) == (
        "2",
        "shell:sleep 1007",
        "MantisMaster",
    )
    assert meta["parameters"] == [*EXTERNAL, *pairs(of="cluster")]
    assert [one["numWorkers"] for one in view["stageMetadataList"]] == [1]
    assert (meta["sla"]["durationType"], meta["sla"]["minRuntimeSecs"]) == ("Perpetual", 0)


def test_keep_existing_starts_none_beside_another(mantis: Mantis):
    """Two clusters with the same cron: what one does tells how often the other could have."""
    keeping = mantis.cluster(parameters=EXTERNAL, cronSpec=EVERY_SECOND)
    other = mantis.cluster(parameters=EXTERNAL, cronSpec=EVERY_SECOND, cronPolicy="KEEP_NEW")
    eventually(
        lambda: other.view()["lastJobCount"] >= 3 and keeping.view()["lastJobCount"], "firings"
    )
    assert keeping.active() == [f"{keeping}-1"]
    assert keeping.view()["lastJobCount"] == 1
    mantis.kill(f"{keeping}-1")
    eventually(lambda: keeping.active() == [f"{keeping}-2"], "the next one once there is room")


def test_keep_new_replaces_what_runs(mantis: Mantis):
    cluster = mantis.cluster(cronPolicy="KEEP_NEW", cronSpec="*/2 * * * * ?")
    eventually(lambda: cluster.view()["lastJobCount"] >= 3, "three firings")
    mantis.until(f"{cluster}-1", "Completed")
    cluster.act("disableCluster")


def test_a_disabled_cluster_does_not_fire(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL, cronSpec=EVERY_SECOND, cronPolicy="KEEP_NEW")
    other = mantis.cluster(parameters=EXTERNAL, cronSpec=EVERY_SECOND, cronPolicy="KEEP_NEW")
    eventually(lambda: cluster.view()["lastJobCount"] >= 1, "a firing")
    cluster.act("disableCluster")
    count, seen = cluster.view()["lastJobCount"], other.view()["lastJobCount"]
    eventually(lambda: other.view()["lastJobCount"] >= seen + 3, "firings of another")
    assert cluster.view()["lastJobCount"] == count
    other.act("disableCluster")
    cluster.act("enableCluster")
    eventually(lambda: cluster.view()["lastJobCount"] > count, "firings again")


def test_a_cron_taken_away_fires_no_more(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL, cronSpec=EVERY_SECOND, cronPolicy="KEEP_NEW")
    other = mantis.cluster(parameters=EXTERNAL, cronSpec=EVERY_SECOND, cronPolicy="KEEP_NEW")
    put = mantis.cluster(parameters=EXTERNAL, cronSpec=EVERY_SECOND, cronPolicy="KEEP_NEW")
    gone = mantis.cluster(parameters=EXTERNAL, cronSpec="0 0 0 1 1 ? 2099")
    cluster.sla(min=0, max=0)
    put.put(version="2", parameters=EXTERNAL, cronSpec=LEAVE_OUT)
    counts = [cluster.view()["lastJobCount"], put.view()["lastJobCount"]]
    seen = other.view()["lastJobCount"]
    eventually(lambda: other.view()["lastJobCount"] >= seen + 3, "firings of another")
    assert [cluster.view()["lastJobCount"], put.view()["lastJobCount"]] == counts
    assert gone.view()["lastJobCount"] == 0
    mantis.expect(202, "DELETE", gone.path, params={"user": "tester"})
    put.put(version="3", parameters=EXTERNAL, cronSpec=EVERY_SECOND)
    eventually(lambda: put.view()["lastJobCount"] > counts[1] or put.active(), "the cron of a put")
