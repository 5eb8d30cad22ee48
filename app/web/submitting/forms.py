"""A form made of a JSON Schema: its fields with what was typed, and the value that this stands for.

What is typed travels as texts by path: `spec.limits.cpus`, `spec.mounts[0].type`. Of a list or map
`<path>.#` holds how many rows it shows, and of a map's row `<path>[0].=` its name. Nothing that was
typed is lost, whether it can be read or not.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.api.jobyard.errors import BadRequest
from app.web.submitting.shapes import Kind, Shape
from app.web.submitting.texts import read, single

MOST_FIELDS = 4000
"""Fields of a form, empty rows included; whoever needs more sends a file by the API."""
MOST_ROWS = 500
NOTHING: Final = object()
Typed = Mapping[str, str]

_WHOLE = re.compile(r"[-+]?[0-9]{1,19}")
_LAST_STEP = re.compile(r"(\.[^.\[]*|\[\d+\])$")


@dataclass(eq=False)
class Field:
    """A place of the form. path: the name of what is typed there.

    at: the same as faults name it: `env.PATH`. text: what was typed, or what stands there at first.
    key: the name of a map's row, as typed. below: fields of a group, rows of a list or map.
    optional: it may be left empty. loose: so may something around it.
    """

    path: str
    at: str
    name: str
    shape: Shape
    optional: bool
    loose: bool = False
    text: str = ""
    key: str = ""
    is_row: bool = False
    below: list["Field"] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        """How it is typed."""
        return self.shape.kind

    @property
    def label(self) -> str:
        """What people read before it."""
        words, _, unit = self.name.rpartition("_")
        told = f"{words} ({unit})" if words and unit in ("s", "bytes") else self.name
        return told.replace("_", " ")

    @property
    def help(self) -> str:
        """What the schema says about it."""
        return str(self.shape.schema.get("description", ""))

    @property
    def default(self) -> str:
        """What counts when it is left empty, as text; empty when nothing does."""
        given = self.shape.schema.get("default")
        return "" if given is None or given in ("", [], {}) else single(given)

    @property
    def choices(self) -> list[str]:
        """What can be chosen."""
        return [single(one) for one in self.shape.schema.get("enum", ()) if one is not None]

    @property
    def limits(self) -> dict[str, Any]:
        """Attributes of the element that hold the browser's user to what is taken."""
        given = self.shape.schema
        if self.kind in (Kind.WHOLE, Kind.NUMBER):
            step = {"step": 1 if self.kind is Kind.WHOLE else "any"}
            pairs = (("min", given.get("minimum")), ("max", given.get("maximum")))
            return step | {name: _plain(value) for name, value in pairs if value is not None}
        pairs = (("minlength", given.get("minLength")), ("maxlength", given.get("maxLength")))
        return {name: value for name, value in pairs if value is not None}

    @property
    def input(self) -> str:
        """The type of the element for one line. What is no number is shown all the same."""
        if self.kind is Kind.SECRET:
            return "password"
        is_number = self.text == "" or not isinstance(_number(self), str)
        return "number" if self.kind in (Kind.WHOLE, Kind.NUMBER) and is_number else "text"

    @property
    def notes(self) -> str:
        """The ids of the elements that say more about it."""
        ids = [f"{self.path}-help"] if self.help else []
        return " ".join([*ids, *(f"{self.path}-fault-{n}" for n in range(len(self.faults)))])

    @property
    def wanted(self) -> bool:
        """Whether a browser may refuse to send the form without it."""
        return not self.optional and not self.loose and self.kind not in (Kind.LONG, Kind.ANY)

    @property
    def ticked(self) -> bool:
        """Whether a flag is shown as a box: where leaving it out means no."""
        return not self.loose and isinstance(self.shape.schema.get("default"), bool)

    def every(self) -> Iterator["Field"]:
        """Yield it and all below it."""
        yield self
        for one in self.below:
            yield from one.every()


def typed(shape: Shape, path: str, given: Typed, *, name: str = "") -> Field:
    """Make the form of what was typed. Raises BadRequest for one beyond all measure."""
    form = _Reader(given).field(shape, path, "", name or path, optional=False, loose=False)
    form.at = ""
    return form


class _Reader:
    def __init__(self, given: Typed) -> None:
        self._given = given
        self._count = 0

    def field(
        self, shape: Shape, path: str, at: str, name: str, *, optional: bool, loose: bool
    ) -> Field:
        self._count += 1
        if self._count > MOST_FIELDS:
            raise BadRequest(f"a form may have at most {MOST_FIELDS} fields")
        made = Field(path, at, name, shape, optional, loose, text=self._given.get(path, ""))
        loose = loose or optional
        if shape.kind is Kind.GROUP:
            for below, inner in shape.fields.items():
                made.below.append(
                    self.field(
                        inner,
                        f"{path}.{below}",
                        f"{at}.{below}" if at else below,
                        below,
                        optional=below not in shape.required,
                        loose=loose,
                    )
                )
        elif shape.kind in (Kind.LIST, Kind.MAP):
            for row in range(rows(self._given, path)):
                made.below.append(self._row(made, row))
        return made

    def _row(self, parent: Field, row: int) -> Field:
        path = f"{parent.path}[{row}]"
        key = self._given.get(f"{path}.=", "") if parent.kind is Kind.MAP else ""
        at = f"{parent.at}.{key}" if parent.kind is Kind.MAP else f"{parent.at}[{row}]"
        inner = parent.shape.item
        made = self.field(inner, path, at, f"{parent.name} {row + 1}", optional=False, loose=False)
        made.key, made.is_row = key, True
        return made


def rows(given: Typed, path: str) -> int:
    """Give how many rows of a list or map were shown."""
    told = given.get(f"{path}.#", "")
    return min(int(told), MOST_ROWS) if told.isascii() and told.isdigit() and len(told) < 6 else 0


def value(form: Field) -> Any:
    """Give what a form stands for; NOTHING where it is left empty.

    What cannot be read as its shape wants it stays a text, and the shape's own check says so.
    """
    if form.kind is Kind.GROUP:
        given = {one.name: value(one) for one in form.below}
        found = {name: each for name, each in given.items() if each is not NOTHING}
        return found if found or not form.optional else NOTHING
    if form.kind is Kind.LIST:
        # A row that somebody added is one, even if it is empty: faults count rows as people do.
        items = ["" if each is NOTHING else each for each in map(value, form.below)]
        return items if items or not form.optional else NOTHING
    if form.kind is Kind.MAP:
        pairs = [(one.key, value(one)) for one in form.below]
        entries = {
            key: "" if each is NOTHING else each
            for key, each in pairs
            if key or each is not NOTHING
        }
        return entries if entries or not form.optional else NOTHING
    return _single(form)


def _single(form: Field) -> Any:
    if form.kind is Kind.FLAG and form.ticked:
        return form.text == "yes"
    if form.text == "":
        return NOTHING
    reader = _READERS.get(form.kind)
    return form.text if reader is None else reader(form)


def _flag(form: Field) -> Any:
    return {"yes": True, "no": False}.get(form.text, form.text)


def _whole(form: Field) -> int | str:
    return int(form.text) if _WHOLE.fullmatch(form.text.strip()) else form.text


def _number(form: Field) -> float | str:
    if _WHOLE.fullmatch(form.text.strip()):
        return int(form.text)
    try:
        found = float(form.text)
    except ValueError:
        return form.text
    return found if abs(found) < math.inf else form.text  # what is no number is not less either


def _choice(form: Field) -> Any:
    given = form.shape.schema["enum"]
    return next((one for one in given if one is not None and single(one) == form.text), form.text)


def _anything(form: Field) -> Any:
    try:
        return read(form.text)
    except BadRequest as error:
        form.faults.append(str(error))
        return form.text


_READERS: Mapping[Kind, Callable[[Field], Any]] = {
    Kind.FLAG: _flag,
    Kind.WHOLE: _whole,
    Kind.NUMBER: _number,
    Kind.CHOICE: _choice,
    Kind.ANY: _anything,
}


def blame(form: Field, faults: Mapping[str, str]) -> dict[str, str]:
    """Put faults at their fields; give those for which there is none."""
    places = {one.at: one for one in form.every() if one.at}
    left: dict[str, str] = {}
    for path, text in faults.items():
        at = path
        while at and at not in places:
            shorter = _LAST_STEP.sub("", at)
            at = "" if shorter == at else shorter
        if at:
            deeper = path[len(at) :].lstrip(".")
            told = f"{deeper}: {text}" if deeper not in ("", "key", "value") else text
            places[at].faults.append(told)
        else:
            left[path] = text
    return left


def _plain(number: Any) -> Any:
    """Write a limit without a point where it needs none."""
    return int(number) if isinstance(number, float) and number.is_integer() else number
