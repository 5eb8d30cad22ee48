"""The claim cycle: claim one task, complete it, both committed.

Beside it, on the same database in the same run: the cycle's own complete list of statements
replayed through the bare driver in the same transactions, and the bare minimum of two statements
(claim, complete), each committed by itself.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import Any

from app.data.db import Store
from app.engine import Engine
from bench._harness import have_postgres, postgres, report, sqlite

SIZES = (1_000, 100_000, 1_000_000)
QUEUE = "bench/q"
ROUNDS = {"sqlite": 7, "postgres": 5}
SLICE = {"sqlite": 500, "postgres": 150}
_ROWS = (
    "INSERT INTO task (queue, name, state, priority, payload, lease_us, created_at, queued_at)"
    " SELECT {queue}, 't' || i, 'QUEUED', i % 3, '{{}}', 60000000, 1, 1 FROM {numbers}"
)
_FILL = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
    + _ROWS.format(queue="?", numbers="n"),
    "postgres": "WITH n AS (SELECT generate_series(1, ?) AS i) "
    + _ROWS.format(queue="?", numbers="n"),
}
# A slice takes tasks of the highest priority, every third one, by id: none is beyond this id.
_TOUCHED = 3 * max(SLICE.values()) + 100
_AGAIN = (
    (
        "UPDATE task SET state = 'QUEUED', leased_until = NULL, number = 0"
        f" WHERE id <= {_TOUCHED} AND state <> 'QUEUED'"
    ),
    "DELETE FROM attempt",
)
_BARE_CLAIM = {
    "sqlite": (
        "UPDATE task SET state = 'RUNNING', number = number + 1, worker_id = 1 WHERE id ="
        " (SELECT id FROM task WHERE queue = ? AND state = 'QUEUED'"
        " ORDER BY priority DESC, id LIMIT 1) RETURNING id, number"
    ),
    "postgres": (
        "UPDATE task SET state = 'RUNNING', number = number + 1, worker_id = 1 WHERE id ="
        " (SELECT id FROM task WHERE queue = %s AND state = 'QUEUED'"
        " ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, number"
    ),
}
_BARE_END = {
    "sqlite": "UPDATE task SET state = 'COMPLETED' WHERE id = ? AND number = ?",
    "postgres": "UPDATE task SET state = 'COMPLETED' WHERE id = %s AND number = %s",
}


class Recorder:
    """Stands before the driver's connection and notes every statement."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.statements: list[tuple[str, Any]] = []

    def execute(self, sql: str, params: Any = ()) -> Any:
        """Note and run one."""
        self.statements.append((sql, params))
        return self.connection.execute(sql, params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


def recorded(engine: Engine, worker_id: int) -> tuple[list[tuple[str, tuple[Any, ...]]], int]:
    """Give the statements of one cycle, and the id of the task it was about."""
    store = engine.store
    with store.session():
        recorder = Recorder(store.peewee.connection())
        store._state.connection = recorder
        task_id = cycle(engine, worker_id)
        store._state.connection = recorder.connection
    return [(sql, tuple(params)) for sql, params in recorder.statements], task_id


def cycle(engine: Engine, worker_id: int) -> int:
    """Claim one task and complete it, on a connection that is held as a request holds its own."""
    task = engine.claims.claim_lone(worker_id, QUEUE)[0]
    engine.reports.complete(worker_id, task.task_id)
    return task.task_id


def replay(
    connection: Any, statements: list[tuple[str, tuple[Any, ...]]], about: int
) -> Callable[[], None]:
    """Make a cycle of the same statements, about the task that its own claim gives."""
    # PostgreSQL is told of several tasks at once, as a list.
    prepared = [
        (sql, params, [i for i, value in enumerate(params) if value in (about, [about])])
        for sql, params in statements
    ]

    def once() -> None:
        task_id = 0
        for sql, params, places in prepared:
            if places:
                values = list(params)
                for place in places:
                    values[place] = [task_id] if isinstance(params[place], list) else task_id
                params = values  # noqa: PLW2901
            cursor = connection.execute(sql, params)
            if "RETURNING" in sql:
                found = cursor.fetchall()[0][0]
                task_id = found if isinstance(found, int) else task_id
            elif sql.startswith("SELECT"):
                cursor.fetchone()

    return once


def bare(connection: Any, backend: str) -> Callable[[], None]:
    """Make the cycle of two statements, each committed by itself."""
    claim, end = _BARE_CLAIM[backend], _BARE_END[backend]

    def once() -> None:
        row = connection.execute(claim, (QUEUE,)).fetchone()
        connection.execute(end, row)

    return once


def fill(size: int) -> Callable[[Engine], None]:
    """Make a filler of so many ready tasks."""

    def filler(engine: Engine) -> None:
        with engine.store.transaction():
            engine.store.run(_FILL[engine.store.backend], (size, QUEUE))

    return filler


def measure(engine: Engine, size: int) -> None:
    """Measure one database and report."""
    store: Store = engine.store
    worker = engine.workers.register(dialect="", kind="daemon", name="bench")
    statements, about = recorded(engine, worker.id)
    with store.session():
        for statement in _AGAIN:
            store.run(statement)
    with store.session():
        connection = store.peewee.connection()
        cycles = {
            "ours": lambda: cycle(engine, worker.id),
            "replay": replay(connection, statements, about),
            "bare": bare(connection, store.backend),
        }
        # In turns, so that a noisy moment of the machine meets all three alike.
        rounds = [
            {name: slice_rate(store, once) for name, once in cycles.items()}
            for _ in range(ROUNDS[store.backend])
        ]
    ours, again, least = (median(one[name] for one in rounds) for name in cycles)
    report(
        "claims",
        backend=store.backend,
        synchronous="NORMAL" if store.backend == "sqlite" else "on",
        ready=size,
        statements=len(statements),
        cycles_per_s=ours,
        replay_per_s=again,
        bare_per_s=least,
        of_replay=median(one["ours"] / one["replay"] for one in rounds),
        of_bare=median(one["ours"] / one["bare"] for one in rounds),
    )


def slice_rate(store: Store, once: Callable[[], object]) -> float:
    """Run fewer cycles than the smallest backlog has, give how many a second, and put back."""
    cycles = SLICE[store.backend]
    begun = time.perf_counter()
    for _ in range(cycles):
        once()
    passed = time.perf_counter() - begun
    for statement in _AGAIN:
        store.run(statement)
    return cycles / passed


def backlog(small: Engine, large: Engine) -> None:
    """Compare the smallest backlog and the largest, in turns, and report."""
    shares = []
    engines = {}
    for engine in (small, large):
        engines[engine] = engine.workers.register(dialect="", kind="daemon", name="bench").id
    for _ in range(ROUNDS[small.store.backend]):
        rates = []
        for engine, worker_id in engines.items():
            with engine.store.session():
                once = partial(cycle, engine, worker_id)
                rates.append(slice_rate(engine.store, once))
        shares.append(rates[1] / rates[0])
    report("claims-backlog", backend=small.store.backend, largest_of_smallest=median(shares))


def main() -> None:
    """Measure every size on every database at hand, each filled once."""
    for kind in [sqlite, postgres] if have_postgres() else [sqlite]:
        with ExitStack() as stack:
            engines = []
            for size in SIZES:
                engines.append(stack.enter_context(kind(f"claims-{size}", fill(size))))
                measure(engines[-1], size)
            backlog(engines[0], engines[-1])


if __name__ == "__main__":
    main()
