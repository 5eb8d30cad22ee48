"""Somebody who is sent messages: a real HTTP server that answers as the test says."""

import json
import socketserver
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.parser import Parser
from typing import Any

from tests.yard import eventually


@dataclass
class Message:
    """A request as it came in. headers: names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


#: A status, a whole answer as bytes, None to close without one, or a function that answers itself.
Answer = int | bytes | None | Callable[[Any], None]


class Receiver:
    """Keeps what it is sent; `answers` gives the answer to each message, 200 unless told."""

    def __init__(self, answer: Callable[[Message], Answer] = lambda _message: 200) -> None:
        self.answer = answer
        self.messages: list[Message] = []
        self.closing = threading.Event()
        receiver = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                receiver._handle(self)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                """A sender that gives up is what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _handle(self, handler: Any) -> None:
        method, path, _ = handler.rfile.readline().decode().split(" ")
        head = b""
        while (line := handler.rfile.readline()) not in (b"\r\n", b""):
            head += line
        given = Parser().parsestr(head.decode("utf-8", "surrogateescape")).items()
        headers = {name.lower(): value for name, value in given}
        body = handler.rfile.read(int(headers.get("content-length", 0)))
        message = Message(method, path, headers, body)
        self.messages.append(message)
        answer = self.answer(message)
        if callable(answer):
            answer(handler)
        elif isinstance(answer, bytes):
            handler.wfile.write(answer)
        elif answer is not None:
            handler.wfile.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % answer)

    def at(self, path: str) -> list[Message]:
        """What came to a path, in order."""
        return [each for each in list(self.messages) if each.path == path]

    def states(self, path: str) -> list[str]:
        return [each.json["state"] for each in self.at(path)]

    def until(self, path: str, states: Sequence[str]) -> list[Message]:
        """Wait until as many messages came to a path; they must be these, in this order."""
        eventually(lambda: len(self.at(path)) >= len(states), f"{len(states)} messages at {path}")
        assert self.states(path) == list(states)
        return self.at(path)

    def hang(self, handler: Any) -> None:
        """Answer nothing until the end of the test."""
        del handler
        self.closing.wait(120)

    def drip(self, handler: Any) -> None:
        """Answer byte by byte, and never come to an end."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.closing.wait(0.2):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
