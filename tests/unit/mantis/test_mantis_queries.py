"""Lists: paging, links, fields, filters, patterns."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from app.api.mantis import queries
from app.api.mantis.errors import Invalid
from app.api.mantis.queries import Fields, Matching, Slice


def args(*pairs, **one):
    return MultiDict([*pairs, *one.items()])


@given(
    st.integers(0, 30),
    st.integers(0, 60),
    st.integers(0, 40),
    st.integers(0, 50),
)
def test_pages_cover_the_list(size, offset, limit, found):
    part = Slice(size=size, offset=offset, limit=limit)
    total = part.total(found)
    begin, count = part.bounds(total)
    assert total == (min(found, limit) if limit else found)
    assert 0 <= begin <= total
    assert begin + count <= total
    assert count == max(0, min(size or total, total - offset))
    links = queries.envelope(part, total, "/p", [("pageSize", str(size)), ("a", "ü&b")])
    assert (links["next"] is not None) == bool(size and offset + size < total)
    assert (links["prev"] is not None) == bool(size and offset > 0)
    for name, at in (("next", offset + size), ("prev", max(0, offset - size))):
        if links[name] is not None:
            pairs = parse_qsl(urlsplit(links[name]).query, keep_blank_values=True)
            assert pairs == [("pageSize", str(size)), ("a", "ü&b"), ("offset", str(at))]


def test_links_keep_the_order_and_set_the_offset_in_place():
    query = [("offset", "100"), ("fields", "name"), ("offset", "3"), ("pageSize", "20")]
    links = queries.envelope(Slice(size=20, offset=100), 500, "/api/v1/x", query)
    assert links == {
        "prev": "/api/v1/x?offset=80&fields=name&pageSize=20",
        "next": "/api/v1/x?offset=120&fields=name&pageSize=20",
        "total": 500,
    }


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "9" * 17, "٣", "0x1"])
def test_numbers_that_are_none(text):
    for name in ("pageSize", "offset", "limit"):
        with pytest.raises(Invalid, match=name):
            queries.part_of(args(**{name: text}))
    with pytest.raises(Invalid):
        queries.jobs_wanted(args(workerIndex=text))


def test_an_empty_value_counts_as_absent():
    empty = args(pageSize="", offset=" ", ascending="", jobState="", workerState="", limit="")
    assert queries.part_of(empty) == Slice()
    assert queries.jobs_wanted(empty) == queries.jobs_wanted(args())
    assert queries.order_of(empty, ()).ascending


RECORD = {"a": 1, "b": {"c": 2, "d": {"e": 3}}, "l": [{"x": 1, "y": 2}, {"x": 3}]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", {"a": 1}),
        (" a , b ", {"a": 1, "b": RECORD["b"]}),
        ("nope", {}),
        ("c", {}),
        ("b.c", {"b": {"c": 2}}),
        ("b.c,a,b.d.e", {"b": {"c": 2, "d": {"e": 3}}, "a": 1}),
        ("b.nope", {}),
        ("l.x", {"l": [{"x": 1}, {"x": 3}]}),
        ("l.x,l.y", {"l": [{"x": 1, "y": 2}, {"x": 3}]}),
        ("a.b", {}),
        (",", RECORD),
    ],
)
def test_fields(text, expected):
    assert queries.fields_of(args(fields=text)).of(RECORD) == expected


def test_fields_of_a_member():
    job = {"jobMetadata": {"jobId": "a-1", "user": "u"}, "workerMetadataList": [{"n": 1, "m": 2}]}
    assert Fields(("jobId", "x"), "jobMetadata").of(job) == {"jobMetadata": {"jobId": "a-1"}}
    assert Fields(("n",), "workerMetadataList").of(job) == {"workerMetadataList": [{"n": 1}]}
    assert Fields(None, "jobMetadata").of(job) == {"jobMetadata": job["jobMetadata"]}
    assert Fields(("n",), "stageMetadataList").of(job) == {}
    with pytest.raises(Invalid):
        queries.fields_of(args(fromObj="version"))


@pytest.mark.parametrize(
    ("given", "active", "terminal"),
    [
        ({}, True, False),
        ({"activeOnly": "true"}, True, False),
        ({"activeOnly": "false"}, True, True),
        ({"activeOnly": "0"}, True, True),
        ({"jobState": "Active", "activeOnly": "false"}, True, False),
        ({"jobState": "Terminal"}, False, True),
        ({"jobState": "Terminal", "activeOnly": "true"}, False, True),
    ],
)
def test_which_jobs(given, active, terminal):
    wanted = queries.jobs_wanted(args(**given))
    assert (wanted.active, wanted.terminal) == (active, terminal)


def test_labels():
    wanted = queries.jobs_wanted(args(("labels", "a=1,b"), ("labels", " c = x=y ,,")))
    assert wanted.labels == (("a", "1"), ("b", None), ("c", "x=y"))
    assert not wanted.all_labels
    assert queries.jobs_wanted(args(**{"labels.op": "and"})).all_labels


@pytest.mark.parametrize(
    "given",
    [
        {"jobState": "active"},
        {"activeOnly": "yes"},
        {"labels.op": "xor"},
        {"workerState": "Started"},
        {"ascending": "down"},
    ],
)
def test_words_that_are_none(given):
    def read():
        return queries.jobs_wanted(args(**given)), queries.order_of(args(**given), ())

    with pytest.raises(Invalid):
        read()


def worker(state="Started", stage=1, index=0, number=2):
    return {"state": state, "stageNum": stage, "workerIndex": index, "workerNumber": number}


@pytest.mark.parametrize(
    ("pairs", "one", "active", "held"),
    [
        ([], worker(), True, True),
        ([], worker("Completed"), True, False),
        ([], worker("Completed"), False, True),
        ([("workerState", "Terminal")], worker("Completed"), True, True),
        ([("workerState", "Active")], worker("Completed"), False, False),
        ([("workerState", "Noop")], worker("Failed"), True, True),
        ([("workerState", "Active"), ("workerState", "Terminal")], worker("Failed"), True, True),
        ([("stageNumber", "2")], worker(), True, False),
        ([("stageNumber", "2"), ("stageNumber", "1")], worker(), True, True),
        ([("workerIndex", "0"), ("workerNumber", "3")], worker(), True, False),
    ],
)
def test_which_workers(pairs, one, active, held):
    assert queries.jobs_wanted(args(*pairs)).holds(one, job_active=active) is held


def test_names_match_anywhere_whatever_their_case():
    named = [(1, "SineFn"), (2, "other"), (3, "xsine")]
    assert Matching("sine").those(named) == [1, 3]
    assert Matching("^sine").those(named) == [1]
    assert Matching("").those(named) == [1, 2, 3]


@pytest.mark.parametrize("pattern", ["(", "[a", "*", "a{2,1}", "x" * 513, "(?P<a>)(?P=b)"])
def test_patterns_that_are_none(pattern):
    with pytest.raises(Invalid):
        Matching(pattern)


def test_a_pattern_that_backtracks_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(queries, "MATCH_S", 0.05)
    with pytest.raises(Invalid, match="too long"):
        Matching("^(a|aa)+$").those([(1, "a" * 200 + "b")])
