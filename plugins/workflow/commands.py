"""From the payload of a task to the command that a worker runs."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from app.hooks import Command, Json, Limits, Mount, Probe, Step
from plugins.workflow.quantities import cpus, memory_bytes, seconds
from plugins.workflow.texts import Unusable

R = TypeVar("R")

OUTPUT_ENV = "TORK_OUTPUT"
PROGRESS_ENV = "TORK_PROGRESS"
SCRIPT_DIR = "/tork"

#: Seconds between the termination signal and the kill.
KILL_AFTER_S = 2.0

#: Seconds that a sidecar without a probe time of its own has to answer.
PROBE_S = 60.0


def command(payload: Json) -> Command:
    """Give the command of an evaluated task.

    An image decides for a container; `pre` and `post` without one use the main task's. A task
    with nothing to run runs an empty script. Raises Unusable for an amount that cannot be read.
    """
    image = payload.get("image") or None
    own_limits = "limits" not in payload.get("plan", {}).get("defaulted", ())
    timeout = payload.get("timeout") or ""
    return Command(
        runtime="container" if image else "shell",
        main=_step(payload, image, timed=False),
        pre=tuple(_step(aux, image) for aux in payload.get("pre") or ()),
        post=tuple(_step(aux, image) for aux in payload.get("post") or ()),
        sidecars=tuple(_step(aux, image) for aux in payload.get("sidecars") or ()),
        mounts=tuple(_mount(one) for one in payload.get("mounts") or ()),
        networks=tuple(payload.get("networks") or ()),
        limits=_limits(payload.get("limits") or {}, own=own_limits),
        gpus=payload.get("gpus") or "",
        timeout_s=_duration(timeout, "timeout"),
        timeout_text=timeout,
        output_env=OUTPUT_ENV,
        progress_env=PROGRESS_ENV,
        script_dir=SCRIPT_DIR,
        kill_after_s=KILL_AFTER_S,
    )


def _step(given: Mapping[str, Any], image: str | None, *, timed: bool = True) -> Step:
    """timed: whether a `timeout` bounds this step alone, as it does for all but the main one."""
    registry = given.get("registry")
    run = given.get("run") or None
    own = given.get("image") or image
    probe = given.get("probe")
    return Step(
        name=given.get("name") or "",
        # A container without a script has its image's command; a process needs one.
        run=run if own else run or "",
        image=own,
        cmd=tuple(given.get("cmd") or ()),
        entrypoint=tuple(given.get("entrypoint") or ()),
        env=given.get("env") or {},
        files=given.get("files") or {},
        workdir=given.get("workdir") or None,
        registry=(registry.get("username") or "", registry.get("password") or "")
        if registry
        else None,
        timeout_s=_duration(given.get("timeout") or "", "timeout") if timed else None,
        probe=probe and _probe(probe),
        always=bool(given.get("always")),
    )


def _probe(given: Mapping[str, Any]) -> Probe:
    timeout_s = _duration(given.get("timeout") or "", "probe.timeout")
    return Probe(path=given["path"], port=given["port"], timeout_s=timeout_s or PROBE_S)


def _mount(given: Mapping[str, Any]) -> Mount:
    return Mount(
        type=given["type"],
        source=given.get("source") or "",
        target=given.get("target") or "",
        opts=given.get("opts") or {},
    )


def _limits(given: Mapping[str, str], *, own: bool) -> Limits:
    cores, memory = given.get("cpus"), given.get("memory")
    return Limits(
        cpus=_read(cpus, cores, "limits.cpus") if cores else None,
        memory_bytes=_read(memory_bytes, memory, "limits.memory") if memory else None,
        own=own,
    )


def _duration(text: str, what: str) -> float | None:
    return _read(seconds, text, what) if text else None


def _read(reader: Callable[[str], R], text: str, what: str) -> R:
    try:
        return reader(text)
    except Unusable as fault:
        raise Unusable(f"{what}: {fault}") from fault
