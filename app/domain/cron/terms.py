"""The terms inside one field: numbers, names, ranges, steps and lists."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TERM = re.compile(
    r"(?:(?P<any>[*?])|(?P<low>[A-Z0-9]+)(?:-(?P<high>[A-Z0-9]+))?)?(?:/(?P<step>[0-9]+))?"
)


class CronInvalid(ValueError):
    """The text is no cron expression that can fire. `text`: as given; `reason`: one clause."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid cron expression: {self.reason}"


class BadTerm(ValueError):
    """A field cannot be read. Its message becomes the reason of a `CronInvalid`."""


@dataclass(frozen=True, slots=True)
class Field:
    """What one field of one form may hold.

    alias: a second number for `first`, one past `last` (a crontab Sunday is 0 and 7).
    wraps: a range may run over the end (`22-2`). max_step: None is no limit.
    any_marks: the characters that mean every value. open_step: `/n` is short for `*/n`.
    """

    title: str
    first: int
    last: int
    names: Mapping[str, int] = field(default_factory=dict)
    alias: int | None = None
    wraps: bool = False
    max_step: int | None = None
    any_marks: str = "*"
    open_step: bool = False

    def value(self, word: str) -> int:
        """Return the number a word stands for. Raises BadTerm."""
        top = self.last if self.alias is None else self.alias
        if word in self.names:
            return self.names[word]
        if not word.isdecimal():
            raise BadTerm(f"{self.title} does not know {word!r}")
        number = int(word)
        if not self.first <= number <= top:
            raise BadTerm(f"{self.title} {number} is not within {self.first}-{top}")
        return number

    def values(self, term: str) -> range:
        """Return what one term of a list names. A wrapped range runs past `last`.

        Raises BadTerm.
        """
        match = _TERM.fullmatch(term)
        if not match or not term or (term[0] == "/" and not self.open_step):
            raise BadTerm(f"{self.title} cannot be {term!r}")
        if (match["any"] or "") not in self.any_marks:
            raise BadTerm(f"{self.title} cannot be {match['any']!r}")
        step = self._step(match["step"])
        if match["low"] is None:
            return range(self.first, self.last + 1, step)
        low = self.value(match["low"])
        if match["high"] is not None:
            return self._between(term, low, self.value(match["high"]), step)
        if low == self.alias:
            low = self.first
        return range(low, self.last + 1 if match["step"] else low + 1, step)

    def is_open(self, term: str) -> bool:
        """Say whether a term leaves the field unrestricted: `*`, or `*` in steps of one."""
        return term[:1] in tuple(self.any_marks) and self.values(term).step == 1

    def _between(self, term: str, low: int, high: int, step: int) -> range:
        # Where a value has two numbers, a range begins with the small and ends with the large one.
        if low == self.alias != high:
            low = self.first
        if self.alias is not None and high == self.first != low:
            high = self.alias
        if low > high:
            if not self.wraps:
                raise BadTerm(f"{self.title} range {term!r} ends before it begins")
            high += self.last - self.first + 1
        return range(low, high + 1, step)

    def _step(self, digits: str | None) -> int:
        step = 1 if digits is None else int(digits)
        if step == 0:
            raise BadTerm(f"{self.title} has a step of 0")
        if self.max_step is not None and step > self.max_step:
            raise BadTerm(f"{self.title} has a step of {step}, more than {self.max_step}")
        return step

    def numbers(self, text: str) -> tuple[int, ...]:
        """Return all values of a field's list, each once, rising. Raises BadTerm."""
        found = {self.folded(n) for term in text.split(",") for n in self.values(term)}
        return tuple(sorted(found))

    def folded(self, number: int) -> int:
        """Bring a number of a range that ran past `last` back into the field."""
        return self.first + (number - self.first) % (self.last - self.first + 1)
