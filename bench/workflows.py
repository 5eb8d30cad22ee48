"""Lists of tasks: how long one takes, whether a long one grows slower, what planning it costs.

And submitting: many clients that post jobs, beside the least route that takes a POST.
"""

import json
import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import mean
from typing import Any

import psutil
import psycopg

from app.domain.states import JobState
from app.domain.submission import Submission
from app.engine import Engine
from app.wiring import Services, build
from bench._harness import have_postgres, report, sqlite
from bench._server import Client, folder, serve, trivial
from bench.claims import cycle, fill
from config.settings import load

EACH = 1_000
LONG, SLICE, PLACES = 5_000, 500, 50
JOBS, CLIENTS, LEAST = 1_000, 16, 4_000
BARE = 400
JSON_JOB = json.dumps({"name": "bench", "tasks": [{"name": "task", "run": "true"}]}).encode()
YAML_JOB = b"name: bench\ntasks:\n- name: task\n  run: 'true'\n"


def definition(size: int, concurrency: int = 0) -> dict[str, Any]:
    """Give a workflow of one list of trivial tasks."""
    task = {"name": "task", "run": "true"}
    each = {"list": f"1..{size}", "concurrency": concurrency, "task": task}
    return {"tasks": [{"name": "list", "each": each}]}


# -- a server that runs lists ----------------------------------------------------------------------


def whole(backend: str, database_url: str) -> None:
    """Measure lists on a whole server: the time of one and the CPU of its tasks."""
    given = {"JOBYARD_DATABASE_URL": database_url} if database_url else {}
    with folder() as place, serve(place, **given) as port:
        services = build(load(given, options={"data_dir": str(place)}))
        try:
            run(services, port, 50)
            before = cpu_s()
            report("workflow-each", backend=backend, tasks=EACH, seconds=run(services, port, EACH))
            per_task = (cpu_s() - before) / EACH * 1000
        finally:
            services.close()
    fork, claiming = fork_ms(), cycle_ms()
    report(
        "workflow-cpu",
        backend=backend,
        unit="ms CPU",
        per_task=per_task,
        fork=fork,
        claim_cycle=claiming,
        beyond_both=per_task - fork - claiming,
    )


def run(services: Services, port: int, size: int) -> float:
    """Submit a list and wait for its end, seen in the database; seconds."""
    begun = time.perf_counter()
    with Client(port) as client:
        body = json.dumps({"name": "bench", **definition(size)}).encode()
        job_id = json.loads(client.post("/jobs", body))["id"]
    while not (job := services.engine.jobs.get(job_id)).state.final:
        time.sleep(0.05)
    if job.state is not JobState.COMPLETED:
        raise SystemExit(f"{job.state}: {job.error}")
    return time.perf_counter() - begun


def cpu_s() -> float:
    """Give the CPU seconds that the server's own processes have used; those of tasks are not."""
    used = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            words, times = process.cmdline(), process.cpu_times()
        except psutil.Error:
            continue
        if "app.cli" in words or "gunicorn" in words:
            used += times.user + times.system
    return used


def fork_ms() -> float:
    """Give the CPU milliseconds that starting a shell costs whoever starts it."""
    before = time.process_time()
    for _ in range(BARE):
        subprocess.run(["bash", "-c", "true"], check=True)
    return (time.process_time() - before) / BARE * 1000


def cycle_ms() -> float:
    """Give the CPU milliseconds of a claim cycle: one task that belongs to no job."""
    with sqlite("claims-1000", fill(1000)) as engine, engine.store.session():
        worker = engine.workers.register(dialect="", kind="daemon", name="bench")
        before = time.process_time()
        for _ in range(BARE):
            cycle(engine, worker.id)
        return (time.process_time() - before) / BARE * 1000


# -- long lists ------------------------------------------------------------------------------------


class Watch:
    """The longest that any transaction and any hook call of an engine took, in milliseconds."""

    def __init__(self, engine: Engine) -> None:
        self.longest = {"transaction": 0.0, "hook": 0.0}
        engine.store.transaction = self._timed("transaction", engine.store.transaction)  # type: ignore[method-assign]
        plugins = engine.jobs._plugins
        for name in ("plan", "advance"):
            setattr(plugins, name, self._bounded(getattr(plugins, name)))

    def _timed(self, name: str, block: Callable[[], Any]) -> Callable[[], Any]:
        @contextmanager
        def timed() -> Iterator[None]:
            with block():
                begun = time.perf_counter()
                yield
                self._note(name, begun)

        return timed

    def _bounded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*values: Any) -> Any:
            begun = time.perf_counter()
            try:
                return call(*values)
            finally:
                self._note("hook", begun)

        return timed

    def _note(self, name: str, begun: float) -> None:
        self.longest[name] = max(self.longest[name], (time.perf_counter() - begun) * 1000)


def long(concurrency: int) -> None:
    """Run a long list through the engine alone, and compare its last tasks with its first."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with sqlite("empty", lambda _: None) as engine:
        watch = Watch(engine)
        worker = engine.workers.register(dialect="", kind="daemon", name="bench")
        spec = definition(LONG, concurrency)
        job = engine.jobs.submit(
            Submission(dialect="tork", type="workflow", name="bench", spec=spec, task_count=1)
        )
        rates = [finished(engine, worker.id) for _ in range(LONG // SLICE)]
        state = engine.jobs.get(job.id).state
    if state is not JobState.COMPLETED:
        raise SystemExit(f"{state}")
    report(
        "workflow-long",
        tasks=LONG,
        concurrency=concurrency,
        first_per_cpu_s=rates[0],
        last_per_cpu_s=rates[-1],
        cpu_ms_per_task=1000 * mean(1 / rate for rate in rates),
        first_of_last=rates[0] / rates[-1],
        longest_transaction_ms=watch.longest["transaction"],
        longest_hook_ms=watch.longest["hook"],
        grown_mb=(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
    )


def finished(engine: Engine, worker_id: int) -> float:
    """Claim and complete so many tasks; a second of CPU, whatever else the machine does."""
    begun = time.process_time()
    for _ in range(SLICE):
        with engine.store.session():
            task = engine.claims.claim(worker_id, "tork/default", start=True)[0]
            engine.attempts.complete(task.lease)
    return SLICE / (time.process_time() - begun)


# -- submitting ------------------------------------------------------------------------------------


def request(path: str, body: bytes, kind: str) -> bytes:
    """Give a POST."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def posts(port: int, message: bytes, count: int) -> float:
    """Send a request so many times from many clients; a second."""

    def work() -> None:
        with Client(port) as client:
            for _ in range(count // CLIENTS):
                client.send(message)

    work_once = [threading.Thread(target=work) for _ in range(CLIENTS)]
    begun = time.perf_counter()
    for thread in work_once:
        thread.start()
    for thread in work_once:
        thread.join()
    return count // CLIENTS * CLIENTS / (time.perf_counter() - begun)


def submitting() -> None:
    """Post jobs as JSON and as YAML while nobody runs them, then while a worker does."""
    as_json = request("/jobs", JSON_JOB, "application/json")
    as_yaml = request("/jobs", YAML_JOB, "text/yaml")
    trifle = request("/", JSON_JOB, "application/json")
    with folder() as bare, trivial(bare) as least, folder() as place, serve(place, "web") as port:
        posts(least, trifle, 10 * CLIENTS)
        posts(port, as_json, 10 * CLIENTS)
        # In turns, so that a noisy moment of the machine meets all alike.
        rounds = [
            (
                posts(least, trifle, LEAST // 4),
                posts(port, as_json, JOBS // 2),
                posts(port, as_yaml, JOBS // 4),
            )
            for _ in range(4)
        ]
    ceiling, given, yaml = (sorted(column)[1:3] for column in zip(*rounds, strict=True))
    with folder() as place, serve(place) as port:
        posts(port, as_json, 2 * CLIENTS)
        running = posts(port, as_json, JOBS)
    top = sum(ceiling) / 2
    report(
        "workflow-submit",
        clients=CLIENTS,
        least_per_s=top,
        json_per_s=sum(given) / 2,
        json_of_least=sum(given) / 2 / top,
        yaml_of_least=sum(yaml) / 2 / top,
        with_worker_of_least=running / top,
    )


@contextmanager
def database() -> Iterator[str]:
    """Give a fresh database of the server that `make bench` started."""
    server = os.environ["JOBYARD_TEST_POSTGRES"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bench_workflows WITH (FORCE)")
        connection.execute("CREATE DATABASE bench_workflows")
        yield server.rpartition("/")[0] + "/bench_workflows"
        connection.execute("DROP DATABASE bench_workflows WITH (FORCE)")


def main() -> None:
    """Measure all of it."""
    submitting()
    for concurrency in (0, PLACES):
        long(concurrency)
    whole("sqlite", "")
    if have_postgres():
        with database() as url:
            whole("postgres", url)


if __name__ == "__main__":
    main()
