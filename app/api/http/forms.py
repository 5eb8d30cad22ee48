"""The shape of a job type's parameters as JSON Schema, for submit forms."""

from functools import lru_cache
from typing import Any

import orjson
import structlog
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from app.domain.records import Json

log = structlog.get_logger(__name__)

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ROOT = "Spec"
_WHERE, _HERE = "#/components/schemas/", "#/$defs/"


@lru_cache(maxsize=256)
def spec_schema(schema: type[Schema] | None) -> Json:
    """Give the JSON Schema of a spec; one that takes any object where nothing more is known.

    It tells shapes and limits. What a schema checks by code of its own is found out at submit.
    """
    anything = {"$schema": _DRAFT, "type": "object"}
    if schema is None:
        return anything
    try:
        plugin = MarshmallowPlugin()
        made = APISpec("spec", "1", "3.1.0", plugins=[plugin])
        if plugin.converter is not None:
            plugin.converter.add_attribute_function(_secrecy)  # type: ignore[no-untyped-call]
        made.components.schema(_ROOT, schema=schema)
        written = orjson.dumps(made.to_dict()["components"]["schemas"], default=str)
    except Exception:
        # A plugin's own fields may be anything; forms then do without.
        log.exception("spec-schema-not-shown", schema=schema.__name__)
        return anything
    parts = {name: _plain(part) for name, part in orjson.loads(written).items()}
    root = parts.pop(_ROOT)
    return {"$schema": _DRAFT, **root, **({"$defs": parts} if parts else {})}


def _secrecy(_converter: Any, field: fields.Field[Any], **_words: Any) -> Json:
    """Tell of a field that says it is secret that nobody reads it back."""
    return {"writeOnly": True} if field.metadata.get("secret") else {}


def _plain(value: Any) -> Any:
    """Give a part as JSON Schema has it: own references, patterns that hold for the whole text."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {key: _plain(each) for key, each in value.items()}
    if isinstance(found.get("$ref"), str):
        found["$ref"] = found["$ref"].replace(_WHERE, _HERE)
    if isinstance(found.get("pattern"), str):
        found["pattern"] = f"^(?:{found['pattern']})".replace(r"\Z", "$").replace(r"\0", r"\u0000")
    return found
