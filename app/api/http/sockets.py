"""Websockets: one line to a client, with what flask-sock and its library leave to us.

The library performs the handshake alone. Its own reader would break large messages under gevent,
let a client fill memory, and cut off the close frame of a message that is too long; so a `Line`
reads and writes by itself, on the same protocol object.

A line costs two greenlets: the view's, which writes, and one that reads. Nothing is queued: the
view is woken by `bell` and says what is true then, so a slow client costs no memory.
"""

import re
import select
import socket
import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import request
from flask_smorest import Blueprint
from flask_sock import Sock
from simple_websocket import Server
from werkzeug.exceptions import BadRequest
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.utilities import ProtocolError

NORMAL, GOING_AWAY, REFUSED, TOO_BIG, TRY_LATER = 1000, 1001, 1008, 1009, 1013
LINGER_S = 1.0
"""How long a client may take to answer a close frame."""
_CHUNK = 16_384
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")


class _Idle:
    """In place of the library's reading thread; a `Line` has its own."""

    name = ""

    def __init__(self, **_words: Any) -> None:
        """Take what a thread takes."""

    def start(self) -> None:
        """Do nothing."""


OPTIONS = {"thread_class": _Idle}
"""For flask-sock, of the whole application; what differs between routes is said to the `Line`."""


def route(blueprint: Blueprint, path: str, **options: Any) -> Callable[[Callable[..., None]], None]:
    """Mount a function that is called with each new websocket and the parts of its path."""

    def mount(serve: Callable[..., None]) -> None:
        blueprint.route(path, websocket=True, **options)(upgrading(serve))

    return mount


def upgrading(serve: Callable[..., None]) -> Callable[..., Any]:
    """Give the view that makes a request a websocket and hands it to a function.

    Mount it with `websocket=True`. A handshake that makes no sense is answered with 400.
    """
    caught = _Catcher()
    Sock().route("", bp=caught)(serve)
    view = caught.view

    @wraps(view)
    def shielded(**parts: Any) -> Any:
        if not _KEY.fullmatch(request.headers.get("Sec-WebSocket-Key", "")):
            raise BadRequest
        try:
            return view(**parts)
        except (ProtocolError, ValueError, OSError) as error:
            # Nothing was sent yet: what a line does it does not raise.
            raise BadRequest from error

    return shielded


class _Catcher:
    """A blueprint to flask-sock; keeps the view that is to be mounted."""

    view: Callable[..., Any]

    def route(self, _path: str, **_options: Any) -> Callable[[Callable[..., Any]], None]:
        def mount(view: Callable[..., Any]) -> None:
            self.view = view

        return mount


class Line:
    """One open websocket.

    ping_s: time between two pings; who answers none of them is hung up on, and so is who takes
    nothing for so long. most_bytes: a longer message is answered with close code 1009. heard: is
    called with each text message; must not raise. binary: also with each binary one, read as text.
    bell: rung when `open` has changed, and by whoever has something to tell to the view.
    """

    def __init__(
        self,
        ws: Server,
        *,
        ping_s: float,
        most_bytes: int,
        heard: Callable[[str], None],
        binary: bool = False,
    ) -> None:
        self._ws = ws
        self._wire = ws.ws
        self._socket: socket.socket = ws.sock
        self._ping_s = ping_s
        self._most_bytes = most_bytes
        self._heard = heard
        self._binary = binary
        self._turn = threading.Lock()
        self._parts: list[bytes] = []
        self._size = 0
        self._quiet = False
        self.open = True
        self.bell = threading.Event()
        self._socket.settimeout(ping_s)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    # -- writing ------------------------------------------------------------------------------

    def send(self, text: str) -> None:
        """Send a text message; nothing happens on a closed line."""
        if self.open:
            self._write(TextMessage(data=text))

    def close(self, code: int) -> None:
        """Say that this was all; nothing happens on a closed line."""
        if self.open:
            self._write(CloseConnection(code=code))
            self._shut()

    def end(self) -> None:
        """Wait a moment for the client to hang up, then do it; the last call of a view."""
        self._shut()
        self._reader.join(LINGER_S)
        if self._reader.is_alive():
            # Its reader would otherwise wait on a number that soon is another's socket.
            self._hang_up(socket.SHUT_RDWR)
            self._reader.join()

    def _write(self, event: Any) -> None:
        try:
            with self._turn:
                # All at once: another writer's bytes within a frame would break the stream.
                self._socket.sendall(self._wire.send(event))
        except (OSError, ProtocolError):
            self._lose()

    def _shut(self) -> None:
        if self._ws.connected:
            self._ws.connected = False
            self._hang_up(socket.SHUT_WR)
        self.open = False
        self.bell.set()

    def _lose(self) -> None:
        self._ws.connected = False
        self._hang_up(socket.SHUT_RDWR)
        self.open = False
        self.bell.set()

    def _hang_up(self, how: int) -> None:
        try:
            self._socket.shutdown(how)
        except OSError:
            return

    # -- reading ------------------------------------------------------------------------------

    def _read(self) -> None:
        due = time.monotonic() + self._ping_s
        try:
            while self.open:
                left_s = due - time.monotonic()
                if left_s <= 0:
                    self._ping()
                    due = time.monotonic() + self._ping_s
                elif select.select([self._socket], [], [], left_s)[0]:
                    self._take()
                    # Who sends without a pause must not starve the others of this process.
                    time.sleep(0)
            self._linger()
        except (OSError, ValueError, ProtocolError):
            self._lose()

    def _ping(self) -> None:
        if self._quiet:
            self._lose()
            return
        self._quiet = True
        self._write(Ping())

    def _take(self) -> None:
        data = self._socket.recv(_CHUNK)
        if not data:
            self._lose()
        if not self.open:
            return
        self._wire.receive_data(data)
        for event in self._wire.events():
            if isinstance(event, TextMessage | BytesMessage):
                self._hear(event)
            elif isinstance(event, Pong):
                self._quiet = False
            elif isinstance(event, Ping):
                self._write(event.response())
            elif isinstance(event, CloseConnection):
                self._write(event.response())
                self._shut()
            if not self.open:
                return

    def _hear(self, event: TextMessage | BytesMessage) -> None:
        text = isinstance(event.data, str)
        data = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
        self._size += len(data)
        if self._size > self._most_bytes:
            self.close(TOO_BIG)
            return
        if text or self._binary:
            self._parts.append(data)
        if event.message_finished:
            message = b"".join(self._parts)
            self._parts.clear()
            self._size = 0
            if text or self._binary:
                self._heard(message.decode("utf-8", "replace"))

    def _linger(self) -> None:
        """Read what still comes, so that the close frame arrives before the connection is reset."""
        until = time.monotonic() + LINGER_S
        while (left_s := until - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left_s)[0] and not self._socket.recv(_CHUNK):
                return
