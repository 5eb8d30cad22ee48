"""Waiting lists of a database from before their order could be changed keep it, and go on."""

from app.data import schema
from app.testing import make_engine

STEP = "0027_waiting_turns"
JOB = (
    "INSERT INTO job (id, dialect, type, name, state, spec, pool, holds_slot, created_at)"
    " VALUES (?, 'demo', 'scripted', 'n', ?, '{}', ?, ?, 1)"
)
ENTRY = "INSERT INTO waiting (pool, job_id, admitted, joined_at) VALUES (?, ?, ?, 1)"


def listed(engine, pool):
    return [(one.job_id, one.position, one.admitted) for one in engine.waiting.entries(pool)]


def test_lists_stay_as_they_are(old, database_url):
    with old.transaction():
        old.run("INSERT INTO pool (name, max_running) VALUES ('p', 1), ('q', 0)")
        for job_id, pool, admitted in (
            ("starts", "p", 1),
            ("other", "q", 0),
            ("first", "p", 0),
            ("second", "p", 0),
            ("another", "q", 0),
        ):
            state = "SCHEDULED" if admitted else "WAITING"
            old.run(JOB, (job_id, state, pool, admitted))
            old.run(ENTRY, (pool, job_id, admitted))
    assert schema.migrate(old, old) == [f"engine/{STEP}"]
    with make_engine(database_url=database_url) as engine:
        assert listed(engine, "p") == [
            ("starts", 0, True),
            ("first", 1, False),
            ("second", 2, False),
        ]
        assert engine.waiting.entry("another").position == 1
        assert engine.waiting.move("second", "front").position == 1
        assert listed(engine, "p") == [
            ("starts", 0, True),
            ("second", 1, False),
            ("first", 2, False),
        ]
        assert listed(engine, "q") == [("other", 0, False), ("another", 1, False)]
