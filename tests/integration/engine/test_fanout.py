"""Events fanned out: one reader, bounded queues, and a slow client that misses nothing."""

import functools
import threading

import pytest

from app.api.http.drain import Drain
from app.api.http.fanout import BATCH, QUEUE_EVENTS, Hub, Wanted
from app.api.jobyard.service import events as streams
from app.data import events
from app.domain.errors import StoreUnavailable
from app.domain.events import EventKind
from app.testing import settled
from tests.yard import eventually


@pytest.fixture
def hub(engine):
    yield Hub(engine)
    # A database must not be closed under its reader.
    eventually(lambda: not readers(), "the reader's end")


def note(engine, *names, kind=EventKind.JOB_SUBMITTED, dialect="demo"):
    with engine.transaction() as tx:
        for name in names:
            tx.note(kind, dialect, job_id=name)


def seen(client, count):
    """Take until so many have come, and give the jobs they are about."""
    names = []

    def enough():
        names.extend(event.job_id for event in client.take(1).events)
        return len(names) >= count

    eventually(enough, f"{count} events; there were {len(names)}")
    return names


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "jobyard-events"]


def test_every_client_is_given_what_it_wants_and_the_rows_are_read_once(engine, hub):
    with (
        hub.joined(Wanted()) as everything,
        hub.joined(Wanted(job_id="a")) as one,
        hub.joined(Wanted(dialect="other")) as other,
        hub.joined(Wanted(kinds=frozenset({"job.started"}))) as started,
    ):
        assert len(readers()) == 1
        note(engine, "a", "b")
        note(engine, "c", dialect="other")
        note(engine, "d", kind=EventKind.JOB_STARTED)
        assert seen(everything, 4) == ["a", "b", "c", "d"]
        assert seen(one, 1) == ["a"]
        assert seen(other, 1) == ["c"]
        assert seen(started, 1) == ["d"]
    eventually(lambda: not readers(), "the end of the reader nobody needs")
    with hub.joined(Wanted()) as again:
        note(engine, "e")
        assert seen(again, 1) == ["e"]


def test_queue_of_a_client_that_does_not_read_is_bounded(engine, hub):
    with hub.joined(Wanted()) as client, hub.joined(Wanted()) as quick:
        begun = client.position
        note(engine, *map(str, range(QUEUE_EVENTS + 1)))
        settled(engine)
        eventually(lambda: client.lost, "the loss")
        assert len(client.queue) == 0
        note(engine, "later")
        took = client.take(1)
        assert (took.lost, list(took.events)) == (True, [])
        quick.take(1)
        note(engine, "after")
        names = []
        eventually(lambda: names.extend(seen(client, 1)) or "after" in names, "what came after")
        assert names in (["after"], ["later", "after"])
        assert begun != client.take(0).position


class Services:
    """What a stream needs of the services of a process."""

    def __init__(self, engine):
        self.engine = engine


class Reader(threading.Thread):
    """Reads a stream as a connection would; does not begin to before it is told."""

    def __init__(self, engine, hub, drain, wanted=None, after=""):
        super().__init__(daemon=True)
        self.frames = streams.stream(Services(engine), hub, drain, wanted or Wanted(), after)
        self.kinds, self.jobs, self.positions = [], [], []
        self.start()

    def run(self):
        for frame in self.frames:
            fields = dict(
                line.split(": ", 1) for line in frame.decode().splitlines() if ": " in line
            )
            if "event" in fields:
                self.kinds.append(fields["event"])
            if fields.get("event") == "event":
                self.jobs.append(fields["data"].split('"job_id":"')[1].split('"')[0])
            if "id" in fields:
                self.positions.append(fields["id"])


def given(reader, name):
    return reader.jobs and reader.jobs[-1] == name


@pytest.fixture
def read(engine, hub):
    """Start readers; all of them end with the test, as they would with the server."""
    drain, started = Drain(), []

    def start(**words):
        reader = Reader(engine, hub, drain, **words)
        started.append(reader)
        return reader

    yield start
    drain.begin()
    for reader in started:
        reader.join(60)
        assert not reader.is_alive()


def test_stream_resumes_from_any_place_and_repeats_nothing(engine, read):
    names = [f"j{number}" for number in range(2 * BATCH + 3)]
    note(engine, *names)
    settled(engine)
    places = [event.position for event in engine.events.after("", limit=5000)]
    for index in (0, BATCH - 1, BATCH, len(names) - 2):
        reader = read(after=places[index])
        eventually(functools.partial(given, reader, names[-1]), "the newest")
        assert reader.jobs == names[index + 1 :]
        assert reader.kinds == ["event"] * len(reader.jobs)
    note(engine, "new")
    eventually(lambda: reader.jobs[-1] == "new", "what came after")


def test_client_that_fell_behind_catches_up_from_the_rows(engine, hub, read, monkeypatch):
    reader = read()
    eventually(lambda: reader.kinds == ["ready"], "the greeting")
    [client] = [each for clients in hub._clients.values() for each in clients]
    held = threading.Event()
    taken = hub.taken

    def slow(one):
        held.wait(60)
        return taken(one)

    monkeypatch.setattr(hub, "taken", slow)
    names = [f"j{number}" for number in range(QUEUE_EVENTS * 2)]
    for name in names:
        note(engine, name)
    settled(engine)
    eventually(lambda: client.lost, "the loss")
    held.set()
    eventually(lambda: len(reader.jobs) >= len(names), "all of them")
    note(engine, "last")
    eventually(lambda: reader.jobs[-1] == "last", "the last")
    assert reader.jobs == [*names, "last"]


def test_client_too_far_behind_is_told_to_read_anew(engine, read, monkeypatch):
    monkeypatch.setattr(streams, "REPLAY_MOST", BATCH)
    note(engine, *(f"j{number}" for number in range(BATCH + 5)))
    settled(engine)
    reader = read(after=engine.events.after("", limit=1)[0].position)
    eventually(lambda: "resync" in reader.kinds, "the message")
    note(engine, "new")
    eventually(lambda: reader.jobs[-1] == "new", "what came after")
    assert reader.jobs.count("new") == 1


def test_client_whose_place_was_pruned_is_told_to_read_anew(engine, read):
    note(engine, "a", "b", "c")
    settled(engine)
    first, second, _ = (event.position for event in engine.events.after(""))
    with engine.store.transaction():
        assert events.delete_before(engine.store, 2**62, 2) == 2
    gone, there = read(after=first), read(after=second)
    eventually(lambda: gone.kinds == ["resync"], "the message")
    note(engine, "d")
    eventually(lambda: gone.jobs == ["d"], "what came after")
    eventually(lambda: there.jobs == ["c", "d"], "all that is behind")
    assert "resync" not in there.kinds


def test_reader_outlives_a_database_that_is_away(engine, read, monkeypatch):
    reader = read()
    eventually(lambda: reader.kinds == ["ready"], "the greeting")
    real, tries = engine.events.after, []

    def away(*args, **words):
        tries.append(None)
        if len(tries) < 3:
            raise StoreUnavailable
        return real(*args, **words)

    monkeypatch.setattr(engine.events, "after", away)
    note(engine, "a")
    eventually(lambda: reader.jobs == ["a"], "the event")


def test_streams_end_with_a_reader_that_breaks_down(engine, read, monkeypatch):
    real = engine.events.after

    def broken(position, *, limit):
        if limit == BATCH:  # the reader, and not the look at where a stream is to begin
            raise ZeroDivisionError
        return real(position, limit=limit)

    monkeypatch.setattr(engine.events, "after", broken)
    reader = read()
    reader.join(60)
    assert not reader.is_alive()
    monkeypatch.undo()
    again = read()
    eventually(lambda: again.kinds == ["ready"], "another one")
    note(engine, "a")
    eventually(lambda: again.jobs == ["a"], "its event")


def test_beat_tells_a_place_to_resume_from(engine, read, monkeypatch):
    monkeypatch.setattr(streams, "BEAT_S", 0.05)
    reader = read(wanted=Wanted(job_id="mine"))
    eventually(lambda: reader.kinds == ["ready"], "the greeting")
    note(engine, "theirs")
    newest = settled(engine)
    eventually(lambda: reader.positions[-1:] == [newest], "a beat behind what was not wanted")
    assert reader.jobs == []
