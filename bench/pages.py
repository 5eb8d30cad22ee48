"""Pages: the time of each with much stored, and what open overview pages cost while jobs run.

    python -m bench.pages [pages that are open]

Every page of the navigation, and one of each kind that is linked from there, is asked for by an
admin on a server with 1,000,000 tasks, 100,000 jobs and 1,000 workers. Then 20 jobs a second are
submitted, started and ended, first with nobody looking, then with so many open overview pages: a
stream each, and the figures of the plots once a minute.
"""

import http.cookiejar
import json
import re
import selectors
import shutil
import socket
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.data import listing
from app.data.db import sqlite_path
from app.domain.clock import SECOND
from app.domain.submission import Submission
from app.domain.text import marks
from app.engine import Engine
from app.wiring import Services, build
from bench import _harness, _server
from config.settings import load

TASKS, JOBS, WORKERS = 1_000_000, 100_000, 1_000
OPEN_PAGES, JOBS_PER_S, FOR_S = 200, 20, 10.0
MORE = (
    "/ui/?span=week",
    "/ui/figures?span=hour",
    "/ui/figures?span=week",
    "/ui/jobs?state=FAILED",
    "/ui/jobs?dialect=tork&q=rare",
    "/ui/jobs/{job}",
    "/ui/tasks/{task}",
    "/ui/workers/{worker}",
)
TURNS = 5
_ADMIN = {"username": "bench", "password": "bench bench"}
_EACH = TASKS // JOBS
_NUMBERS = (
    "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
    " SELECT i FROM n) n"
)
_BEGIN = "({now} - 6 * 86400000000 + i * 5000000)"
_STATE = "CASE WHEN i % 100 = 1 THEN 'FAILED' WHEN i % 1000 = 2 THEN 'RUNNING' ELSE 'COMPLETED' END"
_NAME = "'nightly w' || (i % 20000) || CASE WHEN i % 5000 = 0 THEN ' rare' ELSE '' END"
_DIALECT = "CASE WHEN i % 10 = 0 THEN 'jobyard' ELSE 'tork' END"


def fill(engine: Engine) -> None:
    """Store jobs, tasks and workers by statements of the database alone."""
    store = engine.store
    now = engine.clock.now()
    begin = _BEGIN.format(now=now)
    jobs = _NUMBERS.format(last=JOBS - 1)
    words = f"'{' '.join(marks('tork', 'workflow', ()))} ' || {_NAME}"
    words = words.replace(marks("tork", None, ())[0], "' || CASE WHEN i % 10 = 0 THEN '"
                          f"{marks('jobyard', None, ())[0]}' ELSE '{marks('tork', None, ())[0]}'"
                          " END || '")  # fmt: skip
    spec = json.dumps({"tasks": [{"name": "task", "run": "x" * 200}]})
    with store.transaction():
        store.run(
            "INSERT INTO job (id, dialect, type, name, state, spec, tags, created_at, started_at,"
            f" ended_at, seq, task_count, tasks_total) SELECT printf('%032x', i), {_DIALECT},"
            f" 'workflow', {_NAME}, {_STATE}, '{spec}', '[]', {begin}, {begin},"
            f" CASE WHEN {_STATE} = 'RUNNING' THEN NULL ELSE {begin} + 4000000 END,"
            f" {begin} * 1024, {_EACH}, {_EACH} FROM {jobs}"
        )
        store.run(
            "INSERT INTO job_words (seq, words, indexed)"
            f" SELECT {begin} * 1024, {words}, 1 FROM {jobs}"
        )
        store.run_many(listing._TALLY, [("tork", JOBS * 9 // 10), ("jobyard", JOBS // 10)])
        store.run("INSERT INTO job_index (job_index) VALUES ('rebuild')")
    for first in range(0, TASKS, 100_000):
        tasks = _NUMBERS.format(last=99_999).replace("SELECT i FROM n) n", f"SELECT i + {first}"
                                                     " AS i FROM n) n")  # fmt: skip
        of_job = f"(i / {_EACH})"
        state = _STATE.replace("i %", f"{of_job} %")
        began = begin.replace("i *", f"{of_job} *")
        with store.transaction():
            store.run(
                "INSERT INTO task (job_id, queue, name, state, position, worker_id, created_at,"
                f" queued_at, started_at, ended_at, number) SELECT printf('%032x', {of_job}),"
                f" {_DIALECT.replace('i %', f'{of_job} %')} || '/default', 'task',"
                f" CASE WHEN {state} = 'RUNNING' THEN 'QUEUED' ELSE {state} END, i % {_EACH},"
                f" 1 + i % {WORKERS}, {began}, {began}, {began} + 100000, CASE WHEN {state} ="
                f" 'RUNNING' THEN NULL ELSE {began} + 200000 END, 1 FROM {tasks}"
            )
    with store.transaction():
        store.run(
            "INSERT INTO attempt (task_id, number, worker_id, state, leased_at, started_at,"
            " ended_at) SELECT id, 1, worker_id, CASE WHEN state = 'FAILED' THEN 'FAILED' ELSE"
            " 'DONE' END, queued_at, started_at, ended_at FROM task WHERE state <> 'QUEUED'"
        )
    _fill_workers(engine, now)
    with store.session():
        store.run("ANALYZE")


def _fill_workers(engine: Engine, now: int) -> None:
    far = now + 365 * 86400 * SECOND
    with engine.store.transaction():
        engine.store.run(
            "INSERT INTO worker (dialect, kind, public_id, name, hostname, queues, started_at,"
            " heartbeat_at) SELECT '', 'remote', printf('w%05d', i), 'worker ' || i, 'host ' || i,"
            f" '{{\"tork/default\": 4}}', {now}, {far} FROM {_NUMBERS.format(last=WORKERS - 1)}"
        )


def _fill_samples(engine: Engine, now: int) -> None:
    minute = now // (60 * SECOND)
    for queue, dialect in (("*", ""), ("*", "tork"), ("*", "jobyard"), ("", ""), ("", "tork"),
                           ("", "jobyard"), ("tork/default", "tork")):  # fmt: skip
        with engine.store.transaction():
            engine.store.run(
                "INSERT INTO sample (queue, minute, dialect, ready, running, waiting, completed,"
                f" failed, started, waited_us, ran_us) SELECT '{queue}', {minute} - 10080 + i,"
                f" '{dialect}', i % 50, 4, 0, 120 + i % 30, i % 3, 120, 12000000, 60000000"
                f" FROM {_NUMBERS.format(last=10_079)}"
            )


@contextmanager
def filled() -> Iterator[Path]:
    """Give a data folder with the database in it."""
    with _server.folder() as place, _harness.sqlite("pages", fill) as engine:
        # At each run: those of the kept database would be too old by now.
        _fill_samples(engine, engine.clock.now())
        with engine.store.session():
            engine.store.run("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.store.release_all()
        shutil.copyfile(sqlite_path(engine.store.url), place / "jobyard.db")
        yield place


class Admin:
    """A browser of an admin, as far as pages go."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        for path in ("/register", "/login"):
            body = json.dumps(_ADMIN).encode()
            words = {"Content-Type": "application/json"}
            with self._opener.open(urllib.request.Request(self.url + path, body, words)):
                pass

    def get(self, path: str) -> tuple[float, str]:
        """Give how many ms a page took, and its HTML."""
        begun = time.perf_counter()
        with self._opener.open(self.url + path, timeout=60) as answer:
            text = answer.read().decode()
        return (time.perf_counter() - begun) * 1000, text


def pages(admin: Admin, services: Services) -> None:
    """Ask for every page and report how long it took."""
    _, home = admin.get("/ui/")
    navigation = home.partition("<nav")[2].partition("</nav>")[0]
    paths = re.findall(r'href="(/ui/[^"]*)"', navigation)
    with services.engine.store.session():
        job, task = services.engine.store.run(
            "SELECT job_id, id FROM task WHERE state = 'COMPLETED' LIMIT 1"
        ).fetchone() or ("", 0)
    given = {"job": job, "task": task, "worker": 1}
    for path in dict.fromkeys([*paths, *MORE]):
        try:
            took = sorted(admin.get(path.format(**given))[0] for _ in range(TURNS + 1))
        except urllib.error.HTTPError as error:
            _harness.report("pages", page=path, status=error.code)
            continue
        size = len(admin.get(path.format(**given))[1].encode())
        _harness.report(
            "pages", page=path, median_ms=took[TURNS // 2], max_ms=took[-1], kb=size / 1000
        )


class Watchers:
    """Open overview pages: a stream each, read as fast as it comes; frames: how many came."""

    def __init__(self, port: int, count: int) -> None:
        self.frames = 0
        self._selector = selectors.DefaultSelector()
        self._sockets = []
        self._over = False
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", port), timeout=60)
            one.sendall(b"GET /ui/live/overview HTTP/1.1\r\nHost: x\r\n\r\n")
            self._selector.register(one, selectors.EVENT_READ)
            self._sockets.append(one)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._over:
            for key, _ in self._selector.select(0.2):
                assert isinstance(key.fileobj, socket.socket)
                self.frames += key.fileobj.recv(262_144).count(b"event: parts")

    def close(self) -> None:
        """Hang up."""
        self._over = True
        self._thread.join()
        for one in self._sockets:
            one.close()


def run_jobs(services: Services, for_s: float) -> int:
    """Submit, start and end jobs at their pace; give how many."""
    engine = services.engine
    worker = engine.workers.register(dialect="tork", kind="remote", name="bench", queues={}).id
    spec = {"tasks": [{"name": "task", "run": "true", "queue": "bench"}]}
    begun, done = time.perf_counter(), 0
    while (passed := time.perf_counter() - begun) < for_s:
        if done > passed * JOBS_PER_S:
            time.sleep(0.005)
            continue
        engine.jobs.submit(Submission(dialect="tork", type="workflow", name="bench", spec=spec))
        for claimed in engine.claims.claim(worker, "tork/bench", start=True):
            engine.attempts.complete(claimed.lease)
        done += 1
    return done


def watched(port: int, admin: Admin, services: Services, count: int) -> None:
    """Report what so many open pages cost, beside the same without them."""
    figures: dict[str, float] = {}
    for name, number in (("without", 0), ("with", count)):
        watchers = Watchers(port, number)
        _server.wait_for(port, "/health")
        asking = threading.Event()
        asker = threading.Thread(target=_ask, args=(admin, number, asking), daemon=True)
        asker.start()
        run_jobs(services, 2.0)
        watchers.frames = 0
        before, begun = _server.web_cpu_s(port), time.perf_counter()
        jobs = run_jobs(services, FOR_S)
        passed = time.perf_counter() - begun
        figures[f"cpu_percent_{name}"] = (_server.web_cpu_s(port) - before) / passed * 100
        frames = watchers.frames
        asking.set()
        asker.join()
        watchers.close()
    _harness.report(
        "pages-open",
        pages=count,
        jobs_per_s=jobs / passed,
        frames_per_page_s=frames / max(count, 1) / passed,
        added_cpu_percent=figures["cpu_percent_with"] - figures["cpu_percent_without"],
        **figures,
    )


def _ask(admin: Admin, count: int, over: threading.Event) -> None:
    """Ask for the figures as so many pages do: each once a minute."""
    while count and not over.wait(60 / count):
        admin.get("/ui/figures?span=hour")


def main() -> None:
    """Measure pages with much stored, then open ones."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else OPEN_PAGES
    with filled() as place, _server.serve(place, "web", "ticker") as port:
        services = build(load({"JOBYARD_DATA_DIR": str(place)}))
        try:
            admin = Admin(port)
            pages(admin, services)
            watched(port, admin, services, count)
        finally:
            services.close()


if __name__ == "__main__":
    main()
