"""Free ports for services: no two of a machine get the same, whichever daemon asks.

A port is taken by holding a name of its own in the kernel's table of abstract sockets. That table
is one for all processes that share their ports, whatever folders and users they have; two that ask
at once cannot both get a name; and names go with the process that holds them, however it dies.
What does not ask here is noticed by trying whether the port can be listened on.
"""

import errno
import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

_NAME = "\0jobyard-port-{}"


@dataclass(slots=True)
class Taken:
    """Ports that are ours until they are given back."""

    numbers: list[int] = field(default_factory=list)
    _names: list[socket.socket] = field(default_factory=list)

    def add(self, number: int, name: socket.socket) -> None:
        """Take one more, by its name."""
        self.numbers.append(number)
        self._names.append(name)

    def drop_last(self) -> None:
        """Let others have the one that was added last."""
        self.numbers.pop()
        self._names.pop().close()

    def give_back(self) -> None:
        """Let others have them; nothing may listen on them any more."""
        while self._names:
            self._names.pop().close()


@dataclass(frozen=True, slots=True)
class Ports:
    """The range that services of this machine get their ports from, both ends included."""

    first: int
    last: int

    def take(self, count: int) -> Taken | None:
        """Take so many; None when not so many are free. Raises OSError for want of descriptors."""
        taken = Taken()
        if count == 0:
            return taken
        try:
            for number in self._numbers():
                # By its name first: a try to listen must not hit a service that begins just now.
                name = _hold(number)
                if name is None:
                    continue
                taken.add(number, name)
                if not _can_listen(number):
                    taken.drop_last()
                elif len(taken.numbers) == count:
                    return taken
        except OSError:
            taken.give_back()
            raise
        taken.give_back()
        return None

    def _numbers(self) -> Iterator[int]:
        """Give all, from anywhere on: who still has an old address must not meet a stranger."""
        size = self.last - self.first + 1
        begin = secrets.randbelow(size)
        for step in range(size):
            yield self.first + (begin + step) % size


def _hold(number: int) -> socket.socket | None:
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(_NAME.format(number))
    except OSError as error:
        name.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return name


def _can_listen(number: int) -> bool:
    # On all addresses: that also finds who listens on one of them alone.
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("", number))
        probe.listen(1)
        return True
    return False
