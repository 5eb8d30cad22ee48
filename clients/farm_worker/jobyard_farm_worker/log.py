"""The output of a program: a file that it writes to, and how much of it the manager has."""

import codecs
import os
import re
from pathlib import Path

PIECE = 1024 * 1024
#: Up to here the whole output is sent again when it is not known whether a piece arrived.
WHOLE = 4 * 1024 * 1024

_SAVED = re.compile(r"Saved: '?([^'\n]+\.(?:png|jpe?g))\b", re.IGNORECASE)


class Log:
    """Reads the output piece by piece; a piece counts as sent only when that is said.

    saved: the last picture that the output names.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.saved: str | None = None
        self._sent = 0
        self._next = 0
        self._uncertain = False
        path.touch()

    def write(self, text: str) -> None:
        """Add a line of the worker's own, after what the program wrote."""
        with self.path.open("ab") as file:
            file.write(f"{text}\n".encode("utf-8", "replace"))

    def cut(self, size: int) -> None:
        """Keep only the beginning, as far as it is not sent yet."""
        os.truncate(self.path, max(size, self._sent))

    @property
    def size(self) -> int:
        """Bytes that were written so far."""
        return self.path.stat().st_size

    @property
    def more(self) -> bool:
        """Whether there is more to be sent, or to be sent again."""
        return self._uncertain or self.size > self._sent

    def fields(self, *, final: bool = False) -> dict[str, str]:
        """Give what is to be reported next: `log_append`, `log` for all of it, or nothing.

        final: nothing more will be written, so that a character cut short is one no longer.
        """
        if self._uncertain and self._sent <= WHOLE:
            text, self._next = self._read(0, self._sent + PIECE, final=final)
            return {"log": text}
        text, length = self._read(self._sent, PIECE, final=final)
        self._next = self._sent + length
        return {"log_append": text} if text else {}

    def arrived(self) -> None:
        """Take note that the manager has what `fields` gave last."""
        self._sent, self._uncertain = max(self._next, self._sent), False

    def lost(self) -> None:
        """Take note that it is not known whether the manager has what `fields` gave last."""
        self._uncertain = self._next > self._sent

    def _read(self, start: int, length: int, *, final: bool) -> tuple[str, int]:
        with self.path.open("rb") as file:
            file.seek(start)
            data = file.read(length)
        last = final and start + len(data) >= self.size
        text, used = codecs.utf_8_decode(data, "replace", last)
        found = _SAVED.findall(text)
        if found:
            self.saved = found[-1]
        # No database keeps this character in a text.
        return text.replace("\0", "\ufffd"), used
