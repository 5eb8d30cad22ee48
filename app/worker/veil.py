"""Taking secrets out of output before it is stored.

Masking what is read from storage would not do: a secret that lies across two parts is in neither,
a search could be asked for it letter by letter, and who reads the database reads all of it.
"""

import codecs
import threading

from app.domain.masking import Masker


class Veil:
    """Masks the output of one hand-out, cut anywhere, inside of characters too."""

    def __init__(self, masker: Masker) -> None:
        self._stream = masker.stream()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> bytes:
        """Take a piece and give what is known not to be the beginning of a secret."""
        with self._lock:
            return self._stream.feed(self._decoder.decode(data)).encode()

    def rest(self) -> bytes:
        """Give what was held back: no more will come."""
        with self._lock:
            text = self._decoder.decode(b"", final=True)
            return self._stream.feed(text, final=True).encode()
