"""The kinds of value a setting can have, each reading the same from text and from TOML.

`read(raw, text=True)` takes the text of a variable or an option, `text=False` a value out of the
TOML file, where types are strict: `processes = "2"` is a fault there. Both raise ValueError with
words that finish the sentence "<name> …"; they never repeat what was given, since it may be secret.
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_GO_UNITS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0,
}  # fmt: skip
_GO_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_SIZE = re.compile(r"(\d+)([KMG]?)", re.IGNORECASE | re.ASCII)


class Kind(Protocol):
    """How one kind of value is read, and what the manual calls it."""

    @property
    def word(self) -> str:
        """What the manual calls the kind, with its bounds."""

    def read(self, raw: object, *, text: bool) -> object:
        """Give the value, or raise ValueError saying what it must be."""


def need_text(raw: object) -> str:
    """Give text as it is; anything else is a fault."""
    if not isinstance(raw, str):
        raise ValueError("must be text")  # noqa: TRY004 - every fault of a value is one type
    if "\0" in raw:
        raise ValueError("must not hold a NUL character")
    return raw


@dataclass(frozen=True)
class Text:
    """Any text; `pattern` must match all of it and `example` shows what does.

    blank: whether empty text is a value, mostly "none", whatever the pattern.
    """

    pattern: str = ""
    example: str = ""
    word: str = "text"
    blank: bool = True

    def read(self, raw: object, *, text: bool) -> str:
        """Give the text as it stands."""
        del text
        value = need_text(raw)
        matters = bool(self.pattern) and (bool(value) or not self.blank)
        if matters and not re.fullmatch(self.pattern, value):
            raise ValueError(f"must look like {self.example}")
        return value


@dataclass(frozen=True)
class Flag:
    """A yes or no; `strict` takes only the words true and false, as Manticore documents."""

    strict: bool = False

    @property
    def word(self) -> str:
        """Give the name of the kind."""
        return "true or false"

    def read(self, raw: object, *, text: bool) -> bool:
        """Give the truth of a word or of a TOML boolean."""
        if isinstance(raw, bool):
            return raw
        if text and isinstance(raw, str):
            word = raw.strip().lower()
            if word in ({"true"} if self.strict else _TRUE):
                return True
            if word in ({"false"} if self.strict else _FALSE):
                return False
        raise ValueError("must be true or false")


@dataclass(frozen=True)
class Whole:
    """A whole number from `least` to `most`; no `most` means no upper bound."""

    least: int = 0
    most: int | None = None

    @property
    def word(self) -> str:
        """Give the name of the kind with its bounds."""
        return f"whole number, {self.least}{' or more' if self.most is None else f'..{self.most}'}"

    def read(self, raw: object, *, text: bool) -> int:
        """Give the number; true and false are none."""
        value: int | None = None
        if isinstance(raw, int) and not isinstance(raw, bool):
            value = raw
        elif text and isinstance(raw, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", raw.strip()):
            value = int(raw)
        if value is None or value < self.least or (self.most is not None and value > self.most):
            raise ValueError(f"must be a {self.word}")
        return value


@dataclass(frozen=True)
class Seconds:
    """A span of time as a number of seconds or in Go's form (`90s`, `1h30m`); gives seconds."""

    least: float = 0.0
    most: float | None = None

    @property
    def word(self) -> str:
        """Give the name of the kind with its bounds."""
        bounds = f"{self.least:g}{' or more' if self.most is None else f'..{self.most:g}'}"
        return f"duration, {bounds} s"

    def read(self, raw: object, *, text: bool) -> float:
        """Give the seconds; text is taken from the file too, for `168h`."""
        del text
        value: float | None = None
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            value = raw
        elif isinstance(raw, str):
            value = go_seconds(raw.strip())
        # Comparing this way round refuses nan as well.
        most = self.most if self.most is not None else 1e12
        if value is None or not self.least <= value <= most:
            raise ValueError(f"must be a {self.word}: seconds, or text like 90s or 1h30m")
        return float(value)


def go_seconds(value: str) -> float | None:
    """Give the seconds of a bare number or of Go's duration text; None when it is neither."""
    if re.fullmatch(r"\d+(\.\d+)?", value, re.ASCII):
        return float(value)
    total, end = 0.0, 0
    for part in _GO_PART.finditer(value):
        if part.start() != end:
            return None
        total += float(part[1]) * _GO_UNITS[part[2]]
        end = part.end()
    return total if value and end == len(value) else None


@dataclass(frozen=True)
class Size:
    """A number of bytes, or text with K, M or G, which are powers of 1024; gives bytes."""

    word: str = "size in bytes, or text like 500K, 4M, 1G"

    def read(self, raw: object, *, text: bool) -> int:
        """Give the bytes, at least one."""
        del text
        value = raw if isinstance(raw, int) and not isinstance(raw, bool) else 0
        if isinstance(raw, str) and (found := _SIZE.fullmatch(raw.strip())) and len(raw) < 18:
            value = int(found[1]) * 1024 ** " KMG".index(found[2].upper() or " ")
        if value < 1:
            raise ValueError(f"must be a {self.word}")
        return value


@dataclass(frozen=True)
class Choice:
    """One of a few words, case ignored; `also` maps words other programs use to ours."""

    words: tuple[str, ...]
    also: Mapping[str, str] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """Give the words themselves."""
        return " \\| ".join(f"`{word}`" for word in self.words)

    def read(self, raw: object, *, text: bool) -> str:
        """Give our word."""
        del text
        value = raw.strip() if isinstance(raw, str) else ""
        for word in self.words:
            if value.lower() == word.lower():
                return word
        if value.lower() in self.also:
            return self.also[value.lower()]
        raise ValueError(f"must be one of {', '.join(self.words)}")


@dataclass(frozen=True)
class Words:
    """Several words: a TOML list, or text with commas between them; `among` limits them."""

    among: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """Give the name of the kind and the words allowed."""
        return "list" if not self.among else f"list of {', '.join(self.among)}"

    def read(self, raw: object, *, text: bool) -> tuple[str, ...]:
        """Give the words, blanks around them removed and empty ones dropped."""
        del text
        parts = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
            raise ValueError("must be a list of texts, or text with commas")
        words = tuple(part.strip() for part in parts if part.strip())
        if self.among and (strange := [word for word in words if word not in self.among]):
            raise ValueError(f"knows no {', '.join(strange)}: only {', '.join(self.among)}")
        return words


@dataclass(frozen=True)
class Command:
    """A command line: a TOML list of arguments, or text split as a shell would."""

    word: str = "command line"

    def read(self, raw: object, *, text: bool) -> tuple[str, ...]:
        """Give the program and its arguments."""
        del text
        try:
            parts: object = shlex.split(raw) if isinstance(raw, str) else raw
        except ValueError:
            parts = None
        if isinstance(parts, list | tuple) and parts and all(isinstance(p, str) for p in parts):
            return tuple(parts)
        raise ValueError("must be a command line, not empty and with its quotes closed")


@dataclass(frozen=True)
class Slots:
    """Slots by queue name: a TOML table, or text like `tork/default=10,jobyard/default=4`.

    `prefixed` also takes one variable for each name, `<variable>_<NAME>=10`, as Tork does.
    """

    prefixed: bool = False
    word: str = "table of whole numbers by name"

    def read(self, raw: object, *, text: bool) -> dict[str, int]:
        """Give the numbers, each 0 or more, by name."""
        pairs: list[tuple[str, object]] = []
        if isinstance(raw, Mapping):
            pairs = [(str(name), number) for name, number in raw.items()]
        elif isinstance(raw, str):
            for part in filter(str.strip, raw.split(",")):
                name, _, count = part.rpartition("=")
                pairs.append((name.strip(), count.strip()))
        else:
            raise ValueError("must be a table of whole numbers by name")  # noqa: TRY004 - as above
        slots: dict[str, int] = {}
        for name, number in pairs:
            if not name:
                raise ValueError("must look like tork/default=10,jobyard/default=4")
            if name in slots:
                raise ValueError(f"names {name} twice")
            in_text = text or isinstance(raw, str)
            try:
                slots[name] = Whole(0, 10_000).read(number, text=in_text)
            except ValueError as error:
                raise ValueError(f"for {name} {error}") from error
        return slots


@dataclass(frozen=True)
class Tables:
    """Free tables by name, whose content their plugin checks; as a variable, a JSON object.

    single: one table, of whatever shape.
    """

    word: str = "tables by plugin"
    single: bool = False

    def read(self, raw: object, *, text: bool) -> dict[str, object]:
        """Give the tables as they stand."""
        tables: object = raw
        if text and isinstance(raw, str):
            try:
                tables = json.loads(raw)
            except (ValueError, RecursionError):
                tables = None
        if isinstance(tables, Mapping) and (
            self.single or all(isinstance(table, Mapping) for table in tables.values())
        ):
            return {str(name): table for name, table in tables.items()}
        if self.single:
            raise ValueError("must be a table; as a variable, a JSON object")
        raise ValueError("must be tables by plugin name; as a variable, JSON of that shape")
