"""The query strings of lists: pages and search words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.api.tork.errors import Refused

MOST_WORDS: Final = 50
"""Further search words are passed over: each costs the store a comparison a row."""

_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_LARGEST: Final = 2**63 - 1
_PARTS: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Window:
    """Which page of a list: number from 1, and how many entries a page has."""

    number: int
    size: int


@dataclass(frozen=True, slots=True)
class Search:
    """What `q` asks for. tags: at least one of them. words: all of them, in lower case."""

    tags: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def window(args: Mapping[str, str], *, size: int, most: int) -> Window:
    """Read `page` and `size`, clamped to what there is. Raises Refused with 404 for no integer."""
    number = _integer(args.get("page"), 1, "invalid page number")
    wanted = _integer(args.get("size"), size, "invalid size")
    return Window(number=max(1, number), size=min(max(1, wanted), most))


def _integer(text: str | None, default: int, fault: str) -> int:
    if not text:
        return default
    number = int(text) if _INTEGER.fullmatch(text) and len(text) <= 20 else None
    if number is None or not -_LARGEST - 1 <= number <= _LARGEST:
        raise Refused(404, f"{fault}: {text[:100]}")
    return number


def search(text: str | None) -> Search:
    """Read `q`: `tag:x`, `tags:x,y` and words, whose punctuation only parts them."""
    tags: list[str] = []
    words: list[str] = []
    for word in _words(text):
        if word.startswith("tag:"):
            tags.append(word.removeprefix("tag:"))
        elif word.startswith("tags:"):
            tags.extend(word.removeprefix("tags:").split(","))
        else:
            words.extend(_PARTS.findall(word.lower()))
    return Search(tags=_distinct(tags), words=_distinct(words))


def text_words(text: str | None) -> tuple[str, ...]:
    """Read the `q` of a log: words that must all stand in a part, as they are."""
    return _distinct([word.lower() for word in _words(text)])


def flag(args: Mapping[str, str], name: str) -> bool:
    """Read a switch, off unless given. Raises Refused for what is neither true nor false."""
    given = args.get(name, "false")
    if given not in ("true", "false"):
        raise Refused(400, f"{name}: must be true or false")
    return given == "true"


def wants_text(args: Mapping[str, str]) -> bool:
    """Read the `format` of a log: pages of JSON, or all of it as text. Raises Refused."""
    given = args.get("format", "json")
    if given not in ("json", "text"):
        raise Refused(400, "format: must be json or text")
    return given == "text"


def _words(text: str | None) -> list[str]:
    # NUL is in no stored text, and one of the databases refuses it even in a question.
    return (text or "").replace("\0", " ").split()


def _distinct(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in words if word))[:MOST_WORDS]
