"""Speaks to the manager: one short request after another."""

import http.client
import json
import secrets
import shutil
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Seconds that the manager may stay mute within one request.
TIMEOUT_S = 30.0
PIECE = 1024 * 1024
#: The most that is read of an answer that is no file.
MOST_ANSWER = 16 * 1024 * 1024


class Gone(Exception):
    """The manager did not answer. What it was asked it may have done or not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """status: of HTTP. body: the JSON of it, None where there is none."""

    status: int
    body: Any = None

    @property
    def failed(self) -> bool:
        """Whether the manager itself is in trouble, and asking again is worth it."""
        return self.status >= 500


class Manager:
    """The routes of the manager that a worker needs.

    Every method raises Gone when there is no answer; a refusal is an answer.
    """

    def __init__(self, url: str, *, token: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not the address of a manager: http://host:port")
        self._https = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Accept": "application/json", "User-Agent": "jobyard-farm-worker"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout_s = timeout_s

    def alive(self) -> bool:
        """Tell whether the manager answers at all."""
        try:
            self.ask("GET", "/")
        except Gone:
            return False
        return True

    def ask(self, method: str, path: str, fields: Mapping[str, Any] | None = None) -> Answer:
        """Make a request, with a JSON body if there are fields."""
        if fields is None:
            return self._read(method, path, None, {})
        body = json.dumps(fields).encode()
        return self._read(method, path, body, {"Content-Type": "application/json"})

    def send(
        self,
        method: str,
        path: str,
        fields: Mapping[str, Any],
        *,
        file: Path,
        name: str = "file",
        filename: str | None = None,
    ) -> Answer:
        """Make a request with fields and one file, which is read as it is sent."""
        boundary = secrets.token_hex(16)
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        )
        head += (
            f"--{boundary}\r\nContent-Disposition: form-data; "
            f'name="{name}"; filename="{filename or file.name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        start, end = head.encode("utf-8", "replace"), f"\r\n--{boundary}--\r\n".encode()
        try:
            size = file.stat().st_size
        except OSError as fault:
            raise Gone(f"{file}: {fault}") from fault
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(start) + size + len(end)),
        }
        return self._read(method, path, _parts(start, file, size, end), headers)

    def fetch(self, path: str, target: Path) -> int:
        """Write what is at `path` into the file `target` and give the status; 200: it is there."""
        with self._asking("GET", path, None, {}) as (connection, response):
            del connection
            if response.status != 200:
                return response.status
            try:
                with target.open("wb") as file:
                    shutil.copyfileobj(response, file, PIECE)
            except http.client.HTTPException as fault:
                raise Gone(str(fault)) from fault
            promised = response.getheader("Content-Length")
            if promised is not None and target.stat().st_size != int(promised):
                raise Gone(f"{path} broke off")
        return 200

    def _read(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        with self._asking(method, path, body, headers) as (connection, response):
            del connection
            try:
                text = response.read(MOST_ANSWER)
            except (OSError, http.client.HTTPException) as fault:
                raise Gone(str(fault) or type(fault).__name__) from fault
        try:
            return Answer(response.status, json.loads(text) if text else None)
        except ValueError:
            return Answer(response.status)

    def _asking(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> "_Asking":
        kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout_s)
        return _Asking(connection, method, self._prefix + path, body, {**self._headers, **headers})


class _Asking:
    """A request under way, and its connection, which is closed at the end."""

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str],
    ) -> None:
        self._connection = connection
        self._request = (method, path, body, headers)

    def __enter__(self) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        method, path, body, headers = self._request
        try:
            try:
                self._connection.request(method, path, body=body, headers=dict(headers))
            except (BrokenPipeError, ConnectionResetError):
                # A manager that refuses a large file answers and does not read to the end.
                return self._connection, self._connection.getresponse()
            return self._connection, self._connection.getresponse()
        except (OSError, http.client.HTTPException) as fault:
            self._connection.close()
            raise Gone(str(fault) or type(fault).__name__) from fault

    def __exit__(self, *_fault: object) -> None:
        self._connection.close()


def _parts(start: bytes, file: Path, size: int, end: bytes) -> Iterator[bytes]:
    yield start
    left = size
    with file.open("rb") as opened:
        # Not more than was promised, though the file may have grown.
        while left and (piece := opened.read(min(PIECE, left))):
            left -= len(piece)
            yield piece
    yield end
