"""The operators that need both their sides."""

import math
from collections.abc import Callable, Mapping

from plugins.workflow.expr.durations import Duration
from plugins.workflow.expr.errors import ExpressionError
from plugins.workflow.expr.instants import Instant, between, shifted
from plugins.workflow.expr.limits import Meter
from plugins.workflow.expr.patterns import found
from plugins.workflow.expr.text import key_text
from plugins.workflow.expr.values import equal, finite, type_name, whole


def unary(operator: str, value: object) -> object:
    """`-x`, `+x`, `not x`. Raises ExpressionError for a value of the wrong type."""
    if operator == "not":
        if isinstance(value, bool):
            return not value
    elif type(value) is int:
        return value if operator == "+" else whole(-value)
    elif type(value) is float:
        return value if operator == "+" else -value
    elif isinstance(value, Duration):
        return value if operator == "+" else _duration(-value.ns)
    raise ExpressionError(f"invalid operation: {operator} {type_name(value)}")


def _wrong(left: object, operator: str, right: object) -> ExpressionError:
    return ExpressionError(f"invalid operation: {type_name(left)} {operator} {type_name(right)}")


def _duration(ns: int) -> Duration:
    return Duration(whole(ns))


def _number(value: object) -> int | float | None:
    return value if type(value) is int or type(value) is float else None


def _add(meter: Meter, left: object, right: object) -> object:
    one, other = _number(left), _number(right)
    if one is not None and other is not None:
        return _sized(one + other)
    if isinstance(left, str) and isinstance(right, str):
        meter.room(len(left) + len(right))
        return meter.text(left + right)
    if isinstance(left, Duration) and isinstance(right, Duration):
        return _duration(left.ns + right.ns)
    if isinstance(left, Instant) and isinstance(right, Duration):
        return shifted(left, right.ns)
    if isinstance(left, Duration) and isinstance(right, Instant):
        return shifted(right, left.ns)
    raise _wrong(left, "+", right)


def _subtract(meter: Meter, left: object, right: object) -> object:  # noqa: ARG001
    one, other = _number(left), _number(right)
    if one is not None and other is not None:
        return _sized(one - other)
    if isinstance(left, Instant) and isinstance(right, Instant):
        return _duration(between(left, right).ns)
    if isinstance(left, Instant) and isinstance(right, Duration):
        return shifted(left, -right.ns)
    if isinstance(left, Duration) and isinstance(right, Duration):
        return _duration(left.ns - right.ns)
    raise _wrong(left, "-", right)


def _multiply(meter: Meter, left: object, right: object) -> object:  # noqa: ARG001
    one, other = _number(left), _number(right)
    if one is not None and other is not None:
        return _sized(one * other)
    if isinstance(left, Duration) and other is not None:
        return _duration(int(finite(left.ns * other)))
    if one is not None and isinstance(right, Duration):
        return _duration(int(finite(one * right.ns)))
    raise _wrong(left, "*", right)


def _divide(meter: Meter, left: object, right: object) -> object:  # noqa: ARG001
    one, other = _number(left), _number(right)
    if one is None or other is None:
        raise _wrong(left, "/", right)
    if other == 0:
        raise ExpressionError("division by zero")
    return finite(float(one) / float(other))


def _remainder(meter: Meter, left: object, right: object) -> object:  # noqa: ARG001
    if type(left) is not int or type(right) is not int:
        raise _wrong(left, "%", right)
    if right == 0:
        raise ExpressionError("division by zero")
    # The sign of the left side, as in Go; Python's own follows the right side.
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def _power(meter: Meter, left: object, right: object) -> object:  # noqa: ARG001
    one, other = _number(left), _number(right)
    if one is None or other is None:
        raise _wrong(left, "**", right)
    try:
        return finite(math.pow(one, other))
    except (OverflowError, ValueError):
        raise ExpressionError("a number is out of range") from None


def _sized(value: float) -> int | float:
    return whole(value) if type(value) is int else finite(value)


def _equals(meter: Meter, left: object, right: object) -> object:
    return equal(meter, left, right)


def _differs(meter: Meter, left: object, right: object) -> object:
    return not equal(meter, left, right)


def _member(meter: Meter, left: object, right: object) -> bool:
    if isinstance(right, list | tuple):
        for element in right:
            meter.tick()
            if equal(meter, left, element):
                return True
        return False
    if isinstance(right, Mapping):
        return left is not None and key_text(left) in right
    if right is None:
        return False
    raise _wrong(left, "in", right)


def _on_strings(
    operator: str, holds: Callable[[Meter, str, str], bool]
) -> Callable[[Meter, object, object], object]:
    def apply(meter: Meter, left: object, right: object) -> object:
        if left is None or right is None:
            return False
        if isinstance(left, str) and isinstance(right, str):
            meter.scan(len(left) + len(right))
            return holds(meter, left, right)
        raise _wrong(left, operator, right)

    return apply


def _range(meter: Meter, left: object, right: object) -> object:
    if type(left) is not int or type(right) is not int:
        raise _wrong(left, "..", right)
    meter.items(max(right - left + 1, 0))
    return list(range(left, right + 1))


#: By spelling; `not in` and its like are negated by the caller.
OPERATORS: dict[str, Callable[[Meter, object, object], object]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "%": _remainder,
    "**": _power,
    "==": _equals,
    "!=": _differs,
    "in": _member,
    "..": _range,
    "contains": _on_strings("contains", lambda _, left, right: right in left),
    "startsWith": _on_strings("startsWith", lambda _, left, right: left.startswith(right)),
    "endsWith": _on_strings("endsWith", lambda _, left, right: left.endswith(right)),
    "matches": _on_strings("matches", found),
}
