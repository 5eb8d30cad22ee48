"""How much there was to do, was done and waited, minute by minute.

Rows are written once a minute by the leading ticker, from events and from indexes that are there
already: claims and reports pay nothing for them.
"""

from app.data.schema import statements

UP = """
CREATE TABLE sample (
  queue TEXT NOT NULL,
  minute BIGINT NOT NULL,
  dialect TEXT NOT NULL,
  ready BIGINT,
  running BIGINT,
  waiting BIGINT,
  completed BIGINT NOT NULL DEFAULT 0,
  failed BIGINT NOT NULL DEFAULT 0,
  started BIGINT NOT NULL DEFAULT 0,
  waited_us BIGINT NOT NULL DEFAULT 0,
  ran_us BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (queue, minute, dialect)
){without_rowid};
CREATE INDEX sample_minute ON sample (minute)
"""


def up(migrator: object, db: object) -> None:
    """Create the table."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
