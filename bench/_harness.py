"""What the drivers share: databases, clocks, one JSON line of figures."""

import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from app.bus.memory import MemoryBus
from app.data.db import Store
from app.data.schema import migrate
from app.domain.clock import SystemClock
from app.engine import Engine
from app.hooks.manager import PluginManager

SEED = 20_240_229
CACHE = Path("var/bench")


def seed() -> random.Random:
    """Give a source of numbers that is the same in every run."""
    return random.Random(SEED)


def report(name: str, **figures: Any) -> None:
    """Print one line of figures, rounded to what they are worth."""
    print(json.dumps({"bench": name, **{key: rounded(value) for key, value in figures.items()}}))
    sys.stdout.flush()


def rounded(value: Any) -> Any:
    """Keep three significant digits and a bit."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return value


def rate(cycle: Callable[[], None], *, for_s: float = 2.0, batch: int = 50) -> float:
    """Run a cycle for a while and give how many a second."""
    done = 0
    begun = time.perf_counter()
    while (passed := time.perf_counter() - begun) < for_s:
        for _ in range(batch):
            cycle()
        done += batch
    return done / passed


def spread(samples: list[float]) -> dict[str, float]:
    """Give median, 95th percentile and largest of samples."""
    ordered = sorted(samples)
    return {
        "median": statistics.median(ordered),
        "p95": ordered[int(len(ordered) * 0.95)],
        "max": ordered[-1],
    }


def engine_on(store: Store, logs: Store) -> Engine:
    """Give an engine with the bundled plugins on open stores."""
    plugins = PluginManager.load(blocked=())
    return Engine(store, logs, MemoryBus(), clock=SystemClock(), plugins=plugins)


@contextmanager
def sqlite(name: str, fill: Callable[[Engine], None]) -> Iterator[Engine]:
    """Open a copy of a filled database that is made once and kept under `var/bench`."""
    kept = CACHE / f"{name}.db"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        building = kept.with_suffix(".building")
        with _opened(f"sqlite:///{building.absolute()}", f"sqlite:///{building}-logs") as engine:
            fill(engine)
            engine.store.open()
            engine.store.run("PRAGMA wal_checkpoint(TRUNCATE)")
            engine.store.close()
        building.rename(kept)
    with tempfile.TemporaryDirectory(prefix="bench", dir=CACHE) as folder:
        path = Path(folder).absolute() / "bench.db"
        shutil.copyfile(kept, path)
        with _opened(f"sqlite:///{path}", f"sqlite:///{path}-logs") as engine:
            yield engine


@contextmanager
def postgres(name: str, fill: Callable[[Engine], None]) -> Iterator[Engine]:
    """Open a fresh, filled database of the server that `make bench` started."""
    server = os.environ["JOBYARD_TEST_POSTGRES"]
    database = f"bench_{name}".replace("-", "_")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {database}")
    url = server.rpartition("/")[0] + f"/{database}"
    with _opened(url, url) as engine:
        fill(engine)
        engine.store.open()
        engine.store.run("VACUUM ANALYZE task")
        engine.store.close()
        yield engine
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {database} WITH (FORCE)")


@contextmanager
def _opened(url: str, log_url: str) -> Iterator[Engine]:
    store = Store(url)
    logs = Store(log_url) if log_url != url else store
    migrate(store, logs)
    try:
        yield engine_on(store, logs)
    finally:
        store.release_all()
        logs.release_all()


def have_postgres() -> bool:
    """Whether a PostgreSQL server was started for this run."""
    return "JOBYARD_TEST_POSTGRES" in os.environ
