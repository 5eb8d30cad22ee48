"""Reading the output of a task while looking at other descriptors too."""

import errno
import math
import os
import select
from collections.abc import Callable

#: The most that is read, and handed over, at once; also what a Linux pipe holds.
PIECE_BYTES = 64 * 1024
#: How long a descriptor that is held is not looked at.
HOLD_S = 0.1


class Pump:
    """Moves bytes from a non-blocking descriptor to a taker, a piece at a time.

    The taker may wait: nothing is read meanwhile, so what writes waits too. muted: read on, but
    hand nothing over.
    read: takes descriptor and size; raises BlockingIOError when nothing is there.
    """

    def __init__(
        self,
        fd: int,
        take: Callable[[bytes], None],
        read: Callable[[int, int], bytes] = os.read,
    ) -> None:
        self._fd = fd
        self._take = take
        self._read = read
        self.open = True
        self.muted = False

    def wait(self, timeout_s: float, *others: int, hold: bool = False) -> bool:
        """Wait for bytes, for another descriptor or for the time to pass; move one piece.

        timeout_s: `math.inf` waits for ever. hold: leave the bytes where they are, for a moment
        at most. Says whether a piece came.
        """
        poll = select.poll()
        if hold:
            timeout_s = min(timeout_s, HOLD_S)
        elif self.open:
            poll.register(self._fd, select.POLLIN)
        for fd in others:
            poll.register(fd, select.POLLIN)
        ready = poll.poll(None if timeout_s == math.inf else math.ceil(max(timeout_s, 0) * 1000))
        return any(fd == self._fd for fd, _ in ready) and self._piece()

    def drain(self) -> None:
        """Move what is there now, without waiting for more."""
        while self.open and self._piece():
            pass

    def _piece(self) -> bool:
        try:
            data = self._read(self._fd, PIECE_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EIO):
                raise
            data = b""
        if not data:
            self.open = False
            return False
        if not self.muted:
            self._take(data)
        return True


class Frames:
    """Takes the stream of a container engine apart and hands on what the frames hold.

    A frame has a head of eight bytes: which stream, three zeros, and the length, big-endian.
    """

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._head = b""
        self._left = 0

    def __call__(self, data: bytes) -> None:
        """Take bytes as they came, cut anywhere; hand on payload, at most once for each call."""
        payload: list[bytes] = []
        at = 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                payload.append(piece)
                self._left -= len(piece)
                at += len(piece)
                continue
            missing = 8 - len(self._head)
            self._head += data[at : at + missing]
            at += missing
            if len(self._head) == 8:
                self._left = int.from_bytes(self._head[4:], "big")
                self._head = b""
        if payload:
            self._take(b"".join(payload))
