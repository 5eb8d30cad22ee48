"""SLAs: what may be asked for, updateSla, and what keeps jobs between min and max."""

import pytest

from tests.acceptance.mantis.client import (
    EXTERNAL,
    LEAVE_OUT,
    Mantis,
    as_dict,
    definition,
    pairs,
    unique,
)
from tests.yard import eventually

NOON = "0 0 12 * * ?"
NONE = {"cronSpec": None, "cronPolicy": None}


def until_state(mantis: Mantis, cluster, *numbers: int) -> None:
    for number in numbers:
        mantis.until(f"{cluster}-{number}", "Completed")


# -- what may be asked for --------------------------------------------------------------------------

GOOD = [(0, 0), (0, 1), (0, 100), (1, 1), (1, 100), (5, 5), (5, 100), (2, 3), ("0", "7")]
BAD = [(1, 0), (5, 0), (2, 1), (5, 4), (6, 10), (6, 6), (-1, 0), (-1, 5), (0, -1), (0, 101), (1, 101), (0, 2**31),
       (0, 2**63), (2**64, 2**64), (10**30, 10**30), (-(2**63), 0)]  # fmt: skip


@pytest.mark.parametrize(("low", "high"), GOOD)
def test_an_sla_within_bounds_is_kept(mantis: Mantis, low, high):
    kept = {"min": int(low), "max": int(high), **NONE}
    cluster = mantis.cluster(cronPolicy="KEEP_NEW")
    cluster.act("disableCluster")  # nothing is started here
    cluster.sla(min=low, max=high)
    assert cluster.view()["sla"] == kept
    assert cluster.put(version="2", slaMin=low, slaMax=high)["sla"] == kept


@pytest.mark.parametrize(("low", "high"), BAD)
def test_an_sla_out_of_bounds_is_refused(mantis: Mantis, still, low, high):
    mantis.refused(400, "POST", "/jobClusters", definition(unique(), slaMin=low, slaMax=high))
    still.put(400, version="2", slaMin=low, slaMax=high)
    still.sla(400, min=low, max=high)
    assert still.view() == still.created


@pytest.fixture(scope="module")
def still(server: Mantis):
    return server.cluster(keep=True, slaMin=0, slaMax=3)


@pytest.mark.parametrize("policy", ["KEEP_EXISTING", "KEEP_NEW", LEAVE_OUT, None])
def test_a_cron_forces_min_0_and_max_1(mantis: Mantis, policy):
    wanted = {
        "min": 0,
        "max": 1,
        "cronSpec": NOON,
        "cronPolicy": policy if isinstance(policy, str) else "KEEP_EXISTING",
    }
    for low, high in ((0, 0), (2, 5), (0, 100)):
        cluster = mantis.cluster(slaMin=low, slaMax=high, cronSpec=NOON, cronPolicy=policy)
        assert cluster.created["sla"] == wanted
        assert cluster.created["cronActive"] is True
    found = cluster.put(version="2", slaMax=0, cronSpec=None)
    assert (found["sla"], found["cronActive"]) == ({"min": 0, "max": 0, **NONE}, False)
    assert (
        cluster.put(version="3", slaMin=1, slaMax=2, cronSpec=NOON, cronPolicy=policy)["sla"]
        == wanted
    )
    cluster.sla(min=0, max=9)
    cluster.sla(min=2, max=5, cronspec=NOON, cronpolicy=policy)
    assert cluster.view()["sla"] == wanted


def test_without_cron_the_policy_is_null(mantis: Mantis):
    for spec in (None, "", "  ", LEAVE_OUT):
        cluster = mantis.cluster(cronSpec=spec, cronPolicy="KEEP_NEW")
        assert cluster.created["sla"] == {"min": 0, "max": 0, **NONE}
        assert cluster.created["cronActive"] is False
        cluster.sla(min=0, max=0, cronspec=spec, cronpolicy="KEEP_NEW")
        assert cluster.view()["sla"] == {"min": 0, "max": 0, **NONE}


# -- updateSla --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [{}, {"min": 1}, {"max": 1}, {"cronspec": ""}, {"cronspec": " ", "min": 1}, {"cronspec": None, "max": 1},
     {"forceenable": True}, {"cronpolicy": "KEEP_NEW"}, {"min": None, "max": 1}, {"min": "", "max": 1},
     {"min": 0, "max": 1, "cronpolicy": "KEEP"}, {"min": 0, "max": 1, "cronpolicy": 5}],
)  # fmt: skip
def test_an_update_needs_a_cron_or_both_bounds(still, body):
    still.sla(400, **body)
    assert still.view() == still.created


def test_the_documented_update(mantis: Mantis):
    cluster = mantis.cluster()
    cluster.act("disableCluster")
    cluster.sla(min=0, max=2, cronspec="5 * * * * ?", cronpolicy="KEEP_EXISTING", forceenable=True)
    found = cluster.view()
    assert found["sla"] == {
        "min": 0,
        "max": 1,
        "cronSpec": "5 * * * * ?",
        "cronPolicy": "KEEP_EXISTING",
    }
    assert (found["disabled"], found["cronActive"]) == (False, True)


def test_an_update_without_cron_takes_the_cron_away(mantis: Mantis):
    cluster = mantis.cluster(cronSpec=NOON)
    cluster.sla(min=0, max=4)
    found = cluster.view()
    assert (found["sla"], found["cronActive"]) == ({"min": 0, "max": 4, **NONE}, False)


@pytest.mark.parametrize(
    "names",
    [("cronspec", "cronpolicy", "forceenable"), ("cronSpec", "cronPolicy", "forceEnable")],
)
def test_spellings_of_an_update(mantis: Mantis, names):
    spec, policy, force = names
    cluster = mantis.cluster()
    cluster.act("disableCluster")
    cluster.sla(**{spec: NOON, policy: "KEEP_NEW", force: "true"})
    found = cluster.view()
    assert found["sla"] == {"min": 0, "max": 1, "cronSpec": NOON, "cronPolicy": "KEEP_NEW"}
    assert (found["disabled"], found["cronActive"]) == (False, True)


@pytest.mark.parametrize(
    "spec",
    ["nonsense", "0 0 12 * * *", "0 0 12 ? * ?", "99 * * * * ?", "* * * * *", "0 0 0 1 1 ? 1999"],
)
def test_an_invalid_cron_disables_the_cluster(mantis: Mantis, spec):
    cluster = mantis.cluster(cronSpec=NOON, cronPolicy="KEEP_NEW")
    job_id = cluster.start(parameters=EXTERNAL)
    cluster.sla(400, cronspec=spec, min=1, max=2)
    found = cluster.view()
    assert (found["disabled"], found["cronActive"]) == (True, False)
    assert found["sla"] == {"min": 0, "max": 1, "cronSpec": NOON, "cronPolicy": "KEEP_NEW"}
    mantis.until(job_id, "Completed")
    cluster.refused(400)
    cluster.sla(cronspec=NOON, forceenable=True)
    found = cluster.view()
    assert (found["disabled"], found["cronActive"]) == (False, True)
    assert found["sla"]["cronPolicy"] == "KEEP_EXISTING"


def test_after_an_invalid_cron_enabling_helps_too(mantis: Mantis):
    cluster = mantis.cluster(cronSpec=NOON)
    cluster.sla(400, cronspec="nonsense", forceenable=True)
    assert cluster.view()["disabled"] is True
    cluster.act("enableCluster")
    found = cluster.view()
    assert (found["disabled"], found["cronActive"], found["sla"]["cronSpec"]) == (False, True, NOON)


def test_a_bad_body_with_a_bad_cron_disables_nothing(mantis: Mantis):
    cluster = mantis.cluster()
    cluster.sla(400, cronspec="nonsense", user="")
    cluster.sla(400, cronspec="nonsense", name="other")
    assert cluster.view() == cluster.created


def test_on_a_disabled_cluster_an_sla_is_only_stored(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL)
    cluster.act("disableCluster")
    cluster.sla(cronspec=NOON)
    found = cluster.view()
    assert (found["disabled"], found["cronActive"], found["sla"]["cronSpec"]) == (True, False, NOON)
    cluster.sla(min=1, max=1, forceenable=False)
    assert cluster.view()["disabled"] is True
    assert cluster.view()["lastJobCount"] == 0
    cluster.sla(min=1, max=1, forceenable=True)
    cluster.until_active(1)
    assert cluster.view()["disabled"] is False


def test_the_alias_reads_a_cluster_definition(mantis: Mantis):
    cluster = mantis.cluster(slaMax=7)
    path = f"/api/v2{cluster.path}/actions/updateSla"
    body = definition(cluster.name, slaMin=0, slaMax=0, cronSpec="2 0 12 * * ?", version="other", parameters=pairs(a="b"),
                      owner={"name": "MyName"})  # fmt: skip
    mantis.expect(204, "POST", path, body)
    found = cluster.view()
    sla = {"min": 0, "max": 1, "cronSpec": "2 0 12 * * ?", "cronPolicy": "KEEP_EXISTING"}
    assert found == {**cluster.created, "sla": sla, "cronActive": True}
    mantis.expect(
        204,
        "POST",
        f"{cluster.path}/actions/updateSla",
        definition(cluster.name, slaMin=0, slaMax=4),
    )
    assert cluster.view() == {**cluster.created, "sla": {"min": 0, "max": 4, **NONE}}
    mantis.expect(204, "POST", path, {"name": cluster.name, "user": "u", "min": 0, "max": 5})
    assert cluster.view()["sla"]["max"] == 5
    mantis.refused(400, "POST", path, definition("other", slaMax=4))
    mantis.refused(400, "POST", path, definition(cluster.name, slaMin=0, slaMax=4, user=""))
    unknown = unique("unknown")
    mantis.refused(
        404,
        "POST",
        f"/api/v2/jobClusters/{unknown}/actions/updateSla",
        definition(unknown, slaMin=0, slaMax=1),
    )


def test_the_documented_cron_cluster(mantis: Mantis):
    cluster = mantis.cluster(
        slaMin=0, slaMax=0, cronSpec="2 * * * * ?", cronPolicy="KEEP_EXISTING", parameters=EXTERNAL
    )
    assert cluster.created["sla"] == {
        "min": 0,
        "max": 1,
        "cronSpec": "2 * * * * ?",
        "cronPolicy": "KEEP_EXISTING",
    }
    assert cluster.created["cronActive"] is True


# -- min --------------------------------------------------------------------------------------------


def test_a_created_cluster_starts_its_least_number(mantis: Mantis):
    cluster = mantis.cluster(
        slaMin=2, slaMax=3, parameters=[*EXTERNAL, *pairs(a="b")], labels=pairs(l="m")
    )
    cluster.until_active(1, 2)
    for number in (1, 2):
        view = mantis.job(f"{cluster}-{number}")
        meta = view["jobMetadata"]
        assert meta["user"] == "MantisMaster"
        assert meta["parameters"] == [*EXTERNAL, *pairs(a="b")]
        labels = as_dict(meta["labels"])
        assert (labels["_mantis.isResubmit"], labels["l"]) == ("true", "m")
        assert meta["sla"]["durationType"] == "Perpetual"


def test_a_killed_job_is_replaced_as_the_last_one_was(mantis: Mantis):
    cluster = mantis.cluster()
    mine = [*EXTERNAL, *pairs(mine="yes")]
    cluster.start(user="anna", parameters=mine, labels=pairs(l="m"))
    cluster.sla(min=1, max=1)
    assert cluster.view()["lastJobCount"] == 1
    mantis.kill(f"{cluster}-1")
    cluster.until_active(2)
    meta = mantis.job(f"{cluster}-2")["jobMetadata"]
    assert (meta["user"], meta["parameters"]) == ("anna", mine)
    assert as_dict(meta["labels"])["_mantis.isResubmit"] == "true"
    # A quick submit takes all after the last job but that label.
    quick = cluster.quick(user="bert")["jobMetadata"]
    labels = as_dict(quick["labels"])
    assert labels["l"] == "m"
    assert "_mantis.isResubmit" not in labels


def test_a_job_that_ends_by_itself_is_replaced(mantis: Mantis):
    cluster = mantis.cluster()
    cluster.start(parameters=pairs(command="exit 0"))
    mantis.until(f"{cluster}-1", "Completed")
    cluster.start(parameters=EXTERNAL)
    cluster.sla(min=2, max=2)
    cluster.until_active(2, 3)


def test_raising_min_starts_what_is_missing(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL)
    cluster.sla(min=1, max=5)
    cluster.until_active(1)
    cluster.sla(min=3, max=5)
    cluster.until_active(1, 2, 3)
    cluster.sla(min=0, max=5)
    mantis.kill(f"{cluster}-2")
    mantis.until(f"{cluster}-2", "Completed")
    cluster.until_active(1, 3)


# -- max --------------------------------------------------------------------------------------------


def test_a_new_job_takes_the_place_of_the_old_once_it_is_launched(mantis: Mantis):
    cluster = mantis.cluster(slaMax=1)
    cluster.launch()
    waiting = cluster.start(parameters=EXTERNAL)
    assert mantis.state(f"{cluster}-1") == "Launched"
    worker = mantis.workers_until(waiting, lambda ws: ws[0]["state"] == "Launched", "placed")[0]
    assert cluster.active() == [f"{cluster}-1", waiting]
    mantis.status(waiting, worker, "HEARTBEAT")
    until_state(mantis, cluster, 1)
    assert mantis.launched(waiting)
    assert cluster.active() == [waiting]


def test_older_jobs_that_wait_go_too(mantis: Mantis):
    cluster = mantis.cluster(slaMax=1)
    cluster.start(parameters=EXTERNAL)
    cluster.start(parameters=EXTERNAL)
    cluster.launch()
    until_state(mantis, cluster, 1, 2)
    assert mantis.state(f"{cluster}-3") == "Launched"


def test_lowering_max_ends_the_oldest(mantis: Mantis):
    cluster = mantis.cluster()
    for _ in range(3):
        cluster.launch()
    cluster.sla(min=0, max=2)
    until_state(mantis, cluster, 1)
    cluster.sla(min=0, max=1)
    until_state(mantis, cluster, 2)
    assert mantis.state(f"{cluster}-3") == "Launched"
    assert cluster.view()["lastJobCount"] == 3


def test_of_the_jobs_that_wait_only_the_newest_survive(mantis: Mantis):
    cluster = mantis.cluster(slaMax=1)
    cluster.launch()
    for _ in range(6):
        assert cluster.start(parameters=EXTERNAL)
    # max 1, one Launched: 1 - 1 + 3 of the six that wait stay.
    cluster.until_active(1, 5, 6, 7)


def test_a_submit_beyond_max_is_accepted(mantis: Mantis):
    cluster = mantis.cluster(slaMax=1)
    for number in (1, 2, 3):
        assert cluster.start() == f"{cluster}-{number}"
    eventually(lambda: cluster.active() == [f"{cluster}-3"], "the newest alone")


def test_no_max_means_no_bound(mantis: Mantis):
    cluster = mantis.cluster()
    for _ in range(5):
        cluster.start(parameters=EXTERNAL)
    cluster.launch()
    cluster.sla(min=0, max=0)
    assert len(cluster.active()) == 6


def test_min_and_max_together_replace_and_end(mantis: Mantis):
    cluster = mantis.cluster(slaMin=1, slaMax=1)
    cluster.until_active(1)
    mantis.launched(f"{cluster}-1")
    assert cluster.launch() == f"{cluster}-2"
    until_state(mantis, cluster, 1)
    mantis.kill(f"{cluster}-2")
    cluster.until_active(3)
