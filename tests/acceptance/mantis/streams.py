"""Readers of the dialect's streams: server-sent events and WebSockets, as clients write them."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.acceptance.mantis.client import Mantis
from tests.yard import PATIENCE_S, eventually


class Sse:
    """One stream of events; collects the raw lines until it is over or closed."""

    def __init__(self, mantis: Mantis, path: str, body: Any = None, **query: Any) -> None:
        where = urlsplit(mantis.url(path))
        self._connection = http.client.HTTPConnection(
            where.hostname, where.port, timeout=PATIENCE_S
        )
        target = where.path + (f"?{urlencode(query, doseq=True)}" if query else "")
        method, sent = ("GET", None) if body is None else ("POST", json.dumps(body).encode())
        self._connection.request(method, target, sent)
        self._socket = self._connection.sock
        self.answer = self._connection.getresponse()
        self.status = self.answer.status
        self.headers = self.answer.headers
        self.lines: list[bytes] = []
        self.over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while line := self.answer.readline():
                self.lines.append(line)
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.over = True

    @property
    def data(self) -> list[str]:
        """The payload of every event so far."""
        return [line[6:-1].decode() for line in list(self.lines) if line.startswith(b"data: ")]

    @property
    def events(self) -> list[Any]:
        return [json.loads(one) for one in self.data]

    def until(self, count: int, what: str = "events") -> list[str]:
        """Wait until there are so many events and give them all."""
        eventually(lambda: len(self.data) >= count or self.over, f"{count} {what} in {self.lines}")
        assert len(self.data) >= count, self.lines
        return self.data

    def until_data(self, *wanted: str) -> None:
        """Wait until these payloads are there."""
        eventually(lambda: set(wanted) <= set(self.data), f"{wanted} in {self.lines}")

    def until_event(self, condition: Any, what: str) -> Any:
        """Wait for an event that is as wanted, and give the first."""
        return eventually(
            lambda: next((one for one in self.events if condition(one)), None),
            f"{what} in {self.lines}",
        )

    def until_over(self) -> list[str]:
        eventually(lambda: self.over, f"the end after {self.lines}")
        return self.data

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(PATIENCE_S)
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Socket:
    """One WebSocket; collects the messages until it is closed."""

    def __init__(self, mantis: Mantis, path: str, **query: Any) -> None:
        url = mantis.url(path).replace("http://", "ws://", 1)
        target = f"{url}?{urlencode(query, doseq=True)}" if query else url
        self.messages: list[str | bytes] = []
        self.closed = False
        self.wire = connect(target, open_timeout=PATIENCE_S, proxy=None, legacy=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while True:
                self.messages.append(self.wire.recv())
        except ConnectionClosed:
            self.closed = True

    @property
    def statuses(self) -> list[dict[str, Any]]:
        """The `status` object of every message so far."""
        return [json.loads(one)["status"] for one in list(self.messages)]

    def send(self, message: Any) -> None:
        self.wire.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def until(self, count: int) -> list[str | bytes]:
        """Wait until there are so many messages and give them all."""
        eventually(lambda: len(self.messages) >= count or self.closed, f"{count} messages")
        assert len(self.messages) >= count, (self.messages, self.wire.close_code)
        return self.messages

    def until_status(self, **wanted: Any) -> dict[str, Any]:
        """Wait for a status that holds these values and give it."""

        def there() -> dict[str, Any] | None:
            return next((one for one in self.statuses if wanted.items() <= one.items()), None)

        return eventually(there, f"{wanted} in {self.messages}")

    def until_closed(self) -> None:
        eventually(lambda: self.closed, f"a close after {self.messages}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()
