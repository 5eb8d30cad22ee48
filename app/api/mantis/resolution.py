"""What a submit runs: the request, the jars of its cluster and the cluster's latest job as one.

Pure rules over plain values.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.api.mantis.definitions import Wanted, merged
from app.api.mantis.errors import Invalid
from app.api.mantis.reading import Json

SHELL = "shell:"
ARTIFACT, VERSION, RESUBMIT = "_mantis.artifact", "_mantis.version", "_mantis.isResubmit"
MAX_CPU, MAX_MEMORY, MAX_NETWORK = 8, 28_000, 1024
COMMAND = "command"
HEARTBEAT_S = "mantis.job.worker.heartbeat.interval.secs"
TIMEOUT_S = "mantis.job.worker.timeout.secs"
SOURCE = "mantis.job.worker.heartbeat.source"
MAX_RESUBMITS = "mantis.job.worker.max.resubmits"
_MOST_S = 10_000_000
_MOST_FAILURES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """What a quick submit takes over of the latest job."""

    scheduling: Json
    parameters: list[dict[str, str]]
    labels: list[dict[str, str]]
    sla: Json
    subscription_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A job as it will run."""

    url: str
    version: str
    scheduling: Json
    parameters: list[dict[str, str]]
    labels: list[dict[str, str]]
    sla: Json
    subscription_s: int


def resolve(
    wanted: Wanted,
    *,
    jars: Sequence[Json],
    parameters: list[dict[str, str]],
    labels: list[dict[str, str]],
    latest: Latest | None,
    default_sla: Json,
    now_ms: int,
) -> Resolved:
    """Give what a submit runs. jars: oldest first. Raises Invalid.

    parameters, labels: the cluster's. latest: for a quick submit.
    """
    if wanted.quick:
        if latest is None:
            latest = Latest(
                scheduling=jars[-1]["schedulingInfo"],
                parameters=parameters,
                labels=labels,
                sla=default_sla,
                subscription_s=0,
            )
        return _quick(wanted, jars[-1], latest)
    if wanted.url is not None:
        if wanted.scheduling is None:
            raise Invalid("a new artifact needs schedulingInfo", "invalid-scheduling")
        url, scheduling = wanted.url, wanted.scheduling
        version = wanted.version or str(now_ms)
    else:
        jar = _jar(jars, wanted.version)
        url, version = jar["url"], jar["version"]
        scheduling = wanted.scheduling or jar["schedulingInfo"]
        if _working(scheduling) != _working(jar["schedulingInfo"]):
            raise Invalid(
                f"schedulingInfo has {_working(scheduling)} stages, version {version} has"
                f" {_working(jar['schedulingInfo'])}",
                "invalid-scheduling",
            )
    return Resolved(
        url=url,
        version=version,
        scheduling=scheduling,
        parameters=wanted.parameters or parameters,
        labels=merged(labels, wanted.labels),
        sla=wanted.sla or default_sla,
        subscription_s=wanted.subscription_s,
    )


def _quick(wanted: Wanted, jar: Json, latest: Latest) -> Resolved:
    scheduling = jar["schedulingInfo"]
    fits = _working(latest.scheduling) == _working(scheduling)
    return Resolved(
        url=jar["url"],
        version=jar["version"],
        scheduling=latest.scheduling if fits else scheduling,
        parameters=latest.parameters,
        labels=latest.labels,
        sla=wanted.sla or latest.sla,
        subscription_s=latest.subscription_s,
    )


def _jar(jars: Sequence[Json], version: str | None) -> Json:
    if version is None:
        return jars[-1]
    for jar in reversed(jars):
        if jar["version"] == version:
            return jar
    raise Invalid(f"the cluster has no jar of version {version}", "unknown-version")


def _working(scheduling: Json) -> int:
    """Count stages but for the job master's."""
    return sum(1 for number in scheduling["stages"] if number != "0")


def system_labels(resolved: Resolved, *, resubmit: bool = False) -> list[dict[str, str]]:
    """Give the labels of a job with those that every job has."""
    own = {
        ARTIFACT: "shell" if resolved.url.startswith(SHELL) else resolved.url.rpartition("/")[2],
        VERSION: resolved.version,
    }
    if resubmit:
        own[RESUBMIT] = "true"
    kept = [one for one in resolved.labels if one["name"] != RESUBMIT]
    return merged(kept, [{"name": name, "value": value} for name, value in own.items()])


def require_limits(scheduling: Json) -> None:
    """Raise Invalid where a worker wants more than there is."""
    for number, stage in scheduling["stages"].items():
        machine = stage["machineDefinition"]
        for name, most in (
            ("cpuCores", MAX_CPU),
            ("memoryMB", MAX_MEMORY),
            ("networkMbps", MAX_NETWORK),
        ):
            if machine[name] > most:
                raise Invalid(f"{name} of stage {number} is more than {most}", "over-limit")


def command_of(url: str, parameters: Sequence[dict[str, str]]) -> str | None:
    """Give the shell command that workers run; None for the built-in source."""
    command = setting(parameters, COMMAND)
    if command is not None and command.strip():
        return command
    return url.removeprefix(SHELL) if url.startswith(SHELL) else None


def setting(parameters: Sequence[dict[str, str]], name: str) -> str | None:
    """Give a parameter, the last one of that name; None without one."""
    return next((one["value"] for one in reversed(parameters) if one["name"] == name), None)


@dataclass(frozen=True, slots=True)
class Policy:
    """How workers of a job are watched over; 0 where the job says nothing."""

    heartbeat_s: int
    timeout_s: int
    outside: bool
    max_failures: int


def policy_of(parameters: Sequence[dict[str, str]], *, max_failures: int) -> Policy:
    """Read how workers are watched over. Raises Invalid."""
    source = (setting(parameters, SOURCE) or "engine").strip()
    if source not in ("engine", "external"):
        raise Invalid(f"{SOURCE} must be engine or external, not {source[:80]!r}")
    failures = _whole(parameters, MAX_RESUBMITS, _MOST_FAILURES)
    return Policy(
        heartbeat_s=_whole(parameters, HEARTBEAT_S, _MOST_S) or 0,
        timeout_s=_whole(parameters, TIMEOUT_S, _MOST_S) or 0,
        outside=source == "external",
        max_failures=max_failures if failures is None else failures,
    )


def _whole(parameters: Sequence[dict[str, str]], name: str, most: int) -> int | None:
    text = (setting(parameters, name) or "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise Invalid(f"{name} must be a whole number, not {text[:80]!r}")
    return min(int(text), most)
