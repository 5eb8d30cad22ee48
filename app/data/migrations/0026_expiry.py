"""When a task without a job is given up that nobody has taken.

The index holds only tasks that somebody set such a time for, and only while it matters.
"""

from app.data.schema import statements

UP = """
ALTER TABLE task ADD COLUMN expires_at BIGINT;
CREATE INDEX task_expires ON task (expires_at)
  WHERE expires_at IS NOT NULL AND state IN ('QUEUED', 'CREATED');
"""


def up(migrator: object, db: object) -> None:
    """Add the column and its index."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
