"""Values as text: in templates, as JSON, as map keys."""

import json
import math
from collections.abc import Mapping

from plugins.workflow.expr.durations import Duration
from plugins.workflow.expr.errors import ExpressionError
from plugins.workflow.expr.instants import Instant
from plugins.workflow.expr.limits import MAX_STRING_BYTES, Meter, check_depth


def key_text(value: object) -> str:
    """The map key a value stands for; only scalars can be keys."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float | Instant | Duration):
        return scalar_text(value)
    raise ExpressionError("a list or map cannot be a map key")


def scalar_text(value: object) -> str:
    """A value other than a list or map as text (see `to_text`)."""
    if isinstance(value, str):
        return str.__str__(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, int | Instant | Duration):
        return str(value)
    raise ExpressionError(f"a value of type {type(value).__name__} has no text")


def _float_text(value: float) -> str:
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")


def to_text(value: object, meter: Meter | None = None) -> str:
    """A value as it appears in a rendered template.

    Strings as they are, true and false, integers in decimal, floats in the shortest form without
    a trailing `.0`, nil as the empty string, times as RFC 3339, durations as `1h0m0s`, lists and
    maps as compact JSON. Raises ExpressionError: more than 1 MiB, or nested too deeply.
    """
    if isinstance(value, list | tuple | Mapping):
        return to_json(value, meter)
    return scalar_text(value)


def to_json(value: object, meter: Meter | None = None, *, indent: int = 0) -> str:
    """JSON of a value; keys keep their order, but are sorted when indented.

    indent: spaces per level, 0 for compact. Times and durations are written as strings.
    Raises ExpressionError: more than 1 MiB, nested too deeply, or a number JSON lacks.
    """
    writer = _JsonWriter(meter, indent)
    writer.write(value, 0)
    return "".join(writer.parts)


class _JsonWriter:
    def __init__(self, meter: Meter | None, indent: int) -> None:
        self.parts: list[str] = []
        self._size = 0
        self._meter = meter
        self._indent = indent

    def _put(self, part: str) -> None:
        self.parts.append(part)
        self._size += len(part) if part.isascii() else len(part.encode("utf-8", "surrogatepass"))
        if self._size > MAX_STRING_BYTES:
            raise ExpressionError("a string would be longer than 1 MiB")
        if self._meter is not None:
            self._meter.scan(len(part))

    def write(self, value: object, depth: int) -> None:
        if isinstance(value, Mapping):
            keys = sorted(value, key=key_text) if self._indent else list(value)
            self._put("{")
            for at, key in enumerate(keys):
                self._separate(at, depth)
                self._put(json.dumps(key_text(key), ensure_ascii=False))
                self._put(": " if self._indent else ":")
                self.write(value[key], depth + 1)
            self._close("}", len(keys), depth)
        elif isinstance(value, list | tuple):
            self._put("[")
            for at, element in enumerate(value):
                self._separate(at, depth)
                self.write(element, depth + 1)
            self._close("]", len(value), depth)
        elif value is None:
            self._put("null")
        elif isinstance(value, str | Instant | Duration):
            self._put(json.dumps(scalar_text(value), ensure_ascii=False))
        else:
            if isinstance(value, float) and not math.isfinite(value):
                raise ExpressionError("JSON has no such number")
            self._put(scalar_text(value))

    def _separate(self, at: int, depth: int) -> None:
        check_depth(depth)
        if at:
            self._put(",")
        if self._indent:
            self._put("\n" + " " * (self._indent * (depth + 1)))

    def _close(self, bracket: str, count: int, depth: int) -> None:
        if count and self._indent:
            self._put("\n" + " " * (self._indent * depth))
        self._put(bracket)
