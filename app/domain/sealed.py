"""Values that are encrypted where they are stored, by a key that this process has not.

They take the place of what they hide, so that all else can go on, and keep the stored text, so that
a row that is written again loses nothing.
"""

from typing import Any, Self

from app.domain.masking import ENCRYPTED


class SealedText(str):
    """A text that cannot be read; says so. stored: as it is in its column."""

    __slots__ = ("stored",)
    stored: str

    def __new__(cls, stored: str) -> Self:
        """Stand for what is stored."""
        text = super().__new__(cls, ENCRYPTED)
        text.stored = stored
        return text


class SealedJson(dict[str, Any]):
    """An object that cannot be read: empty but for the names of its secrets.

    stored: as it is in its column.
    """

    __slots__ = ("stored",)

    def __init__(self, stored: str, names: tuple[str, ...] = ()) -> None:
        super().__init__({"secrets": dict.fromkeys(names, ENCRYPTED)} if names else {})
        self.stored = stored
