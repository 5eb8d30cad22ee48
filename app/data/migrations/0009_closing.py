"""Jobs that are over and whose tasks are still being cancelled, a batch in each transaction."""

from app.data.schema import statements

UP = """
ALTER TABLE job ADD COLUMN closing INTEGER NOT NULL DEFAULT 0;
CREATE INDEX job_closing ON job (ended_at) WHERE closing = 1;
"""


def up(migrator: object, db: object) -> None:
    """Add the column."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
