"""The only caller of plugins: one typed method for each thing that can be asked of one.

Every call is bounded in time and its answer checked, so that what comes back is what the signature
says; anything else is `PluginFailed`, which names the plugin and the member that failed, keeps the
cause, and fails one job, never the process.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from itertools import islice
from types import MappingProxyType
from typing import Any, NoReturn, ParamSpec, TypeVar

from marshmallow import ValidationError

from app.domain.errors import PluginFailed, SpecInvalid, UnknownJobType
from app.domain.events import Event
from app.hooks import answers, bounded, loading, reading
from app.hooks.compiler import Compiler, Part
from app.hooks.interface import JobInterface
from app.hooks.loading import LIMIT_S, Plugin, PluginInfo, PluginStatus
from app.hooks.reading import Reading
from app.hooks.secrecy import telling_values
from app.hooks.types import Advance, Command, JobView, Json, Parsed, TaskView, Watch, WorkerView

__all__ = ["HealthCheck", "PluginInfo", "PluginManager", "PluginStatus"]

P = ParamSpec("P")
R = TypeVar("R")

#: What a plugin may raise at work; a call of `sys.exit` in one must not end this process.
FAULTS = (Exception, SystemExit)

#: Seconds for checking parameters, whose size is bounded elsewhere.
SPEC_LIMIT_S = 10.0

#: Seconds for which the answer of `health_checks` is kept.
HEALTH_S = 10.0

_NONE: Mapping[str, Any] = MappingProxyType({})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How one thing is that a plugin watches."""

    plugin: str
    name: str
    well: bool
    text: str


class PluginManager:
    """The plugins of this process.

    found: every installed plugin, those that were blocked or refused too.
    interfaces: job interfaces by name. compilers: those of the render farm. parsers: of these, the
    one whose `parse` is known by a name.
    """

    def __init__(
        self,
        plugins: Sequence[Plugin],
        found: Sequence[PluginInfo] = (),
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.found = tuple(found)
        self._plugins = tuple(plugins)
        interfaces = {}
        self._owners: dict[str, str] = {}
        for plugin in plugins:
            for name, interface in plugin.interfaces.items():
                interfaces[name] = interface
                self._owners[name] = plugin.info.name
        self.interfaces: Mapping[str, JobInterface] = MappingProxyType(interfaces)
        self.compilers: Mapping[str, Compiler] = MappingProxyType(
            {name: one for name, one in interfaces.items() if isinstance(one, Compiler)}
        )
        # Of several that read under one name the first to be installed is asked.
        self.parsers: Mapping[str, Compiler] = MappingProxyType(
            {one.parser: one for one in reversed(list(self.compilers.values())) if one.parser}
        )
        self._monotonic = monotonic
        self._health: tuple[HealthCheck, ...] = ()
        self._health_until: float | None = None

    @classmethod
    def load(
        cls,
        *,
        blocked: Collection[str] = (),
        settings: Mapping[str, Any] = _NONE,
        entry_points: Iterable[EntryPoint] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> "PluginManager":
        """Load what is installed, or the given entry points alone. Never raises for a plugin.

        settings: a table for each plugin, by its name.
        """
        found = loading.find() if entry_points is None else entry_points
        infos, taken = loading.load(found, blocked, settings)
        return cls(taken, infos, monotonic=monotonic)

    @classmethod
    def holding(cls, *interfaces: JobInterface) -> "PluginManager":
        """Make one of job interfaces alone, as if a plugin of each one's name had given it."""
        return cls(
            [
                Plugin(
                    PluginInfo(
                        name=one.name,
                        distribution="",
                        version="",
                        status=PluginStatus.LOADED,
                        job_types=(one.name,),
                    ),
                    loading.hooks_manager(),
                    {one.name: one},
                )
                for one in interfaces
            ]
        )

    def interface(self, name: str) -> JobInterface:
        """Give a job interface by name. Raises UnknownJobType."""
        try:
            return self.interfaces[name]
        except KeyError:
            raise UnknownJobType(f"there is no job type {name!r}", name=name) from None

    # -- what a job interface is asked ---------------------------------------------------------

    def load_spec(self, interface: JobInterface, spec: Json) -> Json:
        """Check a job's parameters and fill in defaults.

        Raises SpecInvalid, whose `faults` maps paths such as `tasks[2].name` to texts.
        """
        try:
            answers.encodable(spec, "spec")
        except TypeError as fault:  # a lone surrogate, an integer beyond 64 bits
            raise SpecInvalid(f"not valid as JSON: {fault}", faults={"": str(fault)}) from fault
        schema = interface.spec_schema
        if schema is None:
            return spec
        try:
            loaded = bounded.call(SPEC_LIMIT_S, lambda: schema().load(spec))
        except ValidationError as fault:
            faults = dict(_faults(fault.messages, ""))
            text = "; ".join(f"{path}: {said}" if path else said for path, said in faults.items())
            raise SpecInvalid(text, faults=faults) from fault
        except (RecursionError, bounded.Overrun) as fault:
            # How long and deep it goes is the sender's doing, so it is no fault of the plugin.
            text = "nested too deeply" if isinstance(fault, RecursionError) else "too much to check"
            raise SpecInvalid(text, faults={"": text}) from fault
        except FAULTS as cause:
            self._failed(interface, "spec_schema", cause)
        return self._checked(interface, "spec_schema", _as_spec, loaded)

    def options(self, interface: JobInterface) -> Json:
        """Tell what can be asked for in the parameters."""
        return self._ask(interface, "options", _as_options)

    def task_count(self, interface: JobInterface, spec: Json) -> int:
        """Tell how many top-level steps a job of these parameters has."""
        return self._ask(interface, "task_count", _as_count, spec)

    def secrets(self, job_type: str, spec: Json, state: Json) -> tuple[str, ...]:
        """Tell which values of a job must not show.

        Never raises: of a type that is not installed, or fails, it is what its keys call secret.
        """
        interface = self.interfaces.get(job_type)
        if interface is not None:
            try:
                return self._ask(interface, "secrets", _as_secrets, spec, state)
            except PluginFailed as fault:
                _log.warning("%s", fault, extra={"action": "plugin_failed"})
        return tuple(telling_values(spec))

    def plan(self, interface: JobInterface, job: JobView) -> Advance:
        """Ask for the first tasks."""
        return self._ask(interface, "plan", answers.advance, job)

    def advance(self, interface: JobInterface, job: JobView, task: TaskView) -> Advance:
        """Ask what follows the end of a task."""
        return self._ask(interface, "advance", answers.advance, job, task)

    def change(self, interface: JobInterface, job: JobView, wish: Json) -> Advance:
        """Ask what follows from a wish about a job. Raises ValueError as the verdict."""
        answer = self._judge(interface, "change", job, wish)
        return self._checked(interface, "change", answers.advance, answer)

    def bind(self, interface: JobInterface, task: TaskView, worker: WorkerView) -> Command:
        """Ask for the command of a claimed task."""
        return self._ask(interface, "bind", answers.command, task, worker)

    def parse(
        self, interface: JobInterface, task: TaskView, lines: Sequence[str], state: Json
    ) -> Parsed | None:
        """Ask what output lines tell; None when nothing."""
        return self._ask(interface, "parse", _as_parsed, task, lines, state)

    def read(self, interface: JobInterface, task: TaskView, text: str, memory: Json) -> Reading:
        """Ask what a further piece of output tells, wherever it was cut.

        memory: of the last Reading, empty at first. text: empty to ask anew what is known, after
        the task has changed. At most a megabyte or two: the time of a call is limited.
        """
        tail, state = memory.get("tail", ""), memory.get("state", {})
        if not text.isascii():
            text = text.encode("utf-8", "replace").decode()  # a lone surrogate is no JSON
        lines, tail = reading.cut(text, tail)
        parsed = None
        if lines:
            parsed = self.parse(interface, task, lines, state)
            state = state if parsed is None else parsed.state
        if tail:
            # What it gives as state is not kept: the line will come again, and whole.
            parsed = self.parse(interface, task, [reading.whole(tail)], state) or parsed
        if not text:
            parsed = self.parse(interface, task, [], parsed.state if parsed else state) or parsed
        return Reading(memory={"tail": tail, "state": state}, parsed=parsed)

    def frames(self, compiler: Compiler, settings: Json) -> tuple[int, int] | None:
        """Ask for the first and last frame of checked settings."""
        return self._ask(compiler, "frames", answers.frames, settings)

    def label(self, compiler: Compiler, settings: Json) -> str:
        """Ask what a task of checked settings is called."""
        return self._ask(compiler, "label", answers.label, settings)

    def parts(self, compiler: Compiler, settings: Json, most: int) -> tuple[Part, ...]:
        """Cut checked settings into tasks, at most one more than `most`, which is too many."""
        try:
            cut = bounded.call(LIMIT_S, lambda: tuple(islice(compiler.parts(settings), most + 1)))
        except FAULTS as cause:
            self._failed(compiler, "parts", cause)
        return self._checked(compiler, "parts", answers.parts, cut)

    def services(self, interface: JobInterface, job: JobView) -> dict[str, str]:
        """Ask for the named addresses of a ready service task."""
        return self._ask(interface, "services", answers.words, job)

    def watches(self, interface: JobInterface, spec: Json) -> tuple[Watch, ...]:
        """Ask which events of a job are to be told to others."""
        return self._ask(interface, "watches", answers.watches, spec)

    def check(self, interface: JobInterface, kind: str, text: str) -> None:
        """Check the syntax of an embedded language. Raises ValueError as the verdict."""
        self._judge(interface, "check", kind, text)

    def evaluate(
        self, interface: JobInterface, kind: str, text: str, names: Mapping[str, Any]
    ) -> object:
        """Evaluate a text of an embedded language. Raises ValueError as the verdict."""
        return self._judge(interface, "evaluate", kind, text, names)

    # -- what every plugin is told or asked ----------------------------------------------------

    @property
    def wants_events(self) -> bool:
        """Whether any plugin listens to events at all."""
        return any(plugin.hooks.hook.event_published.get_hookimpls() for plugin in self._plugins)

    def event_published(self, event: Event) -> None:
        """Tell every plugin of an event. One that raises is logged and the next one follows."""
        for plugin in self._plugins:
            try:
                bounded.call(LIMIT_S, plugin.hooks.hook.event_published, event=event)
            except FAULTS as cause:
                _log.exception(
                    "plugin %r failed in event_published: %s",
                    plugin.info.name,
                    loading.summary(cause),
                    extra={"action": "plugin_failed", "plugin": plugin.info.name},
                )

    def health_checks(self) -> tuple[HealthCheck, ...]:
        """Ask every plugin how it is, at most once in 10 s; one that fails is shown as not well."""
        now = self._monotonic()
        if self._health_until is None or now >= self._health_until:
            # First, so that of requests that come at once only one asks.
            self._health_until = now + HEALTH_S
            self._health = tuple(check for one in self._plugins for check in _health(one))
        return self._health

    # -- how it is asked -----------------------------------------------------------------------

    def _ask(
        self,
        interface: JobInterface,
        hook: str,
        check: Callable[[Any], R],
        *values: object,
    ) -> R:
        try:
            answer = bounded.call(LIMIT_S, getattr(interface, hook), *values)
        except FAULTS as cause:
            self._failed(interface, hook, cause)
        return self._checked(interface, hook, check, answer)

    def _judge(self, interface: JobInterface, hook: str, *values: object) -> object:
        try:
            return bounded.call(LIMIT_S, getattr(interface, hook), *values)
        except ValueError:
            raise
        except FAULTS as cause:
            self._failed(interface, hook, cause)

    def _checked(
        self, interface: JobInterface, hook: str, check: Callable[[Any], R], answer: object
    ) -> R:
        try:
            return check(answer)
        except FAULTS as cause:  # an answer may hold objects that raise when looked at
            self._failed(interface, hook, cause)

    def _failed(self, interface: JobInterface, hook: str, cause: BaseException) -> NoReturn:
        name = self._owners.get(interface.name, interface.name)
        raise PluginFailed(
            f"plugin {name!r} failed in {hook}: {loading.summary(cause)}", plugin=name, hook=hook
        ) from cause


def _health(plugin: Plugin) -> list[HealthCheck]:
    name = plugin.info.name
    try:
        given = bounded.call(LIMIT_S, plugin.hooks.hook.health_checks)
        return [
            HealthCheck(name, str(what), bool(well), str(text))
            for answer in given
            for what, well, text in answer
        ]
    except FAULTS as cause:  # shown where people look for it
        return [HealthCheck(name, "health_checks", False, loading.summary(cause))]


def _faults(messages: object, path: str) -> Iterable[tuple[str, str]]:
    """Flatten marshmallow's nested messages: `tasks[2].name`, text."""
    if not isinstance(messages, dict):
        texts = messages if isinstance(messages, list) else [messages]
        yield path, " ".join(str(text) for text in texts)
        return
    for key, below in messages.items():
        if key == "_schema":
            yield from _faults(below, path)
        elif isinstance(key, int):
            yield from _faults(below, f"{path}[{key}]")
        else:
            yield from _faults(below, f"{path}.{key}" if path else str(key))


def _as_spec(loaded: object) -> Json:
    answers.encodable(loaded, "spec")
    return loaded  # type: ignore[return-value]


def _as_options(given: object) -> Json:
    if not isinstance(given, Mapping):
        raise TypeError(f"gave a {type(given).__name__}, not a mapping")
    options = dict(given)
    answers.encodable(options, "options")
    return options


def _as_secrets(given: object) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"gave a {type(given).__name__}, not texts")
    values = tuple(given)
    if not all(isinstance(value, str) for value in values):
        raise TypeError("gave something that is no text")
    return values


def _as_count(given: object) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise TypeError(f"gave {given!r}, not a number of tasks")
    return given


def _as_parsed(given: object) -> Parsed | None:
    if given is None:
        return None
    if not isinstance(given, Parsed):
        raise TypeError(f"gave a {type(given).__name__}, not a Parsed")
    answers.encodable(given.state, "state")
    answers.encodable(given.facts, "facts")
    return given
