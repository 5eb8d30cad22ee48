"""Reading what a request gives: JSON, a form or multipart, and the query for what is missing."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from flask import request
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from app.api.flamenco.errors import Refused, WrongField
from app.api.http.bodies import body

MOST = 2**53
MOST_TEXT_BYTES = 160 << 20
"""Of a body but for its files: it stands in memory. Whole logs come as one field."""
_INTEGER = re.compile(r"-?[0-9]+")
_LISTS = ("tasks", "depends_on", "tags")
_TAG = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NO_TAG = "must be 1 to 64 letters, digits, `_`, `.` or `-`"
_MOST_TAGS = 16
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_LONE = re.compile("[\ud800-\udfff]")
FIELD = 1_000_000
"""Characters of a field that is no log, activity or settings."""


class Fields:
    """The fields of one request, by name."""

    def __init__(self, given: Mapping[str, Any], files: Mapping[str, FileStorage]) -> None:
        self._given = given
        self.files = files

    def raw(self, name: str) -> Any:
        """Give a field as it came, None when it did not; `null` counts as not given."""
        value = self._given.get(name)
        return request.args.get(name) if value is None else value

    def names(self) -> list[str]:
        """Name the fields of the body."""
        return list(self._given)

    def integer(self, name: str, *, least: int = -MOST, most: int = MOST) -> int | None:
        """Give an integer, from a number or digits. Raises WrongField."""
        value = self.raw(name)
        if value is None:
            return None
        number = whole(value)
        if number is None:
            raise WrongField(name, "must be an integer")
        if not least <= number <= most:
            raise WrongField(name, _range(least, most))
        return number

    def text(self, name: str, *, most: int = FIELD) -> str | None:
        """Give a text. Raises WrongField."""
        value = self.raw(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise WrongField(name, "must be a string")
        if "\0" in value or _LONE.search(value):
            raise WrongField(name, "holds a character that no text may hold")
        if len(value) > most:
            raise WrongField(name, f"must not be longer than {most} characters")
        return value

    def output(self, name: str) -> str | None:
        """Give what a program wrote: any text is as good. Raises WrongField for what is none."""
        value = self.raw(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise WrongField(name, "must be a string")
        return _LONE.sub("\ufffd", value)

    def document(self, name: str) -> dict[str, Any] | None:
        """Give an object, or a text that holds one as JSON. Raises WrongField."""
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = parse(value)
            except ValueError as error:
                raise WrongField(name, "must be a JSON object") from error
        if not isinstance(value, dict):
            raise WrongField(name, "must be a JSON object")
        if not sound(value):
            raise WrongField(name, "holds what cannot be stored")
        return value

    def tag(self, name: str) -> str | None:
        """Give a tag, None where none or an empty one came. Raises WrongField."""
        value = self.text(name)
        if value and not _TAG.fullmatch(value):
            raise WrongField(name, _NO_TAG)
        return value or None

    def tags(self, name: str) -> list[str] | None:
        """Give tags: a list, or a text with commas between them. Raises WrongField."""
        value = self.raw(name)
        if value is None:
            return None
        entries = _listed(value) if not isinstance(value, list) else value
        if len(entries) == 1 and isinstance(entries[0], str):
            entries = [part.strip() for part in entries[0].split(",") if part.strip()]
        if len(entries) > _MOST_TAGS or not all(
            isinstance(one, str) and _TAG.fullmatch(one) for one in entries
        ):
            raise WrongField(name, f"must be up to {_MOST_TAGS} tags, each of which {_NO_TAG}")
        return sorted(set(entries))

    def integers(self, name: str) -> list[int] | None:
        """Give integers: a list, a repeated field or digits between commas. Raises WrongField."""
        value = self._given.get(name)
        if value is None:
            given = request.args.getlist(name)
            value = given[0] if len(given) == 1 else given or None
        if value is None:
            return None
        entries = value if isinstance(value, list) else _listed(value)
        found: list[int] = []
        for entry in entries:
            parts = entry.split(",") if isinstance(entry, str) else [entry]
            for part in parts:
                bare = part.strip() if isinstance(part, str) else part
                if bare == "" and isinstance(entry, str) and len(parts) == 1:
                    continue
                number = whole(bare)
                if number is None or abs(number) > MOST:
                    raise WrongField(name, "must be a list of integers")
                found.append(number)
        return found


def _listed(value: Any) -> list[Any]:
    """Give a single field as a list: JSON text of one, or itself."""
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            found = parse(value)
        except ValueError:
            return [value]
        return found if isinstance(found, list) else [value]
    return [value]


def whole(value: Any) -> int | None:
    """Read an integer, from a number or digits; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and len(value) <= 4000 and _INTEGER.fullmatch(value):
        return int(value)
    return None


def sound(value: Any) -> bool:
    """Whether a JSON value can be stored, and all its texts handed to a program."""
    try:
        written = orjson.dumps(value)
    except TypeError:  # nested too deeply, a number too large, half a pair of surrogates
        return False
    return _NUL.search(written) is None


def parse(text: str | bytes) -> Any:
    """Read JSON. Raises ValueError; numbers that are none are no JSON."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def read() -> Fields:
    """Read the request at hand. Raises Refused, RequestEntityTooLarge."""
    if request.mimetype in _FORMS:
        return _form()
    data = _whole_body()
    if not data:
        return Fields({}, {})
    try:
        given = parse(data)
    except ValueError as error:
        raise Refused(400, "The body is not valid JSON") from error
    if not isinstance(given, dict):
        raise Refused(400, "The body must be a JSON object")
    return Fields(given, {})


def _whole_body() -> bytes:
    if (request.content_length or 0) > MOST_TEXT_BYTES:
        raise RequestEntityTooLarge
    most = request.max_content_length
    request.max_content_length = min(most or MOST_TEXT_BYTES, MOST_TEXT_BYTES)
    return body()


def _form() -> Fields:
    if request.mimetype == _FORMS[0]:
        return Fields(
            _values(MultiDict(parse_qsl(_whole_body().decode("utf-8", "replace"), True))), {}
        )
    request.max_form_memory_size = MOST_TEXT_BYTES
    return Fields(_values(request.form), request.files)


def _values(form: MultiDict[str, str]) -> dict[str, Any]:
    """Give the first value of each field, and all of those that are lists."""
    return {
        name: values if name in _LISTS and len(values) > 1 else values[0]
        for name, values in form.lists()
        if name  # a part of a multipart body may come without one
    }


def _range(least: int, most: int) -> str:
    if most == MOST:
        return f"must be at least {least}" if least != -MOST else "is too large"
    return f"must be between {least} and {most}"
