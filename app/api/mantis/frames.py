"""Server-sent events of this dialect: plain data, and signs of life."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from flask import Response

from app.api.http.sinks import Line

OPENED = b": ok\n\n"
"""Sent at once: headers wait for a first byte."""
KEEP_ALIVE = b": keep-alive\n\n"
QUIET_S = 15.0
"""After so long without anything else a sign of life is sent."""
BEAT_S = 5.0
CHUNK_BYTES = 64 * 1024
CACHE = "no-cache, no-store, max-age=0, must-revalidate"


def document(value: Any) -> bytes:
    """Write one event that holds JSON."""
    return b"data: %s\n\n" % orjson.dumps(value)


def lines(found: Sequence[Line], *, ids: bool = False) -> Iterator[bytes]:
    """Write one event for each line of a sink, in pieces of a bounded size."""
    piece: list[bytes] = []
    size = 0
    for line in found:
        # A client takes a carriage return for the end of the event's line.
        event = b"data: %s\n\n" % line.text.replace("\r", " ").encode("utf-8", "replace")
        if ids and line.id:
            event = b"id: %s\n%s" % (line.id.encode(), event)
        piece.append(event)
        size += len(event)
        if size >= CHUNK_BYTES:
            yield b"".join(piece)
            piece, size = [], 0
    if piece:
        yield b"".join(piece)


def answer(frames: Iterator[bytes], headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a stream. Its resources are taken when the first frame is asked for."""
    return Response(
        frames,
        content_type="text/event-stream",
        headers={"Cache-Control": CACHE, "X-Accel-Buffering": "no", **(headers or {})},
    )


class Pace:
    """When something is to be sent though nothing happened. beat: sent every five seconds."""

    def __init__(self, beat: bytes | None = None) -> None:
        now = time.monotonic()
        self._beat = beat
        self._beat_at = math.inf if beat is None else now + BEAT_S
        self._quiet_at = now + QUIET_S

    def left_s(self) -> float:
        """Give how long nothing is to be sent."""
        return max(0.0, min(self._beat_at, self._quiet_at) - time.monotonic())

    def sent(self) -> None:
        """Note that something was sent."""
        self._quiet_at = time.monotonic() + QUIET_S

    def due(self) -> bytes | None:
        """Give what is to be sent now."""
        now = time.monotonic()
        if now >= self._beat_at:
            self._beat_at = now + BEAT_S
            self.sent()
            return self._beat
        if now >= self._quiet_at:
            self.sent()
            return KEEP_ALIVE
        return None
