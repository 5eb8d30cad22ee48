"""The websocket `/api/v2/job/<passcode>`."""

import time

import orjson
from flask_smorest import Blueprint
from simple_websocket import Server

from app.api.http import sockets
from app.api.http.documents import described
from app.api.http.drain import Drain
from app.api.http.site import services, site
from app.api.http.sockets import Line
from app.api.manticore.schemas import Error
from app.api.manticore.service import requests
from app.api.manticore.watch import Watch
from app.api.manticore.words import Telling
from app.domain.errors import EngineError, EntryNotFound
from app.wiring import Services

MOST_BYTES = 64 * 1024
TOUCH_S = 0.5
"""Activity that is reported more often counts once in so long."""


def made(watch: Watch) -> Blueprint:
    """Make the blueprint. watch: the watcher of this process."""
    blueprint = Blueprint("manticore-sockets", __name__, description="Live updates.")

    @sockets.route(blueprint, "/api/v2/job/<passcode>")
    @described(blueprint, errors=(400, 405), error=Error)
    def follow(ws: Server, passcode: str) -> None:
        """Tell of one request until it is gone; the passcode is all that is asked for."""
        _Session(services(), site().drain, watch, ws).run(passcode)

    return blueprint


class _Session:
    """One websocket from its opening to its end."""

    def __init__(self, services: Services, drain: Drain, watch: Watch, ws: Server) -> None:
        self._services = services
        self._drain = drain
        self._watch = watch
        self._active = False
        self._touched = 0.0
        settings = services.settings.manticore
        self._counts = settings.limits_usage and bool(settings.reset_timer_allowed)
        self._telling = Telling(settings.usage_duration, settings.warning_duration)
        self._line = Line(
            ws, ping_s=settings.ws_ping_interval, most_bytes=MOST_BYTES, heard=self._hear
        )

    def run(self, passcode: str) -> None:
        """Serve it."""
        line = self._line
        try:
            job_id = requests.opened_by(self._services, passcode)
            if job_id is None:
                line.close(sockets.REFUSED)
            else:
                self._follow(job_id)
        except EngineError:
            line.close(sockets.TRY_LATER)
        finally:
            line.end()

    def _follow(self, job_id: str) -> None:
        line = self._line
        with (
            self._watch.following(self._services, job_id, line.bell.set) as follower,
            self._drain.watching(line.bell.set),
        ):
            while line.open:
                line.bell.wait(TOUCH_S if self._active else None)
                line.bell.clear()
                if follower.standing is not None:
                    now = self._services.engine.clock.now()
                    for message in self._telling.news(follower.standing, now):
                        line.send(orjson.dumps(message).decode())
                    if follower.standing.dead is not None:
                        line.close(sockets.NORMAL)
                    elif follower.standing.services is not None:
                        self._touch(job_id)
                    else:
                        self._active = False
                if self._drain.stopping:
                    line.close(sockets.GOING_AWAY)

    def _hear(self, text: str) -> None:
        """Take a message of the client; whatever it does not know it ignores."""
        if not self._counts:
            return
        try:
            message = orjson.loads(text)
        except ValueError:
            return
        if isinstance(message, dict) and message.get("type") == "activity":
            self._active = True
            self._line.bell.set()

    def _touch(self, job_id: str) -> None:
        if not self._active or time.monotonic() - self._touched < TOUCH_S:
            return
        try:
            self._services.engine.idle.touch(job_id)
        except EntryNotFound:
            self._active = False
        except EngineError:
            return  # tried again
        self._active = False
        self._touched = time.monotonic()
