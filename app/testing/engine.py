"""A real engine on a database of its own, for tests of job types and of whatever uses an engine.

    with make_engine(Transcode()) as engine:
        job = submit(engine, type="transcode", spec=SPEC)
        work_off(engine, "demo/default")
        assert engine.jobs.get(job.id).state is JobState.COMPLETED

Nothing is simulated but the clock and the workers: states, events and transactions are those of the
server. Queues are named `dialect/queue`, as everywhere in the engine.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from app.bus import Bus
from app.bus.memory import MemoryBus
from app.data.db import Store, sqlite_path
from app.data.schema import migrate
from app.domain.clock import Clock
from app.domain.records import Claimed, Job
from app.domain.submission import Submission
from app.engine import Engine
from app.engine.prune import Retention
from app.hooks.interface import JobInterface
from app.hooks.manager import PluginManager
from app.hooks.types import Answer, JobView, TaskView
from app.testing.clock import FakeClock
from app.wiring import log_path

#: How long `settled` waits for transactions of others.
SETTLED_S = 60.0

#: What a scripted member gives: an answer, or a function that makes one.
Plan = Answer | Callable[[JobView], Answer]
Follow = Answer | Callable[[JobView, TaskView], Answer]


class ScriptedJob(JobInterface):
    """A job type, `scripted`, whose answers a test sets, and may set anew at any time.

    plan, advance: what the members of that name give, or functions that are called for it; a
    function may raise. asked: the tasks that `advance` was asked about, in order, as it saw them.
    Subclass it with another `name` to have several.
    """

    name = "scripted"

    def __init__(self, plan: Plan = None, advance: Follow = None) -> None:
        self.on_plan: Plan = plan
        self.on_advance: Follow = advance
        self.asked: list[tuple[JobView, TaskView]] = []

    def plan(self, job: JobView) -> Answer:
        """Give what the test has set."""
        return self.on_plan(job) if callable(self.on_plan) else self.on_plan

    def advance(self, job: JobView, task: TaskView) -> Answer:
        """Give what the test has set."""
        self.asked.append((job, task))
        return self.on_advance(job, task) if callable(self.on_advance) else self.on_advance


@contextmanager
def make_engine(
    *interfaces: JobInterface,
    database_url: str | None = None,
    clock: Clock | None = None,
    bus: Bus | None = None,
    retention: Retention | None = None,
) -> Iterator[Engine]:
    """Build an engine that knows these job types alone, and close all of it at the end.

    database_url: as `JOBYARD_DATABASE_URL`; its schema is brought up to date. Without one a SQLite
    file is made, and deleted afterwards. clock: a `FakeClock` unless given. bus: wakes this
    process alone unless given. Log text has a file of its own on SQLite, as in the server.
    """
    with tempfile.TemporaryDirectory(prefix="jobyard-") as folder:
        url = database_url or f"sqlite:///{Path(folder) / 'engine.db'}"
        copy_schema(url)
        store = Store(url)
        log_store = store
        if store.backend == "sqlite":
            log_store = Store(f"sqlite:///{log_path(sqlite_path(url))}")
        own_bus = bus or MemoryBus()
        try:
            migrate(store, log_store)
            yield Engine(
                store,
                log_store,
                own_bus,
                clock=clock or FakeClock(),
                plugins=PluginManager.holding(*interfaces),
                retention=retention,
            )
        finally:
            if bus is None:
                own_bus.close()
            store.release_all()
            log_store.release_all()


def copy_schema(database_url: str) -> None:
    """Make an empty SQLite database of the present schema where there is none; much faster.

    Applying every step takes a tenth of a second, so it is done once in a process, and its outcome
    is copied from then on. Another database, or one that is there already, is left as it is.
    """
    if not database_url.startswith("sqlite:"):
        return
    path = sqlite_path(database_url)
    for there, content in zip((path, log_path(path)), _schema(), strict=True):
        if not there.exists():
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(content)


@cache
def _schema() -> tuple[bytes, bytes]:
    """Give the files of a database, and of its log text, that hold the schema alone."""
    with tempfile.TemporaryDirectory(prefix="jobyard-") as folder:
        path = Path(folder) / "engine.db"
        store, log_store = Store(f"sqlite:///{path}"), Store(f"sqlite:///{log_path(path)}")
        migrate(store, log_store)
        # The last connection that closes moves what is in the write-ahead log into the file.
        store.release_all()
        log_store.release_all()
        return path.read_bytes(), log_path(path).read_bytes()


def new_worker(engine: Engine, queue: str = "demo/default", *, name: str = "worker") -> int:
    """Register a remote worker of the queue's dialect and give its id."""
    dialect = queue.partition("/")[0]
    return engine.workers.register(dialect=dialect, kind="remote", name=name, queues={queue: 1}).id


def work_off(
    engine: Engine,
    queue: str,
    work: Callable[[Claimed], str | None] = lambda _task: None,
    *,
    worker_id: int | None = None,
    limit: int = 10_000,
) -> list[str]:
    """Claim and end tasks of a queue, one after another, until none is ready.

    work: does a task and gives its result; what it raises fails the task with that text.
    Gives the names of the tasks in the order they were handed out.
    Raises AssertionError when there is still work after `limit` tasks.
    """
    worker = new_worker(engine, queue) if worker_id is None else worker_id
    names: list[str] = []
    while claimed := engine.claims.claim(worker, queue, start=True):
        if len(names) == limit:
            raise AssertionError(f"{queue} is not empty after {limit} tasks")
        (task,) = claimed
        names.append(task.name)
        try:
            result = work(task)
        except Exception as error:  # noqa: BLE001 # whatever the work raises is how it failed
            engine.attempts.fail(task.lease, str(error))
        else:
            engine.attempts.complete(task.lease, result=result)
    return names


def submit(engine: Engine, **words: Any) -> Job:
    """Submit a job and give it as it stands after that.

    words: fields of a `Submission`; without them its name is `job`, its type `scripted` and its
    dialect `demo`.
    """
    wanted = Submission(**{"name": "job", "type": "scripted", "dialect": "demo", **words})
    return engine.jobs.get(engine.jobs.submit(wanted).id)


def settled(engine: Engine) -> str:
    """Wait until everything noted so far can be read, and give the position of the newest event.

    PostgreSQL shows an event only when no older transaction is open, one of another database of
    the same server included, which a test cannot know of.
    """
    deadline = time.monotonic() + SETTLED_S
    while time.monotonic() < deadline:
        position = engine.events.last_position()
        with engine.store.session():
            newest = engine.store.run("SELECT MAX(id) FROM event").fetchone()
            shown = engine.store.run(
                "SELECT COUNT(*) FROM event WHERE tx > ?",
                (int(position.partition("-")[0] or -1),),
            ).fetchone()
        if newest == (None,) or shown == (0,):
            return position
        time.sleep(0.002)
    raise AssertionError("an older transaction has been open for too long")


def happenings(engine: Engine, *, job_id: str | None = None, after: str = "") -> list[str]:
    """Give the kinds of the events behind a position, in commit order, of one job if named."""
    settled(engine)
    return [
        str(event.kind)
        for event in engine.events.after(after, limit=1_000_000)
        if job_id is None or event.job_id == job_id
    ]
