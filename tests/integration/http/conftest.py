"""A real gunicorn over real sockets, and the engine beside it in the test's own process."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.data.schema import migrate
from app.factory import create_app
from app.testing import copy_schema
from app.wiring import Services, build
from config.settings import load
from tests.yard import eventually

ROOT = Path(__file__).parents[3]
PATIENCE_S = 90


@dataclass(frozen=True)
class Answer:
    """What came back. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def until(condition, what="the condition"):
    """Wait until something is true and return it."""
    return eventually(condition, what)


class Worker:
    """Does the work of a daemon by hand, so that a test says when what happens."""

    def __init__(self, services: Services, queues: Mapping[str, int]) -> None:
        self.engine = services.engine
        self.record = self.engine.workers.register(
            dialect="",
            kind="daemon",
            name="test",
            hostname="here",
            queues=queues,
            port=0,
            version="9.9",
        )

    def take(self, queue="tork/default"):
        """Claim and start the next task, which must be there."""
        [claimed] = self.engine.claims.claim(self.record.id, queue, start=True)
        return claimed

    def write(self, claimed, *texts):
        self.engine.logs.append(
            task_id=claimed.task_id,
            job_id=claimed.job_id,
            position=claimed.position,
            task_created_at=claimed.created_at,
            texts=texts,
        )

    def finish(self, claimed, result=None):
        self.engine.attempts.complete(claimed.lease, result=result)

    def fail(self, claimed, error="exit code 1: no"):
        self.engine.attempts.fail(claimed.lease, error)


class Asked:
    """What answers requests, and its services."""

    services: Services

    def request(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = PATIENCE_S,
    ) -> Answer:
        raise NotImplementedError

    def get(self, path: str, **headers: str) -> Answer:
        return self.request(
            "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    def put(self, path: str) -> Answer:
        return self.request("PUT", path)

    def post(self, path: str, document: Any, *, kind: str = "application/json") -> Answer:
        body = document if isinstance(document, str | bytes) else json.dumps(document)
        return self.request("POST", path, body, {"Content-Type": kind})

    def worker(self, **queues: int) -> Worker:
        """Register a daemon; queues without the dialect's prefix."""
        named = {f"tork/{name}": slots for name, slots in (queues or {"default": 1}).items()}
        return Worker(self.services, named)

    def submit(self, name="a job", tasks=1, **more: Any) -> str:
        """Submit a job of plain tasks and return its id."""
        listed = [{"name": f"task {number}", "run": "true"} for number in range(1, tasks + 1)]
        answer = self.post("/jobs", {"name": name, "tasks": listed, **more})
        assert answer.status == 200, answer.body
        return answer.json["id"]


class Inside(Asked):
    """The application in the test's own process: for settings, which need no server to be tried."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.services = build(load(environment))
        self._client = create_app(self.services.settings, services=self.services).test_client()

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE_S) -> Answer:
        del timeout
        given = dict(headers or {})
        with self._client.open(path, method=method, data=body, headers=given) as answer:
            names = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status_code, names, answer.get_data())


@dataclass
class Server(Asked):
    """One running web part."""

    port: int
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]
    log: Path
    _kept: list[http.client.HTTPConnection] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def services(self) -> Services:
        """The same store and bus, in this process."""
        return build(load(self.environment))

    def request(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = PATIENCE_S,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            data = body.encode() if isinstance(body, str) else body
            connection.request(method, path, body=data, headers=dict(headers or {}))
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        """Send bytes as they are and return all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as wire:
            received = b""
            # A server that has seen enough hangs up in the middle of it.
            with contextlib.suppress(OSError):
                wire.sendall(data)
                wire.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while chunk := wire.recv(65536):
                    received += chunk
        return received

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S)

    def kill(self) -> None:
        """End it and all below it however they stand; an orderly stop takes its time."""
        if self.process.poll() is not None:
            return
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()  # first, or it would start others in their place
        self.process.wait(PATIENCE_S)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def clean(self) -> None:
        """Empty the store under the running server."""
        store = self.services.store
        with store.transaction():
            rows = store.run("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in rows:
                if not name.startswith(("schema_step", "sqlite_", "job_index")):
                    store.run(f"DELETE FROM {name}")
            store.run("INSERT INTO job_index (job_index) VALUES ('rebuild')")

    def lines(self) -> list[dict[str, Any]]:
        """Return the log lines so far; one that is still being written is none yet."""
        whole = self.log.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]


class Servers:
    """Starts web parts and ends them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Server] = []
        self._inside: list[Inside] = []

    def inside(self, toml: str = "", **variables: str) -> Inside:
        """Make one that needs no process, as `start` would start it."""
        made = Inside(self._home(toml, migrated=True, variables=variables))
        self._inside.append(made)
        return made

    def _home(self, toml: str, *, migrated: bool, variables: Mapping[str, str]) -> dict[str, str]:
        """Make a store and a configuration file; gives the environment that names them."""
        home = Path(tempfile.mkdtemp(dir=self._folder))
        (home / "jobyard.toml").write_text(toml)
        given = {
            "JOBYARD_DATA_DIR": str(home / "d"),
            "JOBYARD_CONFIG": str(home / "jobyard.toml"),
            "JOBYARD_LOG_LEVEL": "debug",
            **variables,
        }
        if migrated:
            copy_schema(f"sqlite:///{home}/d/jobyard.db")
            services = build(load(given))
            migrate(services.store, services.log_store)
            services.close()
        return given

    def start(self, toml: str = "", *, migrated: bool = True, **variables: str) -> Server:
        """Start one with a store of its own, under the lines of a configuration file."""
        given = self._home(toml, migrated=migrated, variables=variables)
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        words = [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn"]
        words += ["--bind", f"fd://{listener.fileno()}", "wsgi:app"]
        log = Path(given["JOBYARD_CONFIG"]).with_name("log")
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                words,
                cwd=ROOT,
                env={**os.environ, **given},
                pass_fds=[listener.fileno()],
                stdout=stderr,
                stderr=stderr,
            )
        server = Server(listener.getsockname()[1], process, given, log)
        listener.close()
        self._started.append(server)
        self._wait(server)
        return server

    def _wait(self, server: Server) -> None:
        def ready() -> bool:
            if server.process.poll() is not None:
                pytest.fail(f"the server ended:\n{server.log.read_text()}", pytrace=False)
            try:
                return server.request("GET", "/health").status in (200, 503)
            except OSError:
                return False

        until(ready, "the server's first answer")

    def end(self) -> None:
        for one in self._inside:
            one.services.close()
        for server in self._started:
            if "services" in server.__dict__:
                server.services.close()
            server.kill()


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Yield what starts servers; all of them end with the module."""
    with tempfile.TemporaryDirectory(prefix="jy", ignore_cleanup_errors=True) as folder:
        started = Servers(Path(folder))
        yield started
        started.end()


@pytest.fixture(scope="module")
def server(servers: Servers) -> Server:
    """Return a server of one module: two web processes, SQLite, the default settings."""
    return servers.start()


@pytest.fixture
def fresh(server: Server) -> Server:
    """Return the module's server with an empty store: for what lists or counts everything."""
    server.clean()
    return server
