"""Cuts text that arrives in pieces into lines, so that no parser sees where it was cut."""

from dataclasses import dataclass, field

from app.hooks.types import Json, Parsed

#: Characters of a line that are looked at; the rest of a longer one is passed over.
LINE = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a parser knows after a piece of text.

    memory: to be given with the next piece; it does not grow with the text. parsed: what all the
    text so far tells, an unfinished last line taken as it stands; None when nothing.
    """

    memory: Json = field(default_factory=dict)
    parsed: Parsed | None = None


def cut(text: str, tail: str) -> tuple[list[str], str]:
    """Give the lines that are complete, and what has begun of the next one.

    tail: what the last call gave as such. Lines end in LF or CRLF and are given without.
    """
    *lines, rest = text.split("\n")
    if not lines:
        # One more than counts: a line that was cut short is told from one that fits, and a CR
        # at the very end is still seen.
        return [], (tail + rest)[: LINE + 1]
    lines[0] = tail + lines[0]
    return [whole(line) for line in lines], rest[: LINE + 1]


def whole(line: str) -> str:
    """Give a line as parsers see it: without the CR of its end, and not too long."""
    return line.removesuffix("\r")[:LINE]
