"""What stands in a form before somebody types, and rows put in and taken out."""

from typing import Any

from app.web.submitting.forms import MOST_ROWS, Field, Typed, rows
from app.web.submitting.shapes import Kind, Shape
from app.web.submitting.texts import single, written

_FITTING: dict[Kind, Any] = {Kind.WHOLE: int, Kind.NUMBER: int | float, Kind.CHOICE: str | int}


class Unfit(Exception):
    """A value has something for which the form has no field. path: where."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def begun(shape: Shape, path: str) -> dict[str, str]:
    """Give what stands in an untouched form: ticks, and a first row where one is required."""
    if shape.kind is Kind.FLAG:
        return {path: "yes"} if shape.schema.get("default") is True else {}
    found: dict[str, str] = {}
    if shape.kind is Kind.GROUP:
        for name, below in shape.fields.items():
            if name not in shape.required and below.kind is not Kind.FLAG:
                continue
            found |= begun(below, f"{path}.{name}")
    elif shape.kind in (Kind.LIST, Kind.MAP):
        found = {f"{path}.#": "1", **begun(shape.item, f"{path}[0]")}
    return found


def flat(shape: Shape, given: Any, path: str) -> dict[str, str]:
    """Give the texts by path that a value is typed by. Raises Unfit."""
    if given is None:
        return {}
    if shape.kind is Kind.GROUP:
        return _group(shape, given, path)
    if shape.kind in (Kind.LIST, Kind.MAP):
        return _entries(shape, given, path)
    if shape.kind is Kind.ANY:
        return {path: written(given)}
    return {path: _single(shape, given, path)}


def _entries(shape: Shape, given: Any, path: str) -> dict[str, str]:
    if shape.kind is Kind.LIST and isinstance(given, list):
        return _rows(shape, [(None, each) for each in given], path)
    if shape.kind is Kind.MAP and isinstance(given, dict):
        return _rows(shape, list(given.items()), path)
    if given == "":  # secret as a whole, and not shown
        return {}
    raise Unfit(path)


def _group(shape: Shape, given: Any, path: str) -> dict[str, str]:
    if not isinstance(given, dict):
        raise Unfit(path)
    found: dict[str, str] = {}
    fields = shape.fields
    for name, each in given.items():
        if name not in fields:
            raise Unfit(f"{path}.{name}")
        found |= flat(fields[name], each, f"{path}.{name}")
    return found


def _rows(shape: Shape, entries: list[tuple[str | None, Any]], path: str) -> dict[str, str]:
    if len(entries) > MOST_ROWS:
        raise Unfit(path)
    found = {f"{path}.#": str(len(entries))}
    item = shape.item
    for row, (key, each) in enumerate(entries):
        if each is None:
            raise Unfit(f"{path}[{row}]")
        found |= flat(item, each, f"{path}[{row}]")
        if key is not None:
            found[f"{path}[{row}].="] = key
    return found


def _single(shape: Shape, given: Any, path: str) -> str:
    if shape.kind is Kind.FLAG or isinstance(given, bool):
        if shape.kind is not Kind.FLAG or not isinstance(given, bool):
            raise Unfit(path)
        return "yes" if given else "no"
    if not isinstance(given, _FITTING.get(shape.kind, str)):
        raise Unfit(path)
    text = single(given)
    if "\n" in text and shape.kind is not Kind.LONG:
        raise Unfit(path)
    return text


def added(form: Field, given: Typed, path: str) -> dict[str, str]:
    """Give what was typed with one more row of a list or map."""
    for one in form.every():
        if one.path == path and one.kind in (Kind.LIST, Kind.MAP):
            count = len(one.below)
            new = begun(one.shape.item, f"{path}[{count}]") if count < MOST_ROWS else {}
            return {**given, **new, f"{path}.#": str(count + 1)}
    return dict(given)


def removed(given: Typed, path: str) -> dict[str, str]:
    """Give what was typed without a row; those behind it move up. path: of the row."""
    around, bracket, rest = path.rpartition("[")
    count = rows(given, around)
    if not bracket or _number(rest) is None or not count:
        return dict(given)
    gone, begin, found = _number(rest), f"{around}[", {}
    for name, text in given.items():
        if not name.startswith(begin):
            found[name] = text
            continue
        place = _number(name[len(begin) :])
        if place is None or place == gone:
            continue
        below = name[len(begin) :].partition("]")[2]
        found[f"{begin}{place - (place > (gone or 0))}]{below}"] = text
    found[f"{around}.#"] = str(count - 1)
    return found


def _number(text: str) -> int | None:
    """Give the number in front of a closing bracket."""
    digits, bracket, _ = text.partition("]")
    known = bracket and digits.isascii() and digits.isdigit() and len(digits) < 6
    return int(digits) if known else None
