"""Hostile input: every field with every kind of value, deep and huge bodies, strange queries."""

import json
from urllib.parse import quote

import pytest

from tests.acceptance.mantis.client import (
    EXTERNAL,
    Mantis,
    as_dict,
    crowd,
    definition,
    machine,
    pairs,
    scheduling,
    stage,
    unique,
)
from tests.acceptance.mantis.endpoints import READERS, REFUSED_ONLY, ROUTES, STREAMS
from tests.rotation import rotated, short

EVIL = [
    None, True, False, 0, -1, 1.5, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**40, 1e308, -1e308,
    5e-324, "", " ", "\x00", "a\x00b", "\ud800", "a\udfffb", "\r\nX-Evil: 1", "' OR 1=1 --", "{{7*7}}", "${jndi:x}", "%s%n",
    "../../etc/passwd", "😀" * 300, "x" * 70_000, "\u202e", "NaN", "Infinity", "1" * 400, [], {}, [[]], [None], [{}],
    {"": ""}, {"a": {"b": {"c": []}}}, {"__proto__": 1}, ["x"] * 300, {"name": {"name": {}}},
]  # fmt: skip


def leaves(value, path=()):
    """Give the path of every place in a document, the inner ones too."""
    found = [path] if path else []
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, one in inner:
        found += leaves(one, (*path, key))
    return found


def put_at(document, path, value):
    """Give a copy of a document with another value at a place."""
    copy = json.loads(json.dumps(document))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


@pytest.fixture(scope="module")
def target(server: Mantis):
    """A cluster with a Launched job 1, for hostile hands."""
    cluster = server.cluster(keep=True, schedulingInfo=scheduling(1))
    cluster.launch(jobSla={"userProvidedType": "the first"})
    yield cluster
    cluster.end()


def full_body(reader, cluster):
    """Give a body of the endpoint with all its fields."""
    one = stage(1, scalingPolicy={"stage": 1, "min": 1, "max": 2, "increment": 1, "decrement": 1, "coolDownSecs": 5,
                                  "strategies": {"CPU": {"reason": "CPU"}}}, hardConstraints=["UniqueHost"])  # fmt: skip
    beside = {"parameters": [*EXTERNAL], "labels": pairs(a="b"), "schedulingInfo": scheduling(one)}
    if reader.name in ("create", "put"):
        body = reader.body(cluster)
        body["jobDefinition"].update(
            beside, migrationConfig={"strategy": "ONE_WORKER", "configString": "x"}, slaMin=0, slaMax=0, cronSpec=None,
            cronPolicy="KEEP_NEW", isReadyForJobMaster=False, deploymentStrategy={"resourceClusterId": "x"},
            jobSla={"userProvidedType": "x"}, subscriptionTimeoutSecs=5,
        )  # fmt: skip
        owner = {"name": "", "teamName": "", "description": "", "contactEmail": "", "repo": ""}
        return {**body, "owner": owner, "jobPrincipal": {"email": "a", "type": "USER"}}
    body = reader.body(cluster)
    sla = {
        "runtimeLimitSecs": 0,
        "minRuntimeSecs": 0,
        "slaType": "Lossy",
        "durationType": "Perpetual",
        "userProvidedType": "the first",
    }
    if reader.name in ("submit", "submit to jobs", "jobsubmitandconnect"):
        return {
            **body,
            **beside,
            "jobSla": sla,
            "jobJarFileLocation": None,
            "version": None,
            "subscriptionTimeoutSecs": 0,
        }
    if reader.name == "quickSubmit":
        return {**body, "jobSla": sla}
    if "Sla" in reader.name:
        return {**body, "cronspec": None, "cronpolicy": "KEEP_NEW", "forceenable": False}
    return body


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_every_field_survives_every_kind_of_value(mantis: Mantis, reader):
    cluster = mantis.cluster(schedulingInfo=scheduling(1))
    job_id = cluster.launch(jobSla={"userProvidedType": "the first"})
    made = []
    for place, path in enumerate(leaves(full_body(reader, cluster))):
        for value in EVIL[place % 4 :: 4]:
            body = put_at(full_body(reader, cluster), path, value)
            answer = mantis.ask(reader.method, reader.filled(cluster), body)
            assert answer.status_code in (200, 201, 204, 400, 404, 409), (path, value, answer.text)
            if "submit" in reader.name.lower() and answer.status_code == 201:
                made.append(answer.json()["jobMetadata"]["jobId"])
                if made[-1] != job_id:
                    mantis.ask("DELETE", f"/jobs/{made[-1]}", params={"user": "u", "reason": "r"})
    # Whatever was taken, everything can still be read.
    mantis.get(cluster.path)
    assert mantis.get(f"{cluster.path}/jobs", activeOnly="false", compact="true")["total"] >= 1
    mantis.get(f"{cluster.path}/jobs", activeOnly="false")
    mantis.get("/jobClusters", pageSize=10)
    for made_id in made[:20]:
        mantis.job(made_id)


@pytest.mark.parametrize("reader", REFUSED_ONLY, ids=lambda reader: reader.name)
def test_every_field_of_the_others_survives_what_cannot_be_right(mantis: Mantis, target, reader):
    wrong = [[], {}, [[]], {"a": 1}, "\x00" if reader.name != "resubmitWorker" else []]
    for path in [
        (key,) for key in reader.body(target) if key in ("name", "user", "workerNumber", "jobSla")
    ]:
        for value in wrong:
            if path == ("jobSla",) and value in ({}, {"a": 1}):
                continue  # which is a good one
            body = put_at(reader.body(target), path, value)
            answer = mantis.ask(reader.method, reader.filled(target), body)
            assert answer.status_code in (400, 404), (path, value, answer.text)


QUERIES = ["?{}=%00", "?{}=%ff%fe", "?{}=😀", "?{}=%ED%A0%80", "?{}[]=1", "?{}=" + "9" * 3000,
                                   "?{}=a&{}=b", "?{}", "?={}", "?%00{}=1", "?{}=%", "?{}=' OR 1=1", "?{}=-0", "?{}=%0d%0aX-Evil:1"]  # fmt: skip
PLACES = ["/jobClusters", "/jobs", "{c}/jobs", "{j}", "{j}/archivedWorkers", "{c}", "/masterInfo",
          "/mantis/publish/streamJobClusterMap", "/agentClusters"]  # fmt: skip


@pytest.mark.parametrize(("path", "query"), rotated(PLACES, QUERIES, rounds=3), ids=short)
def test_every_query_survives_every_kind_of_value(mantis: Mantis, target, path, query):
    filled = path.replace("{c}", target.path).replace("{j}", f"/jobs/{target}-1")
    for name in (
        "pageSize", "offset", "limit", "sortBy", "ascending", "fields", "fromObj", "matching", "labels", "labels.op",
        "activeOnly", "jobState", "compact", "stageNumber", "workerIndex", "workerNumber", "workerState", "archived", "app",
    ):  # fmt: skip
        few = "" if name == "pageSize" else "&pageSize=3"
        answer = mantis.ask("GET", filled + query.replace("{}", name) + few)
        assert answer.status_code in (200, 400, 404, 414)
        assert "X-Evil" not in answer.headers


SEGMENTS = ["%00", "%ff", "%ED%A0%80", "😀", "a%2Fb", "%2e%2e%2f", "..%2f", "%20", "a%0d%0ab", "a;b", "a,b", "*", "x" * 3000,
            "%25", "'", '"', "%7Bx%7D", "%5C", "-", "--1", "0", "null", "undefined", "__class__"]  # fmt: skip


@pytest.mark.parametrize("segment", SEGMENTS, ids=lambda one: one[:20])
def test_every_path_survives_every_kind_of_segment(mantis: Mantis, segment):
    for path, verbs in ROUTES.items():
        if "{" not in path or "StatusStream" in path:
            continue
        filled = path.replace("{c}", segment).replace("{j}", segment)
        for verb in verbs:
            body = b"{}" if verb in ("POST", "PUT") else b""
            answer = mantis.ask(verb, filled, body, params={"user": "u", "reason": "r"})
            assert answer.status_code in (400, 404, 405, 414), (verb, filled, answer.text)


def test_strange_texts_are_kept_as_they_came(mantis: Mantis):
    strange = [
        "naïve",
        "日本語",
        "😀",
        "a\tb\nc",
        "' OR 1=1 --",
        "<script>",
        "%s",
        "\u202e",
        "\\",
        '"',
        "\x7f",
        "e\u0301",
        "\ufeff",
    ]
    given = [{"name": f"n{i}{text}", "value": text} for i, text in enumerate(strange)]
    cluster = mantis.cluster(
        labels=given, parameters=given, version="".join(strange), user="naïve 😀"
    )
    assert cluster.view()["labels"] == given
    assert cluster.view()["parameters"] == given
    assert cluster.view()["latestVersion"] == "".join(strange)
    view = cluster.submit(parameters=[*given, *EXTERNAL], user="日本語")
    assert view["jobMetadata"]["user"] == "日本語"
    assert view["jobMetadata"]["parameters"] == [*given, *EXTERNAL]
    mantis.refused(400, "DELETE", cluster.path, params={"user": "naïve"})
    mantis.kill(f"{cluster}-1")
    mantis.until(f"{cluster}-1", "Completed")
    mantis.expect(202, "DELETE", cluster.path, params={"user": "naïve 😀"})


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "a\udc00", "\udfff\ud800"], ids=ascii)
def test_what_no_database_keeps_is_refused_or_kept(mantis: Mantis, target, text):
    """Never a fault of ours, and never stored as something else."""
    for over in (
        {"user": f"u{text}"}, {"version": f"v{text}"}, {"labels": pairs(a=text)}, {"labels": pairs(**{f"a{text}": "b"})},
        {"parameters": pairs(a=text)}, {"jobJarFileLocation": f"http://a/{text}"}, {"owner": {"name": text}},
        {"jobPrincipal": {"email": text}}, {"migrationConfig": {"strategy": "ONE_WORKER", "configString": text}},
    ):  # fmt: skip
        name = unique()
        answer = mantis.ask("POST", "/jobClusters", definition(name, **over))
        assert answer.status_code in (201, 400)
        if answer.status_code == 201:
            assert mantis.get(f"/jobClusters/{name}") == answer.json()
            assert json.dumps(text)[1:-1] in json.dumps(answer.json())
    for over in ({"user": f"u{text}"}, {"parameters": pairs(a=text)}, {"labels": pairs(a=text)},
                 {"jobSla": {"userProvidedType": f"x{text}"}}):  # fmt: skip
        answer = mantis.ask(
            "POST", f"{target.path}/jobs", target.wish(**{"parameters": EXTERNAL, **over})
        )
        assert answer.status_code in (201, 400)
        if answer.status_code == 201:
            job_id = answer.json()["jobMetadata"]["jobId"]
            mantis.job(job_id)
            mantis.kill(job_id)
    for query in ({"user": f"u{text}", "reason": "r"}, {"user": "u", "reason": f"r{text}"}):
        encoded = "&".join(
            f"{key}={quote(value.encode('utf-8', 'surrogatepass'))}" for key, value in query.items()
        )
        answer = mantis.ask("DELETE", f"/jobs/nobodyhere-1?{encoded}")
        assert answer.status_code in (400, 404)


def test_a_command_with_a_nul_breaks_nothing(mantis: Mantis):
    for over in ({"jobJarFileLocation": "shell:echo \x00"}, {"parameters": pairs(command="echo \x00 x")},
                 {"parameters": pairs(**{"\x00": "x"})}, {"parameters": pairs(**{"a=b": "x", "": "y"})},
                 {"parameters": pairs(big="x" * 200_000)}):  # fmt: skip
        answer = mantis.ask("POST", "/jobClusters", definition(unique(), **over))
        assert answer.status_code in (201, 400)
        if answer.status_code == 201:
            name = answer.json()["name"]
            answer = mantis.ask("POST", f"/jobClusters/{name}/jobs", {"name": name, "user": "u"})
            assert answer.status_code in (201, 400)
            mantis.expect(
                204,
                "POST",
                f"/jobClusters/{name}/actions/disableCluster",
                {"name": name, "user": "u"},
            )
            mantis.get(f"/jobClusters/{name}/jobs", activeOnly="false")


def test_many_stages_labels_and_parameters(mantis: Mantis):
    many = [{"name": f"n{i}", "value": i} for i in range(2000)]
    cluster = mantis.cluster(labels=many, parameters=many, schedulingInfo=scheduling(*[1] * 60))
    assert len(cluster.created["labels"]) == 2000
    assert len(cluster.created["jars"][0]["schedulingInfo"]["stages"]) == 60
    assert as_dict(cluster.view()["parameters"])["n1999"] == "1999"
    assert mantis.get("/jobs", labels=",".join(f"a{i}=b" for i in range(300)))["total"] == 0


def test_a_job_beyond_what_runs_at_once_waits(mantis: Mantis):
    """A submit of 1500 workers is accepted at once, listed whole and killed again."""
    cluster = mantis.cluster(
        schedulingInfo=scheduling(
            stage(1500, machineDefinition=machine(cpuCores=8, memoryMB=28000))
        )
    )
    view = cluster.submit()
    assert len(view["workerMetadataList"]) == 1500
    assert view["jobMetadata"]["state"] == "Accepted"
    compact = cluster.jobs(compact="true")[0]
    assert (compact["numWorkers"], compact["totCPUs"], compact["totMemory"]) == (
        1500,
        12000,
        42_000_000,
    )
    mantis.kill(f"{cluster}-1")
    mantis.until(f"{cluster}-1", "Completed")


def test_kills_and_submits_at_once_leave_a_cluster_whole(mantis: Mantis):
    cluster = mantis.cluster(parameters=EXTERNAL)
    ids = [cluster.start() for _ in range(6)]
    statuses: list[int] = []

    def kill(job_id: str):
        query = {"user": "u", "reason": "r"}
        return lambda: statuses.append(
            Mantis(mantis.yard).ask("DELETE", f"/jobs/{job_id}", params=query).status_code
        )

    crowd([kill(job_id) for job_id in ids * 3])
    assert set(statuses) <= {202, 404}
    assert statuses.count(202) >= 6
    for job_id in ids:
        mantis.until(job_id, "Completed")
    assert cluster.active() == []


@pytest.mark.parametrize("path", STREAMS)
def test_streams_are_refused_with_strange_queries_or_given(mantis: Mantis, path):
    for query in (
        "?sendHB=perhaps",
        "?sampleMSec=x",
        "?replay=-1",
        "?replay=x",
        "?sample=-5",
        "?%00=%ff",
        "?enablePings=q",
    ):
        if "StatusStream" in path or "submit" in path:
            continue
        answer = mantis.ask("GET", path.format(c="nobodyhere", j="nobodyhere-1") + query)
        assert answer.status_code in (400, 404)
