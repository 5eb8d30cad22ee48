"""The tracker over HTTP: get and release, and bulk submission, beside the least Flask route.

A cycle is two requests, so its ceiling is half of what the least route reaches in the same run.
"""

import http.client
import json
import os
import threading
import time
from collections.abc import Callable

import psycopg

from app.data.db import Store
from bench._harness import have_postgres, report, spread
from bench._server import Client, folder, load, serve, trivial, web_cpu_s

CLIENTS, FOR_S = 16, 5.0
SMALL, LARGE = 20_000, 1_000_000
BULK, BULKS = 10_000, 4
_FILL = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) ",
    "postgres": "WITH n AS (SELECT generate_series(1, ?) AS i) ",
}
_ROWS = (
    "INSERT INTO task (queue, group_id, name, state, priority, payload, lease_us, max_losses,"
    " created_at, queued_at) SELECT ?, ?, 'task', 'QUEUED', i % 3, '{\"recipe\":\"r\"}',"
    " 60000000, 1000000, 1, 1 FROM n"
)


class Tracker:
    """A server with one project and one worker that may do everything."""

    def __init__(self, port: int, database: str) -> None:
        self.port = port
        self.database = database
        self.cookie = ""
        self.worker = ""
        self._sign_in()

    def _sign_in(self) -> None:
        answer = self.ask("POST", "/register", {"username": "bench", "password": "benchbench"})
        self.cookie = answer[0]
        self.project = self.ask("POST", "/project/create", {"name": "bench", "public": True})[1][
            "content"
        ]["id"]
        made = self.ask("POST", "/worker/create", {"alias": "bench"})[1]["content"]["worker"]
        self.worker = f"X-Worker-ID: {made['id']}\r\nX-Secret: {made['secret']}\r\n"
        wanted = {"project": self.project, "assign": True, "submit": True}
        self.ask("POST", "/project/request_access", wanted)
        self.ask("POST", f"/project/accept_request/{self.project}/{made['id']}", None)

    def ask(self, method: str, path: str, body: object) -> tuple[str, dict]:
        """Send one request on a connection of its own; the cookie it sets, and the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Cookie": self.cookie} if self.cookie else {}
        headers.update(line.split(": ") for line in self.worker.splitlines())
        connection.request(method, path, json.dumps(body), headers)
        answer = connection.getresponse()
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        found = json.loads(answer.read())
        connection.close()
        return cookie, found

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Give a request of the worker as it is sent."""
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{self.worker}Content-Length: {len(body)}"
        return head.encode() + b"\r\n\r\n" + body

    def fill(self, count: int) -> None:
        """Store ready tasks directly."""
        store = Store(self.database)
        with store.transaction():
            queue = f"task_tracker/{self.project}"
            store.run(_FILL[store.backend] + _ROWS, (count, queue, self.project))
        if store.backend == "postgres":
            with store.session():
                store.run("VACUUM ANALYZE task")
        store.release_all()

    def cycles(self) -> dict[str, float]:
        """Get and release for a while from many clients."""
        get = self.request("GET", f"/task/get/{self.project}")
        counts = [0] * CLIENTS
        until = time.perf_counter() + FOR_S

        def work(number: int) -> None:
            with Client(self.port) as client:
                while time.perf_counter() < until:
                    answer = client.send(get)
                    task_id = answer.partition(b'"id":')[2].partition(b",")[0]
                    client.send(self.request("POST", "/task/release", b'{"task_id":%b}' % task_id))
                    counts[number] += 1

        cpu = web_cpu_s(self.port)
        passed = _together([lambda n=n: work(n) for n in range(CLIENTS)])
        done = sum(counts)
        return {
            "cycles_per_s": done / passed,
            "cpu_us_per_cycle": (web_cpu_s(self.port) - cpu) / done * 1e6,
        }

    def bulk(self) -> dict[str, float]:
        """Submit many at a time, while somebody else asks for something small all the time."""
        waits: list[float] = []
        over = threading.Event()

        def other() -> None:
            with Client(self.port) as client:
                while not over.is_set():
                    begun = time.perf_counter()
                    client.get("/health")
                    waits.append(time.perf_counter() - begun)
                    time.sleep(0.002)

        bodies = [
            json.dumps(
                {
                    "requests": [
                        {
                            "project": self.project,
                            "recipe": f"http://example.com/{number}/{place}",
                            "unique_string": f"http://example.com/{number}/{place}",
                        }
                        for place in range(BULK)
                    ]
                }
            ).encode()
            for number in range(BULKS)
        ]
        watcher = threading.Thread(target=other)
        watcher.start()
        begun = time.perf_counter()
        with Client(self.port) as client:
            for body in bodies:
                client.send(self.request("POST", "/task/bulk_submit", body))
        passed = time.perf_counter() - begun
        over.set()
        watcher.join()
        found = spread(waits)
        return {
            "tasks_per_s": BULK * BULKS / passed,
            "others_waited_ms_p95": found["p95"] * 1000,
            "others_waited_ms_max": found["max"] * 1000,
        }


def _together(works: list[Callable[[], None]]) -> float:
    begun = time.perf_counter()
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun


def main() -> None:
    """Measure on every database at hand."""
    with folder() as place, trivial(place) as port:
        least = load(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")["requests_per_s"]
    report("tracker", route="GET / (least Flask)", requests_per_s=least)
    databases = ["sqlite", "postgres"] if have_postgres() else ["sqlite"]
    for backend in databases:
        rates = []
        for size in (SMALL, LARGE):
            with folder() as place:
                database = f"sqlite:///{place}/jobyard.db"
                if backend == "postgres":
                    database = _fresh_postgres()
                with serve(place, "web", "ticker", JOBYARD_DATABASE_URL=database) as port:
                    tracker = Tracker(port, database)
                    tracker.fill(size)
                    figures = tracker.cycles()
                    rates.append(figures["cycles_per_s"])
                    of_least = figures["cycles_per_s"] / (least / 2)
                    report("tracker", backend=backend, ready=size, **figures, of_least=of_least)
                    if size == SMALL:
                        report("tracker-bulk", backend=backend, **tracker.bulk())
        report("tracker-backlog", backend=backend, largest_of_smallest=rates[1] / rates[0])


def _fresh_postgres() -> str:
    server = os.environ["JOBYARD_TEST_POSTGRES"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bench_tracker WITH (FORCE)")
        connection.execute("CREATE DATABASE bench_tracker")
    return server.rpartition("/")[0] + "/bench_tracker"


if __name__ == "__main__":
    main()
