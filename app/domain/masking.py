"""Secret values taken out of texts: whole ones, and output that comes in pieces.

A value is hidden wherever it occurs, overlapping others or itself included. So is what is left of
it where a program trims, quotes or indents it: its stripped text, its form inside JSON, and each
longer line of one that has several.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Final

REDACTED: Final = "[REDACTED]"
ENCRYPTED: Final = "[encrypted]"
"""What stands for text that is encrypted where it is stored, and not by a key given here."""
LINE_CHARS: Final = 8
"""A line of a longer secret is hidden by itself from this length on; `{` or `yes` tell nothing."""

FEW: Final = 32
"""So many values are looked for one by one; more are first sorted out by how they begin."""
BEGIN_CHARS: Final = 12
MOST: Final = 1000
"""How many secrets a job may bring along: each is looked for in all that is shown of it."""

Span = tuple[int, int]


class Masker:
    """Replaces every occurrence of some secret values in texts.

    values: empty ones are skipped. shown: what stands for them; it is left as it is where a text
    holds it already. Build one for many texts of the same job. Time grows with the text and the
    number of values, never with how either is made up.
    """

    def __init__(self, values: Iterable[str], shown: str = REDACTED) -> None:
        found = {form for value in values for form in _forms(value)}
        self._values = sorted(found, key=lambda value: (-len(value), value))
        self._shown = shown
        self._borders: dict[str, list[int]] = {}
        self._by_begin: dict[int, dict[str, list[str]]] = {}
        if len(self._values) > FEW:
            for value in self._values:
                begin = value[:BEGIN_CHARS]
                same_size = self._by_begin.setdefault(len(begin), {})
                same_size.setdefault(begin, []).append(value)

    def __bool__(self) -> bool:
        """Whether there is anything to hide."""
        return bool(self._values)

    def __call__(self, text: str) -> str:
        """Give a text without the values; the very text when it has none."""
        spans = self._spans(text)
        if not spans:
            return text
        if self._shown in text:
            spans = _united([*spans, *_occurrences(self._shown, text)])
        return "".join(self._pieces(text, spans))

    def stream(self) -> "Stream":
        """Begin to mask a text that comes in pieces."""
        return Stream(self)

    def _pieces(self, text: str, spans: list[Span]) -> Iterator[str]:
        at = 0
        for begin, end in spans:
            yield text[at:begin]
            yield self._shown
            at = end
        yield text[at:]

    def _spans(self, text: str) -> list[Span]:
        """Give where values are, in order; those that overlap as one."""
        return _united(
            span
            for value in self._candidates(text)
            if value in text
            for span in _occurrences(value, text)
        )

    def _candidates(self, text: str) -> Iterable[str]:
        """Give the values that may be in a text."""
        if not self._by_begin:
            return self._values
        return [
            value
            for size, values in self._by_begin.items()
            for begin in {text[at : at + size] for at in range(len(text) - size + 1)}
            for value in values.get(begin, ())
        ]

    def _undecided(self, text: str) -> int:
        """Give from where on a text may be the beginning of a value, whose rest is to come."""
        longest = 0
        for value in self._values:
            if len(value) > longest + 1:
                longest = max(longest, self._begun(value, text))
        return len(text) - longest

    def _begun(self, value: str, text: str) -> int:
        """Give how many characters at the end of a text are the beginning of a value."""
        tail = text[1 - len(value) :] if len(value) > 1 else ""
        if value[0] not in tail:
            return 0
        borders = self._borders.get(value)
        if borders is None:
            borders = self._borders[value] = _borders(value)
        matched = 0
        for character in tail:
            while matched and value[matched] != character:
                matched = borders[matched - 1]
            if value[matched] == character:
                matched += 1
        return matched


class Stream:
    """Masks a text that comes in pieces, as if it had come at once.

    Only what may be the beginning of a value is held back, until it is decided.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = ""
        self._covered = 0  # so much of what is held is hidden by a mark that was given out

    def feed(self, text: str, *, final: bool = False) -> str:
        """Take a piece and give what is decided. final: nothing more will come."""
        text = self._held + text
        covered = self._covered
        until = len(text) if final else self._masker._undecided(text)  # noqa: SLF001
        spans = self._masker._spans(text)  # noqa: SLF001
        given: list[str] = []
        at = covered
        for begin, end in _united([(0, covered), *spans]) if covered else spans:
            if begin >= until:
                break
            given.append(text[at:begin])
            if begin or not covered:
                given.append(self._masker._shown)  # noqa: SLF001
            at = end
        given.append(text[at:until])
        self._held, self._covered = text[until:], max(at - until, 0)
        return "".join(given)


def _forms(value: str) -> Iterator[str]:
    """Give the texts by which a value may show."""
    if not value or value == ENCRYPTED:
        return
    yield value
    stripped = value.strip()
    if stripped:
        yield stripped
        yield json.dumps(stripped)[1:-1]
        yield json.dumps(stripped, ensure_ascii=False)[1:-1]
        lines = [line.strip() for line in stripped.splitlines()]
        if len(lines) > 1:
            yield from (line for line in lines if len(line) >= LINE_CHARS)


def _occurrences(value: str, text: str) -> Iterator[Span]:
    """Give where a value is, in order; where it overlaps itself, as one."""
    size = len(value)
    begin = text.find(value)
    while begin >= 0:
        end, last = begin + size, begin
        # The last one that begins inside the one before: never a look at each of many.
        while (last := text.rfind(value, last + 1, end + size - 1)) >= 0:
            end = last + size
        yield begin, end
        begin = text.find(value, end)


def _united(spans: Iterable[Span]) -> list[Span]:
    """Give spans in order, those that overlap as one; those that only touch stay apart."""
    united: list[Span] = []
    for begin, end in sorted(spans):
        if united and begin < united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((begin, end))
    return united


def _borders(value: str) -> list[int]:
    """Give for each beginning of a value how much of its end is a beginning as well."""
    borders = [0]
    matched = 0
    for character in value[1:]:
        while matched and value[matched] != character:
            matched = borders[matched - 1]
        if value[matched] == character:
            matched += 1
        borders.append(matched)
    return borders
