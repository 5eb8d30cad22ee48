"""Whether what a plugin gave is what the engine can use.

Types are checked here because a plugin need not be; each fault is a ValueError or TypeError that
says which value of which task is wrong. The checks are cheap: one pass, no copy of a payload.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

import orjson

from app.domain.events import EventKind
from app.hooks.compiler import Part
from app.hooks.types import (
    Advance,
    Command,
    Fail,
    Finish,
    JobSpec,
    Service,
    Step,
    TaskClose,
    TaskEnd,
    TaskSpec,
    Watch,
)

KINDS = ("work", "composite", "job")
BORN_FINAL = ("SKIPPED", "FAILED", "COMPLETED")

#: The most that the store holds of a count, an id, and a duration in seconds (300 years).
MOST_COUNT, MOST_ID, MOST_S = 2**31 - 1, 2**63 - 1, 1e10

_PORT_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")

# What orjson would write but not read back as the same thing.
_STRICT = (
    orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def advance(answer: object) -> Advance:
    """Make a full, checked answer of whatever form `plan` or `advance` gave it in."""
    if answer is None:
        return Advance()
    if isinstance(answer, Finish | Fail):
        answer = Advance(end=answer)
    elif isinstance(answer, list | tuple):
        answer = Advance(tasks=answer)
    if not isinstance(answer, Advance):
        raise TypeError(f"gave {_kind(answer)}, not a list of TaskSpec, Finish, Fail or Advance")
    tasks = _level(answer.tasks, "tasks")
    _effects(answer)
    return replace(answer, tasks=tasks, ends=tuple(answer.ends), closes=tuple(answer.closes))


def encodable(value: object, what: str) -> None:
    """Refuse what JSON cannot hold: it is stored, and read back, as JSON."""
    if not isinstance(value, dict):
        raise TypeError(f"{what}: is {_kind(value)}, not a dict")
    try:
        orjson.dumps(value, option=_STRICT)
    except TypeError as fault:  # includes orjson's own error class
        raise TypeError(f"{what}: is not JSON: {fault}") from fault


def command(answer: object) -> Command:
    """Check what `bind` gave."""
    if not isinstance(answer, Command):
        raise TypeError(f"gave {_kind(answer)}, not a Command")
    _text(answer.runtime, "runtime", empty=False)
    _step(answer.main, "main")
    for name in ("pre", "post", "sidecars"):
        for number, step in enumerate(getattr(answer, name)):
            _step(step, f"{name}[{number}]")
    if answer.timeout_s is not None:
        _number(answer.timeout_s, "timeout_s")
    if (answer.runtime == "service") != (answer.service is not None):
        raise ValueError("service: goes with the runtime `service`, and with it alone")
    if answer.ready_at_start and answer.runtime != "shell":
        raise ValueError("ready_at_start: goes with the runtime `shell` alone")
    if answer.service is not None:
        _service(answer.service)
    return answer


def _service(service: object) -> None:
    if not isinstance(service, Service):
        raise TypeError(f"service: is {_kind(service)}, not a Service")
    _number(service.start_s, "service.start_s", most=MOST_S)
    if _number(service.probe_s, "service.probe_s", most=60) == 0:
        raise ValueError("service.probe_s: must be more than 0")
    names = Counter(port.name for port in service.ports)
    for number, port in enumerate(service.ports):
        path = f"service.ports[{number}]"
        if not isinstance(port.name, str) or not _PORT_NAME.fullmatch(port.name):
            raise ValueError(f"{path}.name: is not made of lower-case letters, digits and hyphens")
        if names[port.name] > 1:
            raise ValueError(f"{path}.name: several ports are called {port.name!r}")
        if port.probe not in (None, "tcp", "http"):
            raise ValueError(f"{path}.probe: {port.probe!r} is none of tcp, http, None")
        if port.inside is not None:
            _integer(port.inside, f"{path}.inside", least=1, most=65_535)
        _text(port.path, f"{path}.path")


def parts(answer: Sequence[object]) -> tuple[Part, ...]:
    """Check what settings were cut into."""
    if not answer:
        raise ValueError("gave no part")
    taken = []
    for number, part in enumerate(answer):
        if not isinstance(part, Part):
            raise TypeError(f"parts[{number}]: is {_kind(part)}, not a Part")
        label(part.name)
        _text(part.type, f"parts[{number}].type", empty=False)
        encodable(part.settings, f"parts[{number}].settings")
        frames(part.frames)
        taken.append(part)
    counts = Counter(part.name for part in taken)
    for number, part in enumerate(taken):
        for name in part.after:
            _named(f"parts[{number}].after", name, counts)
    return tuple(taken)


def frames(answer: object) -> tuple[int, int] | None:
    """Check a first and a last frame."""
    match answer:
        case None:
            return None
        case (int(first), int(last)) if first <= last:
            return first, last
    raise TypeError(f"gave {answer!r}, not a first and a last frame")


def label(answer: object) -> str:
    """Check the name of a task."""
    if not isinstance(answer, str):
        raise TypeError(f"gave {_kind(answer)}, not a name")
    _text(answer, "name")
    return answer


def words(answer: object) -> dict[str, str]:
    """Check a mapping of text to text, such as `services` gives."""
    if not isinstance(answer, Mapping):
        raise TypeError(f"gave {_kind(answer)}, not a mapping")
    return _words(answer, "result")


def watches(answer: object) -> tuple[Watch, ...]:
    """Check what `watches` gave."""
    if not isinstance(answer, list | tuple):
        raise TypeError(f"gave {_kind(answer)}, not a list of Watch")
    for number, watch in enumerate(answer):
        if not isinstance(watch, Watch):
            raise TypeError(f"watches[{number}]: is {_kind(watch)}, not a Watch")
        for event in watch.events:
            EventKind(event)
        for key in watch.keep:
            _text(key, f"watches[{number}].keep", empty=False)
    return tuple(answer)


def _effects(answer: Advance) -> None:
    """Check what an answer asks for beside new tasks."""
    for end in answer.ends:
        _check_end(end)
    for close in answer.closes:
        _check_close(close)
    if answer.end is not None:
        _check_verdict(answer.end)
    for task_id, count in answer.release.items():
        _integer(task_id, "release: task id", least=1, most=MOST_ID)
        _integer(count, f"release[{task_id}]", least=0)
    if answer.state is not None:
        encodable(answer.state, "state")
    if answer.position is not None:
        _integer(answer.position, "position", least=0)
    if answer.progress is not None:
        _number(answer.progress, "progress", most=100)


def _level(given: object, path: str) -> tuple[TaskSpec, ...]:
    """Check sibling tasks: each by itself, then what they wait for."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise TypeError(f"{path}: is {_kind(given)}, not a list")
    tasks = tuple(_task(one, f"{path}[{number}]") for number, one in enumerate(given))
    waits = any(task.after or task.after_ready for task in tasks)
    return _ordered(tasks, path) if waits else tasks


def _task(task: object, path: str) -> TaskSpec:
    if not isinstance(task, TaskSpec):
        raise TypeError(f"{path}: is {_kind(task)}, not a TaskSpec")
    _text(task.name, f"{path}.name")
    _text(task.queue, f"{path}.queue", empty=False)
    if not isinstance(task.payload, dict):
        task = replace(task, payload=_as_dict(task.payload, f"{path}.payload"))
    encodable(task.payload, f"{path}.payload")
    if task.kind not in KINDS:
        raise ValueError(f"{path}.kind: {task.kind!r} is none of {', '.join(KINDS)}")
    if task.state is not None and task.state not in BORN_FINAL:
        raise ValueError(f"{path}.state: {task.state!r} is none of {', '.join(BORN_FINAL)}")
    _holds(task, path)
    _figures(task, path)
    for name in ("after", "after_ready"):
        if not isinstance(getattr(task, name), tuple | list):
            raise TypeError(f"{path}.{name}: is {_kind(getattr(task, name))}, not a tuple of names")
    children = _level(task.children, f"{path}.children") if task.children else ()
    return replace(
        task, after=tuple(task.after), after_ready=tuple(task.after_ready), children=children
    )


def _holds(task: TaskSpec, path: str) -> None:
    if (task.kind == "job") != (task.job is not None) and task.state is None:
        raise ValueError(f"{path}.job: goes with the kind `job`, and with it alone")
    if task.job is not None:
        _job(task.job, f"{path}.job")
    if task.service and task.kind != "work":
        raise ValueError(f"{path}.service: goes with the kind `work` alone")
    if task.children and task.kind != "composite":
        raise ValueError(f"{path}.children: only a composite has them")


def _figures(task: TaskSpec, path: str) -> None:
    for name, least in (("position", 0), ("max_attempts", 1), ("max_losses", 0)):
        _integer(getattr(task, name), f"{path}.{name}", least=least)
    _integer(task.priority, f"{path}.priority", least=-MOST_COUNT)
    for name in ("delay_s", "retry_delay_s"):
        _number(getattr(task, name), f"{path}.{name}", most=MOST_S)
    _number(task.retry_factor, f"{path}.retry_factor")
    if task.error is not None:
        _text(task.error, f"{path}.error", nul=True)
    if _number(task.lease_s, f"{path}.lease_s", most=MOST_S) == 0:
        raise ValueError(f"{path}.lease_s: must be more than 0")
    if task.parent is not None:
        _integer(task.parent, f"{path}.parent", least=1, most=MOST_ID)


def _ordered(tasks: tuple[TaskSpec, ...], path: str) -> tuple[TaskSpec, ...]:
    """Give each task after those it waits for; the order is kept where it is one already.

    Refuses waiting for a name that is not there or not the only one, and circles.
    """
    counts = Counter(task.name for task in tasks)
    places = {task.name: number for number, task in enumerate(tasks)}
    order: TopologicalSorter[int] = TopologicalSorter()
    sorted_already = True
    for number, task in enumerate(tasks):
        for member in ("after", "after_ready"):
            for name in getattr(task, member):
                _named(f"{path}[{number}].{member}", name, counts)
        for name in task.after_ready:
            if not tasks[places[name]].service:
                raise ValueError(f"{path}[{number}].after_ready: {name!r} is no service")
        needs = [places[name] for name in (*task.after, *task.after_ready)]
        order.add(number, *needs)
        sorted_already = sorted_already and all(need < number for need in needs)
    if sorted_already:
        return tasks
    try:
        return tuple(tasks[number] for number in order.static_order())
    except CycleError as fault:
        circle = " -> ".join(tasks[number].name for number in fault.args[1])
        raise ValueError(f"{path}: these wait for each other in a circle: {circle}") from fault


def _named(path: str, name: str, counts: Mapping[str, int]) -> None:
    if not counts[name]:
        raise ValueError(f"{path}: there is no task {name!r} beside it")
    if counts[name] > 1:
        raise ValueError(f"{path}: several tasks are called {name!r}")


def _job(job: object, path: str) -> None:
    if not isinstance(job, JobSpec):
        raise TypeError(f"{path}: is {_kind(job)}, not a JobSpec")
    _text(job.name, f"{path}.name")
    _text(job.type, f"{path}.type", empty=False)
    _text(job.description, f"{path}.description")
    for number, tag in enumerate(job.tags):
        _text(tag, f"{path}.tags[{number}]")
    _integer(job.task_count, f"{path}.task_count", least=0)
    if job.delete_after_s is not None:
        _number(job.delete_after_s, f"{path}.delete_after_s", most=MOST_S)
    encodable(_as_dict(job.spec, f"{path}.spec"), f"{path}.spec")
    watches(job.watches)


def _check_end(end: object) -> None:
    if not isinstance(end, TaskEnd):
        raise TypeError(f"ends: has {_kind(end)}, not TaskEnd")
    _integer(end.task_id, "ends: task_id", least=1, most=MOST_ID)
    for value in (end.result, end.error):
        if value is not None:
            _text(value, "ends: result or error", nul=True)


def _check_close(close: object) -> None:
    if not isinstance(close, TaskClose):
        raise TypeError(f"closes: has {_kind(close)}, not TaskClose")
    _integer(close.position, "closes: position", least=0)
    if close.error is not None:
        _text(close.error, "closes: error", nul=True)


def _check_verdict(end: object) -> None:
    if isinstance(end, Finish):
        if end.result is not None:
            _text(end.result, "Finish.result", nul=True)
    elif isinstance(end, Fail):
        _text(end.error, "Fail.error", nul=True)
    else:
        raise TypeError(f"end: is {_kind(end)}, not Finish or Fail")


def _step(step: object, path: str) -> None:
    if not isinstance(step, Step):
        raise TypeError(f"{path}: is {_kind(step)}, not a Step")
    _words(step.env, f"{path}.env")
    _words(step.files, f"{path}.files")
    for name in ("cmd", "entrypoint"):
        given = getattr(step, name)
        if isinstance(given, str) or not all(isinstance(word, str) for word in given):
            raise TypeError(f"{path}.{name}: is not a tuple of strings")
    for name in ("run", "image", "workdir"):
        given = getattr(step, name)
        if given is not None:
            _text(given, f"{path}.{name}", nul=True)


def _words(given: Mapping[Any, Any], path: str) -> dict[str, str]:
    for key, value in given.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"{path}[{key!r}]: is {_kind(value)}, keys and values must be strings")
    return dict(given)


def _as_dict(given: object, path: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise TypeError(f"{path}: is {_kind(given)}, not a mapping")
    return dict(given)


def _text(given: object, path: str, *, empty: bool = True, nul: bool = False) -> None:
    if not isinstance(given, str):
        raise TypeError(f"{path}: is {_kind(given)}, not a string")
    if not empty and not given:
        raise ValueError(f"{path}: is empty")
    if not nul and "\0" in given:
        raise ValueError(f"{path}: has a NUL character")
    if not given.isascii():
        given.encode()  # a lone surrogate: its error is a ValueError


def _integer(given: object, path: str, *, least: int, most: int = MOST_COUNT) -> None:
    if not isinstance(given, int) or isinstance(given, bool):
        raise TypeError(f"{path}: is {_kind(given)}, not an integer")
    if given < least:
        raise ValueError(f"{path}: is {given}, less than {least}")
    if given > most:
        raise ValueError(f"{path}: is more than {most}")


def _number(given: object, path: str, *, most: float = math.inf) -> float:
    if not isinstance(given, int | float) or isinstance(given, bool):
        raise TypeError(f"{path}: is {_kind(given)}, not a number")
    if not 0 <= given <= most or math.isinf(given):
        raise ValueError(f"{path}: is {given:g}, not between 0 and {most:g}")
    return given


def _kind(given: object) -> str:
    return "None" if given is None else f"a {type(given).__name__}"
