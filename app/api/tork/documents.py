"""Submitted bodies: from bytes to one mapping, whatever the bytes are.

Both readers take hostile input: they answer or raise `Invalid` in time that follows the size of the
body, never of what its aliases would expand to, and let no other error out.
"""

import codecs
import json
from typing import Any, Final, NoReturn, TypeAlias

from app.api.tork.composer import compose
from app.api.tork.faults import Invalid, item_path, key_path, refuse
from app.api.tork.scalars import Value

DEEPEST: Final = 100
"""Levels of lists and mappings a document may nest, its own mapping included."""

# The way to a value: the way to what holds it, and the key or place there; empty at the top.
_Steps: TypeAlias = tuple[()] | tuple[Any, str | int]

MOST_NODES: Final = 100_000
"""Nodes a document with aliases may have, counting every alias as all it stands for."""


def read_yaml(body: bytes) -> dict[str, Value]:
    """Return the first document of a YAML stream, a mapping whose scalars keep their source text.

    Raises Invalid for anything that is not one mapping of standard YAML types, for duplicate keys,
    NUL characters, and documents beyond `DEEPEST` or `MOST_NODES`.
    """
    encoding = "utf-8-sig"
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    return compose(_decoded(body, encoding), deepest=DEEPEST, most_nodes=MOST_NODES)


def read_json(body: bytes) -> dict[str, Value]:
    """Return the JSON object in `body`; of a key that is there twice the last one counts.

    Raises Invalid for anything else, for NaN and Infinity, for strings with NUL characters or half
    surrogate pairs, and beyond `DEEPEST`.
    """
    text = _decoded(body, "utf-8-sig")
    if not text.strip():
        refuse("is empty")
    try:
        document: Value = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        refuse(f"line {error.lineno}, column {error.colno}: {error.msg}")
    except RecursionError:
        refuse(f"nests deeper than {DEEPEST} levels")
    except Invalid:
        raise
    except ValueError:  # an integer of thousands of digits
        refuse("holds a number that is too long")
    if not isinstance(document, dict):
        refuse("must be an object")
    _check_json(document)
    return document


def _decoded(body: bytes, encoding: str) -> str:
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError:
        refuse(f"is not valid {encoding.removesuffix('-sig').upper()}")
    if "\0" in text:
        refuse("holds a NUL character")
    return text


def _no_constant(name: str) -> NoReturn:
    refuse(f"{name} is not a JSON number")


def _check_json(document: Value) -> None:
    # Level by level instead of by recursion: the parser lets more levels through than we do.
    level: list[tuple[_Steps, Value]] = [((), document)]
    depth = 0
    while level:
        inner: list[tuple[_Steps, Value]] = []
        for steps, value in level:
            if isinstance(value, str):
                _check_text(value, steps)
            elif isinstance(value, dict | list):
                if depth >= DEEPEST:
                    refuse(f"nests deeper than {DEEPEST} levels")
                if isinstance(value, dict):
                    for key in value:
                        _check_text(key, steps)
                    inner.extend(((steps, key), one) for key, one in value.items())
                else:
                    inner.extend(((steps, place), one) for place, one in enumerate(value))
        level = inner
        depth += 1


def _check_text(text: str, steps: "_Steps") -> None:
    if "\0" in text:
        refuse("holds a NUL character", _path(steps))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            refuse("holds half a surrogate pair", _path(steps))


def _path(steps: "_Steps") -> str:
    keys: list[str | int] = []
    while steps:
        steps, key = steps
        keys.append(key)
    path = ""
    for key in reversed(keys):
        path = item_path(path, key) if isinstance(key, int) else key_path(path, key)
    return path
