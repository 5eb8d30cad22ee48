"""Finds installed plugins and takes in those that are sound.

Each plugin gets a pluggy manager to itself: one that raises then stops no other, and one that is
refused leaves nothing behind. A plugin is taken whole or not at all.
"""

import inspect
import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

import pluggy
from marshmallow import Schema

from app.hooks import bounded, spec
from app.hooks.interface import JobInterface

#: Seconds that any call of a plugin may take.
LIMIT_S = 2.0

#: The distribution whose plugins come first, so that no stranger takes the name of one of ours.
OWN = "jobyard"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_NONE: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
_log = logging.getLogger(__name__)


class PluginStatus(StrEnum):
    """What became of an installed plugin."""

    LOADED = "loaded"
    BLOCKED = "blocked"  #: the settings name it
    REFUSED = "refused"  #: it is not sound; the reason says why


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """One plugin that was found.

    name: that of its entry point. distribution, version: of the package it came in, empty when
    unknown. job_types: the names it gave, in its own order. reason: empty when it was loaded.
    """

    name: str
    distribution: str
    version: str
    status: PluginStatus
    job_types: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A loaded plugin: its hooks, callable through pluggy, and its job interfaces."""

    info: PluginInfo
    hooks: pluggy.PluginManager
    interfaces: Mapping[str, JobInterface] = field(default_factory=dict)


class Unsound(Exception):
    """A plugin cannot be taken in; the text says why."""


def find() -> list[EntryPoint]:
    """Give the entry points of all installed plugins, ours first, then by package and name."""
    return sorted(
        entry_points(group=spec.GROUP),
        key=lambda one: (_distribution(one)[0] != OWN, _distribution(one), one.name),
    )


def load(
    found: Iterable[EntryPoint],
    blocked: Collection[str],
    settings: Mapping[str, Mapping[str, Any]] = _NONE,
) -> tuple[list[PluginInfo], list[Plugin]]:
    """Load plugins one by one: what became of each, and those that were taken in.

    found: where a name or a job type comes twice, the first keeps it. blocked: names of entry
    points that are not even imported. settings: tables by name of the plugin.
    """
    infos: list[PluginInfo] = []
    taken: list[Plugin] = []
    for entry_point in found:
        distribution, version = _distribution(entry_point)
        info = PluginInfo(
            name=entry_point.name,
            distribution=distribution,
            version=version,
            status=PluginStatus.LOADED,
        )
        if entry_point.name in blocked:
            infos.append(
                replace(info, status=PluginStatus.BLOCKED, reason="blocked by the settings")
            )
            continue
        try:
            plugin = _take(entry_point, info, taken, settings.get(entry_point.name, {}))
        except Unsound as fault:
            infos.append(replace(info, status=PluginStatus.REFUSED, reason=str(fault)))
            _log.error(
                "plugin %r of %s %s is skipped: %s",
                info.name,
                distribution or "an unknown package",
                version,
                fault,
                exc_info=fault.__cause__,
                extra={"action": "plugin_refused", "plugin": info.name, "reason": str(fault)},
            )
        else:
            infos.append(plugin.info)
            taken.append(plugin)
    for name in sorted(set(blocked) - {info.name for info in infos}):
        _log.warning(
            "the blocked plugin %r is not installed", name, extra={"action": "plugin_unknown"}
        )
    return infos, taken


def hooks_manager() -> pluggy.PluginManager:
    """Make a manager that knows our hooks and no plugin yet."""
    hooks = pluggy.PluginManager(spec.GROUP)
    hooks.add_hookspecs(spec)
    return hooks


def sound(interface: object) -> JobInterface:
    """Check the fixed members of one job interface."""
    if inspect.isclass(interface) and issubclass(interface, JobInterface):
        raise Unsound(f"job_interfaces gave the class {interface.__name__}, not an object of it")
    if not isinstance(interface, JobInterface):
        raise Unsound(f"job_interfaces gave a {type(interface).__name__}, not a JobInterface")
    kind = type(interface)
    name = getattr(interface, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Unsound(
            f"the job type {name!r} of {kind.__name__} has no good name: lower-case letters, "
            "digits, - and _, a letter first, at most 64"
        )
    if not isinstance(interface.title, str):
        raise Unsound(f"the title of job type {name!r} is not text")
    schema = interface.spec_schema
    if schema is not None and not (inspect.isclass(schema) and issubclass(schema, Schema)):
        raise Unsound(f"the spec_schema of job type {name!r} is not a marshmallow Schema class")
    if not isinstance(interface.public_task_ids, bool):
        raise Unsound(f"the public_task_ids of job type {name!r} is neither True nor False")
    most = interface.max_running
    if most is not None and (not isinstance(most, int) or most < 1):
        raise Unsound(f"the max_running of job type {name!r} is not a number from 1")
    if kind.plan is JobInterface.plan:
        raise Unsound(f"the job type {name!r} has no method `plan`")
    return interface


def _take(
    entry_point: EntryPoint,
    info: PluginInfo,
    taken: Sequence[Plugin],
    settings: Mapping[str, Any],
) -> Plugin:
    for other in taken:
        if other.info.name == info.name:
            raise Unsound(f"the name {info.name!r} is taken by {_package(other.info)}")
    module = _guarded(entry_point.load, "it cannot be imported")
    hooks = hooks_manager()
    _guarded(lambda: hooks.register(module, info.name), "it cannot be registered")
    _guarded(hooks.check_pending, "it has a hook that does not exist")
    if not hooks.get_hookcallers(module):
        raise Unsound("it implements no hook; is `@hookimpl` missing?")
    interfaces = _interfaces(hooks, taken, settings)
    return Plugin(replace(info, job_types=tuple(interfaces)), hooks, interfaces)


def _interfaces(
    hooks: pluggy.PluginManager, taken: Sequence[Plugin], settings: Mapping[str, Any]
) -> dict[str, JobInterface]:
    answers = _guarded(
        lambda: bounded.call(LIMIT_S, hooks.hook.job_interfaces, settings=settings),
        "job_interfaces failed",
    )
    interfaces: dict[str, JobInterface] = {}
    for answer in answers:  # one, or none: pluggy leaves None out
        if not isinstance(answer, list | tuple):
            raise Unsound(f"job_interfaces gave a {type(answer).__name__}, not a list")
        for one in answer:
            interface = sound(one)
            name = interface.name
            if name in interfaces:
                raise Unsound(f"it gives the job type {name!r} twice")
            for other in taken:
                if name in other.interfaces:
                    raise Unsound(f"the job type {name!r} is taken by {_package(other.info)}")
            interfaces[name] = interface
    return interfaces


def _guarded(step: Callable[[], Any], what: str) -> Any:
    """Run one step of loading. A module that calls `sys.exit` is as unsound as one that raises."""
    try:
        return step()
    except (Exception, SystemExit) as cause:
        raise Unsound(f"{what}: {summary(cause)}") from cause


def summary(cause: BaseException) -> str:
    """Say what an exception is in one line."""
    lines = str(cause).strip().splitlines()
    # pluggy says what is wrong in the lines that follow.
    told = lines if isinstance(cause, pluggy.PluginValidationError) else lines[:1]
    line = "; ".join(told)
    return f"{type(cause).__name__}: {line}" if line else type(cause).__name__


def _distribution(entry_point: EntryPoint) -> tuple[str, str]:
    """Name and version of the package an entry point came in."""
    if entry_point.dist is None:
        return "", ""
    return entry_point.dist.name, entry_point.dist.version


def _package(info: PluginInfo) -> str:
    return f"plugin {info.name!r} of {info.distribution or 'an unknown package'}"
