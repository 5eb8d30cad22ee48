"""What a submit runs, for every combination of what it says."""

import pytest

from app.api.mantis.definitions import DEFAULT_SLA, Wanted
from app.api.mantis.errors import Invalid
from app.api.mantis.resolution import (
    Latest,
    command_of,
    policy_of,
    require_limits,
    resolve,
    system_labels,
)

MACHINE = {"cpuCores": 1, "memoryMB": 10, "diskMB": 0, "networkMbps": 128, "numPorts": 1}


def stages(*numbers, size=1, **machine):
    one = {"numberOfInstances": size, "machineDefinition": {**MACHINE, **machine}}
    return {"stages": {str(number): one for number in numbers}}


def jar(url, version, *numbers):
    return {"url": url, "version": version, "uploadedAt": 1, "schedulingInfo": stages(*numbers)}


JARS = [jar("http://old", "1", 0, 1), jar("http://new", "2", 1, 2)]
OWN = stages(1, size=3)
TWO = stages(1, 2, size=3)
CLUSTER = [{"name": "p", "value": "cluster"}]
LABELS = [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]


def resolved(latest=None, **words):
    return resolve(
        Wanted(name="c", user="u", **words),
        jars=JARS,
        parameters=CLUSTER,
        labels=LABELS,
        latest=latest,
        default_sla=DEFAULT_SLA,
        now_ms=1234,
    )


@pytest.mark.parametrize(
    ("url", "version", "scheduling", "expected"),
    [
        ("http://x", "9", OWN, ("http://x", "9", OWN)),
        ("http://x", None, OWN, ("http://x", "1234", OWN)),
        ("http://x", "9", None, None),
        ("http://x", None, None, None),
        (None, "1", OWN, ("http://old", "1", OWN)),
        (None, "2", TWO, ("http://new", "2", TWO)),
        (None, "2", OWN, None),
        (None, "7", OWN, None),
        (None, "1", None, ("http://old", "1", stages(0, 1))),
        (None, "7", None, None),
        (None, None, TWO, ("http://new", "2", TWO)),
        (None, None, OWN, None),
        (None, None, None, ("http://new", "2", stages(1, 2))),
    ],
)
def test_the_table(url, version, scheduling, expected):
    if expected is None:
        with pytest.raises(Invalid):
            resolved(url=url, version=version, scheduling=scheduling)
        return
    found = resolved(url=url, version=version, scheduling=scheduling)
    assert (found.url, found.version, found.scheduling) == expected


def test_parameters_replace_and_labels_are_laid_over():
    assert resolved().parameters == CLUSTER
    own = [{"name": "q", "value": "job"}]
    found = resolved(parameters=own, labels=[{"name": "a", "value": "9"}, *own])
    assert found.parameters == own
    assert found.labels == [
        {"name": "a", "value": "9"},
        {"name": "b", "value": "2"},
        {"name": "q", "value": "job"},
    ]


def latest(scheduling):
    return Latest(
        scheduling=scheduling,
        parameters=[{"name": "last", "value": "1"}],
        labels=[{"name": "l", "value": "1"}],
        sla={"runtimeLimitSecs": 5},
        subscription_s=7,
    )


def test_a_quick_submit_is_like_the_latest_job_with_the_latest_jar():
    found = resolved(latest=latest(TWO), quick=True)
    assert (found.url, found.version, found.scheduling) == ("http://new", "2", TWO)
    assert (found.sla, found.subscription_s) == ({"runtimeLimitSecs": 5}, 7)
    assert found.parameters == [{"name": "last", "value": "1"}]
    assert resolved(latest=latest(TWO), quick=True, sla={"x": 1}).sla == {"x": 1}


def test_a_quick_submit_whose_stages_do_not_fit_takes_those_of_the_jar():
    assert resolved(latest=latest(OWN), quick=True).scheduling == stages(1, 2)


def test_the_first_quick_submit_is_like_the_cluster():
    found = resolved(quick=True)
    assert (found.parameters, found.labels, found.sla) == (CLUSTER, LABELS, DEFAULT_SLA)


@pytest.mark.parametrize(
    ("url", "artifact"),
    [
        ("http://h/a/b.zip", "b.zip"),
        ("http://h/a/", ""),
        ("shell:ls /tmp/x", "shell"),
    ],
)
def test_system_labels(url, artifact):
    given = [
        {"name": "_mantis.version", "value": "old"},
        {"name": "_mantis.isResubmit", "value": "true"},
    ]
    found = resolved(url=url, version="v", scheduling=OWN, labels=given)
    assert {one["name"]: one["value"] for one in system_labels(found)} == {
        "a": "1",
        "b": "2",
        "_mantis.artifact": artifact,
        "_mantis.version": "v",
    }
    again = system_labels(found, resubmit=True)
    assert {"name": "_mantis.isResubmit", "value": "true"} in again


@pytest.mark.parametrize("over", [{"cpuCores": 8.1}, {"memoryMB": 28_001}, {"networkMbps": 1025}])
def test_machines_beyond_the_limits_are_refused(over):
    with pytest.raises(Invalid, match=next(iter(over))):
        require_limits(stages(1, **over))
    require_limits(stages(1, cpuCores=8, memoryMB=28_000, networkMbps=1024))


@pytest.mark.parametrize(
    ("url", "parameters", "command"),
    [
        ("http://x", [], None),
        ("shell:echo %20", [], "echo %20"),
        ("shell:", [], ""),
        ("shell:no", [{"name": "command", "value": "yes"}], "yes"),
        ("shell:yes", [{"name": "command", "value": "  "}], "yes"),
        ("http://x", [{"name": "Command", "value": "no"}], None),
    ],
)
def test_commands(url, parameters, command):
    assert command_of(url, parameters) == command


def policy(**values):
    names = {
        "beat": "mantis.job.worker.heartbeat.interval.secs",
        "timeout": "mantis.job.worker.timeout.secs",
        "source": "mantis.job.worker.heartbeat.source",
        "resubmits": "mantis.job.worker.max.resubmits",
    }
    given = [{"name": names[name], "value": value} for name, value in values.items()]
    return policy_of(given, max_failures=100)


def test_how_workers_are_watched_over():
    found = policy()
    assert (found.heartbeat_s, found.timeout_s, found.outside, found.max_failures) == (
        0,
        0,
        False,
        100,
    )
    found = policy(beat="5", timeout="20", source="external", resubmits="0")
    assert (found.heartbeat_s, found.timeout_s, found.outside, found.max_failures) == (
        5,
        20,
        True,
        0,
    )


@pytest.mark.parametrize(
    "values",
    [{"beat": "x"}, {"timeout": "-1"}, {"resubmits": "1.5"}, {"source": "nobody"}],
)
def test_bad_settings_of_workers_are_refused(values):
    with pytest.raises(Invalid):
        policy(**values)
