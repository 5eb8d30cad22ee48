"""Samples of a database from before there were any begin with the events that it has kept."""

from app.data import schema
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
