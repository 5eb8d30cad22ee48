"""Samples of a database from before there were any begin with the events that it has kept."""

import pytest

from app.data import samples, schema
from app.data.samples import MINUTE
from app.engine.figures import Span
from app.testing import FakeClock, make_engine, settled

STEP = "0023_samples"


def test_what_is_remembered_is_counted(old, database_url):
    clock = FakeClock()
    at = clock.now() - 5 * MINUTE
    with old.transaction():
        old.run(
            "INSERT INTO task (id, queue, name, kind, state, created_at, queued_at, started_at,"
            " ended_at) VALUES (7, 'demo/default', 'n', 'work', 'COMPLETED', ?, ?, ?, ?)",
            (at, at, at + 2_000_000, at + 3_000_000),
        )
        for kind in ("task.started", "task.completed"):
            old.run(
                "INSERT INTO event (at, kind, dialect, task_id) VALUES (?, ?, 'demo', 7)",
                (at, kind),
            )
    assert schema.migrate(old, old) == [f"engine/{STEP}"]
    with make_engine(database_url=database_url, clock=clock) as engine:
        settled(engine)
        engine.figures.run_once(clock.now())
        told = [point for point in engine.figures.series(Span.HOUR) if point.completed]
        assert [(point.at, point.completed, point.wait_s) for point in told] == [(at, 1.0, 2.0)]


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        (samples._OF_QUEUES, (1,)),
        (samples._OF_DIALECTS, ("*", 1)),
        (samples._SERIES, (1, "*", "", 1, 2)),
        (samples._FORGET, (1, 1000)),
    ],
)
def test_no_statement_reads_all_samples(sql, params):
    """They stay as fast as they are with a week of very many queues."""
    with make_engine() as engine, engine.store.session():
        plan = engine.store.run(f"EXPLAIN QUERY PLAN {sql}", params).fetchall()
    steps = [row[3] for row in plan]
    assert any(step.startswith("SEARCH sample") for step in steps), steps
    assert not any(step.startswith("SCAN sample") for step in steps), steps
