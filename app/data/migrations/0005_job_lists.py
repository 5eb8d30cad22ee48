"""Lists of a million jobs: places, words and counts; see `app.data.listing`.

A job's tags move into its words. The index by state serves the search for a state, whose word is
no part of a job's text, and finds open jobs as before.
"""

from collections.abc import Iterator
from typing import Any

import peewee

from app.data.codec import loads
from app.data.listing import AT_ONE_INSTANT, terms
from app.data.schema import statements

BATCH = 2000
BEFORE = """
ALTER TABLE job ADD COLUMN seq BIGINT NOT NULL DEFAULT 0;
DROP INDEX job_recent;
DROP INDEX job_open;
DROP TABLE job_tag;
CREATE TABLE job_words (
  seq {place} PRIMARY KEY,
  words {words} NOT NULL,
  indexed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE job_tally (
  id {event_identity},
  dialect TEXT NOT NULL,
  n BIGINT NOT NULL
);
CREATE INDEX job_filling ON job (created_at, id);
"""
AFTER = """
DROP INDEX job_filling;
INSERT INTO job_tally (dialect, n) SELECT dialect, COUNT(*) FROM job GROUP BY dialect;
CREATE INDEX job_recent ON job (dialect, seq);
CREATE INDEX job_state ON job (state, dialect, seq);
"""
INDEX = {
    "sqlite": """
CREATE INDEX job_words_new ON job_words (seq) WHERE indexed = 0;
CREATE VIRTUAL TABLE job_index USING fts5 (
  words, content = 'job_words', content_rowid = 'seq', detail = none, columnsize = 0,
  tokenize = "ascii tokenchars '_@!#'"
);
INSERT INTO job_index (job_index) VALUES ('rebuild');
UPDATE job_words SET indexed = 1;
""",
    "postgres": """
CREATE INDEX job_words_index ON job_words USING gin (words);
ANALYZE job_words;
ANALYZE job (dialect, state, seq);
""",
}
_JOBS = (
    "SELECT id, created_at, dialect, type, tags, name, description FROM job"
    " WHERE (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT ?"
)


def up(migrator: object, db: Any) -> None:
    """Create the tables and fill them, holding a few thousand jobs in memory at a time."""
    del migrator
    backend = "sqlite" if isinstance(db, peewee.SqliteDatabase) else "postgres"
    for statement in statements(BEFORE, db):
        db.execute_sql(statement)
    last = -1
    for rows in _batches(db, backend):
        places, lines = [], []
        for job_id, created_at, *shown in rows:
            last = max(last + 1, created_at * AT_ONE_INSTANT)
            dialect, job_type, tags, name, description = shown
            found = list(terms(dialect, job_type, loads(tags), name, description))
            places.append((last, job_id))
            lines.append((last, " ".join(found) if backend == "sqlite" else found))
        cursor = db.cursor()
        cursor.executemany(_sql(backend, "UPDATE job SET seq = ? WHERE id = ?"), places)
        cursor.executemany(_sql(backend, "INSERT INTO job_words (seq, words) VALUES (?, ?)"), lines)
    for statement in statements(AFTER + INDEX[backend], db):
        db.execute_sql(statement)


def _batches(db: Any, backend: str) -> Iterator[list[tuple[Any, ...]]]:
    after = (-1, "")
    while rows := db.execute_sql(_sql(backend, _JOBS), (*after, BATCH)).fetchall():
        yield rows
        after = (rows[-1][1], rows[-1][0])


def _sql(backend: str, sql: str) -> str:
    return sql if backend == "sqlite" else sql.replace("?", "%s")
