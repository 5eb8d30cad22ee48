"""Masks for whatever may reach a log line or a screen."""

import re
from collections.abc import Mapping
from functools import lru_cache

MASK = "********"

_SECRET_WORDS = (
    "password", "passwd", "passcode", "secret", "token", "authorization", "cookie", "access_key",
    "api_key", "encryption_key",
)  # fmt: skip
# Both are bounded so that a long hostile line costs time linear in its length. The first masks up
# to the last @ of the word, since a password may hold slashes and an @ of its own.
_URL_PASSWORD = re.compile(r"(://[^/?#:@\s]{0,100}:)\S{1,300}@")
_PAIR = re.compile(r"(?i)((?:password|secret|token|access_key|api_key)=)[^\s&;,\"']+")
_DEPTH = 8


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Tell whether a key's name says that its value is a secret; dashes count as underscores."""
    plain = name.lower().replace("-", "_")
    return any(word in plain for word in _SECRET_WORDS)


def mask_text(text: str) -> str:
    """Mask passwords inside URLs and `password=…` pairs of a text."""
    if "@" in text and "://" in text:
        text = _URL_PASSWORD.sub(rf"\1{MASK}@", text)
    return _PAIR.sub(rf"\1{MASK}", text) if "=" in text else text


def masked(value: object, *, depth: int = _DEPTH) -> object:
    """Give a copy with secrets masked in mappings, sequences and texts; keys become text.

    Other objects come back as they are. What lies deeper than `depth` is masked whole.
    """
    if isinstance(value, str):
        return mask_text(value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth == 0:
        return MASK
    if isinstance(value, Mapping):
        return {
            str(key): MASK
            if is_secret_name(str(key)) and each not in (None, "")
            else masked(each, depth=depth - 1)
            for key, each in value.items()
        }
    return [masked(each, depth=depth - 1) for each in value]
