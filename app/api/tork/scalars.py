"""Single values of a submitted document, and how a field of each kind reads them.

A YAML scalar keeps its source text until a field says what it wants: `FLAG: yes` is the text `yes`
in `env` and the boolean true in `detached`. JSON values already have their type, and it must fit.
"""

import re
from typing import Final, NamedTuple, TypeAlias


class Scalar(NamedTuple):
    """One YAML scalar.

    text: the source text, after unquoting.
    plain: written without quotes (or with a tag such as `!!int`), so that it may be something
    other than a string.
    """

    text: str
    plain: bool

    @property
    def is_null(self) -> bool:
        """Whether this is YAML's null, written as `null`, `~` or nothing at all."""
        return self.plain and self.text in NULLS


Single: TypeAlias = Scalar | str | int | float | bool | None
Value: TypeAlias = "Single | list[Value] | dict[str, Value]"

NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "yes", "on"})
_FALSE: Final = frozenset({"false", "no", "off"})
_INTEGER: Final = re.compile(
    r"[-+]?(?:0o?[0-7_]*|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0b[01_]+)",
)
_NUMBER: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
# Python refuses to convert thousands of digits, and no field has a use for that many.
_LONGEST_NUMBER: Final = 64


def is_null(value: Value) -> bool:
    """Whether `value` is the null of YAML or JSON."""
    return value is None or (isinstance(value, Scalar) and value.is_null)


def text_of(value: Value) -> str | None:
    """Return the text of `value`, null being the empty text; None if it is no text."""
    if isinstance(value, Scalar):
        return "" if value.is_null else value.text
    if value is None:
        return ""
    return value if isinstance(value, str) else None


def integer_of(value: Value) -> int | None:
    """Return the integer `value` stands for; None if it is none. A quoted number is none."""
    if isinstance(value, Scalar):
        return parse_integer(value.text) if value.plain else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value


def number_of(value: Value) -> float | None:
    """Return the number `value` stands for, integers as int; None if it is none."""
    whole = integer_of(value)
    if whole is not None:
        return whole
    if isinstance(value, Scalar):
        return parse_number(value.text) if value.plain else None
    return value if isinstance(value, float) else None


def flag_of(value: Value) -> bool | None:
    """Return the boolean `value` stands for; None if it is none. A quoted word is none."""
    if isinstance(value, Scalar):
        return parse_flag(value.text) if value.plain else None
    return value if isinstance(value, bool) else None


def parse_integer(text: str) -> int | None:
    """Return the integer YAML reads in `text`: decimal, `0x`, `0o`, `0b`, or octal after a 0."""
    if len(text) > _LONGEST_NUMBER or not _INTEGER.fullmatch(text):
        return None
    digits = text.replace("_", "")
    unsigned = digits.lstrip("+-")
    if len(unsigned) > 1 and unsigned[0] == "0" and unsigned[1].isdigit():
        return int(digits, 8)
    try:
        return int(digits, 0)
    except ValueError:  # a bare prefix such as 0x_ or 0o
        return None


def parse_number(text: str) -> float | None:
    """Return the finite float YAML reads in `text`, None for anything else."""
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    return float(text.replace("_", ""))


def parse_flag(text: str) -> bool | None:
    """Return the boolean YAML reads in `text`: true/false, yes/no, on/off in one letter case."""
    word = text.lower()
    if text not in {word, word.upper(), word.capitalize()}:
        return None
    if word in _TRUE:
        return True
    return False if word in _FALSE else None
