"""What clusters and jobs are defined by: request documents into values that hold."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from app.api.mantis import reading
from app.api.mantis.errors import Invalid
from app.api.mantis.reading import Json
from app.domain.cron import Cron, CronInvalid, parse_quartz

KEEP_EXISTING, KEEP_NEW = "KEEP_EXISTING", "KEEP_NEW"
POLICIES = (KEEP_EXISTING, KEEP_NEW)
STRATEGIES = ("ONE_WORKER", "PERCENTAGE")
DURATIONS = ("Perpetual", "Transient")
CONSTRAINTS = ("UniqueHost", "ExclusiveHost", "ZoneBalance", "M4Cluster", "M3Cluster", "M5Cluster")
MOST_WORKERS = 1500
MOST_MIN, MOST_MAX = 5, 100
LONGEST_NAME = 255
LONGEST_PARAMETER = 100_000
"""Bytes; a process is given each as one variable, of which the system takes 128 KiB."""
MIGRATION = {"strategy": "PERCENTAGE", "configString": '{"percentToMove":25,"intervalMs":60000}'}
OWNER = ("name", "teamName", "description", "contactEmail", "repo")
RESOURCE_CLUSTER = "_mantis.resourceCluster"
# The range from + to _ is meant: it has all signs between them, digits and capitals.
_NAME = re.compile(r"[A-Za-z]+[A-Za-z0-9+-_=:;]*")
_UNFIT = frozenset("/\\?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_STAGE = re.compile(r"0|[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sla:
    """How many jobs of a cluster there are to be; 0 is no limit. cron: None for none."""

    min: int = 0
    max: int = 0
    cron: str | None = None
    policy: str = KEEP_EXISTING


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A cluster as a client defines it. version: empty for one to be made up.

    sla: not judged yet, since that comes after other checks. principal: None where none was given.
    """

    name: str
    user: str
    url: str
    version: str
    scheduling: Json
    parameters: list[dict[str, str]]
    labels: list[dict[str, str]]
    migration: dict[str, str]
    sla: Sla
    job_master: bool
    owner: dict[str, str]
    principal: Json | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A job as a client submits it; what is None is inherited.

    quick: also what only the last job knows is inherited.
    """

    name: str
    user: str
    url: str | None = None
    version: str | None = None
    scheduling: Json | None = None
    sla: Json | None = None
    subscription_s: int = 0
    parameters: list[dict[str, str]] = field(default_factory=list)
    labels: list[dict[str, str]] = field(default_factory=list)
    quick: bool = False


def cluster_name(name: str) -> str:
    """Give a name that a cluster may have. Raises Invalid."""
    if not _NAME.fullmatch(name) or _UNFIT & set(name) or len(name) > LONGEST_NAME:
        raise Invalid(f"{reading.shown(name)} is no name for a job cluster", "invalid-name")
    return name


def with_scheme(url: str) -> str:
    """Give the address of an artifact; one without a scheme is of the web."""
    return url if _SCHEME.match(url) else f"http://{url}"


def definition(body: Json) -> Definition:
    """Read the body of a create or update request. Raises Invalid."""
    given = reading.part(body, "jobDefinition")
    if given is None:
        raise Invalid("jobDefinition is required")
    url = reading.text(given, "jobJarFileLocation", "") or reading.text(given, "url", "")
    if not url.strip():
        raise Invalid("jobJarFileLocation is required")
    labels = reading.pairs(given, "labels")
    strategy = reading.part(given, "deploymentStrategy") or {}
    resource = reading.text(strategy, "resourceClusterId", "")
    if not resource and isinstance(strategy.get("resourceClusterId"), dict):
        resource = reading.text(strategy["resourceClusterId"], "resourceID", "")
    if resource:
        labels.append({"name": RESOURCE_CLUSTER, "value": resource})
    owner = reading.part(body, "owner") or {}
    return Definition(
        name=cluster_name(reading.named(given, "name")),
        user=reading.named(given, "user"),
        url=with_scheme(url.strip()),
        version=_version(given),
        scheduling=scheduling(given.get("schedulingInfo")),
        parameters=parameters(given),
        labels=merged(labels),
        migration=migration(given.get("migrationConfig")),
        sla=Sla(
            min=_count(given.get("slaMin"), "slaMin"),
            max=_count(given.get("slaMax"), "slaMax"),
            cron=reading.text(given, "cronSpec", "").strip() or None,
            policy=reading.one_of(given.get("cronPolicy"), "cronPolicy", POLICIES, KEEP_EXISTING),
        ),
        job_master=reading.flag(given.get("isReadyForJobMaster"), "isReadyForJobMaster"),
        owner={name: reading.text(owner, name, "") for name in OWNER},
        principal=_principal(body),
    )


def _version(given: Json) -> str:
    """Read a version as it was written; a blank one is none."""
    version = reading.text(given, "version", "")
    return version if version.strip() else ""


def _count(value: Any, name: str) -> int:
    return reading.whole(value, name) or 0


def _principal(body: Json) -> Json | None:
    given = reading.part(body, "jobPrincipal")
    if given is None:
        return None
    kind = reading.one_of(given.get("type"), "jobPrincipal.type", ("USER", "GROUP"), "USER")
    return {"email": reading.text(given, "email", ""), "type": kind}


def judged(sla: Sla) -> Sla:
    """Give an SLA as it is kept: with cron it is 0 to 1. Raises Invalid for one out of range."""
    if sla.cron is not None:
        return Sla(min=0, max=1, cron=sla.cron, policy=sla.policy)
    if not 0 <= sla.min <= MOST_MIN or not 0 <= sla.max <= MOST_MAX or sla.max < sla.min:
        raise Invalid(
            f"the SLA must have 0 <= min <= {MOST_MIN}, 0 <= max <= {MOST_MAX} and max >= min,"
            f" not min {sla.min} and max {sla.max}",
            "invalid-sla",
        )
    return sla


def cron_of(text: str, now: Any) -> Cron:
    """Read a cron text; now: an aware time after which it must fire. Raises Invalid."""
    try:
        return parse_quartz(text, after=now)
    except CronInvalid as fault:
        raise Invalid(f"cronSpec: {fault}", "invalid-cron") from fault


def parameters(given: Json) -> list[dict[str, str]]:
    """Read parameters; each must fit a variable of a process."""
    found = reading.pairs(given, "parameters")
    for one in found:
        if len(one["name"].encode()) + len(one["value"].encode()) > LONGEST_PARAMETER:
            raise Invalid(f"parameter {one['name'][:80]} is longer than {LONGEST_PARAMETER} bytes")
    return found


def merged(*lists: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Give labels of several lists as one: first places, last values."""
    found: dict[str, str] = {}
    for labels in lists:
        for one in labels:
            found[one["name"]] = one["value"]
    return [{"name": name, "value": value} for name, value in found.items()]


def migration(value: Any) -> dict[str, str]:
    """Read a migration config."""
    if value is None:
        return dict(MIGRATION)
    if not isinstance(value, dict):
        raise Invalid("migrationConfig must be an object")
    strategy = reading.one_of(value.get("strategy"), "strategy", STRATEGIES, "ONE_WORKER")
    return {"strategy": strategy, "configString": reading.text(value, "configString", "")}


# -- stages ----------------------------------------------------------------------------------------


def scheduling(value: Any) -> Json:
    """Read scheduling info: stages by number, as they are kept and shown. Raises Invalid."""
    stages = reading.part(value, "stages") if isinstance(value, dict) else None
    if not stages:
        raise Invalid("schedulingInfo with stages is required", "invalid-scheduling")
    for key in stages:
        if not _STAGE.fullmatch(key):
            raise Invalid(f"{reading.shown(key)} is no number of a stage", "invalid-scheduling")
    numbers = sorted(map(int, stages))
    working = [number for number in numbers if number]
    if not working or working != list(range(1, len(working) + 1)):
        raise Invalid(
            "stages must be numbered from 1 without a gap, beside an optional 0",
            "invalid-scheduling",
        )
    return {"stages": {str(number): _stage(stages[str(number)], number) for number in numbers}}


def _stage(value: Any, number: int) -> Json:
    if not isinstance(value, dict):
        raise Invalid(f"stage {number} must be an object")
    count = reading.whole(value.get("numberOfInstances"), "numberOfInstances")
    if count is None or not 1 <= count <= MOST_WORKERS:
        raise Invalid(f"numberOfInstances of stage {number} must be 1 to {MOST_WORKERS}")
    return {
        "numberOfInstances": count,
        "machineDefinition": _machine(value, number),
        "hardConstraints": _constraints(value, "hardConstraints"),
        "softConstraints": _constraints(value, "softConstraints"),
        "scalingPolicy": _policy(value),
        "scalable": reading.flag(value.get("scalable"), "scalable"),
    }


def _machine(value: Json, number: int) -> Json:
    given = reading.part(value, "machineDefinition")
    if given is None:
        raise Invalid(f"stage {number} needs a machineDefinition")
    found = {
        name: reading.number(given.get(name), name)
        for name in ("cpuCores", "memoryMB", "diskMB", "networkMbps")
    }
    for name in ("cpuCores", "memoryMB"):
        figure = found[name]
        if figure is None or figure <= 0:
            raise Invalid(f"{name} of stage {number} must be more than 0")
    disk, network = found["diskMB"] or 0, found["networkMbps"] or 128
    if disk < 0 or network < 0:
        raise Invalid(f"diskMB and networkMbps of stage {number} must not be negative")
    ports = reading.whole(given.get("numPorts"), "numPorts") or 1
    return {**found, "diskMB": disk, "networkMbps": network, "numPorts": max(1, ports)}


def _constraints(value: Json, name: str) -> list[str]:
    found = reading.items(value, name)
    for one in found:
        if one not in CONSTRAINTS:
            raise Invalid(f"{name} must be of {', '.join(CONSTRAINTS)}, not {reading.shown(one)}")
    return found


def _policy(value: Json) -> Json | None:
    given = reading.part(value, "scalingPolicy")
    if given is None:
        return None
    least, most = (reading.whole(given.get(name), name) or 0 for name in ("min", "max"))
    steps = {
        name: max(1, reading.whole(given.get(name), name) or 1)
        for name in ("increment", "decrement")
    }
    strategies = reading.part(given, "strategies") or {}
    _require_plain(given)
    return {
        **given,
        "min": least,
        "max": most,
        **steps,
        "strategies": strategies,
        "enabled": least != most and bool(strategies),
    }


def _require_plain(value: Any) -> None:
    """Refuse text that no database holds, however deep."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            reading.clean(one, "scalingPolicy")
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one


# -- jobs ------------------------------------------------------------------------------------------


def wanted(body: Json) -> Wanted:
    """Read the body of a submit request. Raises Invalid."""
    stages = body.get("schedulingInfo")
    url = reading.text(body, "jobJarFileLocation", "") or reading.text(body, "url", "")
    return Wanted(
        name=reading.named(body, "name"),
        user=reading.named(body, "user"),
        url=with_scheme(url.strip()) if url.strip() else None,
        version=_version(body) or None,
        scheduling=None if stages is None else scheduling(stages),
        sla=job_sla(body) or dict(DEFAULT_SLA),
        subscription_s=_seconds(body, "subscriptionTimeoutSecs"),
        parameters=parameters(body),
        labels=reading.pairs(body, "labels"),
    )


def quick(body: Json) -> Wanted:
    """Read the body of a quick submit. Raises Invalid."""
    return Wanted(
        name=reading.named(body, "name"),
        user=reading.named(body, "user"),
        sla=job_sla(body),
        quick=True,
    )


DEFAULT_SLA: Json = {
    "runtimeLimitSecs": 0,
    "minRuntimeSecs": 0,
    "slaType": "Lossy",
    "durationType": "Perpetual",
    "userProvidedType": "",
}


def job_sla(body: Json) -> Json | None:
    """Read the limits of a job; None where the body has none. Raises Invalid."""
    given = reading.part(body, "jobSla")
    if given is None:
        return None
    return {
        "runtimeLimitSecs": _seconds(given, "runtimeLimitSecs"),
        "minRuntimeSecs": _seconds(given, "minRuntimeSecs"),
        "slaType": reading.one_of(given.get("slaType"), "slaType", ("Lossy",), "Lossy"),
        "durationType": reading.one_of(
            given.get("durationType"), "durationType", DURATIONS, "Perpetual"
        ),
        "userProvidedType": reading.text(given, "userProvidedType", ""),
    }


def _seconds(given: Json, name: str) -> int:
    return reading.whole(given.get(name), name, least=0) or 0
