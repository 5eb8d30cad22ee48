"""Bodies as clients send them, and what is refused of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.mantis import reading
from app.api.mantis.definitions import (
    Sla,
    cluster_name,
    definition,
    judged,
    merged,
    scheduling,
    wanted,
    with_scheme,
)
from app.api.mantis.errors import Invalid

MACHINE = {"cpuCores": "0.35", "memoryMB": 100}
STAGE = {"numberOfInstances": "2", "machineDefinition": MACHINE}


def body(**over):
    inner = {
        "name": "c",
        "user": "u",
        "jobJarFileLocation": "http://x/a.zip",
        "schedulingInfo": {"stages": {"1": STAGE}},
        **over,
    }
    return {"jobDefinition": {name: value for name, value in inner.items() if value != ...}}


@pytest.mark.parametrize(
    "name", ["sinefn", "jschmoe_validation", "Ab1-x_y=z:1;2+3", "a" * 255, "a@b^[c]"]
)
def test_names_that_are_good(name):
    assert cluster_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "1abc", "-abc", "_abc", "a b", "a/b", "a\\b", "a?b", "naïve", "a" * 256, "a\n", "a`b"],
)
def test_names_that_are_bad(name):
    with pytest.raises(Invalid):
        cluster_name(name)


@given(st.text(max_size=12))
def test_a_name_that_is_taken_stands_in_one_segment(name):
    try:
        cluster_name(name)
    except Invalid:
        return
    assert name.isascii()
    assert not set(name) & set("/\\? \n%")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1), ("1", 1), (1.0, 1), ("1.0", 1), (" 7 ", 7), ("", None), (None, None), ("-3", -3)],
)
def test_whole_numbers(value, expected):
    assert reading.whole(value, "n") == expected


@pytest.mark.parametrize(
    "value",
    [1.5, "1.5", "abc", True, [], {}, float("nan"), float("inf"), 2**31, "9" * 30, "1e3", "0x1"],
)
def test_numbers_that_are_not_whole(value):
    with pytest.raises(Invalid):
        reading.whole(value, "n")


@pytest.mark.parametrize("value", ["abc", True, [], float("inf"), "nan", "1_0", "inf"])
def test_numbers_that_are_none(value):
    with pytest.raises(Invalid):
        reading.number(value, "n")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), ("TRUE", True), ("False", False), (None, False), ("", False)],
)
def test_flags(value, expected):
    assert reading.flag(value, "f") is expected


def test_values_become_text():
    given = [{"name": n, "value": v} for n, v in (("a", False), ("b", 2), ("c", 1.5), ("d", "x"))]
    found = reading.pairs({"p": given}, "p")
    assert [one["value"] for one in found] == ["false", "2", "1.5", "x"]


@pytest.mark.parametrize("raw", [b"", b"  ", b"{", b"[1]", b'"x"', b"\xff", b"[" * 100_000, b"nul"])
def test_bodies_that_are_no_object(raw):
    with pytest.raises(Invalid):
        reading.document(raw)


def test_a_stage_is_filled_in():
    stage = scheduling({"stages": {"1": {**STAGE, "hardConstraints": None}}})["stages"]["1"]
    assert stage == {
        "numberOfInstances": 2,
        "machineDefinition": {
            "cpuCores": 0.35,
            "memoryMB": 100,
            "diskMB": 0,
            "networkMbps": 128,
            "numPorts": 1,
        },
        "hardConstraints": [],
        "softConstraints": [],
        "scalingPolicy": None,
        "scalable": False,
    }


def test_a_scaling_policy_is_kept_and_judged():
    def policy(**words):
        stage = {**STAGE, "scalingPolicy": {"min": 1, "max": 2, "increment": 0, **words}}
        return scheduling({"stages": {"1": stage}})["stages"]["1"]["scalingPolicy"]

    assert not policy()["enabled"]
    found = policy(strategies={"CPU": {}})
    assert (found["enabled"], found["increment"], found["decrement"]) == (True, 1, 1)
    assert not policy(strategies={"CPU": {}}, max=1)["enabled"]


@pytest.mark.parametrize(
    "keys", [(), ("0",), ("2",), ("1", "3"), ("01",), ("x",), ("0", "2"), ("-1",)]
)
def test_stages_have_no_gaps(keys):
    with pytest.raises(Invalid):
        scheduling({"stages": dict.fromkeys(keys, STAGE)})


@pytest.mark.parametrize("keys", [("1",), ("0", "1"), ("2", "1"), ("0", "1", "2", "3")])
def test_stages_that_are_good(keys):
    found = scheduling({"stages": dict.fromkeys(keys, STAGE)})
    assert list(found["stages"]) == sorted(keys)


@pytest.mark.parametrize(
    "change",
    [
        {"numberOfInstances": 0},
        {"numberOfInstances": 1501},
        {"numberOfInstances": None},
        {"machineDefinition": None},
        {"machineDefinition": {"cpuCores": 0, "memoryMB": 1}},
        {"machineDefinition": {"cpuCores": 1}},
        {"machineDefinition": {"cpuCores": 1, "memoryMB": 1, "diskMB": -1}},
        {"hardConstraints": ["Nope"]},
        {"hardConstraints": "UniqueHost"},
        {"scalable": 1},
        {"scalingPolicy": {"strategies": {"CPU": {"x": "\0"}}}},
    ],
)
def test_stages_that_are_bad(change):
    with pytest.raises(Invalid):
        scheduling({"stages": {"1": {**STAGE, **change}}})


@pytest.mark.parametrize(
    ("least", "most", "good"),
    [
        (0, 0, True),
        (1, 1, True),
        (5, 100, True),
        (1, 0, False),
        (6, 9, False),
        (-1, 0, False),
        (0, 101, False),
    ],
)
def test_slas(least, most, good):
    if good:
        assert judged(Sla(min=least, max=most)) == Sla(min=least, max=most)
    else:
        with pytest.raises(Invalid):
            judged(Sla(min=least, max=most))


def test_cron_sets_the_sla():
    assert judged(Sla(min=3, max=99, cron="x")) == Sla(min=0, max=1, cron="x")


def test_a_definition_is_filled_in():
    found = definition({**body(version=" ", cronSpec=" ", labels=None), "owner": {"name": "o"}})
    assert (found.version, found.sla.cron, found.labels, found.principal) == ("", None, [], None)
    assert found.migration["strategy"] == "PERCENTAGE"
    assert found.owner["name"] == "o"
    assert definition(body(migrationConfig={})).migration["strategy"] == "ONE_WORKER"


@pytest.mark.parametrize("name", ["name", "user", "jobJarFileLocation", "schedulingInfo"])
@pytest.mark.parametrize("value", [..., None, "", 5, []])
def test_what_a_definition_needs(name, value):
    with pytest.raises(Invalid):
        definition(body(**{name: value}))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("a/b.zip", "http://a/b.zip"),
        ("http://a", "http://a"),
        ("shell:ls", "shell:ls"),
        ("a.b:c", "a.b:c"),
        ("1a:b", "http://1a:b"),
    ],
)
def test_addresses_of_artifacts(url, expected):
    assert with_scheme(url) == expected


def test_labels_keep_first_places_and_last_values():
    def labels(*pairs):
        return [{"name": name, "value": value} for name, value in pairs]

    assert merged(labels(("a", "1"), ("b", "2")), labels(("c", "3"), ("a", "4"))) == labels(
        ("a", "4"), ("b", "2"), ("c", "3")
    )


def test_a_parameter_must_fit_a_process():
    definition(body(parameters=[{"name": "p", "value": "x" * 90_000}]))
    with pytest.raises(Invalid, match="longer"):
        definition(body(parameters=[{"name": "p", "value": "x" * 100_000}]))


def test_a_submit_inherits_what_it_does_not_say():
    found = wanted({"name": "c", "user": "u", "jobJarFileLocation": "", "schedulingInfo": None})
    assert (found.url, found.version, found.scheduling, found.quick) == (None, None, None, False)
    assert found.sla["durationType"] == "Perpetual"
