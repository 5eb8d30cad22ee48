"""What a part of a JSON Schema asks for, as a form can ask for it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.domain.records import Json
from config.redaction import is_secret_name

DEEPEST = 8
"""Groups within groups; what lies deeper is typed as text."""
ONE_LINE = 512
"""A text that may not be longer is one line."""


class Kind(StrEnum):
    """How a value is typed."""

    TEXT = "text"  #: one line
    LONG = "long"  #: any number of lines
    SECRET = "secret"  # noqa: S105 - a word
    WHOLE = "whole"  #: a whole number
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    GROUP = "group"  #: an object of named fields
    LIST = "list"
    MAP = "map"  #: an object of names that the user makes up
    ANY = "any"  #: whatever it is, as JSON or YAML


@dataclass(frozen=True, slots=True)
class Shape:
    """A part of a schema, with what it refers to put in its place.

    schema: the part. root: the whole, where references lead. depth: groups around it.
    """

    kind: Kind
    schema: Json
    root: Json
    depth: int

    @classmethod
    def of(cls, schema: Any, root: Json, *, name: str = "", secret: bool = False) -> "Shape":
        """Give the shape of a part that stands under a name; secret: all below it is."""
        return cls._of(schema, root, 0, name, secret)

    @classmethod
    def _of(cls, schema: Any, root: Json, depth: int, name: str, secret: bool) -> "Shape":
        plain = _resolved(schema, root)
        return cls(_kind(plain, depth, secret or _is_secret(plain, name)), plain, root, depth)

    @property
    def fields(self) -> dict[str, "Shape"]:
        """The fields of a group: required ones first, and of the whole form then what is small."""
        given = self.schema.get("properties", {})
        shapes = {name: self._below(each, name) for name, each in given.items()}
        names = sorted(
            shapes, key=lambda name: (name not in self.required, self._room(shapes[name]))
        )
        return {name: shapes[name] for name in names}

    def _room(self, field: "Shape") -> int:
        """Tell how much room a field takes, where there are many."""
        return 0 if self.depth else _SIZES.get(field.kind, 0)

    @property
    def required(self) -> frozenset[str]:
        """The names of fields of a group that must be given."""
        return frozenset(self.schema.get("required", ()))

    @property
    def item(self) -> "Shape":
        """The shape of an entry of a list or of a map."""
        below = self.schema.get("items" if self.kind is Kind.LIST else "additionalProperties")
        return self._below(below, "")

    def _below(self, schema: Any, name: str) -> "Shape":
        secret = bool(self.schema.get("writeOnly"))
        return Shape._of(schema, self.root, self.depth + 1, name, secret)


_SIZES = {Kind.LONG: 1, Kind.ANY: 1, Kind.MAP: 2, Kind.LIST: 2, Kind.GROUP: 3}


def _resolved(schema: Any, root: Json) -> Json:
    """Put what is referred to in its place, and leave out that it may be null."""
    beside: Json = {}
    for _ in range(DEEPEST):
        if not isinstance(schema, dict):
            return {}
        some = [
            one
            for one in schema.get("anyOf", ())
            if isinstance(one, dict) and one.get("type") != "null"
        ]
        one = schema.get("$ref")
        if isinstance(one, str) and one.startswith("#/$defs/"):
            below = root.get("$defs", {}).get(one.removeprefix("#/$defs/"))
        elif len(some) == 1:
            below = some[0]
        elif len(schema.get("allOf", ())) == 1:
            below = schema["allOf"][0]
        else:
            return {**schema, **beside}
        kept = ("default", "description", "title", "writeOnly")
        beside = {**{key: schema[key] for key in kept if key in schema}, **beside}
        schema = below
    return {}


def _is_secret(schema: Json, name: str) -> bool:
    if name and is_secret_name(name):
        schema["writeOnly"] = True  # so is what lies below
    return bool(schema.get("writeOnly"))


def _kind(schema: Json, depth: int, secret: bool) -> Kind:
    given = schema.get("type")
    kinds = [one for one in given if one != "null"] if isinstance(given, list) else [given]
    kind = kinds[0] if len(kinds) == 1 else None
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        plain = all(one is None or isinstance(one, str | int) for one in choices)
        return Kind.CHOICE if plain else Kind.ANY
    if kind == "object":
        return _object(schema, depth)
    if kind == "array":
        return Kind.LIST if depth < DEEPEST and schema.get("items") else Kind.ANY
    if kind == "string":
        return _text(schema, secret)
    single = {"integer": Kind.WHOLE, "number": Kind.NUMBER, "boolean": Kind.FLAG}
    return single.get(str(kind), Kind.ANY)


def _object(schema: Json, depth: int) -> Kind:
    if depth >= DEEPEST:
        return Kind.ANY
    if isinstance(schema.get("properties"), dict):
        return Kind.GROUP
    # Of a map whose values may be anything nothing is known that a form could ask for.
    return Kind.MAP if schema.get("additionalProperties") not in (None, True, {}) else Kind.ANY


def _text(schema: Json, secret: bool) -> Kind:
    if secret:
        return Kind.SECRET
    if "default" in schema and schema["default"] is not None and "\n" not in schema["default"]:
        return Kind.TEXT
    short = schema.get("maxLength", ONE_LINE + 1) <= ONE_LINE
    return Kind.TEXT if short or "pattern" in schema or "format" in schema else Kind.LONG
