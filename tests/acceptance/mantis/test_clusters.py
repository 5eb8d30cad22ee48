"""Creating, reading, changing and deleting clusters."""

import threading

import pytest

from tests.acceptance.mantis.client import (
    DEFAULT_MIGRATION,
    EXTERNAL,
    LEAVE_OUT,
    Cluster,
    Mantis,
    as_dict,
    definition,
    machine,
    now_ms,
    pairs,
    scheduling,
    stage,
    unique,
)

KEYS = {
    "name", "jars", "sla", "parameters", "owner", "lastJobCount", "disabled", "isReadyForJobMaster",
    "migrationConfig", "labels", "cronActive", "latestVersion",
}  # fmt: skip
OWNER = {"name": "", "teamName": "", "description": "", "contactEmail": "", "repo": ""}
SINE = "https://some.host/mantis-artifacts/mantis-examples-sine-function-0.2.9.zip"
PERCENTAGE = {"strategy": "PERCENTAGE", "configString": '{"percentToMove":25,"intervalMs":60000}'}


def one_stage(cluster_or_view) -> dict:
    view = cluster_or_view.created if isinstance(cluster_or_view, Cluster) else cluster_or_view
    return view["jars"][-1]["schedulingInfo"]["stages"]["1"]


# -- create ---------------------------------------------------------------------------------------


def documented(name: str) -> dict:
    labels = pairs(**{
        "_mantis.user": "jschmoe", "_mantis.ownerEmail": "jschmoe@netflix.com",
        "_mantis.artifact": "mantis-examples-sine-function", "_mantis.artifact.version": "0.2.9",
    })  # fmt: skip
    return {
        "jobDefinition": {
            "name": name, "user": "jschmoe", "jobJarFileLocation": SINE, "version": "0.2.9 2019-03-19 17:01:36",
            "schedulingInfo": {"stages": {"1": {
                "numberOfInstances": "1",
                "machineDefinition": {
                    "cpuCores": "1", "memoryMB": "1024", "diskMB": "1024", "networkMbps": "128", "numPorts": "1",
                },
                "scalable": False, "softConstraints": [], "hardConstraints": [],
            }}},
            "parameters": [], "labels": labels, "migrationConfig": PERCENTAGE, "slaMin": "0", "slaMax": "0",
            "cronSpec": None, "cronPolicy": "KEEP_EXISTING",
        },
        "owner": {
            "contactEmail": "jschmoe@netflix.com", "description": "", "name": "Joe Schmoe", "repo": "",
            "teamName": "",
        },
    }  # fmt: skip


def test_the_documented_example_gives_the_documented_view(mantis: Mantis):
    name = unique("jschmoe_validation")
    before = now_ms()
    body = documented(name)
    made = mantis.expect(201, "POST", "/jobClusters", body)
    assert before - 5 <= made["jars"][0].pop("uploadedAt") <= now_ms() + 5
    assert made == {
        "name": name,
        "jars": [{
            "url": SINE, "version": "0.2.9 2019-03-19 17:01:36",
            "schedulingInfo": {"stages": {"1": {
                "numberOfInstances": 1,
                "machineDefinition": {
                    "cpuCores": 1, "memoryMB": 1024, "networkMbps": 128, "diskMB": 1024, "numPorts": 1,
                },
                "hardConstraints": [], "softConstraints": [], "scalingPolicy": None, "scalable": False,
            }}},
        }],
        "sla": {"min": 0, "max": 0, "cronSpec": None, "cronPolicy": None},
        "parameters": [],
        "owner": {
            "name": "Joe Schmoe", "teamName": "", "description": "", "contactEmail": "jschmoe@netflix.com",
            "repo": "",
        },
        "lastJobCount": 0, "disabled": False, "isReadyForJobMaster": False, "migrationConfig": PERCENTAGE,
        "labels": body["jobDefinition"]["labels"], "cronActive": False,
        "latestVersion": "0.2.9 2019-03-19 17:01:36",
    }  # fmt: skip
    again = mantis.get(f"/jobClusters/{name}")
    again["jars"][0].pop("uploadedAt")
    assert again == made


def test_the_least_body_gets_every_default(mantis: Mantis):
    name = unique()
    info = {
        "stages": {
            "1": {"numberOfInstances": 1, "machineDefinition": {"cpuCores": 1, "memoryMB": 1}}
        }
    }
    least = {
        "name": name,
        "user": "u",
        "jobJarFileLocation": "http://a/b.zip",
        "schedulingInfo": info,
    }
    made = mantis.expect(201, "POST", "/jobClusters", {"jobDefinition": least})
    assert set(made) == KEYS
    assert (made["lastJobCount"], made["disabled"], made["cronActive"]) == (0, False, False)
    assert (made["parameters"], made["labels"], made["owner"]) == ([], [], OWNER)
    assert made["isReadyForJobMaster"] is False
    assert made["migrationConfig"] == DEFAULT_MIGRATION
    assert made["sla"] == {"min": 0, "max": 0, "cronSpec": None, "cronPolicy": None}
    assert one_stage(made) == {
        "numberOfInstances": 1, "scalable": False, "scalingPolicy": None, "softConstraints": [],
        "hardConstraints": [],
        "machineDefinition": {"cpuCores": 1, "memoryMB": 1, "diskMB": 0, "networkMbps": 128, "numPorts": 1},
    }  # fmt: skip


REFUSED = {
    "no definition": {"owner": {}}, "null definition": {"jobDefinition": None},
    "text for a definition": {"jobDefinition": "x"}, "list for a definition": {"jobDefinition": []},
    "flat": definition("flat")["jobDefinition"],
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_definition_is_needed(mantis: Mantis, what):
    mantis.refused(400, "POST", "/jobClusters", REFUSED[what])


BAD_FIELDS = [
    ("user", LEAVE_OUT), ("user", None), ("user", ""), ("user", "  "), ("user", "\t\n"), ("user", 5), ("user", []),
    ("jobJarFileLocation", LEAVE_OUT), ("jobJarFileLocation", None), ("jobJarFileLocation", ""),
    ("jobJarFileLocation", 5), ("jobJarFileLocation", ["a"]), ("jobJarFileLocation", {}),
    ("version", []), ("version", {}),
    ("schedulingInfo", LEAVE_OUT), ("schedulingInfo", None), ("schedulingInfo", []), ("schedulingInfo", "x"),
    ("schedulingInfo", {}), ("schedulingInfo", {"stages": None}), ("schedulingInfo", {"stages": {}}),
    ("schedulingInfo", {"stages": []}), ("schedulingInfo", {"stages": [stage()]}),
    ("migrationConfig", "x"), ("migrationConfig", []), ("migrationConfig", {"strategy": "OTHER"}),
    ("migrationConfig", {"strategy": "percentage"}), ("migrationConfig", {"strategy": 5}),
    ("migrationConfig", {"strategy": "PERCENTAGE", "configString": {"percentToMove": 25}}),
    ("cronSpec", 5), ("cronSpec", []), ("cronSpec", "nonsense"), ("cronSpec", "* * * * *"),
    ("cronPolicy", "KEEP"), ("cronPolicy", "keep_existing"), ("cronPolicy", 5), ("cronPolicy", []),
    ("deploymentStrategy", "x"), ("deploymentStrategy", []),
    ("deploymentStrategy", {"resourceClusterId": []}), ("deploymentStrategy", {"resourceClusterId": {}}),
    ("owner", "x"), ("owner", []), ("owner", {"name": []}), ("owner", {"teamName": {}}), ("owner", {"repo": [1]}),
    ("jobPrincipal", "x"), ("jobPrincipal", []), ("jobPrincipal", {"email": "a@b", "type": "ROBOT"}),
    ("jobPrincipal", {"email": "a@b", "type": "user"}), ("jobPrincipal", {"email": [], "type": "USER"}),
    ("parameters", [{"value": "a"}]), ("parameters", [{"name": None, "value": "a"}]),
    ("parameters", [{"name": ["a"], "value": "a"}]), ("labels", [{"value": "a"}]), ("labels", [{"name": {}}]),
    ("slaMin", -1), ("slaMin", 6), ("slaMax", -1), ("slaMax", 101),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=lambda value: str(value)[:40])
def test_a_bad_field_is_refused_and_nothing_made(mantis: Mantis, field, value):
    name = unique()
    mantis.refused(400, "POST", "/jobClusters", definition(name, **{field: value}))
    mantis.refused(404, "GET", f"/jobClusters/{name}")


BAD_STAGES = [
    {"0": stage()}, {"2": stage()}, {"1": stage(), "3": stage()}, {"0": stage(), "2": stage()},
    {"1": stage(), "a": stage()}, {"-1": stage()}, {"-1": stage(), "1": stage()}, {"1.0": stage()},
    {"1": stage(), "1.5": stage()}, {"": stage()}, {"one": stage()}, {"1": None}, {"1": []}, {"1": "x"},
    {"1": {}}, {"1": stage(LEAVE_OUT)}, {"1": stage(0)}, {"1": stage(-1)}, {"1": stage(1501)},
    {"1": stage(10**30)}, {"1": stage(2**63)}, {"1": stage("0")}, {"0": stage(0), "1": stage()},
    {"1": stage(machineDefinition=LEAVE_OUT)}, {"1": stage(machineDefinition=None)},
    {"1": stage(machineDefinition=[])}, {"1": stage(machineDefinition="x")}, {"1": stage(machineDefinition={})},
    {"1": stage(machineDefinition=machine(cpuCores=LEAVE_OUT))}, {"1": stage(machineDefinition=machine(cpuCores=0))},
    {"1": stage(machineDefinition=machine(cpuCores=-0.5))}, {"1": stage(machineDefinition=machine(cpuCores="0"))},
    {"1": stage(machineDefinition=machine(memoryMB=LEAVE_OUT))}, {"1": stage(machineDefinition=machine(memoryMB=0))},
    {"1": stage(machineDefinition=machine(memoryMB=-1))}, {"1": stage(machineDefinition=machine(diskMB=-1))},
    {"1": stage(scalingPolicy="x")}, {"1": stage(scalingPolicy=[])},
    {"1": stage(softConstraints="UniqueHost")}, {"1": stage(softConstraints={})},
    {"1": stage(softConstraints=["Nonsense"])}, {"1": stage(hardConstraints=["Nonsense"])},
    {"1": stage(hardConstraints=["uniquehost"])}, {"1": stage(hardConstraints=[5])},
    {"1": stage(hardConstraints=["UniqueHost", "x"])}, {"1": stage(), "2": stage(0)},
    {"1": stage(hardConstraints=[["UniqueHost"]])}, {"1": stage(), "99999999999999999999": stage()},
    {"1": stage(), "\uff11": stage()}, {"²": stage(), "1": stage()},
]  # fmt: skip


@pytest.mark.parametrize("stages", BAD_STAGES, ids=lambda stages: str(stages)[:60])
def test_bad_stages_are_refused(mantis: Mantis, stages):
    mantis.refused(
        400, "POST", "/jobClusters", definition(unique(), schedulingInfo={"stages": stages})
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [({"networkMbps": 0}, {"networkMbps": 128}), ({"networkMbps": LEAVE_OUT}, {"networkMbps": 128}),
     ({"networkMbps": 30}, {"networkMbps": 30}), ({"numPorts": 0}, {"numPorts": 1}),
     ({"numPorts": -5}, {"numPorts": 1}), ({"numPorts": LEAVE_OUT}, {"numPorts": 1}), ({"numPorts": 7}, {"numPorts": 7}),
     ({"diskMB": LEAVE_OUT}, {"diskMB": 0}), ({"diskMB": 0}, {"diskMB": 0}), ({"cpuCores": 0.35}, {"cpuCores": 0.35}),
     ({"cpuCores": 99, "memoryMB": 10**6}, {"cpuCores": 99, "memoryMB": 10**6})],
)  # fmt: skip
def test_a_machine_gets_its_defaults(mantis: Mantis, given, kept):
    cluster = mantis.cluster(schedulingInfo=scheduling(stage(machineDefinition=machine(**given))))
    assert one_stage(cluster)["machineDefinition"] == {**machine(), **kept}


CONSTRAINTS = ["UniqueHost", "ExclusiveHost", "ZoneBalance", "M4Cluster", "M3Cluster", "M5Cluster"]


def test_constraints_scalable_and_sizes_come_back(mantis: Mantis):
    one = stage(1500, softConstraints=CONSTRAINTS[:2], hardConstraints=CONSTRAINTS, scalable=True)
    cluster = mantis.cluster(schedulingInfo=scheduling(one, 2, zero=1))
    stages = cluster.created["jars"][0]["schedulingInfo"]["stages"]
    assert list(stages) == ["0", "1", "2"]
    assert (stages["1"]["softConstraints"], stages["1"]["hardConstraints"]) == (
        CONSTRAINTS[:2],
        CONSTRAINTS,
    )
    assert [stages[key]["numberOfInstances"] for key in stages] == [1, 1500, 2]
    assert stages["1"]["scalable"] is True


CPU = {"CPU": {"reason": "CPU", "scaleDownBelowPct": 15.0, "scaleUpAbovePct": 75.0,
               "rollingCount": {"count": 12, "of": 20}}}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "enabled", "steps"),
    [({"min": 1, "max": 5, "strategies": CPU, "increment": 2, "decrement": 3}, True, (2, 3)),
     ({"min": 1, "max": 5, "strategies": CPU, "increment": 0, "decrement": -4}, True, (1, 1)),
     ({"min": 2, "max": 2, "strategies": CPU, "increment": 1, "decrement": 1}, False, (1, 1)),
     ({"min": 1, "max": 5, "strategies": {}, "increment": 1, "decrement": 1}, False, (1, 1)),
     ({"min": 1, "max": 5, "strategies": CPU, "enabled": False, "increment": 1, "decrement": 1}, True, (1, 1)),
     ({"min": 3, "max": 3, "strategies": CPU, "enabled": True}, False, (1, 1))],
)  # fmt: skip
def test_a_scaling_policy_is_kept_and_judged(mantis: Mantis, given, enabled, steps):
    policy = {"stage": 1, "coolDownSecs": 600, **given}
    found = one_stage(mantis.cluster(schedulingInfo=scheduling(stage(scalingPolicy=policy))))[
        "scalingPolicy"
    ]
    assert found["enabled"] is enabled
    assert (found["increment"], found["decrement"]) == steps
    assert (found["min"], found["max"], found["coolDownSecs"]) == (given["min"], given["max"], 600)
    assert found["strategies"] == given["strategies"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("http://a/b.zip", "http://a/b.zip"), ("mantis-artifacts/demo.zip", "http://mantis-artifacts/demo.zip"),
     ("s3://bucket/a b.zip", "s3://bucket/a b.zip"), ("shell:echo a/b:c %20", "shell:echo a/b:c %20"),
     ("demo.zip", "http://demo.zip"), ("file:///x.zip", "file:///x.zip")],
)  # fmt: skip
def test_an_artifact_without_scheme_gets_one(mantis: Mantis, given, kept):
    for field in ("jobJarFileLocation", "url"):
        cluster = mantis.cluster(**{"jobJarFileLocation": LEAVE_OUT, field: given})
        assert cluster.created["jars"][0]["url"] == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [({"strategy": "ONE_WORKER", "configString": "{}"}, None),
     ({"strategy": "PERCENTAGE", "configString": ' {"percentToMove":60, "intervalMs":30000} '}, None),
     ({"strategy": "PERCENTAGE", "configString": 'no JSON at all: naïve " \\ 😀'}, None),
     ({"strategy": "ONE_WORKER", "configString": ""}, None), (None, DEFAULT_MIGRATION)],
)  # fmt: skip
def test_a_migration_config_is_kept_byte_for_byte(mantis: Mantis, given, kept):
    cluster = mantis.cluster(migrationConfig=given)
    assert cluster.created["migrationConfig"] == (kept or given)
    assert cluster.view()["migrationConfig"] == (kept or given)


def test_a_migration_config_without_strategy_moves_one_worker(mantis: Mantis):
    cluster = mantis.cluster(migrationConfig={"configString": "x"})
    assert cluster.created["migrationConfig"] == {"strategy": "ONE_WORKER", "configString": "x"}


def test_a_principal_comes_back_only_when_it_was_given(mantis: Mantis):
    given = {"email": "team@a.b", "type": "GROUP"}
    assert mantis.cluster(jobPrincipal=given).created["jobPrincipal"] == given
    made = mantis.cluster(jobPrincipal={"email": "a@b.c"}).created
    assert made["jobPrincipal"] == {"email": "a@b.c", "type": "USER"}
    assert "jobPrincipal" not in mantis.cluster().created


def test_a_resource_cluster_becomes_a_label(mantis: Mantis):
    cluster = mantis.cluster(
        deploymentStrategy={"resourceClusterId": "pool-7"}, labels=pairs(a="b")
    )
    assert as_dict(cluster.created["labels"]) == {"a": "b", "_mantis.resourceCluster": "pool-7"}
    assert mantis.cluster(deploymentStrategy={}).created["labels"] == []
    assert mantis.cluster(deploymentStrategy=None).created["labels"] == []


def test_what_belongs_to_submits_is_ignored(mantis: Mantis):
    sla = {"durationType": "Transient", "userProvidedType": "x", "runtimeLimitSecs": 5}
    cluster = mantis.cluster(jobSla=sla, subscriptionTimeoutSecs=17)
    assert set(cluster.created) == KEYS
    view = cluster.submit(parameters=EXTERNAL)["jobMetadata"]
    assert (view["sla"]["durationType"], view["sla"]["userProvidedType"]) == ("Perpetual", "")
    assert (view["sla"]["runtimeLimitSecs"], view["subscriptionTimeoutSecs"]) == (0, 0)


def test_the_owner_comes_back(mantis: Mantis):
    given = {
        "name": "n",
        "teamName": "t",
        "description": "d\n'\"",
        "contactEmail": "c",
        "repo": "r 😀",
    }
    assert mantis.cluster(owner=given).created["owner"] == given
    assert mantis.cluster(owner={"teamName": "t"}).created["owner"] == {**OWNER, "teamName": "t"}
    assert mantis.cluster(owner={"teamName": None, "repo": ""}).created["owner"] == OWNER
    assert mantis.cluster(owner=None).created["owner"] == OWNER


def test_a_taken_name_is_409_whatever_else_differs(mantis: Mantis):
    cluster = mantis.cluster()
    mantis.refused(409, "POST", "/jobClusters", definition(cluster.name, version="2", user="other"))
    assert cluster.view() == cluster.created


def test_one_of_many_creates_at_once_wins(mantis: Mantis):
    name = unique("race")
    statuses: list[int] = []

    def create() -> None:
        statuses.append(
            Mantis(mantis.yard).ask("POST", "/jobClusters", definition(name)).status_code
        )

    threads = [threading.Thread(target=create) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [409] * 15
