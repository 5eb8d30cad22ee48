"""Schemas of what clients submit to the Tork dialect, made from the tables in `shapes`.

For the API document only: bodies are read by `documents` and checked by `validation`.
"""

from functools import partial
from typing import Any, Final

from marshmallow import Schema, fields, validate

from app.api.tork.kinds import (
    Duration,
    Field,
    Flag,
    Integer,
    Kind,
    Late,
    ListOf,
    MapOf,
    Number,
    Shape,
    Text,
)

_Options = dict[str, Any]

_made: Final[dict[str, type[Schema]]] = {}


def documented(shape: Shape) -> type[Schema]:
    """Return the schema of an object a client submits; the same class each time."""
    if shape.name not in _made:
        members: dict[str, fields.Field[Any]] = {
            key: _member(field) for key, field in shape.fields.items() if not field.elsewhere
        }
        _made[shape.name] = type(shape.name, (Schema,), members)
    return _made[shape.name]


def _member(field: Field) -> fields.Field[Any]:
    options: _Options = {"required": field.required, "metadata": {"description": field.about}}
    if field.default is not None:
        options["metadata"]["default"] = field.default
    return _field(field.kind, options)


def _field(kind: Kind, options: _Options) -> fields.Field[Any]:
    made: fields.Field[Any]
    match kind:
        case Text(longest=longest):
            limit = [] if longest is None else [validate.Length(max=longest)]
            made = fields.String(validate=limit, **options)
        case Duration():
            options.setdefault("metadata", {})["example"] = "1h30m"
            made = fields.String(**options)
        case Integer(least=least, most=most):
            made = fields.Integer(validate=validate.Range(least, most), strict=True, **options)
        case Number(least=least, most=most):
            made = fields.Float(validate=validate.Range(least, most), **options)
        case Flag():
            made = fields.Boolean(**options)
        case ListOf(item=item, least=least, most=most):
            bound = [validate.Length(min=least or None, max=most)] if least or most else []
            made = fields.List(_field(item, {}), validate=bound, **options)
        case MapOf(item=item):
            made = fields.Dict(keys=fields.String(), values=_field(item, {}), **options)
        case Late():
            made = fields.Nested(partial(_schema, kind), **options)
        case Shape():
            made = fields.Nested(documented(kind), **options)
        case _:
            raise TypeError(f"no API document for {kind!r}")
    return made


def _schema(late: Late) -> Schema:
    return documented(late.find())()
