"""Server-sent events: frames, answers made of them, and where a client wants to go on."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
from flask import Response, request

from app.api.http.follow import Output, Stopped
from app.domain.records import LogPart

EVENT_STREAM = "text/event-stream"
BEAT = b": beat\n\n"
"""A comment: it keeps proxies from hanging up, and shows whether the client is still there."""
AGAIN = b"retry: 1000\n\n"
"""Milliseconds after which a client that was cut off comes back."""
LONGEST_ID = 100


def frame(kind: str, document: Any, *, position: str = "") -> bytes:
    """Write one event. position: what the client sends as `Last-Event-ID` to go on behind it."""
    head = f"id: {position}\nevent: {kind}\n" if position else f"event: {kind}\n"
    # JSON has no line break of its own.
    return b"%sdata: %s\n\n" % (head.encode(), orjson.dumps(document))


def resumed_from() -> str:
    """Give the position that the client names; "" when it begins.

    In the header, as browsers do when they come back, or as `last_event_id` in the query.
    """
    given = request.headers.get("Last-Event-ID") or request.args.get("last_event_id", "")
    return given[:LONGEST_ID].replace("\0", "\ufffd")


def answer(frames: Iterator[bytes]) -> Response:
    """Answer with a stream. Its resources are taken when the first frame is asked for."""
    return Response(
        frames,
        mimetype=EVENT_STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def log_frames(
    steps: Iterator[Sequence[LogPart]], output: Output, word: Callable[[LogPart], Any]
) -> Iterator[bytes]:
    """Give a followed output as events `log`, and `end` when no more will come.

    word: a part as the dialect shows it. A stream that breaks off without `end` is to be resumed.
    """
    yield AGAIN
    try:
        for parts in steps:
            if not parts:
                yield BEAT
            for part in parts:
                yield frame("log", word(part), position=output.position(part))
    except Stopped:
        return
    yield frame("end", {})
