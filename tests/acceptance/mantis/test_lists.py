"""What the lists have in common: the envelope, pages, sorting, fields, matching, bad queries."""

import threading
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from tests.acceptance.mantis.client import EXTERNAL, Mantis, scheduling, unique
from tests.acceptance.mantis.endpoints import launched_cluster

ENVELOPE = {"list", "prev", "next", "total"}


class Family:
    """Seven clusters that share the beginning of their names, and no others do."""

    def __init__(self, mantis: Mantis) -> None:
        self.mantis = mantis
        self.stem = unique("family")
        self.names = [f"{self.stem}{end}" for end in ("B", "a", "b", "c", "z1", "z10", "z2")]
        self.clusters = {}
        for place, name in enumerate(reversed(self.names)):
            cluster = mantis.cluster(name, keep=True, version=str(place))
            self.clusters[name] = cluster

    def ask(self, **query):
        return self.mantis.get("/jobClusters", {"matching": f"^{self.stem}", **query})

    def names_of(self, **query) -> list[str]:
        return [one["name"] for one in self.ask(**query)["list"]]


@pytest.fixture(scope="module")
def family(server: Mantis) -> Family:
    return Family(server)


@pytest.fixture(scope="module")
def five(server: Mantis):
    """A cluster with the five active jobs 1 to 5, of users that are not in that order."""
    cluster = server.cluster(keep=True, schedulingInfo=scheduling(1))
    for user in ("d", "b", "e", "a", "c"):
        cluster.submit(parameters=EXTERNAL, user=user)
    yield cluster
    cluster.end()


@pytest.fixture(scope="module")
def ready(server: Mantis):
    cluster = launched_cluster(server)
    yield cluster
    cluster.end()


def query_of(link: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(link).query, keep_blank_values=True)


# -- envelope and pages ---------------------------------------------------------------------------


def test_the_envelope_is_always_there(mantis: Mantis, family, five):
    for path in ("/jobClusters", "/jobs", f"{five.path}/jobs", f"/jobs/{five}-1/archivedWorkers"):
        found = mantis.get(path)
        assert set(found) == ENVELOPE, path
        assert (found["prev"], found["next"]) == (None, None)
        assert found["total"] == len(found["list"])
        assert set(mantis.get(path, fields="nope", pageSize=1)) == ENVELOPE
    assert mantis.get("/jobClusters", matching="^never$") == {
        "list": [],
        "prev": None,
        "next": None,
        "total": 0,
    }


PAGES = [  # pageSize, offset, how many of 7, prev, next
    (3, None, 3, None, 3), (3, 0, 3, None, 3), (3, 3, 3, 0, 6), (3, 6, 1, 3, None), (3, 1, 3, 0, 4),
    (3, 2, 3, 0, 5), (3, 4, 3, 1, None), (3, 7, 0, 4, None), (3, 100, 0, 97, None), (7, 0, 7, None, None),
    (8, 0, 7, None, None), (1, 0, 1, None, 1), (1, 5, 1, 4, 6), (1, 6, 1, 5, None), (6, 0, 6, None, 6),
    (0, 0, 7, None, None), (0, 2, 5, None, None), (None, 5, 2, None, None), (0, 100, 0, None, None),
    (None, None, 7, None, None), (10**12, 0, 7, None, None), (3, 10**12, 0, 10**12 - 3, None),
]  # fmt: skip


@pytest.mark.parametrize("case", PAGES, ids=str)
def test_pages_and_where_they_lead(family: Family, case):
    size, offset, count, prev, following = case
    query = {"pageSize": size, "offset": offset}
    query = {name: value for name, value in query.items() if value is not None}
    found = family.ask(**query)
    assert found["total"] == 7
    assert [one["name"] for one in found["list"]] == family.names[offset or 0 :][: size or None]
    assert len(found["list"]) == count
    for link, place in ((found["prev"], prev), (found["next"], following)):
        if place is None:
            assert link is None
        else:
            assert dict(query_of(link))["offset"] == str(place)


def test_links_are_the_request_with_another_offset(mantis: Mantis, family: Family):
    stem = f"^{family.stem}"
    start = "/api/v1/jobClusters"
    for path in (start, f"{start}/"):
        found = mantis.get(
            f"{path}?pageSize=2&fields=name&matching={stem}&sortBy=name&ascending=false"
        )
        link = found["next"]
        assert urlsplit(link).path == path
        assert (urlsplit(link).scheme, urlsplit(link).netloc, urlsplit(link).fragment) == (
            "",
            "",
            "",
        )
        assert query_of(link) == [
            ("pageSize", "2"), ("fields", "name"), ("matching", stem), ("sortBy", "name"),
            ("ascending", "false"), ("offset", "2"),
        ]  # fmt: skip
        found = mantis.get(f"{path}?offset=2&pageSize=2&matching={stem}&x=1&x=2&empty=")
        for link, place in ((found["next"], "4"), (found["prev"], "0")):
            assert urlsplit(link).path == path
            assert query_of(link) == [
                ("offset", place), ("pageSize", "2"), ("matching", stem), ("x", "1"), ("x", "2"), ("empty", ""),
            ]  # fmt: skip


def test_the_documented_form_of_a_link(mantis: Mantis, family: Family):
    asked = f"/api/v1/jobClusters?pageSize=5&fields=name&sortBy=name&ascending=false&matching={family.stem}"
    assert mantis.get(asked)["next"] == f"{asked}&offset=5"


def test_links_can_be_followed_as_they_stand(mantis: Mantis, family: Family):
    matching = quote(f"^{family.stem}[a-zB]+ ?[0-9]*(é|&=#+|%|$)", safe="")
    link = f"/api/v1/jobClusters?matching={matching}&fields=name&pageSize=2"
    seen, back = [], None
    while link:
        found = mantis.get(link)
        assert link.isascii()
        assert not set(' "<>[]^') & set(link.partition("&fields")[0].partition("?")[2])
        seen += [one["name"] for one in found["list"]]
        back, link = found["prev"], found["next"]
    assert seen == family.names
    assert [one["name"] for one in mantis.get(back)["list"]] == family.names[4:6]


def test_links_of_every_list_lead_on(mantis: Mantis, five):
    for path in (f"{five.path}/jobs", "/jobs"):
        link = f"/api/v1{path}?pageSize=2&matching={five}&fields=jobMetadata.jobId"
        seen = []
        while link:
            found = mantis.get(link)
            assert found["total"] == 5
            seen += [one["jobMetadata"]["jobId"] for one in found["list"]]
            link = found["next"]
        assert seen == [f"{five}-{number}" for number in range(1, 6)]


def test_a_limit_cuts_before_the_pages(mantis: Mantis, five):
    for path in (f"{five.path}/jobs", "/jobs"):
        found = mantis.get(path, matching=str(five), limit=3, pageSize=2, compact="true")
        assert found["total"] == 3
        assert [one["jobId"] for one in found["list"]] == [f"{five}-1", f"{five}-2"]
        assert found["next"]
        found = mantis.get(path, matching=str(five), limit=3, pageSize=2, offset=2, compact="true")
        assert [one["jobId"] for one in found["list"]] == [f"{five}-3"]
        assert found["next"] is None
        found = mantis.get(
            path, matching=str(five), limit=2, sortBy="user", ascending="false", compact="true"
        )
        assert [one["user"] for one in found["list"]] == ["e", "d"]
        assert mantis.get(path, matching=str(five), limit=0)["total"] == 5
        assert mantis.get(path, matching=str(five), limit=99)["total"] == 5


# -- sorting --------------------------------------------------------------------------------------


def test_clusters_come_by_name_and_by_code_point(family: Family):
    assert family.names_of() == family.names
    assert family.names_of(sortBy="name") == family.names
    assert family.names_of(sortBy="name", ascending="true") == family.names
    assert family.names_of(sortBy="name", ascending="false") == family.names[::-1]
    assert family.names_of(sortBy="latestVersion") == family.names[::-1]
    assert family.names_of(sortBy="latestVersion", ascending="false", fields="name") == family.names


@pytest.mark.parametrize("by", ["lastJobCount", "disabled", "isReadyForJobMaster", "cronActive"])
def test_clusters_sort_by_every_scalar(family: Family, by):
    values = [one[by] for one in family.ask(sortBy=by)["list"]]
    assert values == sorted(values)
    assert len(values) == 7


def test_falses_sort_before_trues(mantis: Mantis):
    stem = unique("flags")
    mantis.cluster(f"{stem}a", isReadyForJobMaster=True)
    mantis.cluster(f"{stem}b", cronSpec="0 0 12 * * ?").act(
        "updateMigrationStrategy", migrationConfig={}
    )
    mantis.cluster(f"{stem}c").act("disableCluster")

    def names(**query):
        return [
            one["name"][-1] for one in mantis.get("/jobClusters", matching=stem, **query)["list"]
        ]

    assert names(sortBy="isReadyForJobMaster")[-1] == "a"
    assert names(sortBy="cronActive")[-1] == "b"
    assert names(sortBy="disabled")[-1] == "c"
    assert names(sortBy="disabled", ascending="false")[0] == "c"


JOB_SCALARS = ["jobId", "name", "user", "submittedAt", "startedAt", "jarUrl", "numStages", "state",
               "workerTimeoutSecs", "heartbeatIntervalSecs", "subscriptionTimeoutSecs", "nextWorkerNumberToUse"]  # fmt: skip
COMPACT_SCALARS = ["jobId", "jarUrl", "submittedAt", "terminatedAt", "user", "state", "type", "numStages",
                   "numWorkers", "totCPUs", "totMemory"]  # fmt: skip
WORKER_SCALARS = [
    "workerIndex", "workerNumber", "jobId", "stageNum", "numberOfPorts", "metricsPort", "consolePort",
    "debugPort", "customPort", "state", "slave", "slaveID", "cluster", "acceptedAt", "launchedAt",
    "startingAt", "startedAt", "completedAt", "reason", "resubmitOf", "totalResubmitCount",
]  # fmt: skip


@pytest.mark.parametrize("by", JOB_SCALARS)
@pytest.mark.parametrize("prefix", ["", "jobMetadata."])
def test_jobs_sort_by_every_scalar(five, by, prefix):
    for ascending in (True, False):
        jobs = five.jobs(sortBy=prefix + by, ascending=str(ascending).lower())
        values = [job["jobMetadata"][by] for job in jobs]
        if by != "jobId":
            assert values == sorted(values, reverse=not ascending)
        assert len(values) == 5


@pytest.mark.parametrize("by", ["terminatedAt", "version"])
def test_jobs_sort_by_what_lies_beside_their_metadata(five, by):
    values = [job[by] for job in five.jobs(sortBy=by)]
    assert values == sorted(values)


@pytest.mark.parametrize("by", COMPACT_SCALARS)
def test_compact_jobs_sort_by_every_scalar(five, by):
    for ascending in (True, False):
        values = [
            job[by]
            for job in five.jobs(sortBy=by, ascending=str(ascending).lower(), compact="true")
        ]
        if by != "jobId":
            assert values == sorted(values, reverse=not ascending)
        assert len(values) == 5


@pytest.mark.parametrize("by", WORKER_SCALARS)
def test_workers_sort_by_every_scalar(mantis: Mantis, five, by):
    assert mantis.get(f"/jobs/{five}-1/archivedWorkers", sortBy=by)["total"] == 0


def test_users_sort_as_texts(five):
    users = [job["jobMetadata"]["user"] for job in five.jobs(sortBy="user")]
    assert users == ["a", "b", "c", "d", "e"]
    numbers = [job.rpartition("-")[2] for job in five.ids(sortBy="user", ascending="false")]
    assert numbers == ["3", "1", "5", "2", "4"]


def test_job_ids_sort_by_cluster_and_then_by_number(mantis: Mantis):
    stem = unique("order")
    first, second = mantis.cluster(f"{stem}A"), mantis.cluster(f"{stem}a")
    for _ in range(11):
        first.start(parameters=EXTERNAL)
    for _ in range(2):
        second.start(parameters=EXTERNAL)
    wanted = [f"{first}-{n}" for n in range(1, 12)] + [f"{second}-{n}" for n in (1, 2)]
    for query in (
        {"sortBy": "jobId"},
        {"sortBy": "jobMetadata.jobId"},
        {"sortBy": "jobId", "compact": "true"},
        {},
    ):
        found = mantis.get("/jobs", matching=f"^{stem}", fields="jobMetadata,jobId", **query)[
            "list"
        ]
        ids = [one.get("jobId") or one["jobMetadata"]["jobId"] for one in found]
        assert ids == wanted, query
    found = mantis.get(
        "/jobs", matching=f"^{stem}", sortBy="jobId", ascending="false", compact="true"
    )["list"]
    assert [one["jobId"] for one in found] == wanted[::-1]


UNSORTABLE = [
    ("/jobClusters", by) for by in ("jars", "sla", "owner", "labels", "parameters", "migrationConfig", "nope",
                                    "Name", "sla.min", "name,disabled", "jobId", "user", "__class__")
] + [
    ("/jobs", by) for by in ("jobMetadata", "stageMetadataList", "workerMetadataList", "labels", "sla", "nope",
                             "jobMetadata.labels", "jobMetadata.parameters", "jobMetadata.nope", "jobMetadata.sla",
                             "migrationConfig", "numWorkers", "JobId", "jobmetadata.jobId", ".", "jobMetadata.")
] + [
    ("/jobs?compact=true", by) for by in ("statesSummary", "labels", "nope", "name", "version", "jobMetadata",
                                          "startedAt")
] + [("{j}/archivedWorkers", by) for by in ("ports", "nope", "jobMetadata", "State")]  # fmt: skip


@pytest.mark.parametrize(("path", "by"), UNSORTABLE)
def test_what_does_not_compare_is_refused(mantis: Mantis, five, path, by):
    filled = path.replace("{j}", f"/jobs/{five}-1")
    mantis.refused(400, "GET", filled, params={"sortBy": by})
    if path.startswith("/jobs"):
        mantis.refused(400, "GET", f"{five.path}{path}", params={"sortBy": by})


# -- fields ---------------------------------------------------------------------------------------

META = "jobMetadata"
JOB_KEYS = {META, "stageMetadataList", "workerMetadataList", "terminatedAt", "version"}
FIELDS = [  # query, what is left of a job
    ({"fields": "version"}, {"version": None}),
    ({"fields": " version , terminatedAt "}, {"version": None, "terminatedAt": None}),
    ({"fields": "nope"}, {}), ({"fields": "jobId"}, {}),
    ({"fields": "jobMetadata.jobId,version"}, {META: {"jobId"}, "version": None}),
    ({"fields": "jobMetadata.jobId,jobMetadata.state"}, {META: {"jobId", "state"}}),
    ({"fields": "jobMetadata.nope,version"}, {"version": None}),
    ({"fields": "jobId,state", "fromObj": META}, {META: {"jobId", "state"}}),
    ({"fields": "jobId,nope", "fromObj": META}, {META: {"jobId"}}),
    ({"fields": "stageNum", "fromObj": "stageMetadataList"}, {"stageMetadataList": {"stageNum"}}),
    ({"fields": "workerNumber,state", "fromObj": "workerMetadataList"}, {"workerMetadataList": {"workerNumber", "state"}}),
    ({"fields": "workerMetadataList.state"}, {"workerMetadataList": {"state"}}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "left"), FIELDS, ids=lambda given: str(given) if "fields" in given else "left"
)
def test_fields_of_jobs(mantis: Mantis, ready, query, left):
    for job in (
        mantis.job(f"{ready}-1", **query),
        mantis.get(f"{ready.path}/jobs/{ready}-1", **query),
        mantis.get(f"{ready.path}/jobs", **query)["list"][0],
        mantis.get("/jobs", matching=f"^{ready}$", **query)["list"][0],
    ):
        found = dict(job)
        if "nope" in query["fields"] and found.get(META) == {}:
            del found[META]  # an object that nothing was chosen of may stay
        assert set(found) == set(left)
        for key, inner in left.items():
            if inner is not None:
                one = found[key][0] if isinstance(found[key], list) else found[key]
                assert set(one) == inner


def test_fields_of_compact_jobs(five):
    for job in five.jobs(compact="true", fields="jobId , state,nope"):
        assert set(job) == {"jobId", "state"}
    assert five.jobs(compact="true", fields="nope") == [{}] * 5


def test_sorting_does_not_depend_on_the_fields_told(five):
    found = five.jobs(compact="true", fields="user", sortBy="jobId", ascending="false")
    assert found == [{"user": user} for user in "caebd"]


def test_fields_of_clusters(family: Family):
    assert family.ask(fields="name", pageSize=1)["list"] == [{"name": family.names[0]}]
    assert family.ask(fields="nope")["list"] == [{}] * 7
    found = family.ask(fields="name,sla.max", pageSize=1)["list"]
    assert found == [{"name": family.names[0], "sla": {"max": 0}}]


# -- matching -------------------------------------------------------------------------------------

MATCHING = [  # pattern after the family's stem, which of the seven
    ("", "0123456"), ("a$", "1"), ("A$", "1"), ("b$", "02"), ("z", "456"), ("Z1", "45"), ("z[12]$", "46"),
    ("(a|c)$", "13"), ("nothing", ""), ("z\\d+", "456"), (".*", "0123456"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "places"), MATCHING)
def test_clusters_match_anywhere_in_any_case(family: Family, pattern, places):
    wanted = [family.names[int(place)] for place in places]
    assert family.names_of(matching=family.stem + pattern) == wanted
    assert family.names_of(matching=family.stem.upper()[2:] + pattern) == wanted


def test_compact_is_accepted_and_ignored_for_clusters(family: Family):
    assert family.ask(compact="true") == family.ask()


def test_jobs_match_by_the_name_of_their_cluster(mantis: Mantis, five):
    for pattern, count in (
        (five.name, 5),
        (five.name.upper(), 5),
        (f"^{five}$", 5),
        (f"{five}-1", 0),
        (five.name[3:], 5),
    ):
        assert mantis.get("/jobs", matching=pattern)["total"] == count, pattern


def test_matching_is_ignored_for_the_jobs_of_a_cluster(five):
    assert len(five.jobs(matching="nothing like it")) == 5
    assert len(five.jobs(matching="[")) == 5


@pytest.mark.parametrize(
    "pattern", ["[", "*a", "(", "a{2,1}", "\\", "(?P<n", "[z-a]", "+", "x" * 513]
)
@pytest.mark.parametrize("path", ["/jobClusters", "/jobs"])
def test_patterns_that_are_none_are_refused(mantis: Mantis, path, pattern):
    mantis.refused(400, "GET", path, params={"matching": pattern})


@pytest.mark.parametrize("path", ["/jobClusters", "/jobs"])
def test_a_pattern_of_512_characters_is_taken(mantis: Mantis, path):
    assert mantis.get(path, matching="x" * 512)["total"] == 0


@pytest.mark.parametrize(
    ("path", "pattern"),
    [("/jobClusters", "(a+)+$"), ("/jobs", "(a|aa)+$"), ("/jobClusters", "(.*a){25}$"),
     ("/jobs", "^(([a-z])+.)+[A-Z]([a-z])+$"), ("/jobClusters", "(x+x+)+y|(a*)*$")],
)  # fmt: skip
def test_a_pattern_without_end_stalls_nobody(mantis: Mantis, hard, path, pattern):
    answers = []
    client = Mantis(mantis.yard)
    asked = threading.Thread(
        target=lambda: answers.append(client.ask("GET", path, params={"matching": pattern}))
    )
    asked.start()
    for _ in range(10):
        mantis.expect(200, "GET", "/masterInfo")
    asked.join(60)
    assert answers[0].status_code in (200, 400)


@pytest.fixture(scope="module")
def hard(server: Mantis):
    """A name that makes careless patterns try for ages; it has a job, too."""
    cluster = server.cluster("a" * 200 + "1", keep=True)
    cluster.start(parameters=EXTERNAL)
    yield cluster
    cluster.end()
