"""Parts of pages that follow what happens: drawn once for all who look at the same.

All who may see the same of a view share a board. It draws when something happened, at most once a
second and less often where drawing takes long, and now and then because time passes; what differs
from before goes to every browser as one event `parts`: HTML by the id of the element that holds it.
One that does not keep up misses steps, never the last. A board exists while somebody looks.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import structlog
from flask import Blueprint, Flask, current_app, request
from flask.sansio.app import App
from werkzeug.exceptions import Forbidden, NotFound

from app.api.http import sessions, sse
from app.api.http.fanout import Wanted
from app.api.http.site import site_of
from app.api.jobyard.errors import BadRequest
from app.domain.errors import EngineError, Unavailable
from app.domain.records import Scope
from app.web.frame import REFUSALS
from app.web.visitors import Visitor, visitor

log = structlog.get_logger(__name__)

PAUSE_S = 1.0
"""From one drawing of a board to the next, at least."""
SHARE = 0.05
"""Of a process's time one board takes no more: what takes long to draw is drawn less often."""
TICK_S = 10.0
"""How long a board goes without being drawn although nothing happened."""
BEAT_S = 15.0
_KEY = "jobyard-live"

Args = Mapping[str, str]
Parts = Mapping[str, str]
Key = tuple[str, tuple[tuple[str, str], ...], Visitor]


@dataclass(frozen=True, slots=True)
class View:
    """Something to look at.

    draw: gives HTML by element id for the arguments in the address, as a visitor may see it; it has
    an application but no request. Raises EngineError where there is nothing (any more).
    wanted: which events make it worth drawing anew.
    needs: what a visitor must be good for. personal: it looks different to each manager.
    """

    draw: Callable[[Args, Visitor], Parts]
    wanted: Callable[[Args], Wanted] = lambda _args: Wanted()
    needs: Scope | None = Scope.READ
    personal: bool = False


@dataclass(eq=False)
class _Board:
    """One view as some visitors see it. version: counts what was drawn and was new."""

    view: View
    args: Args
    who: Visitor
    version: int = 0
    html: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    frames: dict[int, bytes] = field(default_factory=dict)
    bells: set[threading.Event] = field(default_factory=set)
    over: bool = False

    def put(self, parts: Parts) -> None:
        """Take what was drawn; ring when any of it is new."""
        new = {name: html for name, html in parts.items() if self.html.get(name) != html}
        if new:
            self.version += 1
            self.html.update(new)
            self.versions.update(dict.fromkeys(new, self.version))
            self.frames = {}
            self.ring()

    def since(self, version: int) -> bytes:
        """Give the event with all that is newer, made once for everybody."""
        if version not in self.frames:
            newer = {name: self.html[name] for name, at in self.versions.items() if at > version}
            self.frames[version] = sse.frame("parts", newer)
        return self.frames[version]

    def ring(self) -> None:
        """Wake all who look."""
        for bell in list(self.bells):
            bell.set()


class Live:
    """All boards of a process."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._views: dict[str, View] = {}
        self._boards: dict[Key, _Board] = {}
        self._lock = threading.Lock()

    @classmethod
    def install(cls, app: Flask) -> None:
        """Make one for an application."""
        app.extensions[_KEY] = cls(app)

    def add(self, name: str, view: View) -> None:
        """Offer a view under `/ui/live/<name>`."""
        self._views[name] = view

    def view(self, name: str) -> View:
        """Give a view. Raises NotFound."""
        if name not in self._views:
            raise NotFound
        return self._views[name]

    def follow(
        self, name: str, args: Args, who: Visitor, stands: Callable[[], bool]
    ) -> Iterator[bytes]:
        """Give a view as events `parts`, first the whole of it, then what becomes different.

        stands: asked now and then whether the visitor still is who they were.
        """
        view = self.view(name)
        seen_by = who if view.personal else Visitor(None, who.scopes)
        key = (name, tuple(sorted(args.items())), seen_by)
        yield sse.AGAIN
        bell, seen, asked = threading.Event(), 0, time.monotonic()
        board = self._join(key, view, args, seen_by, bell)
        try:
            with site_of(self._app).drain.watching(bell.set):
                while not site_of(self._app).drain.stopping:
                    bell.clear()
                    if time.monotonic() - asked >= BEAT_S:
                        if not stands():
                            return
                        asked = time.monotonic()
                    if board.version > seen:
                        frame, seen = board.since(seen), board.version
                        yield frame
                    elif board.over:
                        yield sse.frame("end", {})
                        return
                    elif not bell.wait(BEAT_S):
                        yield sse.BEAT
        finally:
            self._leave(key, board, bell)

    def _join(
        self, key: Key, view: View, args: Args, who: Visitor, bell: threading.Event
    ) -> _Board:
        with self._lock:
            board = self._boards.get(key)
            if board is not None:
                board.bells.add(bell)
                return board
            # Somebody looks before its thread does: it ends when nobody does.
            board = self._boards[key] = _Board(view, args, who, bells={bell})
        threading.Thread(
            target=self._keep, args=(key, board), name="jobyard-board", daemon=True
        ).start()
        return board

    def _leave(self, key: Key, board: _Board, bell: threading.Event) -> None:
        with self._lock:
            board.bells.discard(bell)
            if not board.bells and self._boards.get(key) is board:
                # Its thread ends when it looks next.
                del self._boards[key]

    def _keep(self, key: Key, board: _Board) -> None:
        site = site_of(self._app)
        try:
            with self._app.app_context():
                while board.bells and not board.over:
                    try:
                        with site.hub.joined(board.view.wanted(board.args)) as client:
                            while board.bells and not client.ended:
                                begun = time.monotonic()
                                board.put(board.view.draw(board.args, board.who))
                                time.sleep(_pause_s(time.monotonic() - begun))
                                client.take(TICK_S - PAUSE_S)
                    except Unavailable:
                        time.sleep(PAUSE_S)
        except (EngineError, BadRequest, *REFUSALS):
            pass  # there is nothing to look at any more
        except Exception:
            log.exception("page-not-drawn", view=key[0])
        with self._lock:
            board.over = True
            if self._boards.get(key) is board:
                del self._boards[key]
        board.ring()


def _pause_s(drawing_s: float) -> float:
    """Give how long a board rests after a drawing that took so long."""
    return min(max(PAUSE_S, drawing_s / SHARE), TICK_S)


def offer(blueprint: Blueprint, name: str, view: View) -> None:
    """Have a view under `/ui/live/<name>` once a blueprint is part of an application."""
    blueprint.record(lambda state: _boards_of(state.app).add(name, view))


def stream(name: str) -> Iterator[bytes]:
    """Give the frames of a view for the request at hand. Raises NotFound, Forbidden."""
    boards, who = _boards_of(current_app), visitor()
    if not who.may(boards.view(name).needs):
        raise Forbidden
    given = {key: value.replace("\0", "\ufffd") for key, value in request.args.items()}
    return boards.follow(name, given, who, sessions.lasting(who.manager))


def _boards_of(app: App) -> Live:
    found: Live = app.extensions[_KEY]
    return found
