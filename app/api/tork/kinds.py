"""The kinds of fields a submitted document is made of, and how each is read.

A kind turns a raw value (`scalars.Value`) into plain JSON and notes what is wrong with it. What it
answers after a fault is only good for finding further faults.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from app.api.tork.faults import Faults, item_path, key_path
from app.api.tork.scalars import Value, flag_of, integer_of, is_null, number_of, text_of
from app.domain.durations import format_duration, parse_duration


class ExpressionChecker(Protocol):
    """Says whether expressions parse; each method raises ValueError with a message for a client."""

    def check_expression(self, text: str) -> None:
        """Check a condition or list: the first `{{ }}` part, or the whole text if it has none."""

    def check_output(self, text: str) -> None:
        """Check a job's output: every `{{ }}` part; a text without any is plain text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What validation asks others, since it knows neither the language nor the store.

    cron: raises ValueError for a text that is no cron expression.
    permission_exists: given `user` or `role` and the name; whether there is such a one.
    """

    expressions: ExpressionChecker
    cron: Callable[[str], None]
    permission_exists: Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Reading:
    """One validation under way."""

    faults: Faults
    checks: Checks


class Kind(Protocol):
    """What values a field takes."""

    def read(self, value: Value, at: str, reading: Reading) -> Any:
        """Return `value`, found at the path `at`, as plain JSON; faults go to `reading`."""


TextCheck = Callable[[str, Checks], None]
"""A further rule for a text that is not empty: raises ValueError with the fault."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string of at most `longest` characters, evaluated as a template later or not."""

    longest: int | None = None
    check: TextCheck | None = None
    template: bool = False

    def read(self, value: Value, at: str, reading: Reading) -> Any:
        """Return the text; see `Kind.read`."""
        text = text_of(value)
        if text is None:
            reading.faults.add(at, "must be a string")
            return ""
        if self.longest is not None and len(text) > self.longest:
            reading.faults.add(at, f"must be at most {self.longest} characters long")
        if self.check is not None and text:
            try:
                self.check(text, reading.checks)
            except ValueError as error:
                reading.faults.add(at, str(error) or "is not valid")
        return text


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration of at most `most_s` seconds, kept as the text it was written in."""

    most_s: float | None = None

    def read(self, value: Value, at: str, reading: Reading) -> Any:
        """Return the text; see `Kind.read`."""
        text = text_of(value)
        if text is None:
            reading.faults.add(at, "must be a duration such as 90s, as a string")
        elif text:
            try:
                seconds = parse_duration(text)
            except ValueError as error:
                reading.faults.add(at, str(error))
                return text
            if seconds < 0:
                reading.faults.add(at, "must not be negative")
            elif self.most_s is not None and seconds > self.most_s:
                reading.faults.add(at, f"must be at most {format_duration(self.most_s)}")
        return text


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from `least` to `most`."""

    least: int
    most: int

    def read(self, value: Value, at: str, reading: Reading) -> Any:
        """Return the integer; see `Kind.read`."""
        number = integer_of(value)
        if number is None:
            reading.faults.add(at, "must be an integer")
        elif not self.least <= number <= self.most:
            reading.faults.add(at, f"must be between {self.least} and {self.most}")
        return number


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `least` to `most`, with or without a fraction."""

    least: float
    most: float

    def read(self, value: Value, at: str, reading: Reading) -> Any:
        """Return the number; see `Kind.read`."""
        number = number_of(value)
        if number is None or math.isnan(number):
            reading.faults.add(at, "must be a number")
        elif not self.least <= number <= self.most:
            reading.faults.add(at, f"must be between {self.least:g} and {self.most:g}")
        return number


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean."""

    def read(self, value: Value, at: str, reading: Reading) -> Any:
        """Return the boolean; see `Kind.read`."""
        flag = flag_of(value)
        if flag is None:
            reading.faults.add(at, "must be true or false")
        return flag


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of `least` to `most` entries of one kind; null entries are read by that kind."""

    item: Kind
    least: int = 0
    most: int | None = None

    def read(self, value: Value, at: str, reading: Reading) -> Any:
        """Return the list; see `Kind.read`."""
        if not isinstance(value, list):
            reading.faults.add(at, "must be a list")
            return []
        if len(value) < self.least:
            reading.faults.add(at, f"must have at least {self.least} entry")
        if self.most is not None and len(value) > self.most:
            reading.faults.add(at, f"must have at most {self.most} entries")
            return []
        return [
            self.item.read(item, item_path(at, index), reading) for index, item in enumerate(value)
        ]


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping from names, which `name_check` may bound, to texts; null is the empty text."""

    item: Text
    name_check: Callable[[str], None] | None = None

    def read(self, value: Value, at: str, reading: Reading) -> Any:
        """Return the dict; see `Kind.read`."""
        if not isinstance(value, dict):
            reading.faults.add(at, "must be a mapping")
            return {}
        if self.name_check is not None:
            for name in value:
                try:
                    self.name_check(name)
                except ValueError as error:
                    reading.faults.add(key_path(at, name), str(error))
        return {
            name: self.item.read(item, key_path(at, name), reading) for name, item in value.items()
        }


@dataclass(frozen=True, slots=True)
class Field:
    """One key of an object.

    about: what it means, for the API document. default: what its absence means, if not nothing.
    elsewhere: makes the key an unknown one, with this hint on where it belongs.
    """

    kind: Kind
    about: str = ""
    required: bool = False
    default: str | float | None = None
    elsewhere: str = ""


Rule = Callable[[dict[str, Any], str, Reading], None]
"""A rule about several keys: sees the object as read (empty keys left out) and its path."""


@dataclass(frozen=True, slots=True)
class Shape:
    """An object with known keys. `name` is its name in the API document."""

    name: str
    fields: Mapping[str, Field]
    rules: tuple[Rule, ...] = ()

    def read(self, value: Value, at: str, reading: Reading) -> Any:
        """Return the keys that are set and not empty; see `Kind.read`."""
        if not isinstance(value, dict):
            reading.faults.add(at, "must be a mapping")
            return {}
        found: dict[str, Any] = {}
        for key, raw in value.items():
            field = self.fields.get(key)
            if field is None or field.elsewhere:
                hint = f"; {field.elsewhere}" if field else ""
                reading.faults.add(key_path(at, key), f"unknown key{hint}")
            elif not is_null(raw):
                before = len(reading.faults)
                found[key] = field.kind.read(raw, key_path(at, key), reading)
                if not found[key] and len(reading.faults) == before:
                    # Upstream cannot tell an empty value from an absent one, nor can its clients.
                    del found[key]
        for key, field in self.fields.items():
            if field.required and key not in found:
                reading.faults.add(key_path(at, key), "is required")
        for rule in self.rules:
            rule(found, at, reading)
        return found


class Late:
    """A shape that is looked up when first needed, for objects that hold their own kind."""

    def __init__(self, find: Callable[[], Shape]) -> None:
        self.find: Final = find

    def read(self, value: Value, at: str, reading: Reading) -> Any:
        """Read with the shape found; see `Kind.read`."""
        return self.find().read(value, at, reading)
