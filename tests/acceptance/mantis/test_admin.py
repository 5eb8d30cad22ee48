"""Administration: the master, its configs, agent clusters, the map of publish streams."""

import json
from urllib.parse import urlsplit

import pytest

from tests.acceptance.mantis.client import EXTERNAL, Mantis, now_ms, scheduling

CONFIGS = {
    "JobConstraints": [
        "UniqueHost",
        "ExclusiveHost",
        "ZoneBalance",
        "M4Cluster",
        "M3Cluster",
        "M5Cluster",
    ],
    "ScalingReason": [
        "CPU",
        "Memory",
        "Network",
        "DataDrop",
        "KafkaLag",
        "UserDefined",
        "KafkaProcessed",
    ],
    "MigrationStrategyEnum": ["ONE_WORKER", "PERCENTAGE"],
    "WorkerResourceLimits": {"maxCpuCores": 8, "maxMemoryMB": 28000, "maxNetworkMbps": 1024},
}
SHARED = {
    "requestEventStream": "SharedMantisPublishEventSource",
    "__default__": "SharedMantisPublishEventSource",
}


def test_the_master_describes_itself(mantis: Mantis):
    found = mantis.get("/masterInfo")
    port = urlsplit(mantis.yard.url).port
    assert set(found) == {
        "hostname", "hostIP", "apiPort", "schedInfoPort", "apiPortV2", "apiStatusUri", "consolePort", "createTime",
        "fullApiStatusUri",
    }  # fmt: skip
    for name in ("apiPort", "schedInfoPort", "apiPortV2", "consolePort"):
        assert found[name] == port
    assert found["apiStatusUri"] == "api/v1/jobs/actions/postJobStatus"
    assert (
        found["fullApiStatusUri"]
        == f"http://{found['hostname']}:{port}/api/v1/jobs/actions/postJobStatus"
    )
    assert found["hostname"]
    parts = found["hostIP"].split(".")
    assert ":" in found["hostIP"] or (
        len(parts) == 4 and all(0 <= int(part) <= 255 for part in parts)
    )
    assert type(found["createTime"]) is int
    assert now_ms() - 3_600_000 < found["createTime"] <= now_ms()


def test_every_process_tells_the_same_of_the_master(mantis: Mantis):
    first = mantis.get("/masterInfo")
    for _ in range(20):
        assert Mantis(mantis.yard).get("/masterInfo") == first


def test_the_configs(mantis: Mantis):
    found = mantis.get("/masterConfigs")
    assert [one["name"] for one in found] == list(CONFIGS)
    for one in found:
        assert set(one) == {"name", "value"}
        assert isinstance(one["value"], str)
        assert json.loads(one["value"]) == CONFIGS[one["name"]]
        assert one["value"] == json.dumps(json.loads(one["value"]), separators=(",", ":"))


# -- agent clusters ---------------------------------------------------------------------------------


@pytest.fixture
def all_active(server: Mantis):
    """Whatever the test sets is taken back."""
    yield
    server.expect(200, "POST", "/agentClusters", [])


@pytest.mark.usefixtures("all_active")
@pytest.mark.parametrize(
    ("given", "kept"),
    [(["mantisagent-staging-cl1-m5.2xlarge-1-v00"], None), ([], None), (["no-b", "no-a"], None),
     (["no-a", "no-b", "no-a"], ["no-a", "no-b"]), (["naïve 😀", "no'x"], None)],
)  # fmt: skip
def test_the_active_set_is_stored_as_a_whole(mantis: Mantis, given, kept):
    wanted = sorted(kept or given)
    mantis.expect(200, "POST", "/agentClusters", ["no-earlier"])
    assert sorted(mantis.expect(200, "POST", "/agentClusters/", given)) == wanted
    assert sorted(mantis.get("/agentClusters/")) == wanted
    assert sorted(mantis.get("/agentClusters")) == wanted


@pytest.mark.parametrize(
    "body", [{}, "x", 5, None, True, [5], ["a", None], [["a"]], [{}], {"a": "b"}, [True]], ids=str
)
def test_a_set_that_is_no_list_of_texts_is_refused(mantis: Mantis, body):
    before = mantis.get("/agentClusters")
    mantis.refused(400, "POST", "/agentClusters", body)
    assert mantis.get("/agentClusters") == before


@pytest.mark.usefixtures("all_active")
def test_a_set_of_unknown_pools_halts_nothing(mantis: Mantis):
    cluster = mantis.cluster()
    running = cluster.launch()
    mantis.expect(200, "POST", "/agentClusters", ["mantisagent-staging-cl1-m5.2xlarge-1-v00"])
    cluster.launch()
    assert mantis.state(running) == "Launched"


@pytest.mark.usefixtures("all_active")
def test_the_pool_of_a_worker_may_be_named(mantis: Mantis):
    cluster = mantis.cluster()
    pool = mantis.job(cluster.launch())["workerMetadataList"][0]["cluster"]
    mantis.expect(200, "POST", "/agentClusters", [pool])
    cluster.launch()


def test_jobs_of_the_agent_clusters(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(2, zero=1))
    job_id = cluster.launch()
    view = mantis.job(job_id)
    found = mantis.get("/agentClusters/jobs")
    seen = []
    for pool, hosts in found.items():
        for host in hosts:
            assert {"hostname", "attributeValue", "jobs"} <= set(host)
            assert host["attributeValue"] == pool
            assert host["hostname"]
            for one in host["jobs"]:
                assert set(one) == {"jobId", "stage", "workerIndex", "workerNumber"}
            seen += [(pool, one) for one in host["jobs"] if one["jobId"] == job_id]
    wanted = [
        (w["cluster"], {"jobId": job_id, "stage": w["stageNum"], "workerIndex": w["workerIndex"],
                        "workerNumber": w["workerNumber"]})
        for w in view["workerMetadataList"]
    ]  # fmt: skip
    assert sorted(seen, key=str) == sorted(wanted, key=str)
    mantis.kill(job_id)
    mantis.until(job_id, "Completed")
    left = json.dumps(mantis.get("/agentClusters/jobs/"))
    assert f'"{job_id}"' not in left
    cluster.start(parameters=EXTERNAL)


def test_the_scaling_policies(mantis: Mantis):
    found = mantis.get("/agentClusters/autoScalePolicy")
    assert isinstance(found, dict)
    for name, rule in found.items():
        assert set(rule) == {"name", "cooldownSecs", "minIdle", "maxIdle", "minSize", "maxSize"}
        assert rule["name"] == name
        assert all(type(value) is int for key, value in rule.items() if key != "name")


# -- the map of streams -------------------------------------------------------------------------------


def test_the_map_of_streams(mantis: Mantis):
    path = "/mantis/publish/streamJobClusterMap"
    assert mantis.get(path) == {"version": "1", "timestamp": 2, "mappings": {"__default__": SHARED}}
    assert mantis.get(path, app="") == mantis.get(path)
    assert mantis.get(path, app="mine")["mappings"] == {"mine": SHARED}
    found = mantis.get(path, app=["a", "naïve b", "__default__"])
    assert found == {
        "version": "1",
        "timestamp": 2,
        "mappings": {"a": SHARED, "naïve b": SHARED, "__default__": SHARED},
    }
