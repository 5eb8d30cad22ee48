"""Reading the output of a task while looking at other descriptors too."""

import errno
import math
import os
import select
from collections.abc import Callable, Mapping

#: The most that is read, and handed over, at once; also what a Linux pipe holds.
PIECE_BYTES = 64 * 1024
#: How long a descriptor that is held is not looked at.
HOLD_S = 0.1
_STDOUT = 1


class Pump:
    """Moves bytes from non-blocking descriptors to a taker each, a piece at a time.

    The taker may wait: nothing is read meanwhile, so what writes waits too. muted: read on, but
    hand nothing over.
    read: takes descriptor and size; raises BlockingIOError when nothing is there.
    """

    def __init__(
        self,
        takers: Mapping[int, Callable[[bytes], None]],
        read: Callable[[int, int], bytes] = os.read,
    ) -> None:
        self._takers = dict(takers)
        self._read = read
        self.muted = False

    @property
    def open(self) -> bool:
        """Whether more may come."""
        return bool(self._takers)

    def close(self) -> None:
        """Read no more."""
        self._takers.clear()

    def wait(self, timeout_s: float, *others: int, hold: bool = False) -> bool:
        """Wait for bytes, for another descriptor or for the time to pass; move a piece of each.

        timeout_s: `math.inf` waits for ever. hold: leave the bytes where they are, for a moment
        at most. Says whether a piece came.
        """
        poll = select.poll()
        if hold:
            timeout_s = min(timeout_s, HOLD_S)
        for fd in others if hold else (*self._takers, *others):
            poll.register(fd, select.POLLIN)
        ready = poll.poll(None if timeout_s == math.inf else math.ceil(max(timeout_s, 0) * 1000))
        moved = [self._piece(fd) for fd, _ in ready if fd in self._takers]
        return any(moved)

    def drain(self) -> None:
        """Move what is there now, without waiting for more."""
        for fd in list(self._takers):
            while fd in self._takers and self._piece(fd):
                pass

    def _piece(self, fd: int) -> bool:
        try:
            data = self._read(fd, PIECE_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EIO):
                raise
            data = b""
        if not data:
            del self._takers[fd]
            return False
        if not self.muted:
            self._takers[fd](data)
        return True


class Frames:
    """Takes the stream of a container engine apart and hands on what the frames hold.

    A frame has a head of eight bytes: which stream, three zeros, and the length, big-endian.
    sink: takes the standard output where that is kept apart.
    """

    def __init__(
        self, take: Callable[[bytes], None], sink: Callable[[bytes], None] | None = None
    ) -> None:
        self._take = take
        self._sink = sink
        self._apart = False
        self._head = b""
        self._left = 0

    def __call__(self, data: bytes) -> None:
        """Take bytes as they came, cut anywhere; hand on payload, at most once for each stream."""
        payload: list[bytes] = []
        apart: list[bytes] = []
        at = 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                (apart if self._apart else payload).append(piece)
                self._left -= len(piece)
                at += len(piece)
                continue
            missing = 8 - len(self._head)
            self._head += data[at : at + missing]
            at += missing
            if len(self._head) == 8:
                self._left = int.from_bytes(self._head[4:], "big")
                self._apart = self._sink is not None and self._head[0] == _STDOUT
                self._head = b""
        if apart and self._sink is not None:
            self._sink(b"".join(apart))
        if payload:
            self._take(b"".join(payload))
