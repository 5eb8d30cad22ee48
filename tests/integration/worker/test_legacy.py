"""What a dead daemon left is handed out as soon as it is known to have ended, and no sooner."""

import threading

import pytest

from app.domain.errors import StoreUnavailable
from app.domain.states import TaskState
from app.engine.tasks import NewWork
from app.testing import make_engine
from app.worker import legacy as module
from app.worker import seat as seats
from app.worker.legacy import Legacy, attempt_name
from tests.yard import eventually

QUEUE = "demo/default"


class Leaving:
    """A runtime that cannot be sure of some attempts of its predecessor."""

    name = "leaving"

    def __init__(self, *attempts):
        self.left = frozenset(attempts)

    def clean_up(self):
        return self.left

    def settle(self):
        return self.left


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    with make_engine() as engine:
        yield engine


def held(engine, seat, count):
    """Leases of tasks that the daemon of a seat holds."""
    engine.tasks.add([NewWork(queue=QUEUE, name="a") for _ in range(count)])
    worker = engine.workers.register(
        dialect="", kind="daemon", name="w", instance=seat.instance, queues={QUEUE: count}
    )
    return [one.lease for one in engine.claims.claim(worker.id, QUEUE, limit=count, start=True)]


def states(engine, *leases):
    return [engine.tasks.get(lease.task_id).state for lease in leases]


@pytest.mark.parametrize("mine", [True, False], ids=["own seat", "deserted seat"])
def test_what_may_still_run_is_handed_out_once_it_is_gone(engine, tmp_path, monkeypatch, mine):
    seat = seats.take(tmp_path)
    other = seats.take(tmp_path)
    sure, unsure = held(engine, seat if mine else other, 2)
    other.give_up()
    runtime = Leaving(attempt_name(unsure), "not-ours")
    legacy = Legacy(engine, lambda _: [Leaving()] if mine else [runtime], tmp_path)
    legacy.take_over(seat, [runtime] if mine else [Leaving()])
    assert states(engine, sure, unsure) == [TaskState.QUEUED, TaskState.RUNNING]

    away = [StoreUnavailable()]
    lose = engine.attempts.lose

    def lost(lease):
        if away:
            raise away.pop()
        return lose(lease)

    monkeypatch.setattr(engine.attempts, "lose", lost)
    over = threading.Event()
    thread = threading.Thread(target=legacy.settle, args=(over,))
    thread.start()
    try:
        over.wait(0.1)
        assert states(engine, unsure) == [TaskState.RUNNING]
        runtime.left = frozenset()
        eventually(lambda: states(engine, unsure) == [TaskState.QUEUED], "handed out again")
        assert not away
    finally:
        over.set()
        thread.join(60.0)
        seat.give_up()


def test_what_was_handed_out_meanwhile_is_left_to_its_new_holder(engine, tmp_path):
    seat = seats.take(tmp_path)
    (old,) = held(engine, seat, 1)
    runtime = Leaving(attempt_name(old))
    legacy = Legacy(engine, lambda _: [], tmp_path)
    legacy.take_over(seat, [runtime])
    assert engine.attempts.lose(old), "as the ticker does at the end of the lease"
    worker = engine.workers.register(dialect="", kind="daemon", name="n", queues={QUEUE: 1})
    (new,) = engine.claims.claim(worker.id, QUEUE, start=True)
    runtime.left = frozenset()
    over = threading.Event()
    thread = threading.Thread(target=legacy.settle, args=(over,))
    thread.start()
    over.wait(0.2)
    over.set()
    thread.join(60.0)
    assert states(engine, old) == [TaskState.RUNNING]
    engine.attempts.complete(new.lease)
    seat.give_up()
