"""Lists as SQL: order, filters and parts are those that the documents say."""

import pytest
from werkzeug.datastructures import MultiDict

from app.api.mantis import queries, rows
from app.api.mantis.errors import Invalid, Missing
from app.api.mantis.queries import Matching, Order, Slice
from app.api.mantis.service import clusters, jobs, workers


def listed(mantis, *pairs, cluster=None, compact=False, matching=None, older=None, **one):
    args = MultiDict([*pairs, *one.items()])
    chunks, total = jobs.listed(
        mantis.services,
        queries.jobs_wanted(args),
        queries.order_of(args, rows.COMPACT_ORDERS if compact else rows.JOB_ORDERS),
        queries.part_of(args),
        compact=compact,
        cluster=cluster,
        matching=None if matching is None else Matching(matching),
        older=older,
    )
    found = [view for chunk in chunks for view in chunk]
    names = [view["jobId"] if compact else view["jobMetadata"]["jobId"] for view in found]
    return names, total, found


def names(mantis, *pairs, **one):
    return listed(mantis, *pairs, **one)[0]


@pytest.fixture
def several(mantis):
    """Clusters `b`, `B-1` and `a`; jobs of each, some over, some launched."""
    for name, workers_ in (("b", 2), ("B-1", 1), ("a", 1)):
        mantis.cluster(name, workers=workers_, labels=[{"name": "of", "value": name}])
    for number in range(1, 12):
        mantis.clock.advance(1)
        name = ("b", "B-1", "a")[number % 3]
        labels = [{"name": "n", "value": str(number)}, {"name": f"x{number % 2}", "value": "1"}]
        mantis.submit(name, labels=labels)
    mantis.start(limit=4)
    for name in ("b-1", "a-2"):
        mantis.engine.jobs.cancel(mantis.job(name).job_id)
    return mantis


ALL = {"activeOnly": "false"}
OVER = ["b-1", "a-2"]


def test_jobs_come_in_the_order_they_were_submitted(several):
    found, total, _ = listed(several, **ALL)
    assert total == len(found) == 11
    assert found[:4] == ["B-1-1", "a-1", "b-1", "B-1-2"]
    assert names(several, **ALL, ascending="false") == found[::-1]


def test_names_sort_by_cluster_and_then_by_number(mantis):
    mantis.cluster("b")
    mantis.cluster("B")
    for _ in range(11):
        mantis.submit("b")
    mantis.submit("B")
    expected = ["B-1", *(f"b-{number}" for number in range(1, 12))]
    assert names(mantis, sortBy="jobId") == expected
    assert names(mantis, sortBy="jobMetadata.jobId", ascending="false") == [
        *(f"b-{number}" for number in range(11, 0, -1)),
        "B-1",
    ]


def test_every_field_that_jobs_sort_by_sorts(several):
    for name in rows.JOB_ORDERS:
        _, total, views = listed(several, **ALL, sortBy=name)
        assert total == 11, name
        if name in ("costs", "jobMetadata.costs") or "jobId" in name:
            continue
        plain = name.removeprefix("jobMetadata.")
        values = [view.get(plain, view["jobMetadata"].get(plain)) for view in views]
        assert values == sorted(values), name
        back = [
            view["jobMetadata"] | view
            for view in listed(several, **ALL, sortBy=name, ascending="false")[2]
        ]
        assert [one[plain] for one in back] == sorted(values, reverse=True), name


def test_every_field_that_flat_records_sort_by_sorts(several):
    for name in rows.COMPACT_ORDERS:
        _, _, views = listed(several, **ALL, sortBy=name, compact=True)
        values = [view[name] for view in views]
        assert len(values) == 11, name
        assert name == "jobId" or values == sorted(values), name


def test_what_nothing_sorts_by(several):
    for name in ("labels", "sla", "nope", "jobMetadata", "jobMetadata.version"):
        with pytest.raises(Invalid):
            names(several, sortBy=name)


def test_active_and_terminal(several):
    every = names(several, **ALL)
    assert set(names(several, jobState="Terminal")) == set(OVER)
    assert names(several) == [name for name in every if name not in OVER]


def test_labels(several):
    for labels, op, expected in (
        ("n=3", "or", ["b-1"]),
        ("n=3,n=5", "or", ["b-1", "a-2"]),
        ("n=3,x1", "and", ["b-1"]),
        ("n=3,x0", "and", []),
        ("of=a", "or", ["a-1", "a-2", "a-3", "a-4"]),
        ("nope", "or", []),
        ("_mantis.version=1,n=11", "and", ["a-4"]),
    ):
        found = names(several, **ALL, labels=labels, **{"labels.op": op})
        assert found == expected, labels


def test_workers_filter_jobs_and_are_filtered(several):
    found, total, views = listed(several, workerIndex="1")
    assert found == ["b-2", "b-3"]
    assert total == 2
    assert [[one["workerIndex"] for one in view["workerMetadataList"]] for view in views] == [
        [1],
        [1],
    ]
    assert names(several, workerNumber="7") == []
    assert names(several, stageNumber="2") == []
    assert set(names(several, **ALL, workerState="Terminal")) == set(OVER)
    assert names(several, ("workerIndex", "0"), ("workerIndex", "1")) == names(several)


def test_a_replaced_worker_does_not_count(mantis):
    mantis.cluster()
    name = mantis.submit()
    mantis.start()
    workers.resubmit(mantis.services, name, {"workerNumber": 1, "user": "u"})
    assert names(mantis, workerNumber="1") == []
    assert names(mantis, workerNumber="1", workerState="Terminal") == []
    assert names(mantis, workerNumber="2") == [name]
    mantis.start()
    body = {"JobId": name, "StageNumber": 1, "NumWorkers": 3}
    workers.scale(mantis.services, name, body)
    assert names(mantis, workerNumber="4") == [name]
    workers.scale(mantis.services, name, {**body, "NumWorkers": 1})
    assert names(mantis, workerNumber="4", workerState="Noop") == []
    archived = jobs.archived_workers(mantis.services, name)
    assert [(one["workerNumber"], one["state"], one["reason"]) for one in archived] == [
        (1, "Failed", "Relaunched"),
        (3, "Completed", "Killed"),
        (4, "Completed", "Killed"),
    ]


def test_parts(several):
    every = names(several, **ALL)
    assert names(several, **ALL, pageSize="4", offset="3") == every[3:7]
    found, total, _ = listed(several, **ALL, pageSize="4", offset="3", limit="5")
    assert (found, total) == (every[3:5], 5)
    assert listed(several, **ALL, offset="99")[:2] == ([], 11)
    assert (
        names(several, **ALL, matching="^b-", pageSize="2", offset="1")
        == [name for name in every if name.startswith("B-1")][1:3]
    )


def test_history_is_paged_from_a_job_on_backwards(several):
    every = names(several, **ALL)
    assert names(several, **ALL, older=every[5], ascending="false", pageSize="3") == every[4:1:-1]
    with pytest.raises(Missing):
        names(several, older="nobody-1")


def test_other_filters(several):
    every = listed(several, **ALL)[2]
    middle = every[5]["jobMetadata"]["submittedAt"]
    after = [v["jobMetadata"]["jobId"] for v in every if v["jobMetadata"]["submittedAt"] > middle]
    assert names(several, **ALL, submittedAfter=str(middle)) == after
    assert names(several, **ALL, user="nobody") == []
    assert len(names(several, **ALL, user="u", version="1")) == 11
    assert set(names(several, **ALL, terminatedAfter="0")) == set(OVER)


def test_the_jobs_of_a_cluster(several):
    assert names(several, **ALL, cluster="b") == ["b-1", "b-2", "b-3"]
    with pytest.raises(Missing):
        names(several, cluster="nobody")


def test_many_jobs_are_read_in_chunks(mantis, monkeypatch):
    monkeypatch.setattr(rows, "CHUNK", 2)
    mantis.cluster()
    expected = [mantis.submit() for _ in range(5)]
    assert names(mantis) == expected


def clusters_by(mantis, name="", part=None, matching=None, **words):
    found, total = clusters.listed(
        mantis.services, Order(name, **words), part or Slice(), matching and Matching(matching)
    )
    return [one["name"] for one in found], total


def test_clusters_in_order(several):
    assert clusters_by(several) == (["B-1", "a", "b"], 3)
    assert clusters_by(several, ascending=False)[0] == ["b", "a", "B-1"]
    assert clusters_by(several, "lastJobCount")[0] == ["b", "B-1", "a"]
    assert clusters_by(several, part=Slice(size=2, offset=1)) == (["a", "b"], 3)
    assert clusters_by(several, part=Slice(size=2), matching="^b") == (["B-1", "b"], 2)
    for name in rows.CLUSTER_ORDERS:
        assert sorted(clusters_by(several, name)[0]) == ["B-1", "a", "b"]
