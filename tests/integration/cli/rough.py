"""A TCP proxy that cuts connections at random, as bad networks do."""

import contextlib
import random
import socket
import threading


class RoughProxy:
    """Forwards to a port and cuts each connection after a random number of bytes of the answers.

    sparing: bytes that a connection gets at least, so that something arrives each time.
    """

    def __init__(self, port: int, *, sparing: int, most: int, seed: int = 1) -> None:
        self._port = port
        self._span = (sparing, most)
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        self.connections = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                left = self._random.randint(*self._span)
                threading.Thread(target=self._forward, args=(client, left), daemon=True).start()

    def _forward(self, client: socket.socket, left: int) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port), timeout=60) as server:
            there = threading.Thread(target=_pump, args=(client, server), daemon=True)
            there.start()
            self.cuts += _pump(server, client, left)
            there.join()


def _pump(source: socket.socket, target: socket.socket, left: int | None = None) -> bool:
    """Pass on what comes until the end, or for so many bytes; tell whether it was those."""
    is_cut = False
    with contextlib.suppress(OSError):
        while not is_cut and (data := source.recv(4096)):
            is_cut = left is not None and len(data) >= left
            target.sendall(data[:left] if is_cut else data)
            left = None if left is None else left - len(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    return is_cut
