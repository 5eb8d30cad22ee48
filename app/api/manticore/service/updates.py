"""The messages of the websocket for clients that cannot have one: a stream, or a long poll.

Either waits for the bell that the watcher of the process rings, and for nothing else.
"""

import threading
import time
from collections.abc import Iterator

from app.api.http import sse
from app.api.http.drain import Drain
from app.api.http.follow import BEAT_S
from app.api.manticore.errors import NoRequest, WrongField
from app.api.manticore.service.requests import opened_by
from app.api.manticore.watch import Watch
from app.api.manticore.words import OVER, Telling
from app.domain.errors import StoreUnavailable
from app.domain.records import Json
from app.wiring import Services

LONGEST_WAIT_S = 60.0
FIRST_LOOK_S = 10.0
"""How long the first look may take, for who does not want to wait."""


def environment(services: Services, passcode: str, since: str) -> str:
    """Give the environment that a passcode opens. Raises NoRequest.

    since: who was told something of it before is also told of its end.
    """
    job_id = opened_by(services, passcode, over=since not in ("", OVER))
    if job_id is None:
        raise NoRequest
    return job_id


def seconds_given(text: str) -> float:
    """Read how long a client wants to wait, at most. Raises Refused."""
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise WrongField("wait", text, "must be a whole number of seconds")
    return min(float(text), LONGEST_WAIT_S)


def stream(
    services: Services, drain: Drain, watch: Watch, job_id: str, since: str
) -> Iterator[bytes]:
    """Give the messages as server-sent events until the last one, or until the server stops."""
    telling = _telling(services, since)
    bell = threading.Event()
    with (
        watch.following(services, job_id, bell.set) as follower,
        drain.watching(bell.set),
    ):
        yield sse.AGAIN
        while not drain.stopping:
            rung = bell.wait(BEAT_S)
            bell.clear()
            standing = follower.standing
            if standing is not None:
                for message in telling.news(standing, services.engine.clock.now()):
                    yield sse.frame("message", message, position=telling.tag)
                if standing.dead is not None:
                    return
            if not rung:
                yield sse.BEAT


def poll(
    services: Services, drain: Drain, watch: Watch, job_id: str, *, since: str, wait_s: float
) -> Json:
    """Give what is new to who was told `since`, as soon as there is something.

    Nothing is after `wait_s`, or when the server stops. Raises StoreUnavailable.
    """
    telling = _telling(services, since)
    bell = threading.Event()
    began = time.monotonic()
    with (
        watch.following(services, job_id, bell.set) as follower,
        drain.watching(bell.set),
    ):
        while True:
            standing = follower.standing
            patience_s = wait_s if standing is not None else max(wait_s, FIRST_LOOK_S)
            left_s = began + patience_s - time.monotonic()
            ends = drain.stopping or left_s <= 0
            if standing is not None:
                messages = list(telling.news(standing, services.engine.clock.now()))
                if messages or ends:
                    return {"messages": messages, "tag": telling.tag}
            elif ends:
                raise StoreUnavailable("how it stands is not known")
            bell.wait(left_s)
            bell.clear()


def _telling(services: Services, since: str) -> Telling:
    settings = services.settings.manticore
    return Telling(settings.usage_duration, settings.warning_duration, since)
