"""Talking to a server from the command line: one request, or a stream that outlasts its connection.

What goes wrong is `Failed` with one line for the user. A connection that is cut is made again, for
what may be asked twice, as long as the caller's patience lasts.
"""

import base64
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from app.cli import Failed
from app.cli.screen import printable

API = "/api/jobyard/v1"
TIMEOUT_S = 45.0
"""Streams give a sign of life every 15 s."""
PATIENCE_S = 5.0
WATCHING_S = 60.0
LONGEST_PAUSE_S = 2.0
LONGEST_LINE = 4 << 20
Body = bytes | Iterable[bytes] | None
_CUT = (OSError, http.client.HTTPException)
_NEVER_THERE = (ConnectionRefusedError, socket.gaierror, ssl.SSLError, FileNotFoundError)


class Cut(Exception):
    """The connection broke off, or the server cannot answer now."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event of a stream."""

    kind: str
    document: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. body: as it came."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON. Raises Failed when it is none."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Failed("the server's answer is no JSON: is it Jobyard's?") from error


class Server:
    """A server by its address. patience_s: how long it may be away once it has answered."""

    def __init__(self, url: str, token: str = "", *, patience_s: float = PATIENCE_S) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        try:
            port = parts.port
        except ValueError as error:
            raise Failed(f"{url}: not the address of a server") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Failed(f"{url}: not the address of a server, such as http://127.0.0.1:8000")
        self._tls = parts.scheme == "https"
        self._host, self._port = parts.hostname, port
        self._prefix = parts.path.rstrip("/")
        self._login = parts.username, parts.password
        self._token = token
        self.patience_s = patience_s
        self._answered = False
        shown = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.url = f"{parts.scheme}://{shown}{f':{port}' if port else ''}{self._prefix}"

    # -- requests -------------------------------------------------------------------------------

    def get(self, path: str, **query: Any) -> Any:
        """GET a path of our API as JSON. Raises Failed."""
        return self._again("GET", API + path + _query(query)).json

    def put(self, path: str) -> Any:
        """PUT to a path of our API; what it does is done once however often it is asked for."""
        return self.request("PUT", API + path).json

    def delete(self, path: str) -> None:
        """DELETE a path of our API."""
        self.request("DELETE", API + path)

    def post(self, path: str, document: Any, *, key: str = "") -> Any:
        """POST JSON to a path of our API. key: makes it safe to be sent again."""
        body = json.dumps(document).encode()
        headers = {"Content-Type": "application/json"}
        if not key:
            return self.request("POST", API + path, body, headers).json
        return self._again("POST", API + path, body, {**headers, "Idempotency-Key": key}).json

    def request(
        self, method: str, path: str, body: Body = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """Make one request, once, to any path of the server. Raises Failed.

        A body in pieces needs its Content-Length among the headers.
        """
        try:
            return self._once(method, path, body, headers)
        except Cut as error:
            raise Failed(f"{self.url}: {error}; whether it was done is not known") from error

    def read(self, path: str, headers: Mapping[str, str] = {}) -> Any:
        """GET any path of the server as JSON, again while it is away. Raises Failed."""
        return self.repeat("GET", path, headers=headers).json

    def authorization(self) -> dict[str, str]:
        """Give the header that shows the token, for other APIs of the server that want it."""
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def repeat(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """Make a request that may as well be made twice, to any path, until it is answered.

        Raises Failed, also when the server stays away for longer than `patience_s`.
        """
        return self._again(method, path, body, headers)

    def text(self, path: str) -> Iterator[bytes]:
        """GET a path of our API as pieces of text. Raises Failed when it breaks off."""
        with closing(self._connection()) as connection:
            response = self._opened(connection, "GET", API + path, None, {})
            try:
                while piece := response.read1(65536):
                    yield piece
            except _CUT as error:
                raise Failed(f"{self.url}: the answer broke off") from error

    def _again(
        self,
        method: str,
        path: str,
        body: Body = None,
        headers: Mapping[str, str] = {},
    ) -> Answer:
        waits = Waits(self.patience_s)
        while True:
            try:
                return self._once(method, path, body, headers)
            except Cut as error:
                if not waits.more():
                    raise Failed(f"{self.url}: {error}") from error

    def _once(self, method: str, path: str, body: Body, headers: Mapping[str, str]) -> Answer:
        with closing(self._connection()) as connection:
            response = self._opened(connection, method, path, body, headers)
            try:
                return Answer(response.status, response.read())
            except _CUT as error:
                raise Cut("the connection was cut") from error

    # -- streams --------------------------------------------------------------------------------

    def stream(self, path: str, **query: Any) -> Iterator[Message]:
        """Give the events of a stream, and go on where it was cut off, until its event `end`.

        Raises Failed when the server stays away for longer than `patience_s`.
        """
        position = ""
        waits = Waits(self.patience_s)
        while True:
            try:
                for kind, data, at in self._frames(API + path + _query(query), position):
                    position = at or position
                    waits = Waits(self.patience_s)
                    if kind == "end":
                        return
                    if data is not None:
                        yield Message(kind, data)
            except Cut as error:
                if not waits.more():
                    raise Failed(f"{self.url}: {error}") from error
            else:
                # The server ended it to be restarted; another one goes on.
                if not waits.more():
                    raise Failed(f"{self.url}: the stream ends again and again")

    def _frames(self, path: str, position: str) -> Iterator[tuple[str, Any, str]]:
        headers = {"Accept": "text/event-stream"}
        if position:
            headers["Last-Event-ID"] = position
        with closing(self._connection()) as connection:
            response = self._opened(connection, "GET", path, None, headers)
            kind, data, at = "", "", ""
            while line := self._line(response):
                name, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
                value = value.removeprefix(" ")
                if not name and not value and line.strip() == b"":
                    if data or at:
                        yield kind, _parsed(data), at
                    kind, data, at = "", "", ""
                elif name == "event":
                    kind = value
                elif name == "data":
                    data += value
                elif name == "id":
                    at = value

    def _line(self, response: http.client.HTTPResponse) -> bytes:
        try:
            return response.readline(LONGEST_LINE)
        except (*_CUT, ValueError, AttributeError) as error:
            raise Cut("the connection was cut") from error

    # -- connections ----------------------------------------------------------------------------

    def _connection(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=TIMEOUT_S)

    def _opened(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Body,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        """Give the beginning of a good answer. Raises Cut, and Failed for a bad one."""
        try:
            given = {**self._authorization(path), **headers}
            connection.request(method, self._prefix + path, body=body, headers=given)
            response = connection.getresponse()
            bad = response.read() if response.status >= 300 else b""
        except _NEVER_THERE as error:
            if self._answered:
                raise Cut("the server is away") from error
            reason = getattr(error, "strerror", None) or str(error)
            raise Failed(
                f"no server answers at {self.url} ({reason}); name it by --server or JOBYARD_SERVER"
            ) from error
        except ValueError as error:  # a line break in a token, say
            raise Failed(f"the request cannot be made: {error}") from error
        except _CUT as error:
            raise Cut("the connection was cut") from error
        self._answered = True
        if response.status in (502, 503, 504):
            raise Cut(_message(bad) or f"the server answers {response.status}")
        if response.status >= 300:
            raise Failed(_refusal(response.status, bad))
        return response

    def _authorization(self, path: str) -> dict[str, str]:
        """Show the token to our API, and the name in the address, if there is one, elsewhere."""
        name, password = self._login
        if path.startswith(API):
            return self.authorization()
        if name is None:
            return {}
        pair = f"{unquote(name)}:{unquote(password or '')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


class Waits:
    """Pauses between tries, each a little longer, until patience ends."""

    def __init__(self, patience_s: float) -> None:
        self._until = time.monotonic() + patience_s
        self._pause_s = 0.05

    def more(self) -> bool:
        """Wait, and tell whether to try again."""
        if time.monotonic() >= self._until:
            return False
        time.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        return True


def _query(given: Mapping[str, Any]) -> str:
    pairs = {name: value for name, value in given.items() if value not in (None, "", ())}
    return f"?{urlencode(pairs, doseq=True)}" if pairs else ""


def _parsed(data: str) -> Any:
    if not data:
        return None
    try:
        return json.loads(data)
    except ValueError as error:
        raise Cut("the stream broke off") from error


def _message(body: bytes) -> str:
    try:
        document = json.loads(body)
        said = [str(document["message" if "message" in document else "error"])]
        said += [f"{path}: {text}" for path, text in document.get("faults", {}).items()]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return printable("; ".join(said))


def _refusal(status: int, body: bytes) -> str:
    said = _message(body) or f"the server answers {status}"
    if status == 401:
        return f"{said} (give one by --token or JOBYARD_TOKEN)"
    return said
