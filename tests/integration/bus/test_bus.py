"""The doorbell between processes, one body for the embedded bus and for Redis."""

import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

import app
from app.bus import EVERYTHING
from app.bus.local import LocalBus
from app.bus.memory import MemoryBus
from app.bus.redis import RedisBus
from app.bus.topics import MAX_TOPICS, Ring, decode, encode

DEADLINE_S = 30.0


class PeerProcess:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("peer.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(app.__file__).parents[1])},
        )
        self.unread = b""

    def tell(self, word, *arguments):
        self.process.stdin.write(json.dumps([word, *arguments]).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self):
        deadline = time.monotonic() + 2 * DEADLINE_S
        while b"\n" not in self.unread:
            ready, _, _ = select.select(
                [self.process.stdout], [], [], max(0, deadline - time.monotonic())
            )
            assert ready, "the other process does not answer"
            part = os.read(self.process.stdout.fileno(), 65536)
            assert part, "the other process has died"
            self.unread += part
        line, self.unread = self.unread.split(b"\n", 1)
        return json.loads(line)

    def ask(self, word, *arguments):
        self.tell(word, *arguments)
        return self.answer()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Installation:
    """One place where buses meet: a data directory, or a Redis server."""

    def __init__(self, kind, address, stack):
        self.kind, self.address, self.stack = kind, address, stack
        self.namespace = secrets.token_hex(8)  # tests running beside this one share the server

    def bus(self):
        if self.kind == "local":
            bus = LocalBus(Path(self.address))
        else:
            bus = RedisBus(self.address, namespace=self.namespace)
        self.stack.callback(bus.close)
        if self.kind == "redis":
            # The line being up is itself a ring; past it, rings are the tests' own.
            with bus.subscribe() as first:
                assert first.wait(DEADLINE_S)
        return bus

    def peer(self, *topics, extra=()):
        peer = PeerProcess(self.kind, str(self.address), self.namespace, *extra)
        self.stack.callback(peer.end)
        if topics:
            peer.ask("subscribe", *topics)
            if self.kind == "redis":
                assert peer.ask("wait", DEADLINE_S)
        return peer


def local(stack, tmp_path):
    return Installation("local", tmp_path, stack)


def external_redis(stack, _tmp_path):
    address = os.environ.get("JOBYARD_TEST_REDIS")
    if not address:
        pytest.skip("JOBYARD_TEST_REDIS names no server")
    return Installation("redis", address, stack)


@pytest.fixture(params=[local, pytest.param(external_redis, marks=pytest.mark.redis)])
def place(request, tmp_path):
    with ExitStack() as stack:
        yield request.param(stack, tmp_path)


def eventually(condition):
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        pause.wait(0.01)


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


def test_close_ends_the_threads(place):
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


# The embedded bus alone


def sockets(data_dir):
    return {path.name for path in (data_dir / "bus").iterdir()}


@pytest.fixture
def embedded(tmp_path):
    with ExitStack() as stack:
        yield local(stack, tmp_path)


def test_ringer_alone_makes_nothing(embedded, tmp_path):
    bus = embedded.bus()
    bus.ring(["job:1"])
    assert bus.healthy
    assert list(tmp_path.iterdir()) == []


def test_directory_is_closed_to_others_and_empty_after_close(embedded, tmp_path):
    bus = embedded.bus()
    bus.subscribe("job:1")
    assert (tmp_path / "bus").stat().st_mode & 0o777 == 0o700
    assert len(sockets(tmp_path)) == 1
    bus.close()
    assert sockets(tmp_path) == set()


def test_socket_of_a_killed_process_is_removed(embedded, tmp_path):
    bus, doomed = embedded.bus(), embedded.peer("job:1")
    bus.subscribe("job:1")
    assert len(sockets(tmp_path)) == 2
    doomed.process.kill()
    doomed.process.wait()
    assert len(sockets(tmp_path)) == 2
    bus.ring(["job:1"])
    assert len(sockets(tmp_path)) == 1


def test_full_socket_neither_blocks_nor_loses_the_ring(embedded):
    bus, peer = embedded.bus(), embedded.peer("job:1")
    peer.process.send_signal(signal.SIGSTOP)
    try:
        for n in range(2_000):
            bus.ring([f"job:{n + 2}"])  # would never return if it waited for the stopped one
        assert sum(map(len, bus._mail._owed.values())) <= MAX_TOPICS
        bus.ring(["job:1"])
    finally:
        peer.process.send_signal(signal.SIGCONT)
    assert peer.ask("wait", DEADLINE_S)


def test_what_a_full_socket_did_not_take_is_offered_again(embedded, tmp_path):
    bus = embedded.bus()
    (tmp_path / "bus").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as slow:
        slow.settimeout(DEADLINE_S)
        slow.bind(str(tmp_path / "bus" / "slow.sock"))
        rung = 0
        while not bus._mail._owed:
            bus.ring([f"job:{rung}"])
            rung += 1
            assert rung < 100_000
        heard = set()
        while f"job:{rung - 1}" not in heard:
            heard |= decode(slow.recv(65536)).topics
        assert heard == {f"job:{n}" for n in range(rung)}
    eventually(lambda: bus._mail._offering is None)
    assert bus._mail._owed == {}


def test_data_directory_may_be_deeper_than_a_socket_address(tmp_path):
    deep = tmp_path.joinpath(*["d" * 60] * 5)
    with ExitStack() as stack:
        place = Installation("local", deep, stack)
        bus, peer = place.bus(), place.peer("job:1")
        with bus.subscribe("job:2") as subscription:
            bus.ring(["job:1"])
            assert peer.ask("wait", DEADLINE_S)
            peer.ask("ring", "job:2")
            assert subscription.wait(DEADLINE_S)


def test_cleared_data_directory_is_made_again(embedded, tmp_path):
    bus, peer = embedded.bus(), embedded.peer()
    with bus.subscribe("job:1") as subscription:
        shutil.rmtree(tmp_path / "bus")
        assert bus.probe()
        peer.ask("ring", "job:1")
        assert subscription.wait(DEADLINE_S)
    bus.close()
    assert sockets(tmp_path) == set()


def test_unusable_data_directory_is_reported_and_harmless(tmp_path):
    (tmp_path / "file").write_text("")
    bus = LocalBus(tmp_path / "file")
    with bus.subscribe("job:1") as subscription:
        bus.ring(["job:1"])
        assert subscription.wait(0)
        assert not bus.healthy
        assert "file" in bus.last_error
        (tmp_path / "file").unlink()
        assert bus.probe()
        bus.ring(["job:1"])
        assert bus.healthy
    bus.close()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b"{}",
        b'{"origin": 1, "topics": []}',
        b'{"origin": "x", "topics": "job:1"}',
        b'{"origin": "x", "topics": [1]}',
        b"[" * 50_000,
        b'{"origin": "x", "topics": ["job:1"',
    ],
)
def test_strange_datagrams_are_ignored(embedded, tmp_path, message):
    bus = embedded.bus()
    with bus.subscribe("job:1") as subscription:
        (name,) = sockets(tmp_path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            stranger.connect(str(tmp_path / "bus" / name))
            stranger.send(message)
            assert decode(message) is None
            stranger.send(encode(Ring("stranger", frozenset(("other",)))))
            assert not subscription.wait(0)
            stranger.send(encode(Ring("stranger", frozenset(("job:1",)))))
            assert subscription.wait(DEADLINE_S)


# Redis alone


@pytest.mark.redis
def test_installations_that_share_a_server_do_not_hear_each_other(server):
    server.start()
    here, there, stranger = (RedisBus(server.address, namespace=name) for name in "aab")
    with here.subscribe(EVERYTHING) as mine, stranger.subscribe(EVERYTHING) as foreign:
        assert mine.wait(DEADLINE_S)
        assert foreign.wait(DEADLINE_S)
        there.ring(["job:1"])
        assert mine.wait(DEADLINE_S)
        assert not foreign.wait(0)
    for bus in (here, there, stranger):
        bus.close()


class RedisServer:
    """A server of the test's own, which it may stop and start on the same port."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"redis://127.0.0.1:{self.port}/0"
        self.process = None

    def start(self):
        where = ["--port", str(self.port), "--bind", "127.0.0.1"]
        if self.address.startswith("unix://"):
            where = ["--port", "0", "--unixsocket", self.address.removeprefix("unix://")]
        self.process = subprocess.Popen(
            ["redis-server", *where, "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
        )

        def answers():
            try:
                with redis.Redis.from_url(self.address) as client:
                    return client.ping()
            except redis.ConnectionError:
                return False

        eventually(answers)

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def server():
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture
def redis_bus(server):
    bus = RedisBus(server.address)
    yield bus
    bus.close()


@pytest.mark.redis
def test_restart_of_the_server_is_survived(server, redis_bus):
    server.start()
    other = RedisBus(server.address)
    with redis_bus.subscribe("job:1") as subscription, other.subscribe("job:2") as heard:
        assert subscription.wait(DEADLINE_S)
        assert heard.wait(DEADLINE_S)
        server.stop()
        eventually(lambda: not redis_bus.healthy)
        assert str(server.port) in redis_bus.last_error
        other.ring(["job:1"])
        server.start()
        assert subscription.wait(DEADLINE_S)  # woken once: something may have been missed
        eventually(lambda: redis_bus.healthy and other.healthy)
        subscription.wait(0)
        other.ring(["job:1"])
        assert subscription.wait(DEADLINE_S)
    other.close()


@pytest.mark.redis
def test_ringing_a_server_that_is_away_costs_neither_time_nor_memory(redis_bus):
    with redis_bus.subscribe("job:1") as subscription:
        for n in range(20_000):
            redis_bus.ring([f"job:{n}"])
        assert subscription.wait(0)
        assert len(redis_bus._outgoing) <= MAX_TOPICS
        eventually(lambda: not redis_bus.healthy)
        assert not redis_bus.probe()


@pytest.mark.redis
def test_server_that_hangs_is_noticed_and_returned_to(server, redis_bus, monkeypatch):
    monkeypatch.setattr("app.bus.redis._QUIET_S", 0.2)
    server.start()
    with redis_bus.subscribe("job:1") as subscription:
        assert subscription.wait(DEADLINE_S)
        server.process.send_signal(signal.SIGSTOP)
        eventually(lambda: not redis_bus.healthy)  # though nobody here has rung
        redis_bus.ring(["job:1"])
        assert subscription.wait(0)
        server.process.send_signal(signal.SIGCONT)
        assert subscription.wait(DEADLINE_S)
        eventually(lambda: redis_bus.healthy)


@pytest.mark.redis
def test_server_behind_a_unix_socket(server, tmp_path):
    server.address = f"unix://{tmp_path}/redis.sock"
    server.start()
    bus = RedisBus(server.address)
    assert bus.probe()
    with bus.subscribe() as subscription:
        assert subscription.wait(DEADLINE_S)
    bus.close()


@pytest.mark.redis
def test_ring_just_before_close_still_goes_out(server):
    server.start()
    hearer = RedisBus(server.address)
    with hearer.subscribe("job:1") as subscription:
        assert subscription.wait(DEADLINE_S)
        ringer = RedisBus(server.address)
        ringer.ring(["job:1"])
        ringer.close()
        assert subscription.wait(DEADLINE_S)
    hearer.close()


def test_address_that_is_not_of_redis_is_refused():
    with pytest.raises(ValueError, match="redis://"):
        RedisBus("http://localhost")
