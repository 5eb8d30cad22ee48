"""Reading the output of a task while looking at other descriptors too."""

import errno
import math
import os
import select
from collections.abc import Callable

#: The most that is read, and handed over, at once; also what a Linux pipe holds.
PIECE_BYTES = 64 * 1024


class Pump:
    """Moves bytes from a non-blocking descriptor to a taker, a piece at a time.

    The taker may wait: nothing is read meanwhile, so what writes waits too.
    """

    def __init__(self, fd: int, take: Callable[[bytes], None]) -> None:
        self._fd = fd
        self._take = take
        self.open = True

    def wait(self, timeout_s: float, *others: int) -> bool:
        """Wait for bytes, for another descriptor or for the time to pass; move one piece.

        timeout_s: `math.inf` waits for ever. Says whether a piece came.
        """
        poll = select.poll()
        if self.open:
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
            data = os.read(self._fd, PIECE_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EIO):
                raise
            data = b""
        if not data:
            self.open = False
            return False
        self._take(data)
        return True
