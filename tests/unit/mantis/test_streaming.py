"""What is written when: frames, signs of life, samples and pings."""

from collections import deque

import pytest

from app.api.http.sinks import Line
from app.api.mantis import frames
from app.api.mantis.errors import Invalid
from app.api.mantis.service import sinks
from app.api.mantis.service.sinks import PING, Tap, Wish, wish_of


class Time:
    """The clock of the modules under test."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Time()
    monkeypatch.setattr(frames, "time", clock)
    monkeypatch.setattr(sinks, "time", clock)
    return clock


class Script:
    """A source: each entry is the seconds until some lines, and those."""

    def __init__(self, clock, *entries):
        self._clock = clock
        self._entries = deque(entries)
        self._at = clock.now

    @property
    def ended(self):
        return not self._entries

    def take(self, timeout_s):
        if not self._entries:
            return ()
        wait_s, lines = self._entries[0]
        end = self._clock.now + timeout_s
        if self._at + wait_s > end:
            self._clock.now = end
            return ()
        self._entries.popleft()
        self._at = self._clock.now = max(self._clock.now, self._at + wait_s)
        return [Line(text) for text in lines]


def events(*texts, **words):
    """Write lines as events, in pieces."""
    return list(frames.lines([Line(text, f"0-{n}.0") for n, text in enumerate(texts)], **words))


def sent(clock, tap, *, most=50):
    """Give what a client is sent, with when, in seconds from the beginning."""
    begin, found = clock.now, []
    for _ in range(most):
        lines = tap.next(15.0)
        found += [(round(clock.now - begin, 3), line.text) for line in lines]
        if tap.over:
            return found
    raise AssertionError("it never ends")


# -- frames -------------------------------------------------------------------------------------


def test_a_line_is_one_event():
    assert b"".join(events("a", " b: é")) == "data: a\n\ndata:  b: é\n\n".encode()
    assert events() == []


def test_nothing_of_a_line_is_taken_for_another_field():
    assert b"".join(events("a\rid: 7\r")) == b"data: a id: 7 \n\n"


def test_ids_are_sent_to_who_asks_for_them():
    assert events("a", "b", ids=True) == [b"id: 0-0.0\ndata: a\n\nid: 0-1.0\ndata: b\n\n"]
    assert list(frames.lines([PING], ids=True)) == [b"data: ping\n\n"]


def test_many_long_lines_are_written_in_pieces():
    pieces = events(*["x" * 50_000] * 10)
    assert b"".join(pieces) == b"data: %s\n\n" % (b"x" * 50_000) * 10
    assert max(map(len, pieces)) < 2 * frames.CHUNK_BYTES


def test_a_lone_surrogate_breaks_no_stream():
    assert events("\ud800") == [b"data: ?\n\n"]


def test_silence_is_kept_alive(clock):
    pace = frames.Pace()
    assert pace.left_s() == 15
    clock.now += 14
    assert pace.due() is None
    pace.sent()
    clock.now += 14
    assert pace.due() is None
    clock.now += 1
    assert pace.due() == frames.KEEP_ALIVE
    assert pace.left_s() == 15


def test_a_heart_beats_every_five_seconds_whatever_else_is_sent(clock):
    pace = frames.Pace(b"beat")
    for _ in range(4):
        clock.now += 2.5
        pace.sent()
        assert pace.due() is None
        clock.now += 2.5
        assert pace.due() == b"beat"
    clock.now += 20
    assert pace.due() == b"beat"
    assert pace.left_s() == 5


# -- taps ---------------------------------------------------------------------------------------


def test_all_lines_go_through(clock):
    tap = Tap(Script(clock, (0, ["a", "b"]), (3, ["c"])), Wish())
    assert sent(clock, tap) == [(0, "a"), (0, "b"), (3, "c")]


def test_a_sample_is_the_latest_line_of_its_time(clock):
    script = [(0.3, [f"{number}"]) for number in range(10)]
    tap = Tap(Script(clock, *script), Wish(every_s=1.0))
    assert sent(clock, tap) == [(0.3, "0"), (1.3, "3"), (2.3, "6"), (3.0, "9")]


def test_the_last_line_of_a_sampled_sink_comes_in_its_time(clock):
    tap = Tap(Script(clock, (0, ["a"]), (0.1, ["b"]), (60, ["c"])), Wish(every_s=5.0))
    assert sent(clock, tap) == [(0, "a"), (5, "b"), (60.1, "c")]


def test_pings_fill_silence(clock):
    tap = Tap(Script(clock, (1, ["a"]), (5, ["b"])), Wish(pings=True))
    assert sent(clock, tap) == [(1, "a"), (3, PING.text), (5, PING.text), (6, "b")]


def test_an_empty_sink_is_over_at_once(clock):
    assert sent(clock, Tap(Script(clock), Wish(every_s=1, pings=True))) == []


class Query(dict):
    def getlist(self, name):
        return [self[name]] if name in self else []


@pytest.mark.parametrize(
    ("query", "wish"),
    [
        ({}, Wish()),
        ({"replay": "", "sample": "", "other": "x"}, Wish()),
        ({"replay": "1000", "sampleMSec": "250"}, Wish(replay=1000, every_s=0.25)),
        ({"sample": "2", "enablePings": "TRUE"}, Wish(every_s=2.0, pings=True)),
        ({"sample": "0"}, Wish()),
        ({"ids": "true"}, Wish(ids=True)),
    ],
)
def test_wishes_are_read(query, wish):
    assert wish_of(Query(query)) == wish


@pytest.mark.parametrize(
    "query",
    [
        {"replay": "1001"},
        {"replay": "-1"},
        {"replay": "x"},
        {"sample": "-1"},
        {"sample": "99999999999999999999"},
        {"sampleMSec": "1.5"},
        {"enablePings": "perhaps"},
    ],
)
def test_bad_wishes_are_refused(query):
    with pytest.raises(Invalid):
        wish_of(Query(query))


def test_who_names_a_line_goes_on_behind_it_and_gets_ids():
    assert wish_of(Query(), "12-34.5") == Wish(behind="12-34.5", ids=True)
    with pytest.raises(Invalid):
        wish_of(Query(), "12-34")
