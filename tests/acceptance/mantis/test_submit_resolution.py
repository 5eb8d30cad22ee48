"""What a submit runs: artifact, version, scheduling, parameters, labels, limits; quick submits."""

import pytest

from tests.acceptance.mantis.client import (
    EXTERNAL,
    LEAVE_OUT,
    Mantis,
    as_dict,
    crowd,
    machine,
    now_ms,
    pairs,
    scheduling,
    stage,
    unique,
)

SIZES = {"1": 1, "2": 2}  # version -> workers of its jar's stage 1


@pytest.fixture(scope="module")
def two_jars(server: Mantis):
    """A cluster with the jars 1 and 2; the second has two workers in its one stage."""
    cluster = server.cluster(
        keep=True, version="1", jobJarFileLocation="shell:sleep 1001", schedulingInfo=scheduling(1),
        parameters=[*EXTERNAL, *pairs(kept="yes")], labels=pairs(a="1", b="2"),
    )  # fmt: skip
    cluster.put(
        version="2", jobJarFileLocation="shell:sleep 1002", schedulingInfo=scheduling(2, zero=1),
        parameters=[*EXTERNAL, *pairs(kept="yes")], labels=pairs(a="1", b="2"),
    )  # fmt: skip
    yield cluster
    cluster.end()


def sizes(view: dict) -> dict[int, int]:
    return {one["stageNum"]: one["numWorkers"] for one in view["stageMetadataList"]}


NEW = "shell:sleep 1009"
THREE = scheduling(3)
TAKEN = [  # artifact, version, scheduling -> artifact, version, sizes by stage
    (NEW, "9", THREE, NEW, "9", {1: 3}), (NEW, None, THREE, NEW, "now", {1: 3}), (NEW, "", THREE, NEW, "now", {1: 3}),
    (NEW, "1", THREE, NEW, "1", {1: 3}), (NEW, "9", scheduling(1, 1), NEW, "9", {1: 1, 2: 1}),
    (NEW, "9", scheduling(1, zero=1), NEW, "9", {0: 1, 1: 1}),
    (None, "1", THREE, "shell:sleep 1001", "1", {1: 3}), ("", "2", THREE, "shell:sleep 1002", "2", {1: 3}),
    (None, "1", scheduling(2, zero=1), "shell:sleep 1001", "1", {0: 1, 1: 2}),
    (None, "1", None, "shell:sleep 1001", "1", {1: 1}), (None, "2", None, "shell:sleep 1002", "2", {0: 1, 1: 2}),
    (None, None, THREE, "shell:sleep 1002", "2", {1: 3}), (None, None, None, "shell:sleep 1002", "2", {0: 1, 1: 2}),
    ("", "", None, "shell:sleep 1002", "2", {0: 1, 1: 2}),
]  # fmt: skip
REFUSED = [
    (NEW, "9", None), (NEW, None, None), (NEW, "1", None), (None, "9", THREE), (None, "9", None),
    (None, "1", scheduling(1, 1)), (None, "1", scheduling(1, 1, zero=1)), (None, None, scheduling(1, 1)),
    (None, "2", scheduling(1, 1, 1)), (None, "01", None),
]  # fmt: skip


@pytest.mark.parametrize("case", TAKEN, ids=lambda case: str(case[:2]))
def test_what_a_submit_takes(two_jars, case):
    artifact, version, info, url, label, stages = case
    for wish in ({"jobJarFileLocation": artifact}, {"url": artifact}):
        before = now_ms()
        jars = two_jars.view()["jars"]
        view = two_jars.submit(**wish, version=version, schedulingInfo=info, parameters=EXTERNAL)
        meta = view["jobMetadata"]
        assert (meta["jarUrl"], sizes(view)) == (url, stages)
        if label == "now":
            assert before - 5 <= int(view["version"]) <= now_ms() + 5
        else:
            assert view["version"] == label
        assert as_dict(meta["labels"])["_mantis.version"] == view["version"]
        assert two_jars.view()["jars"] == jars
        two_jars.mantis.kill(meta["jobId"])


@pytest.mark.parametrize(("artifact", "version", "info"), REFUSED)
def test_what_a_submit_cannot_take(two_jars, artifact, version, info):
    before = two_jars.view()["lastJobCount"]
    two_jars.refused(400, jobJarFileLocation=artifact, version=version, schedulingInfo=info)
    assert two_jars.view()["lastJobCount"] == before


def test_keys_left_out_are_as_good_as_null(two_jars):
    view = two_jars.submit(
        jobJarFileLocation=LEAVE_OUT, version=LEAVE_OUT, schedulingInfo=LEAVE_OUT
    )
    assert (view["version"], sizes(view)) == ("2", {0: 1, 1: 2})
    two_jars.mantis.kill(view["jobMetadata"]["jobId"])


def test_the_documented_submit_works_as_it_stands(mantis: Mantis):
    def small(scalable):
        return {
            "numberOfInstances": 1, "scalable": scalable, "hardConstraints": None, "softConstraints": None,
            "machineDefinition": {
                "cpuCores": 0.35, "memoryMB": 600, "networkMbps": 30, "diskMB": 100, "numPorts": 1,
            },
        }  # fmt: skip

    parameters = pairs(
        criterion="mock",
        sourceJobName="RequestSource",
        spaasJobId="spaasjschmoe-clsessionizer_backpressuretest",
    )
    cluster = mantis.cluster(version="0.0.1 2019-02-06 13:30:07")
    cluster.put(version="newer")
    view = cluster.submit(
        jobJarFileLocation=None, version="0.0.1 2019-02-06 13:30:07", subscriptionTimeoutSecs=0,
        jobSla={"runtimeLimitSecs": "0", "slaType": "Lossy", "durationType": "Perpetual", "userProvidedType": ""},
        schedulingInfo={"stages": {"0": small(False), "1": small(True)}}, parameters=parameters,
        isReadyForJobMaster=False,
    )  # fmt: skip
    assert view["jobMetadata"]["numStages"] == 2
    assert view["jobMetadata"]["parameters"] == parameters
    assert [(w["workerNumber"], w["stageNum"]) for w in view["workerMetadataList"]] == [
        (1, 0),
        (2, 1),
    ]
    assert [s["scalable"] for s in view["stageMetadataList"]] == [False, True]
    mantis.launched(f"{cluster}-1")


@pytest.mark.parametrize(
    ("given", "kept"),
    [(LEAVE_OUT, None), (None, None), ([], None), (pairs(a="1"), pairs(a="1")), (pairs(kept="no"), pairs(kept="no"))],
)  # fmt: skip
def test_parameters_replace_those_of_the_cluster(two_jars, given, kept):
    view = two_jars.submit(parameters=given)
    wanted = [*EXTERNAL, *pairs(kept="yes")] if kept is None else kept
    assert view["jobMetadata"]["parameters"] == wanted
    two_jars.mantis.kill(view["jobMetadata"]["jobId"])


@pytest.mark.parametrize(
    ("given", "kept"),
    [([], {"a": "1", "b": "2"}), (None, {"a": "1", "b": "2"}), (pairs(b="3"), {"a": "1", "b": "3"}),
     (pairs(c="4"), {"a": "1", "b": "2", "c": "4"}), (pairs(a="5", c=True), {"a": "5", "b": "2", "c": "true"}),
     (pairs(**{"_mantis.artifact": "mine", "_mantis.version": "mine"}), {"a": "1", "b": "2"})],
)  # fmt: skip
def test_labels_are_merged_over_those_of_the_cluster(two_jars, given, kept):
    view = two_jars.submit(labels=given)
    system = {"_mantis.artifact": "shell", "_mantis.version": "2"}
    assert as_dict(view["jobMetadata"]["labels"]) == {**kept, **system}
    two_jars.mantis.kill(view["jobMetadata"]["jobId"])


@pytest.mark.parametrize(
    ("url", "label"),
    [("https://some.host/mantis-artifacts/mantis-examples-sine-function-0.2.9.zip", "mantis-examples-sine-function-0.2.9.zip"),
     ("shell:cat /etc/hostname", "shell"), ("http://demo.zip", "demo.zip"), ("s3://a/b c.jar", "b c.jar")],
)  # fmt: skip
def test_the_artifact_becomes_a_label(mantis: Mantis, url, label):
    cluster = mantis.cluster(jobJarFileLocation=url, labels=pairs(**{"_mantis.artifact": "old"}))
    assert as_dict(cluster.created["labels"]) == {"_mantis.artifact": "old"}
    labels = as_dict(cluster.submit(parameters=EXTERNAL)["jobMetadata"]["labels"])
    assert labels == {"_mantis.artifact": label, "_mantis.version": "1"}


@pytest.mark.parametrize(
    "over",
    [{"cpuCores": 8.01}, {"cpuCores": 9}, {"memoryMB": 28001}, {"networkMbps": 1025}, {"cpuCores": 1e300},
     {"memoryMB": 1e18}, {"networkMbps": 10**18}],
)  # fmt: skip
def test_machines_beyond_the_limits_are_refused_at_submit(mantis: Mantis, two_jars, over):
    big = stage(machineDefinition=machine(**over))
    two_jars.refused(400, schedulingInfo=scheduling(big))
    two_jars.refused(400, schedulingInfo=scheduling(1, zero=big))
    two_jars.refused(400, jobJarFileLocation=NEW, schedulingInfo=scheduling(1, big))
    if max(over.values()) < 10**9:
        cluster = mantis.cluster(schedulingInfo=scheduling(big))  # only a submit minds
        cluster.refused(400)
        mantis.refused(400, "POST", "/jobs/actions/quickSubmit", cluster.wish())
        assert cluster.view()["lastJobCount"] == 0


def test_machines_at_the_limits_are_taken(two_jars):
    most = stage(
        machineDefinition=machine(
            cpuCores=8, memoryMB=28000, networkMbps=1024, diskMB=10**7, numPorts=50
        )
    )
    view = two_jars.submit(schedulingInfo=scheduling(most))
    assert view["workerMetadataList"][0]["numberOfPorts"] == 54
    two_jars.mantis.kill(view["jobMetadata"]["jobId"])


BAD = [
    ("jobSla", "x"), ("jobSla", []), ("jobSla", 5), ("jobSla", {"durationType": "perpetual"}),
    ("jobSla", {"durationType": "Forever"}), ("jobSla", {"durationType": 5}), ("jobSla", {"slaType": "Lossless"}),
    ("jobSla", {"slaType": []}), ("jobSla", {"runtimeLimitSecs": -1}), ("jobSla", {"minRuntimeSecs": -1}),
    ("jobSla", {"userProvidedType": []}), ("jobSla", {"userProvidedType": {}}), ("subscriptionTimeoutSecs", -1),
    ("schedulingInfo", "x"), ("schedulingInfo", []), ("schedulingInfo", {"stages": {}}), ("schedulingInfo", {}),
    ("schedulingInfo", scheduling(0)), ("schedulingInfo", scheduling(1501)), ("schedulingInfo", {"stages": {"2": stage()}}),
    ("jobJarFileLocation", []), ("jobJarFileLocation", {}), ("jobJarFileLocation", 5), ("version", []), ("version", {}),
    ("parameters", "x"), ("labels", "x"), ("parameters", [{"value": 1}]),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD, ids=lambda value: str(value)[:40])
def test_bad_fields_are_refused(mantis: Mantis, two_jars, field, value):
    two_jars.refused(400, **{field: value})
    mantis.refused(400, "POST", "/jobs", two_jars.wish(**{field: value}))
    if field == "jobSla":
        for path in ("/jobs/actions/quickSubmit", "/jobsubmitandconnect"):
            mantis.refused(400, "POST", path, two_jars.wish(**{field: value}))


def test_the_order_in_which_a_submit_is_judged(mantis: Mantis):
    unknown = unique("unknown")
    path = f"/jobClusters/{unknown}/jobs"
    mantis.refused(400, "POST", path, {"name": unknown})
    mantis.refused(400, "POST", path, {"name": "other", "user": "u"})
    mantis.refused(404, "POST", path, {"name": unknown, "user": "u", "version": "none"})
    cluster = mantis.cluster()
    cluster.act("disableCluster")
    assert "disabled" in cluster.refused(400).lower()
    assert "disabled" in mantis.refused(400, "POST", "/jobs", cluster.wish()).lower()
    assert (
        "disabled"
        in mantis.refused(400, "POST", "/jobs/actions/quickSubmit", cluster.wish()).lower()
    )
    assert "disabled" in mantis.refused(400, "POST", "/jobsubmitandconnect", cluster.wish()).lower()


def test_jobs_are_submitted_to_all_jobs_too(mantis: Mantis):
    cluster = mantis.cluster()
    view = mantis.expect(
        201, "POST", "/jobs", cluster.wish(parameters=EXTERNAL, labels=pairs(a="b"))
    )
    assert view["jobMetadata"]["jobId"] == f"{cluster}-1"
    assert as_dict(view["jobMetadata"]["labels"])["a"] == "b"


# -- unique submits ---------------------------------------------------------------------------------


def test_a_job_of_the_same_type_is_given_again(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL)
    sla = {"userProvidedType": '{"unique": "k"}'}
    first = cluster.submit(jobSla=sla)
    for again in (
        cluster.submit(jobSla=sla, user="other", version="1"),
        cluster.quick(jobSla=sla),
        mantis.expect(201, "POST", "/jobs", cluster.wish(jobSla=sla)),
    ):
        assert again["jobMetadata"]["jobId"] == first["jobMetadata"]["jobId"]
        assert again["jobMetadata"]["user"] == "tester"
    assert cluster.view()["lastJobCount"] == 1
    for other in ('{"unique": "K"}', '{"unique": "k"} ', "x"):
        cluster.submit(jobSla={"userProvidedType": other})
    for _ in range(2):
        cluster.submit(jobSla={"userProvidedType": ""})
    assert cluster.view()["lastJobCount"] == 6
    mantis.kill(f"{cluster}-1")
    mantis.until(f"{cluster}-1", "Completed")
    assert cluster.start(jobSla=sla) == f"{cluster}-7"


def test_types_are_of_one_cluster(mantis: Mantis):
    first, second = mantis.cluster(parameters=EXTERNAL), mantis.cluster(parameters=EXTERNAL)
    sla = {"userProvidedType": "k"}
    assert (first.start(jobSla=sla), second.start(jobSla=sla)) == (f"{first}-1", f"{second}-1")


def test_of_many_submits_of_a_type_at_once_one_makes_a_job(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL)
    body = cluster.wish(jobSla={"userProvidedType": "k"})
    ids: list[str] = []

    def submit() -> None:
        view = Mantis(mantis.yard).expect(201, "POST", f"{cluster.path}/jobs", body)
        ids.append(view["jobMetadata"]["jobId"])

    crowd([submit] * 12)
    assert ids == [f"{cluster}-1"] * 12


def test_many_submits_at_once_get_numbers_without_gaps(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL)
    ids: list[str] = []
    crowd([lambda: ids.append(Mantis(mantis.yard).expect(
        201, "POST", f"{cluster.path}/jobs", cluster.wish())["jobMetadata"]["jobId"])] * 12)  # fmt: skip
    assert sorted(ids) == sorted(f"{cluster}-{number}" for number in range(1, 13))
    assert cluster.view()["lastJobCount"] == 12


# -- quick submits ----------------------------------------------------------------------------------


def test_the_first_quick_submit_runs_what_the_cluster_says(mantis: Mantis):
    cluster = mantis.cluster(
        schedulingInfo=scheduling(2, zero=1),
        parameters=[*EXTERNAL, *pairs(a="1")],
        labels=pairs(b="2"),
    )
    view = cluster.quick(user="anna")
    assert view["jobMetadata"]["jobId"] == f"{cluster}-1"
    assert view["jobMetadata"]["user"] == "anna"
    assert sizes(view) == {0: 1, 1: 2}
    assert view["jobMetadata"]["parameters"] == [*EXTERNAL, *pairs(a="1")]
    assert as_dict(view["jobMetadata"]["labels"])["b"] == "2"
    assert view["jobMetadata"]["sla"]["durationType"] == "Perpetual"


def test_a_quick_submit_runs_the_latest_jar_as_the_last_job_ran(mantis: Mantis):
    cluster = mantis.cluster(parameters=pairs(cluster="own"), labels=pairs(c="c"))
    mine = [*EXTERNAL, *pairs(mine="yes")]
    sla = {"durationType": "Transient", "runtimeLimitSecs": 1000, "minRuntimeSecs": 7}
    cluster.submit(
        jobJarFileLocation="shell:sleep 1009", version="special", schedulingInfo=scheduling(stage(2, scalable=False)),
        parameters=mine, labels=pairs(j="j"), subscriptionTimeoutSecs=77, jobSla=sla,
    )  # fmt: skip
    cluster.put(version="2", jobJarFileLocation="shell:sleep 1010", parameters=pairs(cluster="new"))
    view = cluster.quick(user="quick")
    meta = view["jobMetadata"]
    assert (view["version"], meta["jarUrl"], meta["user"]) == ("2", "shell:sleep 1010", "quick")
    assert sizes(view) == {1: 2}
    assert view["stageMetadataList"][0]["scalable"] is False
    assert meta["parameters"] == mine
    assert as_dict(meta["labels"]) == {
        "c": "c",
        "j": "j",
        "_mantis.artifact": "shell",
        "_mantis.version": "2",
    }
    assert meta["subscriptionTimeoutSecs"] == 77
    assert meta["sla"] == {**sla, "slaType": "Lossy", "userProvidedType": ""}
    mantis.kill(meta["jobId"])
    mantis.until(meta["jobId"], "Completed")
    again = cluster.quick(jobSla={"minRuntimeSecs": 5})["jobMetadata"]
    assert again["parameters"] == mine
    assert (again["sla"]["minRuntimeSecs"], again["sla"]["durationType"]) == (5, "Perpetual")
    assert again["sla"]["runtimeLimitSecs"] == 0


def test_a_quick_submit_has_the_sizes_the_last_job_was_scaled_to(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(1))
    job_id = cluster.launch()
    body = {"JobId": job_id, "StageNumber": 1, "NumWorkers": 3}
    mantis.expect(204, "POST", f"/jobs/{job_id}/actions/scaleStage", body)
    assert sizes(cluster.quick()) == {1: 3}


def test_a_quick_submit_with_other_stages_takes_the_jars_scheduling(mantis: Mantis):
    cluster = mantis.cluster(schedulingInfo=scheduling(2), parameters=EXTERNAL)
    cluster.start(parameters=[*EXTERNAL, *pairs(mine="yes")])
    cluster.put(version="2", schedulingInfo=scheduling(1, 1, zero=1))
    view = cluster.quick()
    assert sizes(view) == {0: 1, 1: 1, 2: 1}
    assert view["jobMetadata"]["parameters"] == [*EXTERNAL, *pairs(mine="yes")]


@pytest.mark.parametrize("field", ["name", "user"])
@pytest.mark.parametrize("value", [LEAVE_OUT, None, "", "  ", 5, [], {}], ids=str)
def test_a_quick_submit_needs_a_name_and_a_user(mantis: Mantis, two_jars, field, value):
    mantis.refused(400, "POST", "/jobs/actions/quickSubmit", two_jars.wish(**{field: value}))
    mantis.refused(400, "POST", "/jobs", two_jars.wish(**{field: value}))
    mantis.refused(400, "POST", "/jobsubmitandconnect", two_jars.wish(**{field: value}))
