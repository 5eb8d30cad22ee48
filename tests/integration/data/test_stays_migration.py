"""Waiting lists of a database from before stays were counted go on, and what ended then counts."""

from app.data import schema
from app.testing import make_engine

STEP = "0015_stays"
JOB = (
    "INSERT INTO job (id, dialect, type, name, state, spec, pool, holds_slot, created_at,"
    " scheduled_at, started_at, ended_at) VALUES (?, 'demo', 'scripted', 'n', ?, '{}', 'p', ?, 1,"
    " ?, ?, ?)"
)
ENTRY = "INSERT INTO waiting (pool, job_id, admitted, joined_at) VALUES ('p', ?, ?, 1)"


def test_what_is_there_is_counted(old, database_url):
    with old.transaction():
        old.run(JOB, ("over", "COMPLETED", 0, 2_000_000, 3_000_000, 7_000_000))
        old.run(JOB, ("never ran", "CANCELLED", 0, None, None, 9_000_000))
        old.run(JOB, ("runs", "RUNNING", 1, 2_000_000, 3_000_000, None))
        for job_id, admitted in (("starts", 1), ("waits", 0), ("waits too", 0)):
            state = "SCHEDULED" if admitted else "WAITING"
            old.run(JOB, (job_id, state, admitted, 2 if admitted else None, None, None))
            old.run(ENTRY, (job_id, admitted))
    assert schema.migrate(old, old) == [f"engine/{STEP}"]
    with make_engine(database_url=database_url) as engine:
        assert tuple(engine.waiting.counts("p")) == (2, 1, 1)
        assert engine.waiting.stay_s("p") == 5.0
        assert [entry.job_id for entry in engine.waiting.entries("p")] == [
            "starts", "waits", "waits too",
        ]  # fmt: skip
