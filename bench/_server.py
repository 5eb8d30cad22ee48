"""Servers under measurement, a client that costs little, and what a process has used."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psutil

from bench._harness import CACHE

ADDRESS = re.compile(r"serves http://127\.0\.0\.1:(\d+)/")


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder under `var/bench` that is gone afterwards."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="server", dir=CACHE) as name:
        yield Path(name).absolute()


@contextmanager
def serve(data_dir: Path, *parts: str, **environment: str) -> Iterator[int]:
    """Run `jobyard serve` with some parts, or all of them, and give its port once it answers."""
    words = [sys.executable, "-m", "app.cli", "serve"]
    for part in parts:
        words += ["--part", part]
    given = {
        **os.environ,
        "JOBYARD_DATA_DIR": str(data_dir),
        "JOBYARD_BIND": "127.0.0.1:0",
        "JOBYARD_LOG_LEVEL": "warning",
        **environment,
    }
    process = subprocess.Popen(words, env=given, stdout=subprocess.PIPE, text=True)
    try:
        port = 0
        if "web" in parts or not parts:
            for line in process.stdout or ():
                if found := ADDRESS.search(line):
                    port = int(found[1])
                    break
            wait_for(port, "/health")
        yield port
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def trivial(data_dir: Path) -> Iterator[int]:
    """Run the least Flask routes there are, under the same gunicorn configuration."""
    (data_dir / "least.py").write_text(
        "from flask import Flask, request\napp = Flask(__name__)\n"
        "@app.get('/')\ndef least():\n    return {'ok': True}\n"
        "@app.post('/')\ndef taken():\n    request.get_data()\n    return {'ok': True}\n"
    )
    # All but what ends an application of ours.
    (data_dir / "least_gunicorn.py").write_text(
        "from config.gunicorn import *\ndel post_worker_init, worker_exit\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    given = {
        **os.environ,
        "JOBYARD_DATA_DIR": str(data_dir),
        "JOBYARD_LOG_LEVEL": "warning",
        "PYTHONPATH": os.pathsep.join((str(data_dir), str(Path.cwd()))),
    }
    words = [sys.executable, "-m", "gunicorn", "-c", "python:least_gunicorn"]
    words += ["--bind", f"127.0.0.1:{port}", "least:app"]
    process = subprocess.Popen(words, env=given)
    try:
        wait_for(port, "/")
        yield port
    finally:
        process.terminate()
        process.wait(60)


def wait_for(port: int, path: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with Client(port) as client:
                client.get(path)
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Client:
    """One connection that is kept: as little of a client as will do."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def get(self, path: str) -> bytes:
        """GET a path and give the body of the answer."""
        return self.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def post(self, path: str, body: bytes) -> bytes:
        """POST JSON to a path and give the body of the answer."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return self.send(head.encode() + body)

    def send(self, request: bytes) -> bytes:
        """Send a request as it is and give the body of the answer."""
        self._socket.sendall(request)
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise ValueError(head.decode())
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
        while len(self._rest) < length:
            self._more()
        body, self._rest = self._rest[:length], self._rest[length:]
        return body

    def _more(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError("closed")
        self._rest += data


def web_cpu_s(port: int) -> float:
    """Give the CPU seconds that the processes listening on a port have used."""
    used = 0.0
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "gunicorn" in words:
            try:
                mine = any(c.laddr.port == port for c in process.net_connections("tcp"))
                times = process.cpu_times()
            except psutil.Error:
                continue
            used += (times.user + times.system) if mine else 0.0
    return used


def load(port: int, request: bytes, *, clients: int = 16, for_s: float = 3.0) -> dict[str, float]:
    """Send one request over and over.

    Gives requests a second, CPU µs of the server for each, and in ms how long they took.
    """
    took: list[list[float]] = [[] for _ in range(clients)]
    until = time.perf_counter() + for_s

    def work(mine: list[float]) -> None:
        with Client(port) as client:
            sent = time.perf_counter()
            while sent < until:
                client.send(request)
                answered = time.perf_counter()
                mine.append(answered - sent)
                sent = answered

    before, begun = web_cpu_s(port), time.perf_counter()
    threads = [threading.Thread(target=work, args=(mine,)) for mine in took]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - begun
    ordered = sorted(one for mine in took for one in mine)
    return {
        "requests_per_s": len(ordered) / passed,
        "cpu_us_per_request": (web_cpu_s(port) - before) / len(ordered) * 1e6,
        **{f"p{share}_ms": ordered[len(ordered) * share // 100] * 1e3 for share in (50, 95, 99)},
        "max_ms": ordered[-1] * 1e3,
    }
