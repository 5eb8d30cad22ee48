"""Reading, changing and deleting clusters."""

import pytest

from tests.acceptance.mantis.client import (
    EXTERNAL,
    SLEEP,
    Mantis,
    definition,
    pairs,
    scheduling,
    unique,
)
from tests.acceptance.mantis.test_clusters import BAD_FIELDS, KEYS, OWNER, PERCENTAGE
from tests.yard import eventually

# -- read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "keys"),
    [("name", {"name"}), ("name,jars", {"name", "jars"}), (" name , sla ", {"name", "sla"}), ("nope", set()),
     ("name,nope", {"name"}), ("", KEYS), ("name,name", {"name"}), (",name,,", {"name"}), ("Name", set()),
     ("sla.min", None)],
)  # fmt: skip
def test_fields_choose_what_is_told(mantis: Mantis, fields, keys):
    cluster = mantis.cluster()
    found = cluster.view(fields=fields)
    if keys is None:
        assert found == {"sla": {"min": 0}}
    else:
        assert set(found) == keys


# -- put ------------------------------------------------------------------------------------------


def test_a_put_replaces_what_it_may_and_keeps_the_rest(mantis: Mantis):
    cluster = mantis.cluster(
        parameters=pairs(a="1"), labels=pairs(b="2"), owner={"name": "old", "repo": "r"}, slaMax=3,
        isReadyForJobMaster=True, migrationConfig={"strategy": "ONE_WORKER", "configString": "x"},
    )  # fmt: skip
    job_id = cluster.launch(parameters=pairs(a="1"))
    found = cluster.put(
        version="2", user="second", jobJarFileLocation="artifacts/new.zip", parameters=pairs(c="3"),
        labels=pairs(d="4"), owner={"name": "new"}, slaMax=5, schedulingInfo=scheduling(2, zero=1),
        migrationConfig=PERCENTAGE,
    )  # fmt: skip
    assert set(found) == KEYS
    assert [jar["version"] for jar in found["jars"]] == ["1", "2"]
    assert found["jars"][0] == cluster.created["jars"][0]
    assert found["jars"][1]["url"] == "http://artifacts/new.zip"
    assert list(found["jars"][1]["schedulingInfo"]["stages"]) == ["0", "1"]
    assert (found["parameters"], found["labels"]) == (pairs(c="3"), pairs(d="4"))
    assert found["owner"] == {**OWNER, "name": "new"}
    assert found["sla"]["max"] == 5
    assert found["isReadyForJobMaster"] is False
    assert (found["lastJobCount"], found["latestVersion"]) == (1, "2")
    assert found["migrationConfig"] == PERCENTAGE
    assert cluster.view() == found
    job = mantis.job(job_id)
    assert job["jobMetadata"]["state"] == "Launched"
    assert (job["version"], job["jobMetadata"]["jarUrl"]) == ("1", SLEEP)
    mantis.refused(400, "DELETE", cluster.path, params={"user": "tester"})


def test_a_put_of_defaults_takes_what_was_there_away(mantis: Mantis):
    cluster = mantis.cluster(
        parameters=pairs(a="1"), labels=pairs(b="2"), slaMax=3, owner={"name": "n"}
    )
    found = cluster.put(version="2")
    assert (found["parameters"], found["labels"], found["owner"]) == ([], [], OWNER)
    assert found["sla"] == {"min": 0, "max": 0, "cronSpec": None, "cronPolicy": None}


def test_a_put_keeps_the_three_newest_jars_and_adds_one(mantis: Mantis):
    cluster = mantis.cluster(version="1")
    kept = [
        ["1", "2"],
        ["1", "2", "3"],
        ["1", "2", "3", "4"],
        ["2", "3", "4", "5"],
        ["3", "4", "5", "6"],
    ]
    for number, versions in enumerate(kept, 2):
        found = cluster.put(version=str(number))
        assert [jar["version"] for jar in found["jars"]] == versions
        uploaded = [jar["uploadedAt"] for jar in found["jars"]]
        assert uploaded == sorted(uploaded)


def test_a_put_keeps_a_cluster_disabled(mantis: Mantis):
    cluster = mantis.cluster()
    cluster.act("disableCluster")
    found = cluster.put(version="2", cronSpec="0 0 12 * * ?")
    assert (found["disabled"], found["cronActive"]) == (True, False)


def test_the_order_in_which_a_put_is_judged(mantis: Mantis):
    cluster = mantis.cluster(version="1")
    unknown = f"/jobClusters/{unique('unknown')}"
    mantis.refused(400, "PUT", unknown, {"jobDefinition": {}})
    mantis.refused(400, "PUT", unknown, definition(cluster.name, version="2"))
    mantis.refused(400, "PUT", cluster.path, definition(unique("other"), version="2"))
    mantis.refused(404, "PUT", unknown, definition(unknown.rpartition("/")[2], version="2"))
    before = cluster.view()
    cluster.put(400, version="2", slaMin=6)
    cluster.put(400, version="2", slaMin=2, slaMax=1)
    cluster.put(400, version="2", cronSpec="nonsense")
    cluster.put(400, version="2", schedulingInfo=scheduling(0))
    assert cluster.view() == before


def test_a_put_with_an_invalid_cron_does_not_disable(mantis: Mantis):
    cluster = mantis.cluster(cronSpec="0 0 12 * * ?")
    before = cluster.view()
    cluster.put(400, version="2", cronSpec="0 0 12 * * *")
    assert cluster.view() == before
    assert before["disabled"] is False


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=lambda value: str(value)[:40])
def test_a_bad_field_is_refused_by_a_put(mantis: Mantis, untouched, field, value):
    given = {"version": "other", field: value}
    body = definition(untouched.name, **given)
    mantis.refused(400, "PUT", untouched.path, body)
    assert untouched.view() == untouched.created


@pytest.fixture(scope="module")
def untouched(server: Mantis):
    return server.cluster(keep=True)


# -- delete ---------------------------------------------------------------------------------------


def test_only_the_user_may_delete_a_cluster(mantis: Mantis):
    cluster = mantis.cluster(user="anna")
    for query in (
        {},
        {"user": ""},
        {"user": "  "},
        {"user": "bert"},
        {"user": "Anna"},
        {"User": "anna"},
    ):
        mantis.refused(400, "DELETE", cluster.path, params=query)
    assert cluster.view() == cluster.created
    mantis.expect(202, "DELETE", cluster.path, params={"user": "anna", "reason": "any"})
    eventually(lambda: mantis.ask("GET", cluster.path).status_code == 404, "gone")
    mantis.refused(404, "DELETE", cluster.path, params={"user": "anna"})


def test_the_user_of_the_latest_put_may_delete_a_cluster(mantis: Mantis):
    cluster = mantis.cluster(user="anna")
    cluster.put(version="2", user="bert")
    mantis.refused(400, "DELETE", cluster.path, params={"user": "carl"})
    mantis.expect(202, "DELETE", cluster.path, params={"user": "bert"})


def test_a_cluster_with_an_active_job_is_not_deleted(mantis: Mantis):
    cluster = mantis.cluster()
    accepted = cluster.start(parameters=EXTERNAL)
    mantis.refused(400, "DELETE", cluster.path, params={"user": "tester"})
    mantis.kill(accepted)
    launched = cluster.launch()
    mantis.refused(400, "DELETE", cluster.path, params={"user": "tester"})
    mantis.kill(launched)
    mantis.until(accepted, "Completed")
    mantis.until(launched, "Completed")
    mantis.expect(202, "DELETE", cluster.path, params={"user": "tester"})
    eventually(lambda: mantis.ask("GET", cluster.path).status_code == 404, "gone")
    for path in (
        f"/jobs/{accepted}?archived=true",
        f"{cluster.path}/jobs",
        f"/jobs/{accepted}/archivedWorkers",
    ):
        mantis.refused(404, "GET", path)
    listed = mantis.get("/jobs", matching=f"^{cluster}$", activeOnly="false")
    assert listed["total"] == 0


def test_a_deleted_cluster_is_not_listed(mantis: Mantis):
    cluster = mantis.cluster()
    assert mantis.get("/jobClusters", matching=cluster.name)["total"] == 1
    mantis.expect(202, "DELETE", cluster.path, params={"user": "tester"})
    eventually(lambda: mantis.get("/jobClusters", matching=cluster.name)["total"] == 0, "gone")


def test_a_disabled_cluster_may_be_deleted(mantis: Mantis):
    cluster = mantis.cluster(cronSpec="0 0 12 * * ?")
    cluster.act("disableCluster")
    mantis.expect(202, "DELETE", cluster.path, params={"user": "tester"})
    eventually(lambda: mantis.ask("GET", cluster.path).status_code == 404, "gone")
