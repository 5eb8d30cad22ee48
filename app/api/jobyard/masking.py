"""Keeping secrets of jobs out of answers, whichever dialect they came through.

Here nobody knows the shape of a spec, so a value is secret when a key over it sounds so.
"""

import re
from collections.abc import Iterator
from typing import Any

from config.redaction import MASK, is_secret_name, masked

_SHORTEST = 4
"""A shorter value would be found in every second word; under its own key it is masked anyway."""


class Mask:
    """Masks what is secret in one job: values under telling keys, and those values elsewhere."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec
        values = sorted({each for each in _secrets(spec) if len(each) >= _SHORTEST}, key=len)
        text = "|".join(re.escape(each) for each in reversed(values))
        self._values = re.compile(text) if text else None

    def spec(self) -> Any:
        """Give the parameters without secrets."""
        return self._inside(masked(self._spec, depth=64))

    def text(self, text: str | None) -> str | None:
        """Give a text without the values."""
        if text is None or self._values is None:
            return text
        return self._values.sub(MASK, text)

    def _inside(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self._inside(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._inside(each) for each in value]
        return value


def _secrets(value: Any, *, below: bool = False) -> Iterator[str]:
    if isinstance(value, str):
        if below:
            yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _secrets(each, below=below or is_secret_name(str(key)))
    elif isinstance(value, list):
        for each in value:
            yield from _secrets(each, below=below)
