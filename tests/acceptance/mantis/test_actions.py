"""The actions on a cluster: their common rules, artifacts, migration, labels, enabling."""

import json

import pytest

from tests.acceptance.mantis.client import (
    EXTERNAL,
    LEAVE_OUT,
    Mantis,
    crowd,
    definition,
    pairs,
    scheduling,
    unique,
)
from tests.acceptance.mantis.endpoints import ACTIONS
from tests.yard import eventually

EVERY = pytest.mark.parametrize("action", ACTIONS)
MIGRATION = {"strategy": "PERCENTAGE", "configString": '{"percentToMove":10, "intervalMs":1000}'}


@pytest.fixture(scope="module")
def still(server: Mantis):
    """A cluster that no refused action changes."""
    cluster = server.cluster(keep=True, labels=pairs(a="b"), slaMax=3)
    yield cluster
    assert cluster.view() == cluster.created


# -- rules of all -----------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize("field", ["name", "user"])
@pytest.mark.parametrize("value", [LEAVE_OUT, None, "", "  ", 5, [], {}], ids=str)
def test_an_action_needs_a_name_and_a_user(still, action, field, value):
    text = still.act(action, 400, **{**ACTIONS[action], field: value}).json()["error"]
    assert field in text


@EVERY
def test_the_name_is_compared_before_the_cluster_is_looked_for(mantis: Mantis, still, action):
    unknown = unique("unknown")
    path = f"/jobClusters/{unknown}/actions/{action}"
    body = {"user": "u", **ACTIONS[action]}
    mantis.refused(400, "POST", path, {**body, "name": still.name})
    mantis.refused(400, "POST", path, {**body, "name": unknown.upper()})
    mantis.refused(400, "POST", path, body)
    assert unknown in mantis.refused(404, "POST", path, {**body, "name": unknown})
    still.act(action, 400, **{**ACTIONS[action], "name": unknown})


@EVERY
def test_anybody_may_act_on_a_disabled_cluster(mantis: Mantis, action):
    cluster = mantis.cluster()
    cluster.act("disableCluster")
    cluster.act(action, user="somebody else", **ACTIONS[action])
    assert cluster.view()["disabled"] is (action != "enableCluster")


# -- updateArtifact -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("over", "url"),
    [({"url": "mantis-artifacts/demo-0.0.1.zip"}, "http://mantis-artifacts/demo-0.0.1.zip"),
     ({"url": "https://a/b.zip"}, "https://a/b.zip"), ({"url": "shell:echo a b"}, "shell:echo a b"),
     ({"url": "http://a/b.zip", "jobJarUrl": "http://c/d.zip"}, "http://c/d.zip"),
     ({"url": "a.zip", "jobJarUrl": None}, "http://a.zip"), ({"url": "a.zip", "jobJarUrl": ""}, "http://a.zip"),
     ({"url": "a.zip", "jobJarUrl": "shell:x"}, "shell:x")],
)  # fmt: skip
def test_an_artifact_is_added(mantis: Mantis, over, url):
    cluster = mantis.cluster(schedulingInfo=scheduling(2, zero=1), parameters=pairs(a="b"))
    answer = cluster.act("updateArtifact", version="0.0.1 2019", skipsubmit=True, **over)
    assert "X-Mantis-Job-Id" not in answer.headers
    found = cluster.view()
    first, second = found["jars"]
    assert first == cluster.created["jars"][0]
    assert (second["url"], second["version"]) == (url, "0.0.1 2019")
    assert second["schedulingInfo"] == first["schedulingInfo"]
    assert second["uploadedAt"] >= first["uploadedAt"]
    assert (found["latestVersion"], found["lastJobCount"]) == ("0.0.1 2019", 0)
    unchanged = set(found) - {"jars", "latestVersion"}
    assert {key: found[key] for key in unchanged} == {
        key: cluster.created[key] for key in unchanged
    }


@pytest.mark.parametrize("skip", [LEAVE_OUT, False, "false", None])
def test_an_artifact_is_run_unless_told_otherwise(mantis: Mantis, skip):
    cluster = mantis.cluster(parameters=EXTERNAL)
    cluster.start(parameters=[*EXTERNAL, *pairs(mine="yes")], schedulingInfo=scheduling(2))
    answer = cluster.act(
        "updateArtifact", url="shell:sleep 1003", version="2", user="anna", skipsubmit=skip
    )
    assert answer.headers["X-Mantis-Job-Id"] == f"{cluster}-2"
    view = mantis.job(f"{cluster}-2")
    meta = view["jobMetadata"]
    assert (view["version"], meta["jarUrl"], meta["user"]) == ("2", "shell:sleep 1003", "anna")
    assert meta["parameters"] == [*EXTERNAL, *pairs(mine="yes")]
    assert view["stageMetadataList"][0]["numWorkers"] == 2


def test_an_artifact_is_run_without_any_earlier_job(mantis: Mantis):
    cluster = mantis.cluster(parameters=[*EXTERNAL, *pairs(own="yes")])
    answer = cluster.act("updateArtifact", url="shell:sleep 1003", version="2")
    assert answer.headers["X-Mantis-Job-Id"] == f"{cluster}-1"
    assert mantis.job(f"{cluster}-1")["jobMetadata"]["parameters"] == [*EXTERNAL, *pairs(own="yes")]


def test_a_disabled_cluster_gets_the_jar_and_no_job(mantis: Mantis):
    cluster = mantis.cluster()
    cluster.act("disableCluster")
    answer = cluster.act("updateArtifact", url="shell:true", version="2")
    assert "X-Mantis-Job-Id" not in answer.headers
    found = cluster.view()
    assert (found["latestVersion"], found["lastJobCount"], found["disabled"]) == ("2", 0, True)


def test_ten_artifacts_are_kept(mantis: Mantis):
    cluster = mantis.cluster(version="1")
    for number in range(2, 14):
        cluster.act("updateArtifact", url="shell:true", version=str(number), skipsubmit=True)
        versions = [jar["version"] for jar in cluster.view()["jars"]]
        assert versions == [str(n) for n in range(max(1, number - 9), number + 1)]


@pytest.mark.parametrize(
    "over",
    [{"url": LEAVE_OUT}, {"url": None}, {"url": ""}, {"url": 5}, {"url": []}, {"version": LEAVE_OUT}, {"version": None},
     {"version": ""}, {"version": " "}, {"version": []}, {"version": "1"}, {"skipsubmit": "perhaps"}, {"jobJarUrl": []},
     {"jobJarUrl": {}}],
)  # fmt: skip
def test_a_bad_artifact_is_refused(still, over):
    still.act("updateArtifact", 400, **{"url": "shell:true", "version": "2", **over})


# -- updateMigrationStrategy ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [MIGRATION, {"strategy": "ONE_WORKER", "configString": "{}"}, {"strategy": "PERCENTAGE", "configString": "not JSON 😀"}],
)  # fmt: skip
def test_the_migration_strategy_is_replaced_and_told(mantis: Mantis, given):
    cluster = mantis.cluster()
    answer = cluster.act("updateMigrationStrategy", migrationConfig=given)
    text = answer.headers["X-Mantis-Migration-Config"]
    assert json.loads(text.encode("latin-1")) == given
    assert cluster.view() == {**cluster.created, "migrationConfig": given}


def test_the_migration_strategy_is_told_as_compact_json(mantis: Mantis):
    answer = mantis.cluster().act("updateMigrationStrategy", migrationConfig=MIGRATION)
    text = answer.headers["X-Mantis-Migration-Config"]
    assert text == json.dumps(json.loads(text), separators=(",", ":"))


def test_a_migration_without_strategy_moves_one_worker(mantis: Mantis):
    cluster = mantis.cluster()
    cluster.act("updateMigrationStrategy", migrationConfig={"configString": "x"})
    assert cluster.view()["migrationConfig"] == {"strategy": "ONE_WORKER", "configString": "x"}


@pytest.mark.parametrize("config", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "x" * 5000, "\x1b[31m"])
def test_no_config_breaks_the_headers(mantis: Mantis, config):
    cluster = mantis.cluster()
    given = {"strategy": "ONE_WORKER", "configString": config}
    answer = mantis.ask("POST", f"{cluster.path}/actions/updateMigrationStrategy",
                        {"name": cluster.name, "user": "u", "migrationConfig": given})  # fmt: skip
    assert answer.status_code in (204, 400)
    assert "X-Evil" not in answer.headers


@pytest.mark.parametrize(
    "config",
    [LEAVE_OUT, None, "x", [], 5, {"strategy": "OTHER"}, {"strategy": "one_worker"}, {"strategy": []},
     {"strategy": "PERCENTAGE", "configString": {"a": 1}}, {"configString": []}],
)  # fmt: skip
def test_a_bad_migration_strategy_is_refused(still, config):
    still.act("updateMigrationStrategy", 400, migrationConfig=config)


# -- updateLabel ------------------------------------------------------------------------------------------


def test_labels_are_replaced_as_a_whole(mantis: Mantis):
    cluster = mantis.cluster(labels=pairs(a="1", b="2"))
    new = pairs(**{"_mantis.user": "jschmoe", "b": "3", "myTestLabel": "bingo"})
    cluster.act("updateLabel", labels=new)
    assert cluster.view() == {**cluster.created, "labels": new}
    cluster.act("updateLabel", labels=[])
    assert cluster.view()["labels"] == []


@pytest.mark.parametrize(
    "labels", [LEAVE_OUT, "x", {}, {"a": "b"}, 5, [5], [{}], [{"value": "x"}]], ids=str
)
def test_bad_labels_are_refused(still, labels):
    still.act("updateLabel", 400, labels=labels)


# -- enableCluster, disableCluster ------------------------------------------------------------------------


def test_disabling_ends_jobs_and_submits(mantis: Mantis):
    cluster = mantis.cluster(cronSpec="0 0 12 * * ?")
    jobs = [cluster.launch(), cluster.start(parameters=EXTERNAL)]
    cluster.act("disableCluster")
    found = cluster.view()
    assert (found["disabled"], found["cronActive"]) == (True, False)
    assert found["sla"]["cronSpec"] == "0 0 12 * * ?"
    cluster.refused(400)
    for job_id in jobs:
        assert mantis.until(job_id, "Completed")["terminatedAt"] > 0
    cluster.act("disableCluster")
    assert cluster.active() == []
    assert mantis.get("/jobClusters", matching=cluster.name)["list"] == [cluster.view()]
    assert len(cluster.jobs(activeOnly="false")) == 2
    assert len(mantis.archived(jobs[0])) == 1
    cluster.act("enableCluster")
    found = cluster.view()
    assert (found["disabled"], found["cronActive"], found["lastJobCount"]) == (False, True, 2)
    assert cluster.active() == []
    assert cluster.start(parameters=EXTERNAL) == f"{cluster}-3"
    cluster.act("enableCluster")
    assert cluster.active() == [f"{cluster}-3"]


def test_disabling_stops_the_sla_and_enabling_starts_it(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL, slaMin=1, slaMax=2)
    cluster.until_active(1)
    cluster.act("disableCluster")
    mantis.until(f"{cluster}-1", "Completed")
    assert cluster.view()["lastJobCount"] == 1
    cluster.act("enableCluster")
    cluster.until_active(2)
    assert cluster.view()["sla"] == {"min": 1, "max": 2, "cronSpec": None, "cronPolicy": None}


def test_many_actions_at_once_leave_a_cluster_whole(mantis: Mantis):
    cluster = mantis.cluster(version="0")
    path = f"{cluster.path}/actions/updateArtifact"

    def add(number):
        body = {
            "name": cluster.name,
            "user": "u",
            "url": "shell:true",
            "version": str(number % 6),
            "skipsubmit": True,
        }
        return lambda: statuses.append(Mantis(mantis.yard).ask("POST", path, body).status_code)

    statuses: list[int] = []
    crowd([add(number) for number in range(12)])
    assert sorted(statuses) == [204] * 5 + [400] * 7  # each version once, 0 never again
    versions = [jar["version"] for jar in cluster.view()["jars"]]
    assert sorted(versions) == ["0", "1", "2", "3", "4", "5"]


def test_updates_do_not_bring_back_a_deleted_cluster(mantis: Mantis):
    cluster = mantis.cluster()
    mantis.expect(202, "DELETE", cluster.path, params={"user": "tester"})
    eventually(lambda: mantis.ask("GET", cluster.path).status_code == 404, "gone")
    for action, body in ACTIONS.items():
        cluster.act(action, 404, **body)
    mantis.refused(404, "PUT", cluster.path, definition(cluster.name, version="2"))
    mantis.refused(404, "GET", cluster.path)
