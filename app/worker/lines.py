"""Output that is stored in whole lines, because others follow it line by line."""

import codecs
from collections.abc import Sequence
from typing import NamedTuple

LINE_BYTES = 64 * 1024
"""Of a longer line only the beginning is one; the rest is in the log alone."""


class Piece(NamedTuple):
    """A piece of output. sink: it is whole lines, the last perhaps without its end."""

    text: str
    sink: bool


class Lines:
    """The standard output of one hand-out that has a sink; comes cut anywhere.

    All that goes in comes out in order. A line that has only begun is held back.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""
        self._cut = False

    def feed(self, data: bytes, *, final: bool = False) -> Sequence[Piece]:
        """Take bytes and give what is complete by now. final: no more will come."""
        text = self._begun + self._decoder.decode(data, final)
        pieces: list[Piece] = []
        if self._cut:
            # Within a line whose beginning went out already.
            rest, end, text = text.partition("\n")
            pieces.append(Piece(rest + end, sink=False))
            self._cut = not end
        at = len(text) if final else text.rfind("\n") + 1
        whole, self._begun = text[:at], text[at:]
        # A character has at most four bytes.
        if len(whole) * 4 <= LINE_BYTES:
            pieces.append(Piece(whole, sink=True))
        else:
            for line in whole.split("\n"):
                pieces += _bounded(line + "\n")
            # The end of the last one was not there.
            pieces[-1] = Piece(pieces[-1].text[:-1], pieces[-1].sink)
        begun = _bounded(self._begun)
        if len(begun) > 1:
            pieces += begun
            self._begun, self._cut = "", True
        return [piece for piece in pieces if piece.text]


def _bounded(line: str) -> Sequence[Piece]:
    """Cut what of a line is too much for a sink."""
    size = len(line) * 4
    if size > LINE_BYTES:
        data = line.rstrip("\r\n").encode()
        if len(data) > LINE_BYTES:
            at = LINE_BYTES
            while data[at] & 0xC0 == 0x80:
                at -= 1
            head = data[:at].decode()
            return Piece(head, sink=True), Piece(line[len(head) :], sink=False)
    return (Piece(line, sink=True),)
