"""Reading request bodies: JSON whatever its Content-Type says, lenient where clients are.

Numbers and booleans may come as text that holds one; `null` is the same as leaving a field out, and
so is an empty text where a number is wanted. Unknown keys are ignored. Everything else that is not
what is wanted is refused with the name of the field.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

import orjson

from app.api.mantis.errors import Invalid

Json = dict[str, Any]
MOST = 2**31 - 1
_WHOLE = re.compile(r"[+-]?[0-9]{1,20}(\.0*)?")
LONGEST_SHOWN = 80


def document(raw: bytes) -> Json:
    """Read a body that is an object. Raises Invalid."""
    found = parsed(raw)
    if not isinstance(found, dict):
        raise Invalid("the body must be a JSON object", "invalid-body")
    return found


def parsed(raw: bytes) -> Any:
    """Read a body. Raises Invalid."""
    if not raw.strip():
        raise Invalid("the request needs a body", "invalid-body")
    try:
        return orjson.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Invalid("the body is not valid JSON", "invalid-body") from error


def shown(value: Any) -> str:
    """Give a value as an error may repeat it."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)[:LONGEST_SHOWN]


def clean(value: str, name: str) -> str:
    """Give text that may be stored and handed to a process. Raises Invalid."""
    if "\0" in value:
        raise Invalid(f"{name} must not have a NUL character")
    return value


def text(given: Json, name: str, default: str | None = None) -> str:
    """Read a text; required where there is no default."""
    value = given.get(name)
    if value is None:
        if default is None:
            raise Invalid(f"{name} is required")
        return default
    if not isinstance(value, str):
        raise Invalid(f"{name} must be text, not {shown(value)}")
    return clean(value, name)


def named(given: Json, name: str) -> str:
    """Read a text that is required and not blank."""
    value = text(given, name)
    if not value.strip():
        raise Invalid(f"{name} must not be blank")
    return value


def number(value: Any, name: str) -> float | None:
    """Read a finite number; None where it is absent."""
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = (
                float(value.strip()) if len(value) < LONGEST_SHOWN and "_" not in value else None
            )
        except ValueError:
            value = None
        if value is None:
            raise Invalid(f"{name} must be a number")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Invalid(f"{name} must be a number, not {shown(value)}")
    return int(value) if value == int(value) and abs(value) < 2**53 else value


def whole(value: Any, name: str, *, least: int = -MOST, most: int = MOST) -> int | None:
    """Read a whole number; None where it is absent. 1.0 is one, 1.5 is none."""
    if isinstance(value, str):
        if not value.strip():
            return None
        if not _WHOLE.fullmatch(value.strip()):
            raise Invalid(f"{name} must be a whole number, not {shown(value)}")
        value = int(value.strip().partition(".")[0])
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid(f"{name} must be a whole number, not {shown(value)}")
    if not math.isfinite(value) or value != int(value):
        raise Invalid(f"{name} must be a whole number, not {shown(value)}")
    found = int(value)
    if not least <= found <= most:
        raise Invalid(f"{name} must be within {least} and {most}, not {found}")
    return found


def flag(value: Any, name: str, *, default: bool = False) -> bool:
    """Read a boolean."""
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise Invalid(f"{name} must be true or false, not {shown(value)}")


def part(given: Json, name: str) -> Json | None:
    """Read an object; None where it is absent."""
    value = given.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise Invalid(f"{name} must be an object, not {shown(value)}")


def items(given: Json, name: str) -> list[Any]:
    """Read a list; an absent one is empty."""
    value = given.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Invalid(f"{name} must be a list, not {shown(value)}")
    return value


def pairs(given: Json, name: str) -> list[dict[str, str]]:
    """Read a list of `{name, value}`; numbers and booleans become text."""
    found: list[dict[str, str]] = []
    for one in items(given, name):
        if not isinstance(one, dict):
            raise Invalid(f"{name} must hold objects of a name and a value")
        value = one.get("value")
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, int | float):
            value = orjson.dumps(value).decode()
        elif value is None:
            value = ""
        elif not isinstance(value, str):
            raise Invalid(f"a value of {name} must be text, not {shown(value)}")
        key = named(one, "name")
        found.append({"name": key, "value": clean(value, f"a value of {name}")})
    return found


def one_of(value: Any, name: str, words: Sequence[str], default: str) -> str:
    """Read one of some words."""
    if value is None or value == "":
        return default
    if value not in words:
        raise Invalid(f"{name} must be one of {', '.join(words)}, not {shown(value)}")
    return str(value)
