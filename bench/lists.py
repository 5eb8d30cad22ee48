"""Lists of a million jobs: pages and totals, with and without a search.

Beside them what a list costs at the least: the rows of one page, read by the bare driver.
"""

import time
from collections.abc import Callable
from functools import partial
from statistics import median

from app.data import listing
from app.domain.records import JobFilter
from app.domain.states import JobState
from app.domain.text import marks
from app.engine import Engine
from bench._harness import have_postgres, postgres, report, sqlite

JOBS = 1_000_000
SIZE = 10
TURNS = 5
_SPEC = '{"tasks": [{"name": "task", "run": "' + "x" * 200 + '"}]}'
# In every job `nightly`, in each second `even`; `hundredth` in 10,000, `rare` in 20 of them.
_NAME = (
    "'nightly w' || (i % 20000)"
    " || CASE WHEN i % 2 = 0 THEN ' even' ELSE '' END"
    " || CASE WHEN i % 100 = 0 THEN ' hundredth' ELSE '' END"
    " || CASE WHEN i % 50000 = 0 THEN ' rare' ELSE '' END"
)
_STATE = "CASE WHEN i % 100 = 1 THEN 'FAILED' WHEN i % 1000 = 2 THEN 'RUNNING' ELSE 'COMPLETED' END"
_TAGGED = "CASE WHEN i % 100 = 3 THEN '{yes}' ELSE '{no}' END"
_RED = '["red"]'
_SEQ = "(1700000000000000 + i * 1000000) * 1024"
_NUMBERS = {
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
    " SELECT i FROM n) n",
    "postgres": "(SELECT generate_series(0::bigint, {last}) AS i) n",
}
_ID = {"sqlite": "printf('%032x', i)", "postgres": "lpad(to_hex(i), 32, '0')"}
QUERIES: dict[str, tuple[JobFilter, int]] = {
    "all, page 1": (JobFilter(dialect="tork"), 1),
    "all, page 20,000": (JobFilter(dialect="tork"), 20_000),
    "all, last page": (JobFilter(dialect="tork"), JOBS // SIZE),
    "every dialect, page 1": (JobFilter(), 1),
    "word of 20": (JobFilter(dialect="tork", words=("rare",)), 1),
    "word of 10,000": (JobFilter(dialect="tork", words=("hundredth",)), 1),
    "word of 10,000, last page": (JobFilter(dialect="tork", words=("hundredth",)), 1000),
    "word of all": (JobFilter(dialect="tork", words=("nightly",)), 1),
    "word of all, page 20,000": (JobFilter(dialect="tork", words=("nightly",)), 20_000),
    "words of all and half": (JobFilter(dialect="tork", words=("nightly", "even")), 1),
    "failed (10,000)": (JobFilter(dialect="tork", words=("failed",)), 1),
    "completed (989,000)": (JobFilter(dialect="tork", words=("completed",)), 1),
    "word of all, failed": (JobFilter(dialect="tork", words=("nightly", "failed")), 1),
    "word of all, completed": (JobFilter(dialect="tork", words=("nightly", "completed")), 1),
    "tag of 10,000": (JobFilter(dialect="tork", tags=("red",)), 1),
    "word of all, tag of 10,000": (
        JobFilter(dialect="tork", words=("nightly",), tags=("red", "none")),
        1,
    ),
    "state RUNNING (1,000)": (JobFilter(states=(JobState.RUNNING,)), 1),
    "no such word": (JobFilter(dialect="tork", words=("nothing",)), 1),
}


def fill(engine: Engine) -> None:
    """Store the jobs by statements of the database alone, and build what is built over them."""
    store = engine.store
    numbers = _NUMBERS[store.backend].format(last=JOBS - 1)
    fixed = " ".join(marks("tork", "workflow", ()))
    red = _TAGGED.format(yes=" " + marks(None, None, ["red"])[0], no="")
    terms = f"'{fixed} ' || {_NAME} || {red}"
    if store.backend == "postgres":
        terms = f"string_to_array({terms}, ' ')"
    with store.transaction():
        indexes = _dropped(engine)
        store.run(
            "INSERT INTO job (id, dialect, type, name, state, spec, tags, created_at, started_at,"
            " ended_at, seq) SELECT"
            f" {_ID[store.backend]}, 'tork', 'workflow', {_NAME}, {_STATE}, '{_SPEC}',"
            f" {_TAGGED.format(yes=_RED, no='[]')}, {_SEQ} / 1024, {_SEQ} / 1024,"
            f" CASE WHEN {_STATE} = 'RUNNING' THEN NULL ELSE {_SEQ} / 1024 + 1000 END, {_SEQ}"
            f" FROM {numbers}"
        )
        store.run(
            f"INSERT INTO job_words (seq, words, indexed) SELECT {_SEQ}, {terms}, 1 FROM {numbers}"
        )
        store.run(listing._TALLY, ("tork", JOBS))
        if store.backend == "sqlite":
            store.run("INSERT INTO job_index (job_index) VALUES ('rebuild')")
        for definition in indexes:
            store.run(definition)
    with store.session():
        for table in ("job", "job_words"):
            store.run(f"VACUUM ANALYZE {table}" if store.backend == "postgres" else "SELECT 1")


def _dropped(engine: Engine) -> list[str]:
    """Drop the indexes that PostgreSQL builds faster when the rows are there; say how."""
    if engine.store.backend == "sqlite":
        return []
    found = engine.store.run(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('job', 'job_words')"
        " AND indexname NOT LIKE '%pkey'"
    ).fetchall()
    for name, _ in found:
        engine.store.run(f"DROP INDEX {name}")
    return [definition for _, definition in found]


def took(once: Callable[[], object]) -> list[float]:
    """Give the milliseconds of some turns, sorted, after one that warms the caches."""
    samples = []
    for _ in range(TURNS + 1):
        begun = time.perf_counter()
        once()
        samples.append((time.perf_counter() - begun) * 1000)
    return sorted(samples[1:])


def measure(engine: Engine) -> None:
    """Measure one database and report."""
    store = engine.store
    with store.session():
        for name, (wanted, number) in QUERIES.items():
            samples = took(partial(engine.jobs.find, wanted, number=number, size=SIZE))
            total = engine.jobs.find(wanted, size=SIZE).total
            report(
                "lists",
                backend=store.backend,
                list=name,
                total=total,
                median_ms=median(samples),
                max_ms=samples[-1],
            )
        rows = f"SELECT * FROM job WHERE dialect = 'tork' ORDER BY seq DESC LIMIT {SIZE}"
        least = took(lambda: store.run(rows).fetchall())
        report(
            "lists",
            backend=store.backend,
            list="bare rows of page 1",
            median_ms=median(least),
            max_ms=least[-1],
        )


def main() -> None:
    """Measure every database at hand."""
    for kind in [sqlite, postgres] if have_postgres() else [sqlite]:
        with kind("lists", fill) as engine:
            measure(engine)


if __name__ == "__main__":
    main()
