"""Idle event streams: what each costs a web process, and how soon an event reaches all of them.

    python -m bench.streams [streams]

Figures: memory and CPU of the web part with that many idle streams; the time from the commit of an
event to its arrival at the first, the median and the last client; beside it the same with one.
"""

import contextlib
import resource
import selectors
import socket
import sys
import time
from pathlib import Path

import psutil

from app.domain.events import EventKind
from app.wiring import build
from bench import _harness, _server
from config.settings import load

STREAMS = 2000
IDLE_S = 2.0
ROUNDS = 7
_REQUEST = b"GET /api/jobyard/v1/events?kind=worker HTTP/1.1\r\nHost: x\r\n\r\n"


class Crowd:
    """Many clients that wait on one selector."""

    def __init__(self, port: int, count: int) -> None:
        self._selector = selectors.DefaultSelector()
        self.sockets: list[socket.socket] = []
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", port), timeout=60)
            one.sendall(_REQUEST)
            one.setblocking(False)
            self._selector.register(one, selectors.EVENT_READ)
            self.sockets.append(one)

    def until(self, mark: bytes) -> list[float]:
        """Wait until all clients were sent a mark; the times at which each was."""
        times: list[float] = []
        rest = dict.fromkeys(self.sockets, b"")
        while len(times) < len(self.sockets):
            for key, _ in self._selector.select(60):
                one = key.fileobj
                assert isinstance(one, socket.socket)
                data = one.recv(65536)
                if not data:
                    raise ConnectionResetError("a stream ended")
                if one in rest:
                    rest[one] += data
                    if mark in rest[one]:
                        times.append(time.perf_counter())
                        del rest[one]
        return times

    def close(self) -> None:
        """Hang up."""
        for one in self.sockets:
            one.close()


def web(port: int) -> psutil.Process:
    """Give the web process that answers."""
    for process in psutil.process_iter(["cmdline"]):
        if "gunicorn" in (process.info["cmdline"] or []) and process.children() == []:
            with contextlib.suppress(psutil.Error):
                if any(c.laddr.port == port for c in process.net_connections("tcp")):
                    return process
    raise LookupError("no web process")


def measured(folder: Path, port: int, count: int) -> dict[str, float]:
    """Open so many streams and give what they cost."""
    process = web(port)
    _server.wait_for(port, "/health")
    before = process.memory_info().rss
    begun = time.perf_counter()
    crowd = Crowd(port, count)
    crowd.until(b"event: ready")
    opened_s = time.perf_counter() - begun
    grown = process.memory_info().rss - before
    used = process.cpu_times()
    time.sleep(IDLE_S)
    idle = process.cpu_times()
    idle_s = idle.user + idle.system - used.user - used.system
    services = build(load({"JOBYARD_DATA_DIR": str(folder)}))
    first, middle, last = [], [], []
    try:
        for number in range(ROUNDS):
            with services.engine.transaction() as tx:
                tx.note(EventKind.WORKER_JOINED, "bench", worker=number)
            begun = time.perf_counter()
            times = sorted(crowd.until(b'"worker":%d}' % number))
            first.append(times[0] - begun)
            middle.append(times[len(times) // 2] - begun)
            last.append(times[-1] - begun)
    finally:
        services.close()
        crowd.close()
    return {
        "streams": count,
        "opened_s": opened_s,
        "kib_per_stream": grown / count / 1024,
        "idle_cpu_percent": idle_s / IDLE_S * 100,
        "threads": process.num_threads(),
        "first_ms": _harness.spread(first)["median"] * 1000,
        "median_ms": _harness.spread(middle)["median"] * 1000,
        "last_ms": _harness.spread(last)["median"] * 1000,
        "last_max_ms": max(last) * 1000,
    }


def main() -> None:
    """Measure one stream, then many."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else STREAMS
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with _server.folder() as folder, _server.serve(folder, "web") as port:
        for streams in (1, count):
            _harness.report("streams", **measured(folder, port, streams))


if __name__ == "__main__":
    main()
