"""What counts as secret in parameters whose shape nobody here knows: what is called so."""

from collections.abc import Iterator
from typing import Any

from config.redaction import is_secret_name

SHORTEST = 4
"""A shorter value would be found in every second word."""


def telling_values(given: Any, *, below: bool = False) -> Iterator[str]:
    """Yield the texts under keys that say they hold a secret, at any depth.

    below: whether a key above said so.
    """
    if isinstance(given, str):
        if below and len(given) >= SHORTEST:
            yield given
    elif isinstance(given, dict):
        for key, each in given.items():
            yield from telling_values(each, below=below or is_secret_name(str(key)))
    elif isinstance(given, list):
        for each in given:
            yield from telling_values(each, below=below)
