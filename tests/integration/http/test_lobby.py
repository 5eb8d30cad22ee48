"""Requests that wait for work: who is called, how often, and what happens to a turn not used."""

import threading
import time

import pytest

from app.api.http import lobby as lobbies
from app.api.http.drain import Drain
from app.api.http.lobby import Lobby, Shut
from app.data import lone
from app.domain.errors import RateLimited
from app.engine.tasks import NewWork
from app.testing import make_engine, new_worker
from tests.yard import eventually

QUEUE = "demo/jobs"
LONG_S = 120.0


@pytest.fixture
def engine():
    with make_engine() as engine:
        yield engine


class Room:
    """A lobby with people in it. looks: who looked, in order."""

    def __init__(self, engine) -> None:
        self.engine = engine
        self.drain = Drain()
        self.lobby = Lobby(engine, self.drain)
        self.worker = new_worker(engine, QUEUE)
        self.looks: list[str] = []
        self.got: dict[str, object] = {}
        self.threads: list[threading.Thread] = []

    def take(self, name: str):
        self.looks.append(name)
        claimed = self.engine.claims.claim(self.worker, QUEUE)
        return claimed[0].name if claimed else None

    def enter(self, name, look=None, *, timeout_s=LONG_S, gone=lambda: False, queues=(QUEUE,)):
        def wait():
            try:
                found = self.lobby.wait(
                    queues, timeout_s, look or (lambda: self.take(name)), gone=gone
                )
            except Exception as error:  # noqa: BLE001 - what it raised is what it got
                found = error
            self.got[name] = found

        before = len(self.line())
        thread = threading.Thread(target=wait, daemon=True)
        self.threads.append(thread)
        thread.start()
        # One after the other, or who stands before whom would be chance.
        eventually(lambda: len(self.line()) > before or name in self.got, f"{name} in line")
        eventually(lambda: not self.busy(), "the first look")

    def line(self):
        with self.lobby._lock:
            line = self.lobby._lines.get(QUEUE)
            return [] if line is None else list(line.waiters)

    def busy(self):
        with self.lobby._lock:
            line = self.lobby._lines.get(QUEUE)
            return line is not None and line.busy

    def work(self, *names):
        self.engine.tasks.add_many([NewWork(queue=QUEUE, name=name) for name in names])

    def settle(self, count):
        eventually(lambda: len(self.got) >= count, f"{count} answers")
        eventually(lambda: not self.busy(), "a quiet line")


@pytest.fixture
def room(engine, monkeypatch):
    # Without sweeps, so that a ring alone is what wakes.
    monkeypatch.setattr(lobbies, "SWEEP_S", LONG_S)
    room = Room(engine)
    yield room
    room.drain.begin()
    for thread in room.threads:
        thread.join(LONG_S)
    assert not any(thread.is_alive() for thread in room.threads)
    assert room.lobby._lines == {}


def test_one_task_wakes_the_one_who_waited_longest(room):
    for name in "abcde":
        room.enter(name)
    room.looks.clear()
    room.work("t")
    room.settle(1)
    assert room.got == {"a": "t"}
    # The next one looks whether there is more; nobody else does.
    assert room.looks in (["a"], ["a", "b"])
    assert len(room.line()) == 4


def test_one_ring_for_many_tasks_wakes_as_many_waiters(room):
    for name in "abcde":
        room.enter(name)
    room.looks.clear()
    room.work("1", "2", "3")
    room.settle(3)
    assert room.got == {"a": "1", "b": "2", "c": "3"}
    assert room.looks in (["a", "b", "c"], ["a", "b", "c", "d"])


def test_who_found_nothing_keeps_the_place(room):
    room.enter("a")
    room.enter("b")
    room.engine.bus.ring(["queue:" + QUEUE])
    eventually(lambda: room.looks.count("a") >= 2, "a look in vain")
    eventually(lambda: len(room.line()) == 2, "both in line")
    room.work("t")
    room.settle(1)
    assert room.got == {"a": "t"}


def test_who_has_hung_up_passes_its_turn_on(room):
    room.enter("a", gone=lambda: True)
    room.enter("b")
    room.work("t")
    room.settle(2)
    assert room.got == {"a": None, "b": "t"}
    assert room.looks.count("a") == 1, "only the first look, nothing taken after"


def test_who_fails_passes_its_turn_on(room):
    calls = []

    def broken():
        calls.append(1)
        if len(calls) > 1:
            raise LookupError

    room.enter("a", broken)
    room.enter("b")
    room.work("t")
    room.settle(2)
    assert isinstance(room.got["a"], LookupError)
    assert room.got["b"] == "t"


def test_work_that_is_not_for_one_goes_to_the_next(room):
    room.enter("picky", lambda: None)
    room.enter("b")
    room.work("t")
    room.settle(1)
    assert room.got == {"b": "t"}


def test_a_line_of_others_is_not_asked_whole_at_each_ring(room):
    asked = []
    for name in range(lobbies.IN_VAIN + 10):
        room.enter(f"picky{name}", lambda: asked.append(1))
    asked.clear()
    room.work("t")
    eventually(lambda: len(asked) > lobbies.IN_VAIN, "some looks")
    eventually(lambda: not room.busy(), "a quiet line")
    assert len(asked) == lobbies.IN_VAIN + 1


def test_a_closed_queue_wakes_no_others(room):
    asked = []

    def shut():
        asked.append(1)
        raise Shut

    for name in "abc":
        room.enter(name, shut)
    asked.clear()
    room.work("t")
    eventually(lambda: asked, "a look")
    eventually(lambda: not room.busy(), "a quiet line")
    assert len(asked) == 1


def test_a_rate_lets_the_first_try_again_later(room):
    tries = []

    def limited():
        tries.append(1)
        if len(tries) < 4:
            raise RateLimited(retry_after_s=0.01)
        return room.take("a")

    room.enter("a", limited)
    room.work("t")
    room.settle(1)
    assert room.got == {"a": "t"}


def test_the_end_of_the_time_is_a_last_look(room):
    room.enter("a", timeout_s=0.05)
    room.settle(1)
    assert room.got == {"a": None}
    assert room.looks == ["a", "a"]


def test_a_stop_ends_all_waits_without_taking_work(room):
    for name in "abc":
        room.enter(name)
    room.looks.clear()
    room.drain.begin()
    room.settle(3)
    assert room.got == dict.fromkeys("abc")
    assert room.looks == []
    room.enter("late")
    room.settle(4)


def test_one_waiter_may_stand_in_several_lines(room):
    other = "demo/others"
    room.enter("a", queues=(other, QUEUE))
    room.enter("b")
    room.work("t", "u")
    room.settle(2)
    assert room.got == {"a": "t", "b": "u"}


def test_a_ring_that_was_lost_is_made_up_for_within_the_sweep(engine, monkeypatch):
    monkeypatch.setattr(lobbies, "SWEEP_S", 0.05)
    room = Room(engine)
    for name in "abc":
        room.enter(name)
    now = engine.clock.now()
    with engine.store.transaction():
        rows = [
            lone.LoneTask(queue=QUEUE, name=name, group_id=None, payload="{}", lease_us=None)
            for name in "xy"
        ]
        lone.insert(engine.store, rows, now)
    room.settle(2)
    assert room.got == {"a": "x", "b": "y"}
    room.drain.begin()


def test_sweeps_ask_once_for_all_who_wait(engine, monkeypatch):
    monkeypatch.setattr(lobbies, "SWEEP_S", 0.02)
    room = Room(engine)
    asked = []
    ready = engine.queues.ready
    monkeypatch.setattr(
        engine.queues, "ready", lambda queues: asked.append(list(queues)) or ready(queues)
    )
    for name in range(20):
        room.enter(str(name))
    room.looks.clear()
    asked.clear()
    eventually(lambda: len(asked) >= 5, "sweeps")
    assert all(queues == [QUEUE] for queues in asked)
    assert room.looks == []
    room.drain.begin()
    room.settle(20)


def test_the_listener_ends_with_the_last_waiter_and_begins_anew(room):
    before = time.monotonic()
    room.enter("a", timeout_s=0.01)
    room.settle(1)
    assert room.lobby._lines == {}
    room.enter("b")
    room.work("t")
    room.settle(2)
    assert room.got["b"] == "t"
    assert time.monotonic() - before < LONG_S, "woken by the ring"
