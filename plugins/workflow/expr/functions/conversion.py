"""Functions from one type to another."""

import base64
import binascii
import json
import re

from plugins.workflow.expr.calls import Builtin, Run, text_argument
from plugins.workflow.expr.errors import ExpressionError
from plugins.workflow.expr.limits import MAX_INT, MAX_NESTING, MIN_INT
from plugins.workflow.expr.text import to_json, to_text
from plugins.workflow.expr.values import finite, type_name, whole

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Python refuses to read integers of thousands of digits, and floats need no more than these.
_MAX_DIGITS = 400


def _int(run: Run, value: object) -> int:  # noqa: ARG001
    if type(value) is int:
        return value
    if type(value) is float:
        return whole(int(finite(value)))
    text = text_argument("int", value)
    if len(text) > _MAX_DIGITS or not _INTEGER.fullmatch(text):
        raise ExpressionError(f"int: invalid number {text[:40]!r}")
    return whole(int(text))


def _float(run: Run, value: object) -> float:  # noqa: ARG001
    if type(value) is int or type(value) is float:
        return float(value)
    text = text_argument("float", value)
    if len(text) > _MAX_DIGITS or not _NUMBER.fullmatch(text):
        raise ExpressionError(f"float: invalid number {text[:40]!r}")
    return finite(float(text))


def _string(run: Run, value: object) -> str:
    return run.meter.text(to_text(value, run.meter))


def _type(run: Run, value: object) -> str:  # noqa: ARG001
    return type_name(value)


def _to_json(run: Run, value: object) -> str:
    return run.meter.text(to_json(value, run.meter, indent=2))


def _from_json(run: Run, value: object) -> object:
    text = text_argument("fromJSON", value)
    run.meter.text_size(len(text))
    try:
        document = json.loads(text, parse_int=_json_int, parse_constant=_no_constant)
    except (ValueError, RecursionError) as fault:
        raise ExpressionError(f"fromJSON: {str(fault)[:80]}") from None
    return _checked(run, document, 0)


def _json_int(digits: str) -> int | float:
    # Beyond 64 bits a number becomes a float, as all JSON numbers do in Go.
    number = int(digits) if len(digits) <= _MAX_DIGITS else float("inf")
    return number if MIN_INT <= number <= MAX_INT else float(number)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _checked(run: Run, value: object, depth: int) -> object:
    """The document within our bounds: sizes, depth, numbers, and characters others can store."""
    if depth > MAX_NESTING:
        raise ExpressionError(f"fromJSON: nests more than {MAX_NESTING} levels deep")
    run.meter.tick()
    if isinstance(value, str):
        return _storable("fromJSON", value)
    if isinstance(value, float):
        return finite(value)
    if isinstance(value, list):
        run.meter.items(len(value))
        for index, element in enumerate(value):
            value[index] = _checked(run, element, depth + 1)
    elif isinstance(value, dict):
        run.meter.items(len(value))
        return {
            _storable("fromJSON", key): _checked(run, element, depth + 1)
            for key, element in value.items()
        }
    return value


def _storable(name: str, text: str) -> str:
    if "\0" in text:
        raise ExpressionError(f"{name}: the text holds a NUL character")
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _to_base64(run: Run, value: object) -> str:
    data = text_argument("toBase64", value).encode("utf-8", "replace")
    run.meter.text_size(len(data) * 4 // 3)
    return run.meter.text(base64.b64encode(data).decode("ascii"))


def _from_base64(run: Run, value: object) -> str:
    text = text_argument("fromBase64", value)
    run.meter.text_size(len(text))
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise ExpressionError("fromBase64: invalid base64") from None
    return run.meter.text(_storable("fromBase64", data.decode("utf-8", "replace")))


FUNCTIONS = {
    "int": Builtin(_int, 1, 1),
    "float": Builtin(_float, 1, 1),
    "string": Builtin(_string, 1, 1),
    "type": Builtin(_type, 1, 1),
    "toJSON": Builtin(_to_json, 1, 1),
    "fromJSON": Builtin(_from_json, 1, 1),
    "toBase64": Builtin(_to_base64, 1, 1),
    "fromBase64": Builtin(_from_base64, 1, 1),
}
