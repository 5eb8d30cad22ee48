"""Jobs of a database from before there were words and places are listed as they were."""

import pytest

from app.data import listing, schema
from app.domain.records import JobFilter
from app.testing import make_engine

STEP = "0005_job_lists"
JOB = (
    "INSERT INTO job (id, dialect, type, name, description, state, spec, tags, created_at,"
    " ended_at) VALUES (?, ?, 'scripted', ?, ?, 'COMPLETED', '{}', ?, ?, 1)"
)


def fill(store, count):
    rows = [
        (f"{i:032x}", "other" if i % 5 == 0 else "demo", f"name{i} Ärger", "a-b", '["x y"]', i // 3)
        for i in range(count)
    ]
    with store.transaction():
        store.run_many(JOB, rows)
        store.run_many("INSERT INTO job_tag (tag, job_id) VALUES ('x y', ?)", [r[:1] for r in rows])


@pytest.mark.parametrize("count", [0, 1, 4500])
def test_jobs_are_listed_after_the_step_as_before(old, database_url, count):
    fill(old, count)
    assert schema.migrate(old, old) == [f"engine/{STEP}"]
    with make_engine(database_url=database_url) as engine:
        expected = [f"{i:032x}" for i in reversed(range(count))]
        page = engine.jobs.find(JobFilter(), size=10_000)
        assert [job.id for job in page.items] == expected
        assert page.total == count
        for wanted in ({"words": ("ärger", "B-A")}, {"tags": ("x y",)}, {"type": "scripted"}):
            assert engine.jobs.find(JobFilter(**wanted)).total == count
        assert engine.jobs.find(JobFilter(dialect="other")).total == -(-count // 5)
        assert engine.doctor.examine(pause_s=0) == []
        with engine.store.session():
            assert not listing.loose_words(engine.store)
