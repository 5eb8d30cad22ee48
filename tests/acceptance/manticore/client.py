"""A client of the dialect as its users write one, and a hand that makes environments ready."""

import itertools
import json
import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.integration.http.conftest import Server
from tests.yard import PATIENCE_S, eventually

QUEUE = "manticore/environments"
WANTED = {
    "core": {"version": "4.5.1", "build": "default"},
    "hmi": {"type": "generic", "version": "minimal"},
}
_numbers = itertools.count(1)


class Socket:
    """One websocket; collects what it is told until it is closed."""

    def __init__(self, url: str) -> None:
        self.told: list[dict] = []
        self.code = None
        self.wire = connect(url, open_timeout=PATIENCE_S, proxy=None, legacy=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while True:
                self.told.append(json.loads(self.wire.recv()))
        except ConnectionClosed as closed:
            self.code = closed.rcvd.code if closed.rcvd else 1006

    def send(self, message) -> None:
        self.wire.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def of(self, kind: str) -> list[dict]:
        return [each["data"] for each in self.told if each["type"] == kind]

    def places(self) -> list[tuple[int, bool]]:
        return [(each["position"], each["wait"]) for each in self.of("position")]

    def until(self, kind: str, **data) -> dict:
        """Wait for a message of a kind that holds these values."""

        def there():
            return [one for one in self.of(kind) if data.items() <= one.items()]

        return eventually(there, f"{kind} {data} in {self.told}, {self.code}")[-1]

    def until_closed(self) -> int:
        return eventually(lambda: self.code, f"a close frame after {self.told}")

    def close(self) -> None:
        self.wire.close()


class Manticore:
    """The dialect of one server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.sockets: list[Socket] = []
        self._worker = None

    @property
    def engine(self):
        return self.server.services.engine

    def ask(self, user, **more):
        return self.server.post("/api/v2/job", {"id": user, **WANTED, **more})

    def passcode(self, user) -> str:
        answer = self.ask(user)
        assert answer.status == 200, answer.body
        return answer.json["passcode"]

    def leave(self, user):
        body = json.dumps({"id": user})
        kind = {"Content-Type": "application/json"}
        return self.server.request("DELETE", "/api/v2/job", body, kind)

    def change(self, user, **more):
        body = json.dumps({"id": user, **more})
        kind = {"Content-Type": "application/json"}
        return self.server.request("PATCH", "/api/v2/job", body, kind)

    def poll(self, passcode: str, since: str = "", wait: int = 60):
        return self.server.get(f"/api/v2/job/{passcode}/events?wait={wait}&since={since}")

    def open(self, passcode: str) -> Socket:
        socket = Socket(f"ws://127.0.0.1:{self.server.port}/api/v2/job/{passcode}")
        self.sockets.append(socket)
        return socket

    def user(self) -> str:
        return f"user-{next(_numbers)}"

    def tick(self) -> None:
        """Do what a ticker does for waiting lists and idle limits."""
        now = self.engine.clock.now()
        self.engine.waiting.run_once(now)
        self.engine.idle.run_once(now)

    def work(self, count: int = 1) -> list:
        """Claim services and report them ready; gives their tasks."""
        if self._worker is None:
            self._worker = self.engine.workers.register(
                dialect="", kind="daemon", name="hand", hostname="here", queues={QUEUE: 99},
                port=0, version="1",
            )  # fmt: skip
        done = []
        for _ in range(count):
            for task in self.engine.claims.claim(self._worker.id, QUEUE, start=True):
                address = f"127.0.0.1:{20000 + task.task_id}"
                self.engine.services.ready(task.lease, {"main": address})
                done.append(task)
        return done

    def end(self, task) -> None:
        """Report that what was to be ended is gone."""
        self.engine.attempts.gone(task.lease)

    def close(self) -> None:
        for socket in self.sockets:
            socket.close()
