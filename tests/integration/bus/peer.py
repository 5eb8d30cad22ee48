"""A second process on the bus, told what to do by lines on its standard input.

Arguments: kind of bus, its address, its namespace. Each line is a JSON list [word, argument ...],
each answer one JSON line. `gevent` as a fourth argument patches the process first, as the web
server does.
"""

import sys

if sys.argv[4:] == ["gevent"]:
    from gevent import monkey

    monkey.patch_all()

import json
import os
import select
import threading
import time
from pathlib import Path

from app.bus.local import LocalBus
from app.bus.redis import RedisBus


class Peer:
    def __init__(self, kind, address, namespace):
        if kind == "local":
            self.bus = LocalBus(Path(address))
        else:
            self.bus = RedisBus(address, namespace=namespace)
        self.subscription = None

    def subscribe(self, *topics):
        self.subscription = self.bus.subscribe(*topics)
        return os.getpid()

    def ring(self, *topics):
        self.bus.ring(topics)

    def wait(self, timeout_s):
        return self.subscription.wait(timeout_s)

    def crowd(self, size):
        """Waiters in greenlets, one subscription each; answers when all of them wait."""
        self.woken = []
        self.subscriptions = [self.bus.subscribe(f"job:{n}", "crowd") for n in range(size)]
        self.waiters = [
            threading.Thread(target=lambda s=s: self.woken.append(s.wait(60)), daemon=True)
            for s in self.subscriptions
        ]
        for waiter in self.waiters:
            waiter.start()
        return native_threads()

    def crowd_woken(self):
        for waiter in self.waiters:
            waiter.join(60)
        return [self.woken.count(True), native_threads()]

    def fork_and_ring(self, *topics):
        """A forked child rings and is then rung itself; answers what the child heard."""
        answer, told = os.pipe()
        child = os.fork()
        if child == 0:
            with self.bus.subscribe("child", "ready") as subscription:
                self.bus.ring(topics)
                os.write(told, b"r")
                deadline = time.monotonic() + 30
                heard = False
                while not heard and time.monotonic() < deadline:
                    heard = subscription.wait(1) and self.bus.healthy
                os.write(told, b"1" if heard else b"0")
            self.bus.close()
            os._exit(0)
        self.child = child
        self.answer = answer
        return os.read(answer, 1).decode()

    def child_heard(self):
        heard = os.read(self.answer, 1).decode()
        return [heard, os.waitpid(self.child, 0)[1]]

    def close(self):
        self.bus.close()


def native_threads():
    return len(list(Path("/proc/self/task").iterdir()))


def orders():
    """Lines of standard input; a plain read of it would stop all greenlets."""
    unread = b""
    while True:
        select.select([0], [], [])
        part = os.read(0, 65536)
        if not part:
            return
        *lines, unread = (unread + part).split(b"\n")
        yield from lines


def main():
    peer = Peer(*sys.argv[1:4])
    for line in orders():
        word, *arguments = json.loads(line)
        answer = getattr(peer, word)(*arguments)
        os.write(1, json.dumps(answer).encode() + b"\n")


main()
