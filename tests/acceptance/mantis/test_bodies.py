"""Reading bodies: content types, numbers, booleans, nulls, and what cannot be read."""

import contextlib
import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.acceptance.mantis.client import (
    EXTERNAL,
    Mantis,
    as_dict,
    definition,
    machine,
    pairs,
    scheduling,
    stage,
    unique,
)
from tests.acceptance.mantis.endpoints import READERS, REFUSED_ONLY, launched_cluster
from tests.rotation import rotated, short

MIB = 1 << 20
KINDS = [
    "text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data",
    "multipart/form-data; boundary=x", "application/json; charset=iso-8859-1", "text/plain; charset=utf-16",
    "", "nonsense", "application/octet-stream", "application/merge-patch+json", None,
]  # fmt: skip
UNREADABLE = {
    "none": b"", "blank": b" \n", "open": b"{", "word": b"nope", "cut": b'{"name": "a', "tail": b'{"a": 1} x',
    "two": b"{}{}", "not utf-8": b'{"a": "\xff\xfe"}', "utf-16": '{"name": "a"}'.encode("utf-16"),
    "utf-32": '{"name": "a"}'.encode("utf-32"), "encoded surrogate": b'{"a": "\xed\xa0\x80"}', "nul": b"\x00",
    "single quotes": b"{'a': 1}", "text": b'"text"', "number": b"5", "null": b"null", "true": b"true",
    "deep lists": b"[" * 100_000, "deep objects": b'{"a":' * 100_000,
    "deep and closed": b"[" * 50_000 + b"]" * 50_000,
    "deep within": b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "long number": b'{"a": ' + b"9" * 5000, "form": b"name=a&user=b", "xml": b"<a/>",
    "trailing comma": b'{"a": 1,}', "raw newline": b'{"a": "\n"}',
}  # fmt: skip


@pytest.fixture(scope="module")
def ready(server: Mantis):
    cluster = launched_cluster(server)
    yield cluster
    cluster.end()


def named(readers):
    return pytest.mark.parametrize("reader", readers, ids=lambda reader: reader.name)


@pytest.mark.parametrize(("reader", "kind"), rotated(READERS, KINDS, rounds=2), ids=short)
def test_the_content_type_of_a_request_is_ignored(mantis: Mantis, ready, reader, kind):
    body = json.dumps(reader.body(ready)).encode()
    headers = {"Content-Type": kind}
    mantis.expect(reader.status, reader.method, reader.filled(ready), body, headers=headers)


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "text/event-stream", "*/*", "", "q"]
)
def test_accept_is_ignored_too(mantis: Mantis, ready, accept):
    for path in ("/jobClusters", "/jobs", ready.path, "/masterInfo"):
        mantis.expect(200, "GET", path, headers={"Accept": accept})
    mantis.expect(404, "GET", "/jobs/nope-1", headers={"Accept": accept})


@pytest.mark.parametrize(
    ("reader", "what"), rotated(READERS + REFUSED_ONLY, list(UNREADABLE), rounds=3), ids=short
)
def test_what_cannot_be_read_is_refused(mantis: Mantis, ready, reader, what):
    mantis.refused(400, reader.method, reader.filled(ready), UNREADABLE[what])


@pytest.mark.parametrize(
    ("reader", "body"),
    rotated(READERS + REFUSED_ONLY, [b"[]", b"{}", b"[{}]", b"[1]"], rounds=2),
    ids=short,
)
def test_a_value_of_the_wrong_kind_is_refused(mantis: Mantis, ready, reader, body):
    mantis.refused(400, reader.method, reader.filled(ready), body)


@pytest.mark.parametrize("what", UNREADABLE)
def test_the_set_of_agent_clusters_must_be_readable(mantis: Mantis, what):
    mantis.refused(400, "POST", "/agentClusters", UNREADABLE[what])


@named(READERS)
def test_unknown_keys_are_ignored(mantis: Mantis, ready, reader):
    def extend(value):
        if isinstance(value, dict):
            return {
                "unheardOf": [{"deep": None}],
                "": 1,
                **{k: extend(v) for k, v in value.items()},
            }
        return [extend(one) for one in value] if isinstance(value, list) else value

    body = reader.body(ready)
    if "migrationConfig" not in body:
        body = extend(body)
        for stages in (
            part.get("schedulingInfo") for part in body.values() if isinstance(part, dict)
        ):
            if stages:  # here the keys are the numbers of the stages
                stages["stages"] = {k: v for k, v in stages["stages"].items() if k.isdigit()}
    mantis.expect(reader.status, reader.method, reader.filled(ready), body)


def test_a_body_of_4_mib_is_read(mantis: Mantis):
    body = json.dumps(definition(unique())).encode()
    mantis.expect(201, "POST", "/jobClusters", body + b" " * (4 * MIB - len(body)))


@named(READERS + REFUSED_ONLY)
def test_a_larger_body_is_refused(mantis: Mantis, ready, reader):
    mantis.refused(413, reader.method, reader.filled(ready), b" " * (4 * MIB + 1))


def test_a_larger_body_is_refused_in_chunks_as_well(mantis: Mantis):
    where = urlsplit(mantis.yard.url)
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    head = (
        "POST /api/v1/jobClusters HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        "Connection: close\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has answered already
            connection.sendall(head.encode() + chunk * 70 + b"0\r\n\r\n")
        try:
            answer = connection.makefile("rb").readline()
        except ConnectionResetError:
            answer = b""
    assert answer == b"" or answer.split()[1] == b"413", answer


# -- numbers ------------------------------------------------------------------------------------

SAME = [1, "1", 1.0, "1.0"]
NO_INTEGER = [1.5, "1.5", "abc", "1x", "0x1", "1,0", float("nan"), float("inf"), float("-inf"), "NaN", "Infinity",
              "-inf", [], [1], {}, {"a": 1}, "--1", "1e400", "\u0663a"]  # fmt: skip


@pytest.mark.parametrize("value", SAME, ids=repr)
def test_integers_come_in_many_forms_and_leave_as_numbers(mantis: Mantis, value):
    port = machine(cpuCores=value, memoryMB=value, diskMB=value, networkMbps=value, numPorts=value)
    info = scheduling(stage(value, machineDefinition=port))
    cluster = mantis.cluster(schedulingInfo=info, slaMin=0, slaMax=value)
    found = cluster.created["jars"][0]["schedulingInfo"]["stages"]["1"]
    assert found["numberOfInstances"] == 1
    assert found["machineDefinition"] == {
        "cpuCores": 1, "memoryMB": 1, "diskMB": 1, "networkMbps": 1, "numPorts": 1,
    }  # fmt: skip
    assert cluster.created["sla"]["max"] == 1
    given = {"runtimeLimitSecs": value, "minRuntimeSecs": value}
    view = cluster.submit(jobSla=given, subscriptionTimeoutSecs=value, parameters=EXTERNAL)
    sla = view["jobMetadata"]["sla"]
    assert (sla["runtimeLimitSecs"], sla["minRuntimeSecs"]) == (1, 1)
    assert view["jobMetadata"]["subscriptionTimeoutSecs"] == 1
    for one in (*found["machineDefinition"].values(), sla["runtimeLimitSecs"]):
        assert type(one) in (int, float)
    cluster.sla(min=0, max=value)


@pytest.mark.parametrize("value", [0.35, "0.35", "3.5e-1", ".35"], ids=repr)
def test_fractions_come_as_texts_too(mantis: Mantis, value):
    cluster = mantis.cluster(
        schedulingInfo=scheduling(stage(machineDefinition=machine(cpuCores=value)))
    )
    found = cluster.created["jars"][0]["schedulingInfo"]["stages"]["1"]["machineDefinition"]
    assert found["cpuCores"] == pytest.approx(0.35)


def cluster_with(field: str, value):
    if field in ("slaMin", "slaMax"):
        return definition(unique(), **{field: value})
    if field == "numberOfInstances":
        return definition(unique(), schedulingInfo=scheduling(stage(value)))
    port = machine(**{field: value})
    return definition(unique(), schedulingInfo=scheduling(stage(machineDefinition=port)))


@pytest.mark.parametrize(
    ("field", "value"),
    rotated(["slaMin", "slaMax", "numberOfInstances"], NO_INTEGER),
    ids=short,
)
def test_what_is_no_integer_is_refused_at_create(mantis: Mantis, field, value):
    body = cluster_with(field, value)
    mantis.refused(400, "POST", "/jobClusters", body)
    mantis.refused(404, "GET", f"/jobClusters/{body['jobDefinition']['name']}")


NO_NUMBER = [value for value in NO_INTEGER if value not in (1.5, "1.5")]


@pytest.mark.parametrize(
    ("field", "value"),
    rotated(["cpuCores", "memoryMB", "diskMB", "networkMbps", "numPorts"], NO_NUMBER, rounds=2),
    ids=short,
)
def test_what_is_no_number_is_refused_at_create(mantis: Mantis, field, value):
    mantis.refused(400, "POST", "/jobClusters", cluster_with(field, value))


@pytest.mark.parametrize(
    ("field", "value"),
    rotated(["runtimeLimitSecs", "minRuntimeSecs", "subscriptionTimeoutSecs"], NO_INTEGER),
    ids=short,
)
def test_what_is_no_integer_is_refused_at_submit(mantis: Mantis, ready, field, value):
    if field == "subscriptionTimeoutSecs":
        ready.refused(400, subscriptionTimeoutSecs=value)
    else:
        ready.refused(400, jobSla={field: value})
        body = ready.wish(jobSla={field: value})
        mantis.refused(400, "POST", "/jobs/actions/quickSubmit", body)


@pytest.mark.parametrize("value", NO_INTEGER, ids=repr)
def test_what_is_no_integer_is_refused_by_actions(mantis: Mantis, ready, value):
    ready.sla(400, min=value, max=1)
    ready.sla(400, min=0, max=value)
    path = f"/jobs/{ready}-1/actions"
    for more in ({"StageNumber": value, "NumWorkers": 1}, {"StageNumber": 1, "NumWorkers": value}):
        mantis.refused(400, "POST", f"{path}/scaleStage", {"JobId": f"{ready}-1", **more})
    mantis.refused(400, "POST", f"{path}/resubmitWorker", {"user": "u", "workerNumber": value})


@pytest.mark.parametrize(
    "literal", ["NaN", "Infinity", "-Infinity", "1e400", "-1e999", "1" * 400, "1" * 5000]
)
def test_literals_beyond_numbers_are_refused(mantis: Mantis, literal):
    for field in ("slaMax", "numberOfInstances", "cpuCores", "memoryMB"):
        body = json.dumps(cluster_with(field, "HERE")).replace('"HERE"', literal).encode()
        mantis.refused(400, "POST", "/jobClusters", body)


@pytest.mark.parametrize("absent", [None, ""], ids=repr)
def test_null_and_empty_text_mean_the_default(mantis: Mantis, absent):
    port = machine(diskMB=absent, networkMbps=absent, numPorts=absent)
    info = scheduling(stage(machineDefinition=port, scalable=absent, scalingPolicy=None))
    cluster = mantis.cluster(schedulingInfo=info, slaMin=absent, slaMax=absent, cronSpec=absent)
    found = cluster.created["jars"][0]["schedulingInfo"]["stages"]["1"]
    assert found["machineDefinition"] == {
        "cpuCores": 0.1, "memoryMB": 10, "diskMB": 0, "networkMbps": 128, "numPorts": 1,
    }  # fmt: skip
    assert found["scalable"] is False
    assert cluster.created["sla"] == {"min": 0, "max": 0, "cronSpec": None, "cronPolicy": None}
    sla = {"runtimeLimitSecs": absent, "minRuntimeSecs": absent, "userProvidedType": absent}
    view = cluster.submit(jobSla=sla, subscriptionTimeoutSecs=absent, parameters=EXTERNAL)
    assert view["jobMetadata"]["sla"] == {
        "runtimeLimitSecs": 0, "minRuntimeSecs": 0, "slaType": "Lossy", "durationType": "Perpetual",
        "userProvidedType": "",
    }  # fmt: skip
    assert view["jobMetadata"]["subscriptionTimeoutSecs"] == 0
    again = cluster.submit(jobSla=None, schedulingInfo=None, parameters=EXTERNAL, labels=None)
    assert again["jobMetadata"]["sla"]["durationType"] == "Perpetual"


@pytest.mark.parametrize("absent", [None, ""], ids=repr)
def test_what_is_required_may_not_be_absent(mantis: Mantis, absent):
    for field in ("numberOfInstances", "cpuCores", "memoryMB"):
        mantis.refused(400, "POST", "/jobClusters", cluster_with(field, absent))


# -- booleans, texts, lists -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "meant"),
    [(True, True), (False, False), ("true", True), ("false", False), ("TRUE", True), ("False", False),
     ("tRuE", True), (None, False)],
)  # fmt: skip
def test_booleans_come_as_texts_too(mantis: Mantis, value, meant):
    cluster = mantis.cluster(
        schedulingInfo=scheduling(stage(scalable=value)), isReadyForJobMaster=value
    )
    assert cluster.created["isReadyForJobMaster"] is meant
    assert cluster.created["jars"][0]["schedulingInfo"]["stages"]["1"]["scalable"] is meant
    cluster.act("disableCluster")
    cluster.sla(min=0, max=0, forceenable=value)
    assert cluster.view()["disabled"] is not meant
    cluster.act("disableCluster")  # so that it never submits
    cluster.act("updateArtifact", version="2", url="shell:true", skipsubmit=value)


@pytest.mark.parametrize("value", ["yes", "1 ", "tru", [], {}, ["true"], 2, 1.5, "nope"], ids=repr)
def test_what_is_no_boolean_is_refused(mantis: Mantis, ready, value):
    body = definition(unique(), schedulingInfo=scheduling(stage(scalable=value)))
    mantis.refused(400, "POST", "/jobClusters", body)
    mantis.refused(400, "POST", "/jobClusters", definition(unique(), isReadyForJobMaster=value))
    ready.sla(400, min=0, max=0, forceenable=value)
    ready.act("updateArtifact", 400, version=unique("v"), url="shell:true", skipsubmit=value)


TEXTS = [
    (False, "false"), (True, "true"), (2, "2"), (0, "0"), (-7, "-7"), (1.5, "1.5"), ("", ""), (" a ", " a "),
    ("naïve 😀", "naïve 😀"), ('{"a": 1}', '{"a": 1}'), ("x" * 10_000, "x" * 10_000), ("a\nb\tc", "a\nb\tc"),
    (9007199254740993, "9007199254740993"),
]  # fmt: skip


def test_values_of_parameters_and_labels_leave_as_texts(mantis: Mantis):
    given = [{"name": f"n{i}", "value": value} for i, (value, _) in enumerate(TEXTS)]
    wanted = [{"name": f"n{i}", "value": text} for i, (_, text) in enumerate(TEXTS)]
    cluster = mantis.cluster(parameters=given, labels=given)
    assert cluster.created["parameters"] == wanted
    assert cluster.created["labels"] == wanted
    view = cluster.submit(parameters=given + EXTERNAL, labels=[{"name": "n0", "value": 5}])
    assert view["jobMetadata"]["parameters"][: len(wanted)] == wanted
    assert as_dict(view["jobMetadata"]["labels"])["n0"] == "5"
    cluster.act("updateLabel", labels=given)
    assert cluster.view()["labels"] == wanted


def test_null_for_a_list_is_an_empty_one(mantis: Mantis):
    info = scheduling(stage(hardConstraints=None, softConstraints=None))
    cluster = mantis.cluster(schedulingInfo=info, parameters=None, labels=None)
    assert cluster.created["parameters"] == []
    assert cluster.created["labels"] == []
    found = cluster.created["jars"][0]["schedulingInfo"]["stages"]["1"]
    assert (found["hardConstraints"], found["softConstraints"]) == ([], [])
    view = cluster.submit(parameters=None, labels=None)
    one = view["stageMetadataList"][0]
    assert (one["hardConstraints"], one["softConstraints"]) == ([], [])


@pytest.mark.parametrize(
    "value", ["a", 5, {}, {"a": "b"}, [5], ["a"], [[]], [None], True], ids=repr
)
@pytest.mark.parametrize("field", ["parameters", "labels"])
def test_what_is_no_list_of_pairs_is_refused(mantis: Mantis, ready, field, value):
    mantis.refused(400, "POST", "/jobClusters", definition(unique(), **{field: value}))
    ready.refused(400, **{field: value})
    if field == "labels":
        ready.act("updateLabel", 400, labels=value)


def test_a_repeated_label_keeps_its_first_place_and_its_last_value(mantis: Mantis):
    given = [*pairs(a="1", b="2"), *pairs(c="3"), *pairs(a="4"), *pairs(b="5"), *pairs(a="6")]
    cluster = mantis.cluster(labels=given)
    assert cluster.created["labels"] == pairs(a="6", b="5", c="3")
    cluster.act("updateLabel", labels=[*pairs(z="1", a="1"), *pairs(z="2")])
    assert cluster.view()["labels"] == pairs(z="2", a="1")
