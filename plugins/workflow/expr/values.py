"""What expressions compute with: names of types, equality, order, member access.

Values are bool, int (64 bits), float, str, list, mapping with string keys, None (`nil`),
Instant and Duration. Nothing else is ever read: no attribute of a host object can be reached.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import ge, gt, le, lt
from typing import Any

from plugins.workflow.expr.durations import Duration
from plugins.workflow.expr.errors import ExpressionError
from plugins.workflow.expr.instants import Instant
from plugins.workflow.expr.limits import MAX_INT, MAX_RESULT_BYTES, MIN_INT, Meter, check_depth
from plugins.workflow.expr.text import key_text

_END = object()
_ORDERS: dict[str, Callable[[Any, Any], object]] = {
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}
_TYPE_NAMES: dict[type, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "string",
    list: "array",
    tuple: "array",
    dict: "map",
    type(None): "nil",
    Instant: "time.Time",
    Duration: "time.Duration",
}


def type_name(value: object) -> str:
    """The name expressions use for the type of a value; `unknown` for a stranger."""
    name = _TYPE_NAMES.get(type(value))
    if name is not None:
        return name
    if isinstance(value, str):
        return "string"
    return "map" if isinstance(value, Mapping) else "unknown"


def is_number(value: object) -> bool:
    """Whether it is an int or a float; booleans are not."""
    return type(value) is int or type(value) is float


def whole(value: int) -> int:
    """The integer itself; raises ExpressionError when it does not fit in 64 bits."""
    if MIN_INT <= value <= MAX_INT:
        return value
    raise ExpressionError("an integer does not fit in 64 bits")


def finite(value: float) -> float:
    """The float itself; raises ExpressionError for infinity and not-a-number."""
    if math.isfinite(value):
        return value
    raise ExpressionError("a number is out of range")


def equal(meter: Meter, left: object, right: object, depth: int = 0) -> bool:
    """Deep equality; ints and floats compare as numbers, other types are never equal.

    Raises ExpressionError when the values nest too deeply or time is over.
    """
    if isinstance(left, str) and isinstance(right, str):
        if len(left) == len(right):
            meter.scan(len(left))
        return left == right
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        check_depth(depth)
        if len(left) != len(right):
            return False
        return _all_equal(meter, zip(left, right, strict=True), depth + 1)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        check_depth(depth)
        meter.tick(len(left) // 16)
        if len(left) != len(right) or not all(key in right for key in left):
            return False
        return _all_equal(meter, ((left[key], right[key]) for key in left), depth + 1)
    # Python's True equals its 1.
    same_kind = type(left) is type(right) or (is_number(left) and is_number(right))
    return same_kind and bool(left == right)


def _all_equal(meter: Meter, pairs: Iterable[tuple[object, object]], depth: int) -> bool:
    for left, right in pairs:
        meter.tick()
        if not equal(meter, left, right, depth):
            return False
    return True


def ordered(meter: Meter, operator: str, left: object, right: object) -> bool:
    """`left operator right` for `<`, `<=`, `>`, `>=`.

    Numbers with numbers, strings with strings (by code point), times, durations; anything else
    raises ExpressionError.
    """
    sides: Any = (left, right)
    if isinstance(left, str) and isinstance(right, str):
        meter.scan(min(len(left), len(right)))
    elif not (is_number(left) and is_number(right)) and not any(
        isinstance(left, kind) and isinstance(right, kind) for kind in (Instant, Duration)
    ):
        raise ExpressionError(f"invalid operation: {type_name(left)} {operator} {type_name(right)}")
    return bool(_ORDERS[operator](*sides))


def position(value: object) -> int:
    """A list index; a float counts when it is whole. Raises ExpressionError."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return whole(int(value))
    raise ExpressionError(f"{type_name(value)} cannot be an index")


def fetch(value: object, key: object, absent: object = None) -> object:
    """The element of a list or string, or the value in a map under a key.

    A key the map lacks gives `absent`. Raises ExpressionError when the index is out of range or
    the value has no elements.
    """
    if isinstance(value, Mapping):
        return value.get(key_text(key), absent)
    if isinstance(value, list | tuple | str):
        index = position(key)
        if -len(value) <= index < len(value):
            element: object = value[index]
            return element
        raise ExpressionError(f"index {index} is out of range for {len(value)} elements")
    shown = key if isinstance(key, str) and len(key) <= 40 else type_name(key)
    raise ExpressionError(f"cannot fetch {shown} from {type_name(value)}")


def check_result(value: object, meter: Meter) -> object:
    """The value itself, once it is known to be of a size and depth others can handle.

    A list may hold one long string many times, or itself be held twice at each of many levels;
    both are small here and huge once written out. Raises ExpressionError.
    """
    if not isinstance(value, list | tuple | Mapping):
        return value
    size = 0
    open_values: list[Iterator[object]] = [iter((value,))]
    while open_values:
        element = next(open_values[-1], _END)
        if element is _END:
            open_values.pop()
            continue
        meter.tick()
        size += 8
        if isinstance(element, str):
            size += len(element)
        elif isinstance(element, list | tuple | Mapping):
            check_depth(len(open_values) - 1)
            if isinstance(element, Mapping):
                size += sum(len(key) for key in element if isinstance(key, str))
                open_values.append(iter(element.values()))
            else:
                open_values.append(iter(element))
        if size > MAX_RESULT_BYTES:
            raise ExpressionError("the result is too large")
    return value
