"""What every bus does: one body for the embedded one and for Redis."""

import select
import signal
import threading
import time

import pytest

from app.bus import EVERYTHING
from app.bus.memory import MemoryBus
from app.bus.topics import MAX_TOPICS

DEADLINE_S = 90.0


def test_ring_wakes_subscriptions_to_its_topic_alone_in_this_process(place):
    bus = place.bus()
    with bus.subscribe("job:1", "job:2") as mine, bus.subscribe("job:3") as other:
        bus.ring(["job:2", "job:9"])
        assert mine.wait(0)
        assert not other.wait(0)


def test_rings_between_two_waits_count_as_one(place):
    bus = place.bus()
    with bus.subscribe("job:1") as subscription:
        for _ in range(5):
            bus.ring(["job:1"])
        assert subscription.wait(0)
        assert not subscription.wait(0)
        bus.ring(["job:1"])
        assert subscription.wait(0)


def test_topics_are_added_and_discarded(place):
    bus = place.bus()
    with bus.subscribe("job:1") as subscription:
        subscription.add("job:2")
        subscription.discard("job:1")
        bus.ring(["job:1"])
        assert not subscription.wait(0)
        bus.ring(["job:2"])
        assert subscription.wait(0)


def test_everything_is_heard_by_all_and_hears_all(place):
    bus, peer = place.bus(), place.peer(EVERYTHING)
    with bus.subscribe("job:1") as one, bus.subscribe(EVERYTHING) as every:
        bus.ring(["job:5"])
        assert every.wait(0)
        assert not one.wait(0)
        assert peer.ask("wait", DEADLINE_S)
        peer.ask("ring", EVERYTHING)
        assert one.wait(DEADLINE_S)
        assert every.wait(DEADLINE_S)


@pytest.mark.parametrize(
    "topics", [[f"job:{n}" for n in range(MAX_TOPICS + 1)], ["queue:" + "x" * 100_000]]
)
def test_ring_with_too_much_in_it_wakes_everybody(place, topics):
    bus, peer = place.bus(), place.peer("worker:1")
    with bus.subscribe("worker:2") as subscription:
        bus.ring(topics)
        assert subscription.wait(0)
        assert peer.ask("wait", DEADLINE_S)


def test_two_processes_ring_each_other(place):
    bus, peer = place.bus(), place.peer("job:1")
    topic = 'queue:tork/ü\n"\ud800'  # a queue's name is a stranger's text
    with bus.subscribe(topic) as subscription:
        bus.ring(["job:1"])
        assert peer.ask("wait", DEADLINE_S)
        peer.ask("ring", topic)
        assert subscription.wait(DEADLINE_S)
        assert bus.healthy
        assert bus.last_error is None


def test_ring_of_another_process_reaches_only_its_topic(place):
    bus, peer = place.bus(), place.peer()
    with bus.subscribe("job:1") as quiet, bus.subscribe("job:2") as last:
        peer.ask("ring", "job:3")
        peer.ask("ring", "job:2")
        assert last.wait(DEADLINE_S)  # rings of one process keep their order or melt together
        assert not quiet.wait(0)


def test_waiter_is_woken_by_close_with_false(place):
    bus = place.bus()
    results = []
    subscriptions = [bus.subscribe("job:1"), bus.subscribe("job:1"), bus.subscribe()]
    waiters = [
        threading.Thread(target=lambda s=s: results.append(s.wait(10 * DEADLINE_S)))
        for s in subscriptions
    ]
    for waiter in waiters:
        waiter.start()
    subscriptions[0].close()
    waiters[0].join(DEADLINE_S)
    assert results == [False]
    bus.close()
    for waiter in waiters:
        waiter.join(DEADLINE_S)
    assert results == [False, False, False]
    assert all(subscription.closed for subscription in subscriptions)
    late = bus.subscribe("job:1")
    assert late.closed
    assert not late.wait(DEADLINE_S)
    bus.ring(["job:1"])  # after the end: no effect, no error


def test_close_ends_the_threads(place, eventually):
    before = set(threading.enumerate())
    bus = place.bus()
    bus.subscribe("job:1")
    bus.ring(["job:1"])
    bus.close()
    bus.close()
    eventually(lambda: set(threading.enumerate()) <= before)


def test_bus_keeps_nothing_of_closed_subscriptions(place):
    bus = place.bus()
    for n in range(100):
        with bus.subscribe(f"job:{n}", "events") as subscription:
            subscription.add("more")
    assert not bus._topics
    assert not bus._listeners


def test_killed_peer_disturbs_nobody(place):
    bus, doomed, peer = place.bus(), place.peer("job:1"), place.peer("job:1")
    doomed.process.send_signal(signal.SIGKILL)
    doomed.process.wait()
    bus.ring(["job:1"])
    assert peer.ask("wait", DEADLINE_S)
    assert bus.healthy


@pytest.mark.parametrize("extra", [(), ("gevent",)])
def test_forked_child_has_its_own_line(place, extra):
    bus, parent = place.bus(), place.peer("parent", extra=extra)
    with bus.subscribe("from-child") as subscription:
        assert parent.ask("fork_and_ring", "from-child") == "r"
        assert subscription.wait(DEADLINE_S)
        parent.tell("child_heard")
        pause = threading.Event()
        deadline = time.monotonic() + DEADLINE_S
        while not select.select([parent.process.stdout], [], [], 0)[0]:
            assert time.monotonic() < deadline
            bus.ring(["child"])
            pause.wait(0.02)
        assert parent.answer() == ["1", 0]
        bus.ring(["parent"])
        assert parent.ask("wait", DEADLINE_S)


def test_thousand_greenlets_wait_without_threads_or_polling(place):
    bus, peer = place.bus(), place.peer(extra=("gevent",))
    peer.ask("subscribe", "ready")
    if place.kind == "redis":
        assert peer.ask("wait", DEADLINE_S)
    assert peer.ask("crowd", 1000) < 10
    bus.ring(["crowd"])
    woken, native = peer.ask("crowd_woken")
    assert woken == 1000
    assert native < 10
    bus.ring(["ready"])
    assert peer.ask("wait", DEADLINE_S)


def test_patched_processes_ring_each_other(place):
    one, other = place.peer("job:1", extra=("gevent",)), place.peer("job:2", extra=("gevent",))
    one.ask("ring", "job:2")
    assert other.ask("wait", DEADLINE_S)
    other.ask("ring", "job:1")
    assert one.ask("wait", DEADLINE_S)
    one.ask("close")
    other.ask("close")


def test_probe_reaches_the_transport(place):
    bus = place.bus()
    assert bus.probe()


def test_memory_bus_rings_inside_its_process():
    bus = MemoryBus()
    with bus.subscribe("job:1") as subscription:
        bus.ring("job:1")  # one topic, not five letters
        assert subscription.wait(0)
    assert bus.probe()
    bus.close()
