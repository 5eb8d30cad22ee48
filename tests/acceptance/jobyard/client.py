"""A client of our own API, as somebody would write it who has read its document."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass
from typing import Self

import requests

from tests.yard import Yard, eventually

PATIENCE_S = 60


@dataclass(frozen=True)
class Frame:
    """One server-sent event; a beat has neither kind nor document."""

    kind: str
    document: object
    position: str


class Stream:
    """Reads a stream in a thread until it ends or is closed."""

    def __init__(self, url: str, position: str = "", **headers: str) -> None:
        if position:
            headers["Last-Event-ID"] = position
        self.answer = requests.get(url, headers=headers, stream=True, timeout=PATIENCE_S)
        self.frames: list[Frame] = []
        self.raw = b""
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        if self.answer.status_code == 200:
            self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        # Closing the socket is what wakes a reader; the object is busy in another thread.
        with contextlib.suppress(Exception):
            self.answer.raw._fp.fp.raw._sock.shutdown(2)
        if self._thread.ident is not None:
            self._thread.join(PATIENCE_S)
        self.answer.close()

    @property
    def happened(self) -> list[Frame]:
        """The frames that are neither beats nor greetings."""
        return [frame for frame in self.frames if frame.kind in ("event", "log")]

    @property
    def kinds(self) -> list[str]:
        return [frame.document["kind"] for frame in self.happened]

    @property
    def text(self) -> str:
        return "".join(frame.document["contents"] for frame in self.happened)

    def until(self, condition, what: str = "frames"):
        return eventually(lambda: condition(self), f"{what}; there were {self.frames}")

    def _read(self) -> None:
        fields: dict[str, str] = {}
        with contextlib.suppress(requests.RequestException, AttributeError, ValueError, OSError):
            for line in self.answer.iter_lines(chunk_size=1):
                self.raw += line + b"\n"
                name, _, value = line.decode().partition(":")
                if line:
                    fields[name] = value.removeprefix(" ")
                    continue
                if "data" in fields or "id" in fields:
                    document = json.loads(fields["data"]) if "data" in fields else None
                    frame = Frame(fields.get("event", ""), document, fields.get("id", ""))
                    self.frames.append(frame)
                fields = {}
        self.ended.set()


class Api:
    """Requests to one server."""

    def __init__(self, yard: Yard, token: str = "") -> None:
        self.yard = yard
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    @property
    def url(self) -> str:
        return f"{self.yard.url}/api/jobyard/v1"

    def call(self, method: str, path: str, status: int = 200, **words):
        words["headers"] = {**self.headers, **words.pop("headers", {})}
        answer = requests.request(method, self.url + path, timeout=PATIENCE_S, **words)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def get(self, path: str, status: int = 200, **query):
        return self.call("GET", path, status, params=query)

    def submit(self, run: str, **more) -> str:
        job = {"type": "shell", "spec": {"run": run}, **more}
        return self.call("POST", "/jobs", 201, json=job)["id"]

    def until(self, job_id: str, *states: str):
        def there():
            job = self.get(f"/jobs/{job_id}")
            return job if job["state"] in states else None

        return eventually(there, f"job {job_id} in {states}")

    def stream(self, path: str, position: str = "") -> Stream:
        return Stream(self.url + path, position, **self.headers)
