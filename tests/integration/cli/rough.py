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
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(("127.0.0.1", self._port), timeout=60)
                left = self._random.randint(*self._span)
                for source, target, limit in ((client, server, None), (server, client, left)):
                    threading.Thread(
                        target=self._pump, args=(source, target, limit), daemon=True
                    ).start()

    def _pump(self, source: socket.socket, target: socket.socket, left: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                if left is not None and len(data) >= left:
                    target.sendall(data[:left])
                    self.cuts += 1
                    break
                left = left and left - len(data)
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
