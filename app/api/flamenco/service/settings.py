"""Settings of the farm: stored by anybody who may, read afresh whenever they count."""

import re
from collections.abc import Mapping
from typing import Any

from app.api.flamenco.errors import Refused, WrongField
from app.api.flamenco.fields import MOST, parse, sound, whole
from app.api.flamenco.tables import settings as table
from app.domain.clock import SECOND, Instant
from app.domain.records import Json
from app.hooks import Compiler
from app.wiring import Services

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
TIMES = {"worker_timeout": 300, "task_timeout": 600}
"""Whole seconds, and what they are until somebody stores another."""
LONGEST_S = 1_000_000_000
"""What a longer time comes to."""
MOST_VALUE = 1_000_000
"""Characters of a stored value."""


def every(services: Services) -> Json:
    """Give all settings that are stored or known."""
    with services.engine.store.session():
        stored = table.every(services.engine.store)
    return {**_defaults(services), **stored}


def one(services: Services, name: str) -> Json:
    """Give a setting: its object, or its value under `value`; empty for one nobody knows."""
    _check_name(name)
    with services.engine.store.session():
        stored = table.some(services.engine.store, [name])
    if name in stored:
        value = stored[name]
    else:
        known = _defaults(services)
        if name not in known:
            return {}
        value = known[name]
    return value if isinstance(value, dict) else {"value": value}


def keep(services: Services, given: Mapping[str, Any]) -> None:
    """Store settings, and leave all others as they are. Raises Refused, and stores none then."""
    values = {name: _checked(services, name, value) for name, value in given.items()}
    if values:
        with services.engine.store.transaction():
            table.store_all(services.engine.store, values)


def patience(services: Services) -> tuple[Instant, Instant]:
    """Give how long a worker and a task may be silent; in a session."""
    stored = table.some(services.engine.store, list(TIMES))
    worker_s, task_s = (stored.get(name, default) for name, default in TIMES.items())
    return min(worker_s, LONGEST_S) * SECOND, min(task_s, LONGEST_S) * SECOND


def programs(services: Services, compiler: Compiler) -> Json:
    """Give the programs that a compiler may call; in a session."""
    stored = table.some(services.engine.store, [compiler.name]).get(compiler.name)
    return stored if isinstance(stored, dict) else _default(compiler)


def _defaults(services: Services) -> Json:
    return {**TIMES, **{name: _default(one) for name, one in compilers(services).items()}}


def compilers(services: Services) -> dict[str, Compiler]:
    """Give the compilers that are installed, by name."""
    found = services.plugins.interfaces.items()
    return {name: one for name, one in found if isinstance(one, Compiler)}


def parsers(services: Services) -> dict[str, Compiler]:
    """Give the parsers that are installed, by name."""
    found = compilers(services).values()
    return {one.parser: one for one in found if one.parser is not None}


def _default(compiler: Compiler) -> Json:
    return {"commands": {"default": dict(compiler.programs)}}


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise WrongField("name", "must be 1 to 128 letters, digits, `_` or `-`")


def _checked(services: Services, name: str, value: Any) -> Any:
    _check_name(name)
    if value is None:
        raise WrongField("value", "is needed")
    if name in TIMES:
        number = whole(value)
        if number is None or not 1 <= number <= MOST:
            raise WrongField(name, "must be an integer of at least 1")
        return number
    if isinstance(value, str):
        if len(value) > MOST_VALUE:
            raise WrongField(name, f"must not be longer than {MOST_VALUE} characters")
        value = _read(value)
    if not sound(value):
        raise WrongField(name, "holds what cannot be stored")
    if name in compilers(services) and not isinstance(value, dict):
        raise Refused(400, f"{name} must be a JSON object", {name: "must be a JSON object"})
    return value


def _read(text: str) -> Any:
    """Give what a text means: JSON where it is that."""
    try:
        return parse(text)
    except ValueError:
        return text
