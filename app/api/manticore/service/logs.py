"""What the services of an environment write."""

from collections.abc import Iterator

from flask import Request

from app.api.http.drain import Drain
from app.api.http.follow import JobOutput, Stopped, follow, whole
from app.api.http.presence import has_hung_up
from app.domain.records import LogPart
from app.wiring import Services


def text(services: Services, job_id: str) -> Iterator[bytes]:
    """Give all there is, oldest first."""
    for part in whole(JobOutput(services.engine, job_id)):
        yield _bytes(part)


def followed(services: Services, drain: Drain, job_id: str, asked: Request) -> Iterator[bytes]:
    """Give all there is and what comes, until no more will come or the client has gone.

    asked: the request; text has no sign of life of its own that could tell that nobody reads it.
    """
    try:
        for parts in follow(drain, JobOutput(services.engine, job_id)):
            # Also without output: the first piece, even an empty one, sends the headers.
            yield b"".join(map(_bytes, parts))
            if not parts and has_hung_up(asked):
                return
    except Stopped:
        return


def _bytes(part: LogPart) -> bytes:
    return part.contents.encode("utf-8", "replace")
