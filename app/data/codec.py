"""Values as the columns hold them.

JSON goes through orjson. What that cannot carry exactly (integers beyond 64 bits, lone
surrogates) is written by the standard library behind a leading blank, which says who reads it.

Text columns of PostgreSQL refuse NUL, and what tasks give may hold any byte that is UTF-8: log text
and the results and errors of tasks escape it with two private-use characters, so that what is read
is what was written. `app.data.vault` writes by these, and encrypts where there is a key.
"""

import json
from typing import Any

import orjson

Json = dict[str, Any]
_ESCAPE, _NUL, _SELF = "\ue000", "\ue000\ue000", "\ue000\ue001"


def dumps(value: Any) -> str:
    """Write JSON text."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return " " + json.dumps(value)


def loads(text: str) -> Any:
    """Read what `dumps` wrote."""
    if text == "{}":
        return {}
    return json.loads(text) if text[:1] == " " else orjson.loads(text)


def escape(text: str) -> str:
    """Make text fit for every text column; `unescape` gives it back exactly."""
    if _ESCAPE in text:
        text = text.replace(_ESCAPE, _SELF)
    return text.replace("\0", _NUL) if "\0" in text else text


def unescape(text: str) -> str:
    """Undo `escape`."""
    if _ESCAPE not in text:
        return text
    return text.replace(_NUL, "\0").replace(_SELF, _ESCAPE)
