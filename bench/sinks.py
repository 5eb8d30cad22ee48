"""Sinks of jobs: lines that workers write, to all who follow them.

    python -m bench.sinks [subscribers] [lines a second]

A job of four workers writes lines that hold when they were written; some web processes hand each
to every subscriber. Figures: how many of the lines arrived, and how long after they were written,
the time until the driver has read them included; what that took of the web processes' CPU.
"""

import json
import resource
import selectors
import socket
import sys
import time
from collections.abc import Iterator

from app.domain.clock import SECOND, SystemClock
from bench import _harness, _server

SUBSCRIBERS = 100
RATE = 200
WORKERS = 4
FOR_S = 8.0
WRITER = (
    "import sys, time\n"
    "number, begin = 0, time.time()\n"
    "while True:\n"
    "    number += 1\n"
    "    sys.stdout.write(f'line {number} {time.time():.6f}\\n')\n"
    "    sys.stdout.flush()\n"
    "    time.sleep(max(0, begin + number * PAUSE - time.time()))\n"
)


def wall() -> float:
    """Give the time as the writers do."""
    return SystemClock().now() / SECOND


class Crowd:
    """Subscribers of one sink on one selector; keeps what each was sent, and when it came."""

    def __init__(self, port: int, path: str, count: int) -> None:
        self._selector = selectors.DefaultSelector()
        self.received: dict[socket.socket, list[tuple[str, float]]] = {}
        self._rest: dict[socket.socket, bytes] = {}
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", port), timeout=60)
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            one.setblocking(False)
            self._selector.register(one, selectors.EVENT_READ)
            self.received[one] = []
            self._rest[one] = b""

    def listen(self, for_s: float) -> None:
        """Read what comes for so long."""
        until = time.perf_counter() + for_s
        while (left := until - time.perf_counter()) > 0:
            for key, _ in self._selector.select(left):
                one = key.fileobj
                assert isinstance(one, socket.socket)
                data = one.recv(1 << 18)
                if not data:
                    raise ConnectionResetError("a stream ended")
                now = wall()
                *events, self._rest[one] = (self._rest[one] + data).split(b"\n\n")
                for event in events:
                    _, found, line = event.partition(b"data: line ")
                    if found:
                        self.received[one].append((line.decode(), now))

    def close(self) -> None:
        """Hang up."""
        for one in self.received:
            one.close()


def measured(port: int, job: str, subscribers: int, rate: float) -> dict[str, float]:
    """Let so many follow a job for a while and give how they fared."""
    crowd = Crowd(port, f"/api/v1/jobConnectbyid/{job}", subscribers)
    try:
        crowd.listen(2.0)
        begin = wall()
        used = _server.web_cpu_s(port)
        crowd.listen(FOR_S)
        used = _server.web_cpu_s(port) - used
        end = wall() - 1.0
        crowd.listen(3.0)
    finally:
        crowd.close()
    # Of what was written in between everybody is to have everything.
    received = [dict(within(lines, begin, end)) for lines in crowd.received.values()]
    written = set().union(*received)
    delays = [at - float(line.split()[-1]) for lines in received for line, at in lines.items()]
    return {
        "subscribers": subscribers,
        "wanted_per_s": rate,
        "written_per_s": len(written) / (end - begin),
        "deliveries_per_s": len(delays) / (end - begin),
        "lost": len(written) * subscribers - len(delays),
        **{f"{name}_ms": value * 1000 for name, value in _harness.spread(delays).items()},
        "web_cpu_percent": used / FOR_S * 100,
    }


def within(lines: list[tuple[str, float]], begin: float, end: float) -> Iterator[tuple[str, float]]:
    """Give the lines that were written within a time; the worker is part of each."""
    for line, at in lines:
        if begin <= float(line.split()[-1]) <= end:
            yield line, at


def started(port: int, rate: float) -> str:
    """Start a job that writes and give its name once it is launched."""
    writer = WRITER.replace("PAUSE", repr(WORKERS / rate))
    command = f"exec {sys.executable} -S -E -c '{quoted(writer)}'"
    machine = {"cpuCores": 1, "memoryMB": 100}
    definition = {
        "name": "bench",
        "user": "bench",
        "jobJarFileLocation": f"shell:{command}",
        "version": "1",
        "slaMin": 1,
        "slaMax": 1,
        "schedulingInfo": {
            "stages": {"1": {"numberOfInstances": WORKERS, "machineDefinition": machine}}
        },
    }
    with _server.Client(port) as client:
        try:
            client.post("/api/v1/jobClusters", json.dumps({"jobDefinition": definition}).encode())
        except ValueError as answer:
            if " 201 " not in str(answer):
                raise
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with _server.Client(port) as client:
            found = json.loads(client.get("/api/v1/jobClusters/bench/jobs?compact=true"))["list"]
        if found and found[0]["state"] == "Launched":
            return str(found[0]["jobId"])
        time.sleep(0.1)
    raise TimeoutError("the job was not launched")


def quoted(text: str) -> str:
    """Write text for within single quotes of a shell."""
    return text.replace("'", "'\\''")


def main() -> None:
    """Measure one subscriber, then many."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SUBSCRIBERS
    rate = float(sys.argv[2]) if len(sys.argv) > 2 else RATE
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with _server.folder() as folder, _server.serve(folder) as port:
        job = started(port, rate)
        for subscribers in (1, count):
            _harness.report("sinks", **measured(port, job, subscribers, rate))


if __name__ == "__main__":
    main()
