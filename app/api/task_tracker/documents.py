"""Reading request bodies: one JSON object, whatever its Content-Type says.

Names match whatever their letter case, `null` is the same as leaving a field out, a field left out
has its zero value, and unknown fields are ignored. Types are strict: `1.0` is no integer, `true` no
number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from app.api.task_tracker.errors import Unreadable

Fields = Mapping[str, "Field"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field. read: gives its value, or raises Unreadable. zero: its value when left out."""

    read: Callable[[Any], Any]
    zero: Any
    aliases: tuple[str, ...] = ()


def _text(value: Any) -> str:
    if type(value) is not str:
        raise Unreadable
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise Unreadable
    return value


def _number(value: Any) -> float:
    if type(value) is not float and type(value) is not int:
        raise Unreadable
    return float(value)


def whole(least: int, most: int) -> Callable[[Any], int]:
    """Make a reader of integers within a width."""

    def read(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Unreadable
        return value

    return read


def _wrapped(value: Any) -> int:
    """Read 64 bits, signed or not, as signed."""
    if type(value) is not int or not -(2**63) <= value < 2**64:
        raise Unreadable
    return value if value < 2**63 else value - 2**64


def text(*aliases: str) -> Field:
    """Make a field of text."""
    return Field(_text, "", aliases)


def flag(*, zero: bool | None = False) -> Field:
    """Make a field that is true or false."""
    return Field(_flag, zero)


def number() -> Field:
    """Make a field of any number."""
    return Field(_number, 0.0)


def int16() -> Field:
    """Make a field of 16 bits."""
    return Field(whole(-(2**15), 2**15 - 1), 0)


def int64(*, zero: int | None = 0) -> Field:
    """Make a field of 64 bits."""
    return Field(whole(-(2**63), 2**63 - 1), zero)


def hash64(*aliases: str) -> Field:
    """Make a field of 64 bits that may be meant without a sign."""
    return Field(_wrapped, 0, aliases)


def parsed(raw: bytes) -> Any:
    """Read JSON text. Raises Unreadable."""
    try:
        return orjson.loads(raw)
    except ValueError as error:
        raise Unreadable from error


def read(raw: bytes, fields: Fields) -> dict[str, Any]:
    """Read a body of these fields. Raises Unreadable."""
    return pick(parsed(raw), fields)


def pick(document: Any, fields: Fields) -> dict[str, Any]:
    """Take fields out of an object; of two spellings of one the field's own wins.

    Raises Unreadable for what is no object, and for a value of the wrong type.
    """
    if type(document) is not dict:
        raise Unreadable
    given = document
    for name in document:
        if not name.islower():
            given = {name.lower(): value for name, value in document.items()}
            break
    values = {}
    for name, field in fields.items():
        value = given.get(name)
        if value is None and field.aliases:
            value = next((given[one] for one in field.aliases if given.get(one) is not None), None)
        values[name] = field.zero if value is None else field.read(value)
    return values
