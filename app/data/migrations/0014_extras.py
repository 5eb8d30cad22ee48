"""Jobs that run later, that are paused, and that are put away; tasks that a pause holds."""

from app.data.schema import statements

UP = """
ALTER TABLE job ADD COLUMN start_at BIGINT;
ALTER TABLE job ADD COLUMN paused_at BIGINT;
ALTER TABLE job ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
CREATE INDEX job_later ON job (start_at) WHERE start_at IS NOT NULL AND state = 'WAITING';
CREATE INDEX job_paused ON job (id) WHERE paused_at IS NOT NULL AND ended_at IS NULL;
CREATE INDEX job_archived ON job (dialect) WHERE archived = 1;
CREATE INDEX task_paused ON task (job_id)
  WHERE due_at = 9223372036854775807 AND state IN ('HELD', 'CREATED');
"""


def up(migrator: object, db: object) -> None:
    """Add the columns."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
