"""What of a job can be searched for: its words, and marks for what it is.

Words and marks are made here alone, in the same way of what is stored and of what is sought, so
that both databases agree on every text: they compare what this gives and take nothing apart.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from unicodedata import normalize

LONGEST: Final = 64
"""Characters of a word; a longer one is cut, and told apart by a digest of the whole."""

_WORD: Final = re.compile(r"\w+")
_PLAIN: Final = re.compile(r"[a-z0-9_]{0,64}")


def words(text: str) -> list[str]:
    """Give the words of a text, each once, in their order: letters, digits and underscores.

    Letter case is folded, and so are forms of a letter that only look different.
    """
    folded = text.lower() if text.isascii() else _folded(text)
    return [_fit(word) for word in dict.fromkeys(_WORD.findall(folded))]


def marks(dialect: str | None, job_type: str | None, tags: Iterable[str]) -> list[str]:
    """Give what stands among a job's words for its dialect, its type and its tags.

    Each begins with a character that no word has.
    """
    parts = [("@", dialect), ("!", job_type), *(("#", tag) for tag in dict.fromkeys(tags))]
    return [_mark(kind, text) for kind, text in parts if text is not None]


def _folded(text: str) -> str:
    # First, since some letters have another case only in their plain form; then, since casing may
    # take a letter apart.
    return normalize("NFKC", normalize("NFKC", text).casefold())


def _fit(word: str) -> str:
    return word if len(word) <= LONGEST else word[:LONGEST] + _digest(word)


@lru_cache(maxsize=1024)
def _mark(kind: str, text: str) -> str:
    # Twice the kind, so that no text is the digest of another.
    return kind + (text if _PLAIN.fullmatch(text) else kind + _digest(text))


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
