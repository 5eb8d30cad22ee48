"""Parts of pages that follow what happens: who shares a drawing, and how streams go on and end."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from flask import Flask
from structlog.testing import capture_logs
from werkzeug.exceptions import NotFound

from app.api.http.drain import Drain
from app.domain.errors import JobNotFound, StoreUnavailable
from app.domain.records import Manager, Scope
from app.web import live
from app.web.live import Live, View
from app.web.visitors import OPEN, Visitor
from tests.yard import PATIENCE_S, eventually

NOBODY = Visitor(None, OPEN)
STANDS = lambda: True  # noqa: E731


def manager(name: str, *scopes: Scope) -> Visitor:
    who = Manager(id=1, username=name, password_hash="", admin=False, created_at=1)
    return Visitor(who, frozenset(scopes or OPEN))


class Hub:
    """Events come when the test rings."""

    def __init__(self) -> None:
        self.clients: set[SimpleNamespace] = set()
        self.away = 0

    @contextmanager
    def joined(self, _wanted) -> Iterator[SimpleNamespace]:
        if self.away:
            self.away -= 1
            raise StoreUnavailable
        rung = threading.Event()

        def take(timeout_s: float) -> None:
            rung.wait(timeout_s)
            rung.clear()

        client = Client(take=take, ended=False, rung=rung)
        self.clients.add(client)
        try:
            yield client
        finally:
            self.clients.discard(client)

    def ring(self) -> None:
        for client in list(self.clients):
            client.rung.set()


class Client(SimpleNamespace):
    __hash__ = object.__hash__


class Drawing:
    """A view whose parts the test sets; counts how often and when it was drawn."""

    def __init__(self) -> None:
        self.parts: dict[str, str] = {"a": "0"}
        self.error: Exception | None = None
        self.at: list[float] = []
        self.who: list[Visitor] = []

    def __call__(self, _args, who: Visitor) -> dict[str, str]:
        self.at.append(time.monotonic())
        self.who.append(who)
        if self.error is not None:
            raise self.error
        return dict(self.parts)


class House:
    """An application with one view, `it`, and what its boards rest on."""

    def __init__(self, **words) -> None:
        self.app = Flask("house")
        self.hub, self.drain, self.drawing = Hub(), Drain(), Drawing()
        self.app.extensions["jobyard"] = SimpleNamespace(hub=self.hub, drain=self.drain)
        Live.install(self.app)
        self.live: Live = self.app.extensions["jobyard-live"]
        self.live.add("it", View(self.drawing, **words))

    def follow(self, who: Visitor = NOBODY, args=None, stands=STANDS) -> Iterator[bytes]:
        return self.live.follow("it", args or {}, who, stands)

    def draw(self, **parts: str) -> None:
        """Let there be something new, and wait until all boards have it."""
        self.drawing.parts.update(parts)

        def drawn() -> bool:
            self.hub.ring()
            boards = self.live._boards.values()
            return all(board.html == self.drawing.parts for board in list(boards))

        eventually(drawn, "a drawing")


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(live, "PAUSE_S", 0.01)
    monkeypatch.setattr(live, "TICK_S", PATIENCE_S)
    monkeypatch.setattr(live, "BEAT_S", 0.05)


@pytest.fixture
def house():
    house = House()
    yield house
    house.drain.begin()


def frame(stream: Iterator[bytes]) -> dict[str, str]:
    """Give the parts of the next event, beats left out."""
    for piece in stream:
        if piece.startswith(b"event: parts"):
            return json.loads(piece.partition(b"data: ")[2])
    raise AssertionError("the stream has ended")


def rest(stream: Iterator[bytes]) -> list[bytes]:
    return [piece for piece in stream if not piece.startswith(b":")]


def test_all_who_may_see_the_same_share_a_drawing(house):
    streams = [house.follow(who) for who in (NOBODY, manager("ann"), manager("ben"))]
    assert [frame(stream) for stream in streams] == [{"a": "0"}] * 3
    assert len(house.drawing.at) == 1
    assert house.drawing.who == [NOBODY]
    house.draw(a="1")
    frames = [next(piece for piece in stream if piece.startswith(b"event")) for stream in streams]
    assert frames[0] is frames[1] is frames[2]


def test_who_may_see_something_else_has_a_drawing_of_their_own(house):
    streams = [
        house.follow(),
        house.follow(manager("ann", Scope.READ)),
        house.follow(args={"page": "2"}),
    ]
    for stream in streams:
        frame(stream)
    assert len(house.drawing.at) == 3


def test_a_personal_view_is_drawn_for_each_manager():
    house = House(personal=True)
    for name in ("ann", "ben"):
        frame(house.follow(manager(name)))
    assert [who.name for who in house.drawing.who] == ["ann", "ben"]
    house.drain.begin()


def test_only_what_differs_is_sent(house):
    house.drawing.parts = {"a": "0", "b": "0"}
    stream = house.follow()
    assert frame(stream) == {"a": "0", "b": "0"}
    house.draw(b="1")
    assert frame(stream) == {"b": "1"}


def test_who_comes_late_begins_with_the_whole(house):
    house.drawing.parts = {"a": "0", "b": "0"}
    first = house.follow()
    frame(first)
    house.draw(b="1")
    assert frame(house.follow()) == {"a": "0", "b": "1"}


def test_a_slow_browser_misses_steps_but_not_the_last(house):
    house.drawing.parts = {"a": "0", "b": "0", "c": "0"}
    slow, fast = house.follow(), house.follow()
    frame(slow), frame(fast)
    for number in range(1, 4):
        house.draw(a=str(number))
        assert frame(fast) == {"a": str(number)}
    house.draw(b="9")
    assert frame(slow) == {"a": "3", "b": "9"}
    house.draw(c="9")
    assert frame(slow) == {"c": "9"}


def test_it_is_drawn_no_more_often_than_once_in_a_while(house, monkeypatch):
    monkeypatch.setattr(live, "PAUSE_S", 0.1)
    stream = house.follow()
    frame(stream)

    def drawn_often() -> bool:
        house.hub.ring()
        return len(house.drawing.at) > 4

    eventually(drawn_often, "some drawings")
    at = house.drawing.at
    assert min(after - before for before, after in itertools.pairwise(at)) >= 0.1


def test_what_takes_long_to_draw_is_drawn_less_often(monkeypatch):
    monkeypatch.setattr(live, "PAUSE_S", 1.0)
    monkeypatch.setattr(live, "TICK_S", 10.0)
    assert [live._pause_s(taken) for taken in (0.01, 0.1, 5.0)] == [1.0, 2.0, 10.0]


def test_it_is_drawn_now_and_then_though_nothing_happens(house, monkeypatch):
    monkeypatch.setattr(live, "TICK_S", 0.05)
    stream = house.follow()
    frame(stream)
    house.drawing.parts["a"] = "later"
    assert frame(stream) == {"a": "later"}


def test_a_session_that_ended_ends_the_stream(house):
    lasts = [True, True, False]
    stream = house.follow(manager("ann"), stands=lambda: lasts.pop(0))
    assert frame(stream) == {"a": "0"}
    assert rest(stream) == []
    assert lasts == []


def test_the_stop_of_the_server_ends_all_streams(house, monkeypatch):
    monkeypatch.setattr(live, "BEAT_S", PATIENCE_S)
    streams = [house.follow(), house.follow(manager("ann"))]
    for stream in streams:
        frame(stream)
    ended = []
    threads = [
        threading.Thread(target=lambda one=stream: ended.append(rest(one))) for stream in streams
    ]
    for thread in threads:
        thread.start()
    house.drain.begin()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert ended == [[], []]
    assert rest(house.follow()) == [live.sse.AGAIN]


def test_what_is_gone_ends_the_stream_for_good(house):
    stream = house.follow()
    frame(stream)
    house.drawing.error = JobNotFound(job_id="x")
    eventually(lambda: house.hub.ring() or not house.live._boards, "the end of the board")
    assert rest(stream) == [b"event: end\ndata: {}\n\n"]


def test_a_fault_of_a_view_ends_its_streams_and_is_logged(house):
    house.drawing.error = ZeroDivisionError("no")
    with capture_logs() as logs:
        assert rest(house.follow())[-1] == b"event: end\ndata: {}\n\n"
    assert [(line["event"], line["view"]) for line in logs] == [("page-not-drawn", "it")]


def test_it_goes_on_when_the_database_is_back(house):
    house.hub.away = 3
    stream = house.follow()
    assert frame(stream) == {"a": "0"}
    before = len(house.drawing.at)
    house.drawing.error = StoreUnavailable()
    eventually(lambda: house.hub.ring() or len(house.drawing.at) > before + 2, "tries")
    house.drawing.parts, house.drawing.error = {"a": "1"}, None
    assert frame(stream) == {"a": "1"}


def test_it_goes_on_when_the_reader_of_events_began_anew(house):
    stream = house.follow()
    frame(stream)
    [client] = house.hub.clients
    client.ended = True
    house.draw(a="1")
    assert frame(stream) == {"a": "1"}
    assert client not in house.hub.clients


def test_nothing_is_drawn_when_nobody_looks(house):
    stream, other = house.follow(), house.follow()
    frame(stream), frame(other)
    stream.close()
    assert len(house.live._boards) == 1
    other.close()
    assert not house.live._boards
    eventually(lambda: house.hub.ring() or not house.hub.clients, "the end of the board")


def test_there_is_no_other_view(house):
    with pytest.raises(NotFound):
        next(house.live.follow("another", {}, NOBODY, STANDS))
