"""Places where buses meet, and second processes to meet there."""

import json
import os
import secrets
import select
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
from app.bus.local import LocalBus
from app.bus.redis import RedisBus

DEADLINE_S = 90.0


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


def local(stack, request):
    return Installation("local", request.getfixturevalue("tmp_path"), stack)


def external_redis(stack, request):
    return Installation("redis", request.getfixturevalue("redis_url"), stack)


@pytest.fixture(params=[local, pytest.param(external_redis, marks=pytest.mark.redis)])
def place(request):
    with ExitStack() as stack:
        yield request.param(stack, request)


@pytest.fixture
def embedded(tmp_path):
    with ExitStack() as stack:
        yield Installation("local", tmp_path, stack)


def become_true(condition):
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        pause.wait(0.01)


@pytest.fixture
def eventually():
    return become_true


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

        become_true(answers)

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
