"""Reading the query of a request. Everything here raises BadRequest for what makes no sense."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from app.api.jobyard.errors import BadRequest
from app.domain.clock import Instant, from_datetime

SIZE, MOST = 50, 500
LARGEST = 2**53
Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Window:
    """Which page of a list: number from 1, and entries a page."""

    number: int
    size: int


def window(args: Mapping[str, str]) -> Window:
    """Read `page` and `size`."""
    return Window(number(args, "page", 1, 2**31), size(args))


def size(args: Mapping[str, str]) -> int:
    """Read how many entries are wanted."""
    return number(args, "size", SIZE, MOST)


def number(args: Mapping[str, str], name: str, default: int, most: int) -> int:
    """Read a whole number from 1."""
    given = args.get(name)
    if given is None:
        return default
    found = whole(given)
    if found is None or not 1 <= found <= most:
        raise BadRequest("the query is not valid", **{name: f"must be from 1 to {most}"})
    return found


def whole(text: str) -> int | None:
    """Give a number of plain digits below 2^53; None when it is none."""
    if text.isascii() and text.isdigit() and len(text) <= 16 and int(text) < LARGEST:
        return int(text)
    return None


def pair(args: Mapping[str, str], name: str) -> tuple[int, str] | None:
    """Read a cursor: a number, a dash, and whatever its list is sorted by besides."""
    given = args.get(name)
    if not given:
        return None
    first, dash, second = clean(given).partition("-")
    found = whole(first)
    if found is None or not dash or not second or len(second) > 64:
        raise BadRequest("the query is not valid", **{name: "must be the `next` of an answer"})
    return found, second


def text(args: Mapping[str, str], name: str) -> str | None:
    """Read a text; an empty one counts as none."""
    return clean(args.get(name, "")) or None


def words(args: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Read words with commas between them."""
    return tuple(each for each in clean(args.get(name, "")).split(",") if each)


def some(args: Mapping[str, str], name: str, kind: type[Word]) -> tuple[Word, ...]:
    """Read words of a fixed list, with commas between them."""
    given = words(args, name)
    if set(given) - set(kind):
        raise BadRequest("the query is not valid", **{name: f"one of {', '.join(kind)}"})
    return tuple(kind(each) for each in given)


def instant(args: Mapping[str, str], name: str) -> Instant | None:
    """Read a time as RFC 3339 has it."""
    given = args.get(name)
    if not given:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        fault = {name: "must be a time with its zone, such as 2026-01-31T12:00:00Z"}
        raise BadRequest("the query is not valid", **fault)
    return from_datetime(moment)


def clean(given: str) -> str:
    """Take NUL out of a text: it is in none that is stored, and one database refuses to look."""
    return given.replace("\0", "\ufffd")
